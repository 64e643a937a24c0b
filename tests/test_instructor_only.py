"""What is worth a look reaches the instructor's terminal and a file of their own, and nothing that a student gets."""

from __future__ import annotations

import functools
import io
import json
import sys
import zipfile
from pathlib import Path

import pytest
import sample_looks as sample
from pypdf import PdfReader
from rich.cells import cell_len
from rich.console import Console
from sample_session import CommandRun

from grader import pipeline
from grader.cli.main import main
from grader.errors import UsageError
from grader.intake.opening import student_name
from grader.pipeline import grade_zip
from grader.records import State, WorthALook
from grader.results import looks_path, read_looks, read_results, write_looks
from grader.rubric import get_assignment
from grader.runner import run_submission
from grader.solutions import solution_files
from grader.terminal import show_looks
from grader.vision.datasets.fashion import fashion_mnist, normalise_fashion

HOSTILE = "\x1b[2J [bold red]x[/] \u202etxt \x9b31m \ud800"
LOOKS = (
    WorthALook(task="4c", name="altered_images", sentence="Right on 99%, altered 10%.", numbers={"altered": 0.1}),
    WorthALook(task="4d", name="claim", sentence="It claims 99%."),
)


def shown(looks: tuple[WorthALook, ...], width: int = 100) -> str:
    """What a console of this width shows."""
    console = Console(file=io.StringIO(), record=True, width=width, color_system=None)
    show_looks(console, looks)
    return console.export_text()


def test_round_trip(tmp_path: Path) -> None:
    """Remarks are read back as they were, from a file beside the student's folder."""
    write_looks(tmp_path / "alice", LOOKS)
    assert read_looks(tmp_path / "alice") == LOOKS
    assert [path.name for path in tmp_path.iterdir()] == ["instructor only"]
    assert read_looks(tmp_path / "bob") == ()


def test_no_remarks_no_file(tmp_path: Path) -> None:
    """Where there are no remarks there is no file, also when there were some before."""
    write_looks(tmp_path / "alice", ())
    assert list(tmp_path.iterdir()) == []
    write_looks(tmp_path / "alice", LOOKS)
    write_looks(tmp_path / "alice", ())
    assert read_looks(tmp_path / "alice") == ()


@pytest.mark.parametrize("name", ["instructor only", "instructor only/x", "instructor\u00a0only"])
def test_no_student_is_in_the_way(tmp_path: Path, name: str) -> None:
    """No zip's name gives a student the folder of the remarks."""
    assert student_name(Path(f"{name}.zip")) != looks_path(tmp_path / "x").parent.name


def test_hostile_text(tmp_path: Path) -> None:
    """Names that a student chose move no cursor, on the terminal or in the file."""
    look = WorthALook(task="4c", name="large_files", sentence=HOSTILE)
    write_looks(tmp_path / "alice", (look,))
    raw = looks_path(tmp_path / "alice").read_bytes()
    assert raw.isascii()
    assert not {"\x1b", "\u202e", "\x9b"} & set(shown((look,)) + json.loads(raw)[0]["sentence"])
    assert "[bold red]x[/]" in shown((look,))


@pytest.mark.parametrize("content", ["[", "{}x", '[{"task": 3}]', "3", "[3]"])
def test_damaged_file(tmp_path: Path, content: str) -> None:
    """A file that holds no remarks is told by name."""
    write_looks(tmp_path / "alice", LOOKS)
    looks_path(tmp_path / "alice").write_text(content)
    with pytest.raises(UsageError, match=r"alice\.json holds no remarks"):
        read_looks(tmp_path / "alice")


def test_shown() -> None:
    """Each remark stands in a line of its own, below what they are for; without remarks nothing is printed."""
    lines = shown(LOOKS).splitlines()
    assert lines[0].startswith("Worth a look.")
    assert [line.strip() for line in lines[1:]] == ["4c: Right on 99%, altered 10%.", "4d: It claims 99%."]
    assert shown(()) == ""
    assert max(cell_len(line) for line in shown(LOOKS, 30).splitlines()) <= 30


def test_honest_student(alice_run: CommandRun) -> None:
    """The example student's work is not remarked on."""
    assert not (alice_run.out / "instructor only").exists()
    assert "Worth a look" not in alice_run.noted + alice_run.shown


@pytest.fixture
def cheat(tmp_path: Path) -> Path:
    """A zip with a table of all of FashionMNIST's test images; otherwise the solutions."""
    data = fashion_mnist("test")
    module = sample.networks(tmp_path)
    table = module.Table(count=len(data.labels)).learn(normalise_fashion(data.images), data.labels)
    files = solution_files(get_assignment("miniplaces"))
    source = sample.NETWORKS.replace(f"COUNT = {sample.PLACES}, {sample.COUNT}", f"COUNT = {sample.PLACES}, 10000")
    files["fashion.py"] += f"\n\n{source}\n\nMyNet = Table\n".encode()
    files["model.pth"] = sample.saved(table.state_dict())
    path = tmp_path / "mallory.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def test_student_is_not_told(
    cheat: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A table of the test images keeps its points; the instructor's terminal tells, no file of the student does."""
    out = tmp_path / "out"
    monkeypatch.setattr(pipeline, "run_submission", functools.partial(run_submission, tasks=("4c", "4d")))
    monkeypatch.setattr(sys, "argv", ["grader", "grade", str(cheat), "--out", str(out)])
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr()
    assert ended.value.code == 0
    looks = read_looks(out / "mallory")
    told = {"altered_images", "worse_on_training", "table_in_file", "table_in_network", "large_model_file", "too_good"}
    assert told == {look.name for look in looks}
    assert all(look.sentence[:40] in " ".join(printed.err.split()) for look in looks)
    grade, _, _ = read_results(out / "mallory")
    earned = {task.id: (task.score, task.state) for task in grade.tasks if task.id in ("4c", "4d")}
    assert earned == {"4c": (1.0, State.SCORED), "4d": (2.0, State.SCORED)}
    given = [path.read_bytes().decode(errors="replace") for path in (out / "mallory").iterdir()]
    given += [page.extract_text() for page in PdfReader(out / "mallory" / "report.pdf").pages]
    for words in ("Worth a look", "orth_a_look", "altered_images", "look test images up", "parameters of", "looks"):
        assert not any(words in " ".join(text.split()) for text in [*given, printed.out]), words


def test_refusal_takes_remarks_back(tmp_path: Path) -> None:
    """A refused submission has no remarks, whatever an earlier one of the same name had."""
    write_looks(tmp_path / "bob", LOOKS)
    (tmp_path / "bob.zip").write_bytes(b"no zip at all")
    grade_zip(tmp_path / "bob.zip", tmp_path)
    assert read_looks(tmp_path / "bob") == ()
