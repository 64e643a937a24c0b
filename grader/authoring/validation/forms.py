"""The forms in which a submission may come: `make validate FORMS=all` puts each variation through the checks in all.

The first form is the quickest: functions of ours in the solutions' place. The other two are what students hand in,
written out as files: modules, and a notebook that holds the same.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from grader.authoring.composing.notebook import notebook_of
from grader.authoring.composing.submission import compose
from grader.authoring.validation.cases import SourceForm
from grader.errors import MachineError
from grader.importing import ModulesOnDemand
from grader.notebooks.submitted import with_modules
from grader.rubric import Assignment
from grader.sandbox.student import Implementation
from grader.sandbox.transport import LocalTransport
from grader.solutions import Variation


def handed_in(
    assignment: Assignment, variation: Variation | None, form: SourceForm, until: ExitStack
) -> Implementation:
    """The solutions, with a variation in its place, as files that a student would hand in.

    Args:
        assignment: Whose.
        variation: A mistake or an accepted way; None for the solutions themselves.
        form: `Form.MODULES` or `Form.NOTEBOOK`.
        until: Removes the files when it ends.

    Raises:
        MachineError: If it can't be written so.
    """
    files = compose(assignment, [variation] if variation else [])
    if form is SourceForm.NOTEBOOK:
        files = as_notebook(files, assignment)
    folder = Path(until.enter_context(tempfile.TemporaryDirectory(prefix="validation-")))
    modules = ModulesOnDemand(folder, assignment.modules, files)
    return Implementation(assignment.modules, LocalTransport(modules, files), files)


def as_notebook(files: Mapping[str, bytes], assignment: Assignment) -> dict[str, bytes]:
    """The files of a submission whose modules were moved into a notebook, as the notebook reader gives them back.

    Where two modules mean different things by one name, each has a notebook of its own.
    """
    sources = {name: files[f"{name}.py"].decode() for name in assignment.modules if f"{name}.py" in files}
    rest = {path: data for path, data in files.items() if path.removesuffix(".py") not in sources}
    try:
        books = {f"{assignment.id}.ipynb": notebook_of(assignment, sources)}
    except MachineError:
        books = {f"{name}.ipynb": notebook_of(assignment, {name: text}) for name, text in sources.items()}
    return with_modules({**rest, **books}, assignment).files
