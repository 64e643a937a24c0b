"""The page of a validation shows every finding, what is wrong first, and the kill matrix with its declared checks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sample_findings import ID, findings

from grader.authoring.validation.cases import Case, CaseFinding, CaseKind
from grader.authoring.validation.page import render_validation
from grader.errors import MachineError
from grader.rubric import get_assignment
from grader.solutions import load_accepted, load_mistakes


def page_of(folder: Path, found: list[CaseFinding]) -> str:
    """The page as text."""
    return render_validation(get_assignment(ID), found, folder / "out").read_text(encoding="utf-8")


def test_all_well(tmp_path: Path) -> None:
    """When nothing is wrong the page says so, with the numbers, and has no complaint."""
    html = page_of(tmp_path, findings())
    mistakes, ways = len(load_mistakes(get_assignment(ID))), len(load_accepted(get_assignment(ID)))
    numbers = re.findall(r'<span class="score">(\d+)<span class="of">/(\d+)', html)
    assert numbers == [("1", "1"), ("1", "1"), (str(mistakes),) * 2, (str(ways),) * 2, ("0", "0"), ("0", "0")]
    assert "All is as it should be" in html
    assert 'class="complaint"' not in html


def test_faults_come_first(tmp_path: Path) -> None:
    """What is not as it should be is counted and listed before the matrix, linked to its row, and marked there."""
    found = findings(faults=True)
    html = page_of(tmp_path, found)
    before, after = html.split('id="matrix"')
    wrong = [finding for finding in found if finding.complaint]
    assert "Not as it should be: 2" in before
    for finding in wrong:
        (anchor,) = re.findall(rf'<a href="#(finding-\d+)">{re.escape(finding.case.name)}</a>', before)
        assert f'<tr id="{anchor}" class="wrong">' in after
    assert f"{load_mistakes(get_assignment(ID))[2].check} lets it through" in before
    assert html.count('class="complaint">✗') == 2


def test_complaints_are_text(tmp_path: Path) -> None:
    """What a complaint quotes is text: escaped, every character visible."""
    html = page_of(tmp_path, findings(faults=True))
    assert "&lt;b&gt;\\u{1b}[31mtoo sharp&lt;/b&gt;" in html
    assert "\x1b" not in html


def test_rows_and_columns(tmp_path: Path) -> None:
    """Every mistake has a row with its help below what it replaces; every check of its module has a column."""
    html = page_of(tmp_path, findings())
    rows = html.split('id="unearned"')[0]
    names = [name.replace("<wbr>", "") for name in re.findall(r'<span class="name">(.*?)</span>', rows)]
    assert set(names) == {each.id for each in (*load_mistakes(get_assignment(ID)), *load_accepted(get_assignment(ID)))}
    targets = [name.replace("<wbr>", "") for name in re.findall(r'scope="rowgroup" class="first">(.*?)</th>', html)]
    assert sorted(targets) == sorted({each.target for each in load_mistakes(get_assignment(ID))})
    for check in {each.check for each in load_mistakes(get_assignment(ID))}:
        assert f'<span class="turned">{check.removeprefix("check_").replace("_", " ")}</span>' in html


def test_cells(tmp_path: Path) -> None:
    """A cell says in a word whether the check named the mistake, caught it, passed or was not run."""
    mistake = load_mistakes(get_assignment(ID))[0]
    whole = next(one for one in findings() if one.case.name == mistake.id)
    html = page_of(tmp_path, [whole])
    assert html.count('<span class="unseen">caught and named, the declared check</span>') == 1
    found = findings()
    html = page_of(tmp_path, found)
    for words in ("caught", "passed", "not run"):
        assert f'<span class="unseen">{words}</span>' in html
    assert html.count("caught and named, the declared check") == len(load_mistakes(get_assignment(ID)))


def test_declared_check_that_passed(tmp_path: Path) -> None:
    """A declared check that let its mistake through is a cell of its own kind."""
    assert page_of(tmp_path, findings(faults=True)).count('class="cell passed declared"') == 1


def test_unknown_names_and_no_results(tmp_path: Path) -> None:
    """A finding about a mistake that is not among the solutions', or without results, has a row as well."""
    found = [CaseFinding(Case(get_assignment(ID), CaseKind.MISTAKE, "other.unknown"), (), "no check was run")]
    html = page_of(tmp_path, found)
    assert "other.py" in html
    assert "no check was run" in html
    assert "There is no known mistake." in page_of(tmp_path, [])


def test_same_bytes(tmp_path: Path) -> None:
    """The same findings give the same page."""
    assert page_of(tmp_path, findings()) == page_of(tmp_path, findings())


def test_folder_not_writable(tmp_path: Path) -> None:
    """A folder that can't be made is an error of the machine's."""
    (tmp_path / "file").write_text("")
    with pytest.raises(MachineError, match="can't be written"):
        render_validation(get_assignment(ID), [], tmp_path / "file" / "x")
