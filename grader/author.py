"""What an author of an assignment imports: `from grader.author import check, compare, expect, make, mistake, ...`.

`docs/authoring.md` has an example of each. Kinds of figures import from `grader.figures`, and what several assignments
on images share is in `grader.vision`.
"""

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
from grader.folders import cache_folder, data_folder
from grader.manifest import Manifest
from grader.records import Array, Exhibit
from grader.reference import Reference, load_reference
from grader.rubric import get_assignment
from grader.sandbox.calls import Recipe, describe_call, make
from grader.sandbox.student import Function, Handle, Implementation
from grader.solutions import accepted, accepted_file, accepted_value, mistake, mistaken_file, mistaken_value, model_file

__all__ = [
    "Array",
    "CheckStopped",
    "Context",
    "DataMissing",
    "Exhibit",
    "Failure",
    "Function",
    "Handle",
    "Implementation",
    "IntegrityFlags",
    "LayOut",
    "Malformed",
    "Manifest",
    "Recipe",
    "Reference",
    "StudentCrashed",
    "StudentRaised",
    "StudentTimeout",
    "accepted",
    "accepted_file",
    "accepted_value",
    "as_drawn",
    "as_image",
    "cache_folder",
    "check",
    "compare",
    "compare_parts",
    "data_folder",
    "describe_call",
    "each",
    "expect",
    "expect_close",
    "expect_finite",
    "expect_shape",
    "get_assignment",
    "load_reference",
    "make",
    "mistake",
    "mistaken_file",
    "mistaken_value",
    "model_file",
    "number",
    "numbers",
    "parse_json",
    "summarise",
]
