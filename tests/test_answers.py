"""`answers.md`: what the student wrote below each question's heading."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.intake.answers import read_answers
from grader.rubric import PROJECT, find_assignments

TASKS = ("2b", "3c", "4c", "2.1w", "4.2.1", "4.2.2")
TITLES = {"4c": "Final validation accuracy", "2.1w": "The loss"}


@pytest.mark.parametrize(
    ("text", "answers"),
    [
        ("## 2b\nSky.\n", {"2b": "Sky."}),
        ("## 2b: sky and building\nSky.\n## 3c\nA map.\n", {"2b": "Sky.", "3c": "A map."}),
        ("# Task 2B.\n\nSky.\n\nTwo paragraphs.\n", {"2b": "Sky.\n\nTwo paragraphs."}),
        ("###### 4.2.1 Feature maps\nx\n###### 4.2.2\ny", {"4.2.1": "x", "4.2.2": "y"}),
        ("##2b\nx", {"2b": "x"}),
        ("## 2b\r\nSky.\r\n", {"2b": "Sky."}),
        ("\ufeff## 2b\nSky.", {"2b": "Sky."}),
        ("## 2b\nSky.\n### Details\nMore.", {"2b": "Sky.\n### Details\nMore."}),
        ("## 2b\nSky.\n## Sources\nA book.", {"2b": "Sky.\n## Sources\nA book."}),
        ("## 2b\nSky.\n## 9z\nNot asked.\n## 3c\nx", {"2b": "Sky.\n## 9z\nNot asked.", "3c": "x"}),
        (
            "# Written answers\n## 2b\nSky.\n### 1. Clouds\n### 4.2 things",
            {"2b": "Sky.\n### 1. Clouds\n### 4.2 things"},
        ),
        ("## 2b\nSky.\n## 2b again\nMore.", {"2b": "Sky.\nMore."}),
        ("## 2b\n<!-- Which unit?\nSay why. -->\nSky.", {"2b": "Sky."}),
        ("## 2b\nSky.<!-- a --> Clouds.<!-- b -->", {"2b": "Sky. Clouds."}),
        ("## 2b\nSky.\n<!-- never closed\n## 3c\nx", {"2b": "Sky."}),
        ("## 2b\n<!-- ## 3c -->\nSky.", {"2b": "Sky."}),
        ("## 2b\n<!-- only a prompt -->\n\nWrite your answer here.\n", {}),
        ("Written above every heading.", {}),
        ("", {}),
    ],
)
def test_answers(text: str, answers: dict[str, str]) -> None:
    """Headings are read as people write them; prompts, placeholders and other chapters are left out."""
    assert read_answers(text.encode(), TASKS) == answers


@pytest.mark.parametrize(
    "heading",
    [
        "## 4.2.1",
        "### Task 4.2.1: why?",
        "# 4.2.1.",
        "   ## (4.2.1) Why?",
        "## **4.2.1** Why?",
        "## Question 4.2.1 ##",
        "## Answer to Q4.2.1",
        "**4.2.1**",
        "**4.2.1 Why?**",
        "__Task 4.2.1:__",
    ],
)
def test_headings(heading: str) -> None:
    """A heading may be marked with # or be in bold, may say "Task" or "Question", and ends the answer above it."""
    content = f"## 2.1w\nLess is better.\n{heading}\nIt averages.\n**4.2.2**\nSum."
    assert read_answers(content.encode(), TASKS) == {
        "2.1w": "Less is better.",
        "4.2.1": "It averages.",
        "4.2.2": "Sum.",
    }


@pytest.mark.parametrize("heading", ["## 3(c)", "## Problem 3 (c)", "**3 (c)** Maps", "## 3.c: maps", "## 3C) maps"])
def test_letters_of_the_problem_set(heading: str) -> None:
    """MIT's problem set writes "(c)" below "Problem 3": a heading may, too."""
    assert read_answers(f"{heading}\nBright.".encode(), TASKS)["3c"].endswith("Bright.")


@pytest.mark.parametrize("line", ["**2b** Sky, in bold.", "**2b:** Sky, in bold.", "__2b.__ Sky, in bold."])
def test_answer_beside_a_bold_id(line: str) -> None:
    """An answer may begin in the line of an id in bold."""
    assert read_answers(f"{line}\nMore.".encode(), TASKS) == {"2b": "Sky, in bold.\nMore."}


@pytest.mark.parametrize(
    ("text", "answers"),
    [
        ("## 4c: 91.3%\n", {"4c": "91.3%"}),
        ("**4c. Final validation accuracy: 91.3%**", {"4c": "Final validation accuracy: 91.3%"}),
        ("## 4c .913 ##", {"4c": ".913"}),
        ("**4c** .913", {"4c": ".913"}),
        ("**4c**: .913", {"4c": ".913"}),
        ("## **4c** – **91.3%**", {"4c": "**91.3%**"}),
        ("## 4c:\n", {}),
        ("## **4c. Final validation accuracy**\n", {}),
        ("## 4c. Final validation accuracy\n\nWrite your answer here.", {}),
        ("## 4c. final validation accuracy:\n91.3%", {"4c": "91.3%"}),
        ("## 4c: 91.3%\nTen epochs.", {"4c": "Ten epochs."}),
        ("## 2b. Sky and building\n", {}),  # its title is not known here
    ],
)
def test_answer_in_a_heading(text: str, answers: dict[str, str]) -> None:
    """A short answer may stand in the heading itself; the question's title is none."""
    assert read_answers(text.encode(), TASKS, TITLES) == answers


@pytest.mark.parametrize(
    "line", ["2b is blue", "the **2b** unit", "*2b* is blue", "- 2b", "> ## 3c", "**2bb**", "**2b"]
)
def test_no_heading(line: str) -> None:
    """An id within a sentence, a list or a quotation is no heading."""
    assert read_answers(f"## 4c\n{line}".encode(), TASKS) == {"4c": line}


@pytest.mark.parametrize("mark", ["```", "~~~~", "  ```"])
def test_code_blocks(mark: str) -> None:
    """A comment in a block of code does not end the answer."""
    answer = f"Code:\n{mark}python\n# 3c: the weights\nfc.weight\n**4c** = 2\n{mark}\nSky."
    assert read_answers(f"## 2b\n{answer}\n## 3c\nx".encode(), TASKS) == {"2b": answer, "3c": "x"}


def test_open_code_block() -> None:
    """A block that was never closed does not swallow the next question."""
    assert read_answers(b"## 2b\n```\nx\n## 3c\ny\n# 4c\nz", TASKS) == {"2b": "```\nx", "3c": "y", "4c": "z"}


def test_missing_file() -> None:
    """No file, no answers."""
    assert read_answers(None, TASKS) == {}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings(encoding: str) -> None:
    """UTF-8 is read with or without its mark, and the UTF-16 and Windows-1252 that Windows writes."""
    assert read_answers("## 2b\nMüller, 5 €".encode(encoding), TASKS) == {"2b": "Müller, 5 €"}


def test_long_file() -> None:
    """A file that is cut in the middle of a character keeps the other characters."""
    assert set(read_answers(b"## 2b\n" + "ü".encode() * (1 << 18), TASKS)["2b"]) == {"ü"}


@given(
    st.binary(max_size=400) | st.text("#<!->`2b3c\n \ud800", max_size=200).map(lambda t: t.encode("utf-8", "replace"))
)
def test_any_bytes(content: bytes) -> None:
    """Whatever the file holds, answers are non-empty texts of tasks that were asked for."""
    answers = read_answers(content, TASKS)
    assert all(task in TASKS and answer.strip() for task, answer in answers.items())


@pytest.mark.parametrize(
    "piece", [b"<!--", b"#", b"```\n", b"## 2b\n", b"<!---->", b"\n", b"**1", b"## q", b"1", b" ", b"_"]
)
def test_time(piece: bytes) -> None:
    """A file that repeats one thing a million times is read in a moment."""
    started = time.process_time()
    read_answers(b"## 2b\n**2" + piece * 1_000_000, TASKS)
    assert time.process_time() - started < 5


def test_template_is_empty() -> None:
    """The template that students get holds a heading for each written question, and no answer yet."""
    for assignment in find_assignments().values():
        template = (PROJECT / "assignment" / assignment.id / "answers.md").read_text(encoding="utf-8")
        written = [task.id for task in assignment.tasks if task.written]
        assert read_answers(template.encode(), written, {task.id: task.title for task in assignment.tasks}) == {}
        filled = template.replace("Write your answer here.", "An answer.")
        assert set(read_answers(filled.encode(), written)) == set(written)
