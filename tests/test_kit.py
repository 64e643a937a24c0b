"""The students' kit, in a folder of its own, run by a Python that finds nothing of this project."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from sample_kit import ID, SOLUTIONS, Run, declared, solve, solved_lines
from sample_kit import home as home
from sample_kit import kit as kit
from sample_kit import run as run

from grader.authoring.kit.recorded import SEED
from grader.checking.context import Context
from grader.checking.running import run_checks
from grader.environment import ALWAYS, environment_words, listed
from grader.figures import draw
from grader.intake.opening import open_submission
from grader.records import Exhibit
from grader.rubric import get_assignment
from grader.runner import run_submission
from grader.sandbox.student import Implementation
from grader.sandbox.transport import LocalTransport
from grader.solutions import implementation, load_mistakes


def test_nothing_of_the_project_is_found(home: Path, run: Run) -> None:
    """The Python of these tests finds the kit's own modules of the grader, and none that the kit lacks."""
    assert run(home / "kit", "-c", "import grader.errors").returncode == 0
    assert "No module named 'grader.pipeline'" in run(home / "kit", "-c", "import grader.pipeline").stderr


@pytest.mark.slow
def test_untouched_stubs_are_not_started(home: Path, run: Run) -> None:
    """Of a kit as it was handed out, each task is told as not started, without a message beside."""
    ended = run(home, "check.py")
    assert (ended.returncode, ended.stderr) == (1, "")
    lines = ended.stdout.splitlines()
    tasks = get_assignment(ID).by_id
    assert [line.split()[0] for line in lines[:-1]] == list(tasks)
    told = {line.split()[0]: line.partition(tasks[line.split()[0]].title)[2].strip() for line in lines[:-1]}
    assert told.pop("3d") == "no public check: tried when it is graded"
    assert set(told.values()) == {"not started"}


@pytest.mark.slow
def test_solutions_pass_and_are_accepted(home: Path, run: Run, tmp_path: Path) -> None:
    """The solutions pass every public check, and what is packed of them is a submission without notes.

    It runs the kit three times, each in a Python of its own.
    """
    solve(home)
    ended = run(home, "check.py", "--plots")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "12 of 12 tasks pass" in ended.stdout
    assert "<svg" in (home / "plots" / "1a-ramp.svg").read_text()
    packed = run(home, "check.py", "--pack", "ada_lovelace")
    assert packed.returncode == 0
    assert "model.pth is not there (4c)." in packed.stdout
    submission = open_submission(home / "ada_lovelace.zip")
    assert (submission.student, submission.assignment.id, submission.notes) == ("ada_lovelace", ID, ())
    names = {"filters.py", "units.py", "cam.py", "fashion.py", "answers.md", "experiments.json"}
    assert submission.files.keys() == names
    run(home, "check.py", "--pack", "ada_lovelace")
    assert open_submission(home / "ada_lovelace.zip").sha256 == submission.sha256


def test_verdicts_are_those_of_the_report(home: Path, run: Run) -> None:
    """Two tasks right and one wrong: what is packed gets the same verdicts behind the grader's walls."""
    solve(home)
    (home / "cam.py").write_text((SOLUTIONS / "cam.py").read_text() + WRONG["cam"])
    tasks = ("1a", "2b", "3b")
    ended = run(home, "-c", DUMP, *tasks)
    in_kit = json.loads(ended.stdout.partition("FOUND")[2])
    run(home, "check.py", "--pack", "ada")
    found = run_submission(open_submission(home / "ada.zip"), "a seed", tasks=tasks)
    graded = {f"{result.task} {result.name}": result for result in found.checks}
    for name, (outcome, title, message, *_) in in_kit.items():
        assert (graded[name].outcome.value, graded[name].title, graded[name].message) == (outcome, title, message)
    assert {told[0] for told in in_kit.values()} == {"passed", "error"}


@pytest.mark.slow
def test_imports_that_are_not_there(home: Path, run: Run) -> None:
    """What a module imports or writes that the grader may not have is told when it is tried and when it is packed.

    It runs the kit twice, each time in a Python of its own.
    """
    solve(home)
    assert environment_words(ALWAYS) in " ".join((home / "START.md").read_text().split())
    for name, lines in FOREIGN.items():
        with (home / f"{name}.py").open("a") as file:
            file.write(lines)
    told = [
        "Where it is graded:",
        "  newer.py: has syntax of Python 3.12, and may be graded with Python 3.11.",
        "  cam.py, helper.py: imports wandb, which is not there; what uses it fails.",
        f"  There are, beside the standard library, {listed(ALWAYS)}.",
    ]
    ended = run(home, "check.py", "3a")
    assert ended.stdout.splitlines()[1:] == [*told, "1 of 1 tasks pass their public checks. " + OTHERS]
    packed = run(home, "check.py", "--pack", "ada")
    assert packed.stdout.splitlines()[-len(told) :] == told


@pytest.mark.slow
def test_display_of_a_notebook(home: Path, run: Run) -> None:
    """A notebook's functions find `display` at home too, and a module without wandb fails where it uses it."""
    solve(home)
    for name in ("filters", "units", "fashion"):
        (home / f"{name}.py").unlink()
    source = (SOLUTIONS / "cam.py").read_text()
    source = source.replace("    return ", "    display(1)\n    return ").replace(
        "import torch\n", "import wandb, torch\n"
    )
    assert "wandb" in source
    (home / "cam.py").write_text(source)
    ended = run(home, "check.py", "3a")
    assert "1 of 1 tasks pass" in ended.stdout


OTHERS = "Others are tried when it is graded."
FOREIGN = {
    "cam": "\nimport wandb.sdk, json, IPython\ntry:\n    import cupy\nexcept ImportError:\n    cupy = None\n",
    "helper": "from wandb import log\nimport cam, torch\n",
    "newer": "type Pair = tuple[int, int]\n",
}


@pytest.mark.slow
def test_one_task_is_tried_alone(home: Path, run: Run) -> None:
    """The ids of tasks choose what is tried, and an unknown one is told.

    It runs the kit twice, each time in a Python of its own.
    """
    solve(home)
    ended = run(home, "check.py", "3b")
    assert (ended.returncode, len(ended.stdout.splitlines())) == (0, 2)
    unknown = run(home, "check.py", "9z")
    assert unknown.returncode == 2
    assert "no task 9z" in unknown.stderr


WRONG = {
    "filters": """
def normalize_tensor(tensor):
    return (255 * tensor).astype("uint8") if hasattr(tensor, "astype") else (255 * tensor).byte().numpy()
""",
    "units": """
def deactivate_unit_activations(model, image, unit_ids):
    return model(image[None])[0]

def generate_featuremap_unit(model_cut, unit_id, image):
    return model_cut(image)[unit_id + 1]

SKY_UNIT = BUILDING_UNIT = 7
""",
    "cam": """
def flatten_activations(activations):
    _, c, h, w = activations.shape
    return activations.reshape(h * w, c)

def class_scores(flat, fc):
    return fc(flat).numpy()

def generate_featuremap_CAM(model, class_id, image):
    return None
""",
    "fashion": """
def get_prediction(image, net):
    return [net, image]

def train(dataloader, model, optimizer, epoch):
    return 0.0, {"a": object()}

def create_optimizer(net, lr):
    return None
""",
}
TRIED = ("1a", "2b", "2c", "3a", "3b", "4b", "4c", "4d")
DUMP = """
import json, sys
sys.path.insert(0, "kit")
from pathlib import Path
from grader.authoring.kit.main import find_work, read_rubric, run_public
assignment = read_rubric(Path("assignment.toml"))
here = Path().resolve()
context = run_public(here, assignment, find_work(here, assignment).files, lambda result: None, tuple(sys.argv[1:]))
names = ("outcome", "title", "message", "called", "expected", "got", "help")
print("FOUND" + json.dumps({f"{r.task} {r.name}": [getattr(r, name) for name in names] for r in context.results}))
"""


@pytest.mark.slow
def test_messages_are_the_graders(home: Path, run: Run) -> None:
    """Of wrong answers the kit says what the grader says: outcome, title, message, call, expected, got and help.

    It runs the same checks in the kit and in the grader.
    """
    sources = {name: (SOLUTIONS / f"{name}.py").read_text() + text for name, text in WRONG.items()}
    for name, text in sources.items():
        (home / f"{name}.py").write_text(text)
    (home / "experiments.json").write_text('[{"technique": "lr", "setting": "0.1", "train_accuracy": 93}]')
    ended = run(home, "-c", DUMP, *TRIED)
    found = json.loads(ended.stdout.partition("FOUND")[2])
    by_grader = graded(sources, {"experiments.json": (home / "experiments.json").read_bytes()})
    public = {f"{check.task} {check.name}" for check in declared(ID, public=True).values() if check.task in TRIED}
    assert found.keys() == public
    wrong = {name: told for name, told in found.items() if told[0] != "passed"}
    assert len(wrong) >= 12
    for name, told in found.items():
        mine = [re.sub(r" \(cam\.py, line \d+, in \w+\)", "", part) for part in told]  # places only behind walls
        assert mine == by_grader[name], name
    assert "(cam.py, line" in found["3b check_scores"][2]
    assert "call .detach()" in found["3b check_scores"][-1].replace("Call", "call")


def graded(sources: dict[str, str], files: dict[str, bytes]) -> dict[str, list[str]]:
    """What the grader's own checks say of some modules."""
    modules: dict[str, ModuleType] = {}
    for name, text in sources.items():
        modules[name] = ModuleType(name)
        exec(compile(text, f"{name}.py", "exec"), vars(modules[name]))
    assignment = get_assignment(ID)
    student = Implementation(assignment.modules, LocalTransport(modules, files), files)

    def implement(_variation: object) -> Implementation:
        raise AssertionError

    context = Context(assignment, student, implementation(get_assignment(ID)), (), implement, SEED, is_practice=True)
    run_checks(context, TRIED)
    names = ("outcome", "title", "message", "called", "expected", "got", "help")
    return {f"{r.task} {r.name}": [getattr(r, name) for name in names] for r in context.results}


def test_nothing_hidden_is_in_it(kit: Path) -> None:
    """No hidden check, no line of a solution and no mistake is in any file of the kit."""
    texts = {path: path.read_bytes().decode("utf-8", "replace") for path in kit.rglob("*") if path.is_file()}
    whole = "\n".join(texts.values())
    for name in declared(ID, public=False):
        assert not re.search(rf"\b{name}\b", whole), name
    for mistake in load_mistakes(get_assignment(ID)):
        assert mistake.help not in whole
    lines = {line.strip() for text in texts.values() for line in text.splitlines()}
    for path in SOLUTIONS.glob("*.py"):
        for line in solved_lines(path.read_text()):
            assert line not in lines, f"{path.name}: {line}"


@pytest.mark.slow
def test_module_that_ends_python_is_told(home: Path, run: Run) -> None:
    """A module that raises, ends Python or does not parse costs its own tasks, in the grader's words."""
    solve(home)
    (home / "filters.py").write_text("import sys\nsys.exit(3)\n")
    (home / "cam.py").write_text("def broken(:\n")
    ended = run(home, "check.py", "1a", "2b", "3a")
    assert ended.returncode == 1
    assert "`filters.py` can't be imported: SystemExit: 3 (filters.py, line 2, in <module>)" in ended.stdout
    assert "`cam.py` can't be imported: SyntaxError" in ended.stdout
    assert "1 of 3 tasks pass" in ended.stdout


def test_plots_are_the_reports(home: Path, run: Run) -> None:
    """A picture drawn by `plots.py` has the bytes that the report's figure has."""
    (home / "history.json").write_text(
        '{"supervised": {"train_loss": [2.1, 1.2, NaN]}, "rotation": {"train_loss": []}}'
    )
    images = "numpy.arange(48, dtype='uint8').reshape(3, 4, 4)"
    script = f"import numpy, plots; assert len(plots.from_history()) == 2; print(plots.filters({images}))"
    ended = run(home, "-c", script)
    arrays = {"student_images": np.arange(48, dtype="uint8").reshape(3, 4, 4)}
    picture = draw(Exhibit("your own", "filters", "filters", "", arrays))
    assert Path(ended.stdout.strip()).read_bytes() == picture.data


PERCENT = """
import plots
for unit, name in ((0.01, "fractions"), (1, "percent")):
    accuracies = {"train_accuracy": 90 * unit, "val_accuracy": 80 * unit}
    print(plots.curves({key: [50 * unit, value] for key, value in accuracies.items()}, f"curves-{name}"))
    print(plots.techniques([{"technique": "flips", "setting": "on", **accuracies}], f"techniques-{name}"))
"""


def test_plots_of_percent(home: Path, run: Run) -> None:
    """Accuracies in percent are drawn as the fractions that they are."""
    drawn = [Path(line).read_bytes() for line in run(home, "-c", PERCENT).stdout.splitlines()]
    assert len(drawn) == 4
    assert drawn[:2] == drawn[2:]
    assert all(b"<path" in picture for picture in drawn)
