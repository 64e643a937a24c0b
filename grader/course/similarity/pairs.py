"""Which submissions of a class resemble each other: pairs worth a look, the evidence side by side, never a verdict.

Code is compared by `code.py`, the numbers of model files by `weights.py`; nothing of a student's is
run, imported, parsed or unpickled. Only what is compared is kept of each submission, so that a class of any size fits
into memory if it comes one by one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isnan

from grader.course.records import Pair
from grader.course.similarity.code import (
    OTHER,
    WHOLE,
    CodeMatch,
    Given,
    Rarity,
    Written,
    compare_code,
    read_code,
    read_given,
)
from grader.course.similarity.files import Handout, find_models, read_handout
from grader.course.similarity.models import (
    ANY_FILE,
    SEED,
    WeightMatch,
    compare_weights,
    compare_with,
    model_evidence,
    read_references,
    same_elsewhere,
    told,
)
from grader.course.similarity.regions import matching_functions, matching_regions
from grader.course.similarity.weights import Model
from grader.identity import person_key
from grader.intake.opening import read_group
from grader.manifest import load_manifest
from grader.notebooks.guards import PREAMBLE
from grader.records import Submission
from grader.rubric import PROJECT, Assignment
from grader.text import clean_name

CODE, WEIGHTS = "code", "weights"
REFERENCE = "the reference model"  # before a model's name, in the place of a student: no student's name has a space
_WORDS = re.compile(r"[^\W\d_]{2,}")


@dataclass(frozen=True, eq=False)
class _Held:
    """What is kept of one submission."""

    student: str
    name: str
    code: Written
    models: Mapping[str, Model]
    group: frozenset[str]


def find_pairs(
    submissions: Iterable[tuple[str, Submission]], assignment: Assignment, names: Mapping[str, str] | None = None
) -> tuple[Pair, ...]:
    """The pairs of a class, the most alike first, then by name; the order of the submissions does not matter.

    What more than a third of a class of ten or more has, and more than five, is taken for what everybody finds, in code
    and in weights. Two zips of one group are no pair; see `_same_group` for what counts as one. In the place of the
    second student may stand `REFERENCE` and a model's name.

    Args:
        submissions: Each student's name and submission, best one at a time; the last of a name counts.
        assignment: Theirs.
        names: What the roster or the platform calls each student, as far as it is known.
    """
    names, manifest = names or {}, load_manifest(assignment)
    stubs = {path.name: path.read_bytes() for path in sorted(assignment.handout_folder.glob("*.py"))}
    given, handout = (
        read_given({**stubs, "made of cells": PREAMBLE.encode()}),
        read_handout(
            assignment.handout_folder,
            PROJECT / "kit",
            data_folders=(folder for data in manifest.data for folder in data.folders),
        ),
    )
    held = {
        student: _hold(student, names.get(student, ""), submission, assignment, given, handout)
        for student, submission in submissions
    }
    class_ = [held[student] for student in sorted(held)]
    sizes = Counter(one.group for one in class_)
    asked = frozenset(manifest.model_files.values())
    pairs = [
        *_code_pairs(class_, sizes, assignment),
        *_as_groups(_weight_pairs(class_, sizes, asked)),
        *_reference_pairs(class_, assignment),
    ]
    return tuple(sorted(pairs, key=lambda pair: (-pair.share, pair.first, pair.second, pair.kind, pair.sentence)))


def _hold(
    student: str, name: str, submission: Submission, assignment: Assignment, given: Given, handout: Handout
) -> _Held:
    files, asked = submission.files, load_manifest(assignment).model_files.values()
    return _Held(
        student,
        name,
        read_code(student, files, assignment.modules, given),
        find_models(files, asked, handout),
        frozenset(person_key(name) for name in read_group(files)),
    )


def _same_group(first: _Held, second: _Held, sizes: Mapping[frozenset[str], int]) -> bool:
    """Whether two zips are one group's: the same names in `group.txt`, and no more zips than names.

    Anybody can write a `group.txt`: it counts only where both are called like one of the names.
    """
    if not first.group or first.group != second.group or sizes[first.group] > len(first.group):
        return False
    return _is_named(first) and _is_named(second)


def _is_named(one: _Held) -> bool:
    """Whether the student's name, or the zip's, has a word of a name in `group.txt`."""
    words = set(_WORDS.findall(person_key(f"{one.student} {one.name}")))
    return any(word in words for name in one.group for word in _WORDS.findall(name))


def _code_pairs(class_: Sequence[_Held], sizes: Mapping[frozenset[str], int], assignment: Assignment) -> Iterator[Pair]:
    runs, pairs = Rarity([one.code.units for one in class_]), Rarity([one.code.pairs for one in class_])
    for match in compare_code(runs, pairs):
        first, second = class_[match.first], class_[match.second]
        if not _same_group(first, second, sizes):
            yield Pair(
                kind=CODE,
                first=first.student,
                second=second.student,
                share=match.share,
                sentence=_code_sentence(match, first, second, assignment.modules),
                evidence=(
                    matching_regions(first.code, second.code, runs)
                    if match.in_order
                    else matching_functions(first.code, second.code, pairs)
                ),
            )


def _code_sentence(match: CodeMatch, first: _Held, second: _Held, modules: Sequence[str]) -> str:
    held = (first, second) if match.of_first else (second, first)
    whose, other = (clean_name(one.student) for one in held)
    what = "all files" if match.where == WHOLE else match.where
    if match.where == OTHER:
        own = [clean_name(path) for path in held[0].code.tokens if path.removesuffix(".py") not in modules]
        what = ", ".join(own[:3]) + (f" and {len(own) - 3} more files" if len(own) > 3 else "")
    usual = "" if isnan(match.typical) else f" Between two students of this class it is usually {match.typical:.0%}."
    left_aside = f"names, comments{'' if match.in_order else ', the order of statements'} and layout"
    return (
        f"{match.share:.0%} of what {whose} wrote in {what} is also in the code of {other}. Given code, code that many "
        f"students have, {left_aside} do not count.{usual} A common source or allowed help can explain it too."
    )


def _weight_pairs(
    class_: Sequence[_Held], sizes: Mapping[frozenset[str], int], asked: frozenset[str]
) -> Iterator[Pair]:
    """The pairs of files of one name that are alike, then those of any names that are the same.

    Args:
        class_: All students.
        sizes: How many zips name each group.
        asked: Names of the model files that the assignment asks for: the stubs' scripts write these.
    """
    found: set[tuple[int, int]] = set()
    for file in sorted({file for one in class_ for file in one.models}):
        owners = [place for place, one in enumerate(class_) if file in one.models]
        for match in compare_weights([class_[place].models[file] for place in owners]):
            first, second = owners[match.first], owners[match.second]
            found.add((first, second))
            yield from _weight_pair(class_[first], file, class_[second], file, match, sizes, asked)
    for (first, one), (second, other), match in same_elsewhere([held.models for held in class_]):
        if (first, second) not in found:
            found.add((first, second))
            yield from _weight_pair(class_[first], one, class_[second], other, match, sizes, asked)


def _as_groups(pairs: Iterable[Pair]) -> Iterator[Pair]:
    """The pairs, those of three or more students who all have the same file as one entry."""
    same: dict[tuple[str, str], list[Pair]] = {}
    for pair in pairs:
        _, *digests = pair.evidence[0]
        if digests[0] == digests[1]:
            same.setdefault((digests[0], pair.sentence.partition(" of ")[0]), []).append(pair)
        else:
            yield pair
    for (_, file), alike in sorted(same.items()):
        students = sorted({student for pair in alike for student in (pair.first, pair.second)})
        if len(students) == 2:
            yield alike[0]
            continue
        names = [clean_name(student) for student in students]
        _, _, rest = alike[0].sentence.partition(" are the same file, byte for byte.")
        told = f"{file} of {', '.join(names[:-1])} and {names[-1]} is the same file, byte for byte.{rest}"
        yield alike[0].model_copy(
            update={"first": students[0], "second": students[1], "others": tuple(students[2:]), "sentence": told}
        )


def _weight_pair(
    first: _Held,
    file: str,
    second: _Held,
    other: str,
    match: WeightMatch,
    sizes: Mapping[frozenset[str], int],
    asked: frozenset[str],
) -> Iterator[Pair]:
    """The pair of two students, unless they are one group."""
    if not _same_group(first, second, sizes):
        own = f"{clean_name(file)} of {clean_name(first.student)}"
        theirs = "of" if other == file else f"{clean_name(other)} of"
        why = SEED if file in asked else ANY_FILE
        yield Pair(
            kind=WEIGHTS,
            first=first.student,
            second=second.student,
            share=match.likeness.share,
            sentence=f"{own} and {theirs} {clean_name(second.student)} {told(match)} {why}",
            evidence=model_evidence(first.models[file], second.models[other], match),
        )


def _reference_pairs(class_: Sequence[_Held], assignment: Assignment) -> Iterator[Pair]:
    references = read_references(assignment)
    for one in class_:
        for file, model in one.models.items():
            for name, reference in references.items():
                match = compare_with(model, reference)
                if match:
                    second = f"{REFERENCE} {name}"
                    yield Pair(
                        kind=WEIGHTS,
                        first=one.student,
                        second=second,
                        share=match.likeness.share,
                        sentence=f"{file} of {clean_name(one.student)} and {second} {told(match)}",
                        evidence=model_evidence(model, reference, match),
                    )
