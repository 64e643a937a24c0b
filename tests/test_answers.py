"""`answers.md`: what the student wrote below each question's heading."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.intake.answers import read_answers
from grader.rubric import PROJECT, find_assignments

TASKS = ("2b", "3c", "4.2w")


@pytest.mark.parametrize(
    ("text", "answers"),
    [
        ("## 2b\nSky.\n", {"2b": "Sky."}),
        ("## 2b: sky and building\nSky.\n## 3c\nA map.\n", {"2b": "Sky.", "3c": "A map."}),
        ("# Task 2B.\n\nSky.\n\nTwo paragraphs.\n", {"2b": "Sky.\n\nTwo paragraphs."}),
        ("###### 4.2w Feature maps\nx", {"4.2w": "x"}),
        ("##2b\nx", {"2b": "x"}),
        ("## 2b\r\nSky.\r\n", {"2b": "Sky."}),
        ("\ufeff## 2b\nSky.", {"2b": "Sky."}),
        ("## 2b\nSky.\n### Details\nMore.", {"2b": "Sky.\n### Details\nMore."}),
        ("## 2b\nSky.\n## Sources\nA book.", {"2b": "Sky."}),
        ("## 2b\nSky.\n## 9z\nNot asked.", {"2b": "Sky."}),
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


@pytest.mark.parametrize("mark", ["```", "~~~~", "  ```"])
def test_code_blocks(mark: str) -> None:
    """A comment in a block of code does not end the answer."""
    answer = f"Code:\n{mark}python\n# the weights\nfc.weight\n{mark}\nSky."
    assert read_answers(f"## 2b\n{answer}\n# End\nx".encode(), TASKS) == {"2b": answer}


def test_open_code_block() -> None:
    """A block that was never closed does not swallow the next question."""
    assert read_answers(b"## 2b\n```\nx\n## 3c\ny\n# End\nz", TASKS)["3c"] == "y"


def test_missing_file() -> None:
    """No file, no answers."""
    assert read_answers(None, TASKS) == {}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings(encoding: str) -> None:
    """UTF-8 is read with or without its mark, and the UTF-16 that Windows writes."""
    assert read_answers("## 2b\nMüller, 空".encode(encoding), TASKS) == {"2b": "Müller, 空"}


@given(
    st.binary(max_size=400) | st.text("#<!->`2b3c\n \ud800", max_size=200).map(lambda t: t.encode("utf-8", "replace"))
)
def test_any_bytes(content: bytes) -> None:
    """Whatever the file holds, answers are non-empty texts of tasks that were asked for."""
    answers = read_answers(content, TASKS)
    assert all(task in TASKS and answer.strip() for task, answer in answers.items())


@pytest.mark.parametrize("piece", [b"<!--", b"#", b"```\n", b"## 2b\n", b"<!---->", b"\n"])
def test_time(piece: bytes) -> None:
    """A file that repeats one thing a million times is read in a moment."""
    started = time.process_time()
    read_answers(b"## 2b\n" + piece * 1_000_000, TASKS)
    assert time.process_time() - started < 5


def test_template_is_empty() -> None:
    """The template that students get holds a heading for each written question, and no answer yet."""
    for assignment in find_assignments().values():
        template = (PROJECT / "assignment" / assignment.id / "answers.md").read_text(encoding="utf-8")
        written = [task.id for task in assignment.tasks if task.written]
        assert read_answers(template.encode(), written) == {}
        filled = template.replace("Write your answer here.", "An answer.")
        assert set(read_answers(filled.encode(), written)) == set(written)
