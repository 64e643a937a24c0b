"""What a grade depends on is read from the sources: every import is seen, however it is written."""

from __future__ import annotations

from pathlib import Path

from test_layers import find_imports, find_modules

from grader.imported import imported_files
from grader.rubric import PROJECT


def test_no_import_is_missed() -> None:
    """Of every module of the grader, all that the syntax tree imports is found, but for what only types need."""
    modules = find_modules(PROJECT / "grader")
    for name, targets in find_imports(PROJECT / "grader", to_run=True).items():
        assert {modules[target] for target in targets} <= imported_files([modules[name]], PROJECT), name


def test_forms_of_an_import(tmp_path: Path) -> None:
    """Also in brackets, inside functions, of packages and of another assignment's, and where a name is in quotes."""
    sources = {
        "grader/__init__.py": "",
        "grader/a.py": "def f():\n    from grader.inner import (\n        b,\n        c as d,\n    )\n",
        "grader/inner/__init__.py": "",
        "grader/inner/b.py": "if TYPE_CHECKING:\n    import grader.other\n\nimport grader.e\n",
        "grader/inner/c.py": "run('grader.started')\n",
        "grader/e.py": "from solutions.toy.checks.helper import g  # and more\n",
        "grader/started.py": "import os\nfrom grader.a import f\n",
        "grader/other.py": "",
        "solutions/toy/checks/helper.py": "",
    }
    for name, source in sources.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(source)
    found = {path.relative_to(tmp_path).as_posix() for path in imported_files([tmp_path / "grader/a.py"], tmp_path)}
    assert found == sources.keys() - {"grader/other.py"}
