"""In the students' kit: of what an author imports, what a public check can use."""

# ruff: noqa: F401 - checks import it from here

from __future__ import annotations

from grader.checking.compare import (
    as_drawn,
    as_image,
    compare,
    compare_parts,
    each,
    expect,
    expect_close,
    expect_finite,
    expect_shape,
    number,
    numbers,
    summarise,
)
from grader.checking.context import Context, LayOut
from grader.checking.declare import check
from grader.checking.integrity_flags import IntegrityFlags
from grader.decoding import parse_json
from grader.errors import CheckStopped, DataMissing, Failure, Malformed, StudentCrashed, StudentRaised, StudentTimeout
from grader.records import Array, Exhibit
from grader.reference import Reference
from grader.sandbox.calls import Recipe, describe_call, make
from grader.sandbox.student import Function, Handle, Implementation
