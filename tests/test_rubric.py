"""`assignment.toml` describes an assignment, or a sentence says why it does not."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest

from grader.errors import AssignmentInvalid, UsageError
from grader.rubric import PROJECT, assignment_roots, find_assignments, get_assignment, read_assignment

GOOD = """
id = "toy"
title = "Toy"
course = "A course"
due_at = 2022-03-30T23:59:00-04:00
variants = ["short", "long"]
default_variant = "long"
modules = ["filters"]

[[task]]
id = "1a"
title = "First"
points = 1.5
module = "filters"

[[task]]
id = "1b"
title = "Second"
points = 2
module = "filters"
variants = ["long"]

[[task]]
id = "1c"
title = "On top"
points = 0.5
module = "filters"
bonus = true
"""


def write(folder: Path, text: str) -> Path:
    """The file with this text."""
    path = folder / "assignment.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_good(tmp_path: Path) -> None:
    """A whole rubric is read, with the policy's defaults."""
    toy = read_assignment(write(tmp_path, GOOD))
    assert [task.id for task in toy.tasks] == ["1a", "1b", "1c"]
    assert (toy.max_score("long"), toy.max_score("short")) == (3.5, 1.5)
    assert (toy.late.days, toy.late.floor) == (7, 0.5)
    assert toy.by_id["1b"].asked_by("long")
    assert not toy.by_id["1b"].asked_by("short")


def test_changed_copy(tmp_path: Path) -> None:
    """A copy with other tasks finds those by their ids, even if the whole rubric was asked before."""
    toy = read_assignment(write(tmp_path, GOOD))
    assert toy.by_id["1a"] == toy.tasks[0]
    dear = toy.tasks[0].model_copy(update={"points": 100.0})
    assert toy.model_copy(update={"tasks": (dear,)}).by_id == {"1a": dear}


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('title = "Toy"', "", "title"),
        ('id = "toy"', 'id = "Toy!"', "id"),
        ("due_at = 2022-03-30T23:59:00-04:00", "due_at = 2022-03-30T23:59:00", "due_at needs a time zone"),
        ("due_at = 2022-03-30T23:59:00-04:00", 'due_at = "soon"', "due_at"),
        ('default_variant = "long"', 'default_variant = "x"', "default_variant 'x' is not among the variants"),
        ('id = "1b"', 'id = "1a"', "two tasks have the same id"),
        ('variants = ["long"]', 'variants = ["tall"]', "task 1b names unknown variants: tall"),
        ('title = "First"\npoints = 1.5\nmodule = "filters"', 'title = "First"\npoints = 1\nmodule = "x"',
         "task 1a names an unknown module 'x'"),
        ("points = 2", "points = -2", "points"),
        ("points = 2", "points = nan", "points"),
        ("points = 2", "points = inf", "points"),
        ("points = 2", 'points = "two"', "points"),
        ("bonus = true", "bonuss = true", "bonuss"),
        ("bonus = true", 'scoring = "by hand"', "scoring"),
        ("bonus = true", "points = 3", "points"),
        ('id = "1c"', 'id = "c1"', "id"),
        ('modules = ["filters"]', 'modules = ["filters"]\nlate = { days = 0 }', "days"),
        ('modules = ["filters"]', 'modules = ["filters"]\nlate = { floor = 1.5 }', "floor"),
        ('modules = ["filters"]', 'modules = ["filters"]\nlimits = { memory = 3 }', "memory"),
        ('modules = ["filters"]', 'modules = ["filters"', "line"),
        (GOOD, "", "title"),
    ],
)  # fmt: skip
def test_bad(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    """What is wrong is told by name, with the file."""
    assert old in GOOD
    with pytest.raises(AssignmentInvalid) as caught:
        read_assignment(write(tmp_path, GOOD.replace(old, new)))
    assert sentence in str(caught.value)
    assert "assignment.toml" in str(caught.value)
    assert "errors.pydantic.dev" not in str(caught.value)


def test_not_text(tmp_path: Path) -> None:
    """A file that is no text is no rubric; one that Notepad saved is."""
    path = tmp_path / "assignment.toml"
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(AssignmentInvalid, match="not plain text"):
        read_assignment(path)
    path.write_bytes(GOOD.encode("utf-8-sig"))
    assert read_assignment(path).max_score("long") == 3.5


def test_missing_file(tmp_path: Path) -> None:
    """A missing file is told like a wrong one."""
    with pytest.raises(AssignmentInvalid, match="No such file"):
        read_assignment(tmp_path / "assignment.toml")


def test_variants(tmp_path: Path) -> None:
    """Without a variant the default counts; an unknown one is wrong usage, and the message lists what there is."""
    toy = read_assignment(write(tmp_path, GOOD))
    assert (toy.check_variant(None), toy.check_variant("short")) == ("long", "short")
    with pytest.raises(UsageError, match="no variant 'x'; it has short, long"):
        toy.check_variant("x")


def test_find_assignments(tmp_path: Path) -> None:
    """Every folder with a rubric is an assignment, sorted; asking for another names them."""
    for name in ("zoo", "ape"):
        folder = tmp_path / "assignment" / name
        folder.mkdir(parents=True)
        write(folder, GOOD.replace('"toy"', f'"{name}"'))
    assert list(find_assignments(tmp_path)) == ["ape", "zoo"]
    with pytest.raises(UsageError, match="no assignment 'cat'; there are ape, zoo"):
        get_assignment("cat", tmp_path)


def write_named(root: Path, name: str) -> Path:
    """A folder of assignments with one of that id."""
    (root / "assignment" / name).mkdir(parents=True)
    return write(root / "assignment" / name, GOOD.replace('"toy"', f'"{name}"'))


def test_outside_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An assignment of a folder that ASSIGNMENTS names stands beside the project's own, and knows where it lies."""
    one, two = tmp_path / "one", tmp_path / "two"
    write_named(one, "zoo")
    write_named(two, "ape")
    monkeypatch.setenv("ASSIGNMENTS", os.pathsep.join(map(str, (one, two, one))))
    found = find_assignments()
    assert list(found)[-2:] == ["zoo", "ape"]
    assert "miniplaces" in found
    assert get_assignment("ape").handout_folder == two / "assignment" / "ape"
    assert get_assignment("zoo").solutions_folder == one / "solutions" / "zoo"
    assert get_assignment("miniplaces").root == PROJECT


@pytest.mark.parametrize("set_to", ["", os.pathsep])
def test_no_outside_folders(set_to: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty ASSIGNMENTS, which make exports where nobody sets it, names no folder."""
    monkeypatch.setenv("ASSIGNMENTS", set_to)
    assert assignment_roots() == (PROJECT,)


def test_outside_folder_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of ASSIGNMENTS that is not there, or holds no `assignment/`, is refused by its path."""
    for root in (tmp_path / "nowhere", tmp_path):
        monkeypatch.setenv("ASSIGNMENTS", str(root))
        with pytest.raises(UsageError, match=f"ASSIGNMENTS names {root}, but {root}/assignment can't be read: No such"):
            find_assignments()


def test_id_in_two_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An id that occurs twice is refused, and the message names both places."""
    taken = write_named(tmp_path, "miniplaces").parent
    monkeypatch.setenv("ASSIGNMENTS", str(tmp_path))
    both = f"the id 'miniplaces', {PROJECT / 'assignment' / 'miniplaces'} and {taken}: rename one"
    with pytest.raises(AssignmentInvalid, match=both):
        find_assignments()


def test_folder_is_named_after_the_id(tmp_path: Path) -> None:
    """A rubric in a folder of another name is refused: its solutions would be looked for elsewhere."""
    write_named(tmp_path, "zoo").parent.rename(tmp_path / "assignment" / "ape")
    with pytest.raises(AssignmentInvalid, match="its id is 'zoo', so its folder must be named zoo"):
        find_assignments(tmp_path)


def test_place_is_not_written(tmp_path: Path) -> None:
    """What is written of an assignment does not say where it lies, and no rubric can say it."""
    toy = read_assignment(write_named(tmp_path, "zoo"))
    assert str(tmp_path) not in toy.model_dump_json()
    assert pickle.loads(pickle.dumps(toy)).root == toy.model_copy(update={"title": "Zoo"}).root == tmp_path
    with pytest.raises(AssignmentInvalid, match="unknown key `root`"):
        read_assignment(write(tmp_path, "root = '/'\n" + GOOD))


def test_real_rubrics() -> None:
    """The project's own rubrics can be read, and each stands in the folder of its id."""
    for assignment_id, assignment in find_assignments().items():
        assert (PROJECT / "assignment" / assignment_id / "assignment.toml").is_file()
        assert get_assignment(assignment_id) == assignment


WRITTEN = {"2.1w": 1, "3.1": 1, "4.1w": 1, "4.2.1": 1, "4.2.2": 1, "4.2.3": 1, "4.3w": 1, "4.4w": 1, "4.5": 2}


def test_written_questions_of_two_networks() -> None:
    """Two Networks is 33 points: 23 by checks, and 10 by a person for nine written questions."""
    assignment = get_assignment("two_networks")
    written = {task.id: task.points for task in assignment.tasks if task.written}
    assert written == WRITTEN
    assert list(written) == list(WRITTEN)
    assert written.keys() == {task.id for task in assignment.tasks if task.scoring == "manual"}
    assert (assignment.max_score("default"), sum(written.values())) == (33, 10)


def test_written_questions_of_miniplaces() -> None:
    """Miniplaces asks five written questions; a person scores the bonus, and 2b where its data are missing."""
    assignment = get_assignment("miniplaces")
    assert [task.id for task in assignment.tasks if task.written] == ["2b", "3c", "3d", "4c", "4d"]
    assert [task.id for task in assignment.tasks if "manual" in (task.scoring, task.without_data)] == ["2b", "3d"]
    assert (assignment.max_score("6.819"), assignment.max_score("6.869")) == (10, 15)
