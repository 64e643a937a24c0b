"""Pairs of submissions that are worth a look: found where something was copied, and not where it wasn't."""

from __future__ import annotations

import pickle
import random
import shutil
import time
import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from sample_similar import (
    Trap,
    disguised,
    handed_in,
    padded,
    reordered,
    saved,
    small_module,
    small_network,
    sources,
    with_noise,
)
from sample_tiers import tiered

from grader.course.records import Pair
from grader.course.similarity.pairs import REFERENCE, find_pairs
from grader.course.similarity.tokens import read_tokens
from grader.course.similarity.weights import compare_models, read_model
from grader.intake.pickles import Storage, read_storages
from grader.intake.zipgate import read_zip
from grader.notebooks.guards import PREAMBLE
from grader.rubric import PROJECT, get_assignment

EXAMPLES = {"miniplaces": "examples/alice", "two_networks": "examples/group"}
BOTH = pytest.mark.parametrize("assignment", ["miniplaces", "two_networks"])


def pairs_of(
    class_: Mapping[str, Mapping[str, bytes]], assignment: str = "two_networks", *roots: Path
) -> tuple[Pair, ...]:
    """The pairs of a class, given each student's files."""
    return find_pairs(
        (handed_in(student, files, assignment) for student, files in class_.items()), get_assignment(assignment, *roots)
    )


def named(pairs: tuple[Pair, ...]) -> list[tuple[str, str, str]]:
    """What the pairs are about."""
    return [(pair.kind, pair.first, pair.second) for pair in pairs]


@BOTH
def test_disguised_copy(assignment: str) -> None:
    """A copy with other names, comments, layout and order of functions is found, its lines shown beside the others."""
    own = sources(EXAMPLES[assignment])
    copy = {name: disguised(source) for name, source in own.items()}
    apart = sources(f"solutions/{assignment}")
    (pair,) = pairs_of({"zoe": own, "cal": copy, "ben": apart}, assignment)
    assert (pair.kind, pair.first, pair.second) == ("code", "cal", "zoe")
    assert pair.share > 0.6
    assert len(pair.evidence) == 3
    for what, first, second in pair.evidence:
        assert ".py " in what
        assert "# step" in first
        assert second
        assert "# step" not in second


PADDING = ["0", "x.y", "pass", "'no'", "None; 1", "_ = 0", "assert True", "print('a')", "if 0: pass", "x: int"]
PADDING += ["if False: x = y", "while None: 1", "x = y", "assert 1", "print()", "x: list[int] = 3"]


@pytest.mark.parametrize("padding", tiered(PADDING, slow=PADDING[1::2]))
def test_padded_copy(padding: str) -> None:
    """A statement that does nothing, put after each other one, hides no copy."""
    own = sources("examples/group")
    copy = {name: padded(source, padding) for name, source in own.items()}
    pairs = pairs_of({"zoe": own, "cal": copy, "ben": sources("solutions/two_networks")})
    assert named(pairs) == [("code", "cal", "zoe")]
    assert pairs[0].share > 0.9


def test_varied_padding() -> None:
    """Many kinds of statements that do nothing, none of them frequent, hide no copy either."""
    own = sources("examples/group")
    copy = {name: padded(source, *PADDING) for name, source in own.items()}
    (pair,) = pairs_of({"zoe": own, "cal": copy, "ben": sources("solutions/two_networks")})
    assert pair.share > 0.9


@pytest.mark.parametrize(
    ("typed", "plain"),
    [
        (
            "def f(a: int, b: T = 3, *c: dict[str, int]) -> tuple[int, T]:\n    return a\n",
            "def f(a, b=3, *c):\n    return a\n",
        ),
        ("async def f(a: int) -> x: return 1\n", "async def f(a): return 1\n"),
        ("x: dict[str, int] = g(y)[1:2]\n", "x = g(y)[1:2]\n"),
        ("class A:\n    x: int\n", "class A:\n"),
    ],
)
def test_annotations(typed: str, plain: str) -> None:
    """Types of arguments, results and names are no part of what is compared."""
    one, other = (read_tokens(text.encode(), frozenset(), frozenset(), 1000).codes for text in (typed, plain))
    assert np.array_equal(one, other)


@pytest.mark.parametrize("piece", ["def f(a: ", "if 0: ", "x: ", "->", ": ", "def ", "if 0:", "print("])
def test_odd_statements_take_linear_time(piece: str) -> None:
    """Nothing that stands where a statement begins makes reading slow, or stops it."""
    started = time.process_time()
    read_tokens((piece * (100_000 // len(piece))).encode(), frozenset(), frozenset(), 40_000)
    assert time.process_time() - started < 2


def test_reordered_copy() -> None:
    """One copied module whose statements have changed places too is found, function beside function."""
    own, apart = sources("examples/group"), sources("solutions/two_networks")
    copy = apart | {"supervised.py": reordered(own["supervised.py"])}
    (pair,) = pairs_of({"zoe": own, "cal": copy})
    assert (pair.kind, pair.first, pair.second) == ("code", "cal", "zoe")
    assert pair.share > 0.8
    assert "the order of statements" in pair.sentence
    assert all("in any order" in what for what, *_ in pair.evidence)


SHUFFLED = b"""
def build(width, depth):
    table = make_table(width, depth, 3)
    scale = torch.sqrt(torch.tensor(width))
    bias = torch.zeros(depth).normal_(0, 0.5)
    shape = list(map(int, (width, depth)))
    weights = torch.rand(width, depth).triu()
    names = sorted(str(each) for each in range(depth))
    limits = torch.linspace(0, 1, depth).cumsum(0)
    counts = torch.bincount(torch.arange(width) % depth)
    order = torch.randperm(width)[:depth].tolist()
    mask = torch.ones(width, depth).tril().bool()
    noise = torch.randn(depth, width).clamp(min=0)
    return dict(locals())
"""


def test_statements_in_any_order() -> None:
    """A function whose statements stand in another order altogether is found, and shown beside the other."""
    head, *body, tail = SHUFFLED.strip().split(b"\n")
    shuffled = random.Random(2).sample(body, len(body))
    copy = b"\n".join([head.replace(b"width", b"n"), *(line.replace(b"width", b"n") for line in shuffled), tail])
    (pair,) = pairs_of({"a": {"neighbours.py": SHUFFLED}, "b": {"neighbours.py": copy}})
    assert "the order of statements" in pair.sentence
    ((what, first, second),) = pair.evidence
    assert "in any order (neighbours.py 2" in what
    assert "make_table" in first
    assert "make_table" in second
    other = SHUFFLED.replace(b"torch.", b"np.").replace(b"(", b"(1 + ")
    assert pairs_of({"a": {"neighbours.py": SHUFFLED}, "b": {"neighbours.py": other}}) == ()


def test_copy_in_a_helper_module() -> None:
    """Code that was moved to a module of another name, among other code, is found."""
    own = sources("examples/group")
    moved = {f"my_{name}": disguised(source) for name, source in own.items()}
    assert named(pairs_of({"a": own, "b": sources("solutions/two_networks") | moved})) == [("code", "a", "b")]


def test_names_of_a_library() -> None:
    """Who defines the names of a library's functions, or calls `self` by another name, disguises nothing by it."""
    own = sources("examples/group")
    junk = b"\nclass A:\n" + b"".join(
        b"    def %s(self): pass\n" % name for name in (b"view", b"sum", b"Conv2d", b"eval")
    )
    copy = {name: source.replace(b"self", b"this") + junk for name, source in own.items()}
    assert named(pairs_of({"a": own, "b": copy})) == [("code", "a", "b")]


def test_ring_in_a_small_class() -> None:
    """Four of eleven who share their code are four who copied, not a third who found the obvious way."""
    own = sources("examples/group")
    class_ = {f"s{number}": {"resnet.py": f"x = {number}".encode()} for number in range(7)}
    pairs = pairs_of(
        class_ | {f"c{number}": {name: disguised(own[name], number) for name in own} for number in range(4)}
    )
    assert {pair.first[0] + pair.second[0] for pair in pairs} == {"cc"}
    assert len(pairs) == 6


def test_nobody() -> None:
    """A class of nobody, and one of a student with no files, has no pairs."""
    assert pairs_of({}) == ()
    assert pairs_of({"a": {}}) == ()
    assert pairs_of({"a": {}, "b": {}}) == ()


def test_one_copied_module() -> None:
    """One copied module is found though the others were written alone; the sentence names it."""
    own, apart = sources("examples/group"), sources("solutions/two_networks")
    (pair,) = pairs_of({"a": own, "b": apart | {"resnet.py": disguised(own["resnet.py"])}})
    assert "resnet.py" in pair.sentence


@BOTH
def test_written_apart(assignment: str) -> None:
    """Right solutions that were written apart from each other are no pair: ours, the accepted ways, an example's."""
    class_ = {
        "ours": sources(f"solutions/{assignment}"),
        "accepted": sources(f"solutions/{assignment}/accepted"),
        "example": sources(EXAMPLES[assignment]),
    }
    assert pairs_of(class_, assignment) == ()


@BOTH
def test_stubs_alone(assignment: str) -> None:
    """Students who share the stubs alone, whole or disguised, are no pair."""
    stubs = sources(f"assignment/{assignment}")
    changed = {name: b"# me\n" + source.replace(b"\n", b"\r\n") for name, source in stubs.items()}
    assert pairs_of({"a": stubs, "b": stubs, "c": changed}, assignment) == ()


def test_what_the_grader_writes_is_nobodys() -> None:
    """What the grader puts into every module that it makes of cells is no pair's."""
    assert pairs_of({name: {"neighbours.py": PREAMBLE.encode()} for name in "ab"}) == ()


def test_one_obvious_form() -> None:
    """A short function that has one obvious form accuses nobody, even where it is all that two handed in."""
    way = b"def nearest_neighbours(queries, bank, k=10):\n    return torch.cdist(queries, bank).argsort(1)[:, :k]\n"
    assert pairs_of({name: {"neighbours.py": way} for name in "abcdef"}) == ()


def test_what_a_class_has_is_common() -> None:
    """What a third of a class has is an obvious way; two who share something else stand out of the same class."""
    everybody = sources("solutions/two_networks")
    class_ = {f"s{number:02}": everybody for number in range(12)}
    assert pairs_of(class_) == ()
    own = sources("examples/group")["resnet.py"]
    class_ |= {"s03": everybody | {"resnet.py": own}, "s08": everybody | {"resnet.py": disguised(own)}}
    (pair,) = pairs_of(class_)
    assert (pair.first, pair.second) == ("s03", "s08")
    assert "usually 0%" in pair.sentence


GROUP = b"\xef\xbb\xbfInes Castellano\r\n jonas  weber \r\n"


@pytest.mark.parametrize(
    ("students", "found"),
    [
        (["ines", "jonas"], 0),  # a zip of each
        (["8841", "5127"], 1),  # names that say nothing: anybody can write a group.txt
        (["ines", "mallory"], 1),  # who copied group.txt as well
        (["ines", "jonas", "weber2"], 3),  # more zips than names
    ],
)
def test_zips_of_a_group(students: list[str], found: int) -> None:
    """A group's own zips are no pair; a copied `group.txt` hides nobody who is not one of it."""
    own = sources("examples/group")
    lines = [GROUP, b"Jonas Weber\nInes Castellano", b"INES CASTELLANO\n\nJonas Weber\n"]
    class_ = {name: own | {"group.txt": text} for name, text in zip(students, lines, strict=False)}
    assert len(pairs_of(class_)) == found


@pytest.mark.parametrize(("name", "found"), [("Weber, Jonas", 0), ("Mallory Moe", 1)])
def test_names_of_a_group(name: str, found: int) -> None:
    """Where zips are called by numbers, the names of the roster tell who is of a group."""
    own = sources("examples/group") | {"group.txt": GROUP}
    handed = [handed_in(student, own, "two_networks") for student in ("8841", "5127")]
    pairs = find_pairs(handed, get_assignment("two_networks"), {"8841": "Ines Castellano", "5127": name})
    assert len(pairs) == found


def test_copy_of_a_groups_work() -> None:
    """Who copies from a group without its `group.txt` is found beside each of its zips."""
    own = sources("examples/group")
    class_ = {"ines": own | {"group.txt": GROUP}, "jonas": own | {"group.txt": GROUP}, "max": own}
    assert named(pairs_of(class_)) == [("code", "ines", "max"), ("code", "jonas", "max")]


def test_order_does_not_matter() -> None:
    """The pairs, their order and their evidence are the same in whichever order the submissions come."""
    own = sources("examples/group")
    weights = saved(small_network(0))
    class_ = {
        "a": own | {"supervised.pth": weights},
        "b": {name: disguised(source, 1) for name, source in own.items()},
        "c": {name: disguised(source, 2) for name, source in own.items()} | {"supervised.pth": weights},
        "d": sources("solutions/two_networks") | {"supervised.pth": saved(with_noise(small_network(0), 0.01))},
    }
    first = pairs_of(class_)
    assert len(first) == 6
    names = list(class_)
    random.Random(3).shuffle(names)
    assert pairs_of({name: class_[name] for name in [*names, *names]}) == first


HOSTILE = {
    "an unterminated string": b'x = """' + b' \\"""' * 40_000,
    "quotes": b"'\"" * 100_000,
    "brackets": b"(" * 200_000,
    "one long name": b"a" * 250_000,
    "many names": b"a.b\n" * 60_000,
    "numbers": b"1e+" * 80_000,
    "not text": bytes(range(256)) * 1_000,
    "backslashes": b"\\" * 200_000 + b"\n",
    "nothing": b"",
}


@pytest.mark.parametrize("source", tiered(HOSTILE, slow=("many names", "brackets", "backslashes")))
def test_hostile_source(source: bytes) -> None:
    """Whatever text a module holds is read in time that grows with its length, and makes nobody a pair."""
    class_ = {"a": {"resnet.py": source}, "b": {"resnet.py": source[1:]}, "c": sources("examples/group")}
    assert [pair for pair in pairs_of(class_) if "c" in (pair.first, pair.second)] == []


def test_tokens_survive_a_disguise() -> None:
    """Comments, layout, docstrings, imports and local names change no token; what a program does changes one."""
    plain = b"import a\ndef f(x):\n    '''Text.'''\n    return x.view(-1, 16) + len(x)\n"
    same = b"from b import (c,\n  d)\n# why\ndef f(image,):\n\treturn (\n  image . view(-1,16)\n+len(image))"
    other = b"def f(x):\n    return x.view(-1, 16) - len(x)\n"
    one, two, three = (
        read_tokens(text, frozenset("f"), frozenset(), 100).codes.tolist() for text in (plain, same, other)
    )
    assert one == two
    assert len(one) == len(three)
    assert sum(left != right for left, right in zip(one, three, strict=True)) == 1


WEIGHTS = small_network(5)
COPIES = {
    "the same file": saved(WEIGHTS),
    "in a dictionary": saved({"state_dict": WEIGHTS, "epoch": 7}),
    "other names": saved({f"module.{name}": value for name, value in WEIGHTS.items()}),
    "another order": saved(dict(reversed(list(WEIGHTS.items())))),
    "half precision": saved({name: value.half() for name, value in WEIGHTS.items()}),
    "bfloat16": saved({name: value.bfloat16() for name, value in WEIGHTS.items()}),
    "double precision": saved({name: value.double() for name, value in WEIGHTS.items()}),
    "noise": saved(with_noise(WEIGHTS, 0.02)),
    "units in another order": saved({name: value.flip(0) if value.dim() else value for name, value in WEIGHTS.items()}),
    "channels last and noise": saved(
        {
            name: value.contiguous(memory_format=torch.channels_last) if value.dim() == 4 else value
            for name, value in with_noise(WEIGHTS, 0.01).items()
        }
    ),
    "with an optimizer": saved(
        {"a": {f"m{name}": torch.randn(value.shape) for name, value in WEIGHTS.items()}, "b": WEIGHTS}
    ),
    "another protocol": saved(WEIGHTS, pickle_protocol=4),
    "the form before torch 1.6": saved(with_noise(WEIGHTS, 0.01), _use_new_zipfile_serialization=False),
    "that form, protocol 4": saved(WEIGHTS, _use_new_zipfile_serialization=False, pickle_protocol=4),
    "by pickle.dump": pickle.dumps(with_noise(WEIGHTS, 0.01)),
    "by pickle.dump, protocol 2": pickle.dumps(dict(WEIGHTS), 2),
    "a whole module by pickle.dump": pickle.dumps(small_module(5)),
    "compiled, averaged and profiled": saved(
        {f"module._orig_mod.{name}": value for name, value in WEIGHTS.items()}
        | {"n_averaged": torch.ones(1), "total_ops": torch.ones(1)}
    ),
    "among thousands of others": saved({"a": [torch.zeros(1) for _ in range(1_200)], "b": WEIGHTS}),
}


@pytest.mark.parametrize("copy", tiered(COPIES, slow=list(COPIES)[1::2]))
def test_copied_network(copy: bytes) -> None:
    """A network is known again in another container, precision or order, and with noise that leaves it as good."""
    class_ = {"b": {"supervised.pth": copy}, "a": {"supervised.pth": saved(WEIGHTS)}}
    (pair,) = pairs_of(class_ | {"c": {"supervised.pth": saved(small_network(6))}})
    assert (pair.kind, pair.first, pair.second) == ("weights", "a", "b")
    assert pair.share > 0.97
    assert "seed" in pair.sentence
    assert len(pair.evidence) > 2


def test_networks_of_other_seeds() -> None:
    """Networks that began with other numbers are no pair, nor are those that the examples and the solutions trained."""
    class_ = {f"s{seed}": {"model.pth": saved(small_network(seed))} for seed in range(4)}
    class_["alice"] = {"model.pth": (PROJECT / "examples/alice/model.pth").read_bytes()}
    assert pairs_of(class_, "miniplaces") == ()
    group = {name: (PROJECT / "examples/group" / name).read_bytes() for name in ("supervised.pth", "rotation.pth")}
    assert pairs_of({"group": group}) == ()


def test_one_network_of_a_whole_class() -> None:
    """What more than a third of a class holds came out of the given script: it makes no pairs, and hides none."""
    class_ = {f"s{number:02}": {"model.pth": saved(small_network(0))} for number in range(6)}
    class_ |= {f"t{number:02}": {"model.pth": saved(small_network(number + 1))} for number in range(5)}
    class_ |= {"x": class_["t03"]}
    assert named(pairs_of(class_, "miniplaces")) == [("weights", "t03", "x")]


@pytest.mark.parametrize("rounded", [False, True])
def test_handed_in_reference(rounded: bool) -> None:
    """Whoever hands in the reference network that ships with the project stands beside it."""
    weights = load_file(PROJECT / "solutions/two_networks/reference/supervised.safetensors")
    if not rounded:
        weights = {name: value.float() if value.is_floating_point() else value for name, value in weights.items()}
    (pair,) = pairs_of({"eve": {"supervised.pth": saved({"state_dict": weights})}})
    assert (pair.first, pair.second) == ("eve", f"{REFERENCE} supervised")
    assert pair.share == 1


def test_file_that_nobody_asked_for() -> None:
    """Two who share a file that may hold a network are found, whatever the assignment asks for and it is called."""
    other = {
        "notes.txt": b"same" * 999,
        "pic.png": b"\x89PNG" + bytes(9_999),
        "data/FashionMNIST/raw/a.pkl": bytes(9_999),
        "model/data.pkl": b"\x80\x02" + bytes(9_999),
    }
    copies = [
        ("weights.pt", "weights.pt", b"any bytes" * 500),
        ("net.bin", "out/final.ckpt", bytes(range(256)) * 9),
        ("brain", "mind", saved(WEIGHTS)),
        ("brain.pkl", "model.pth", pickle.dumps(WEIGHTS)),
    ]
    for first, second, data in copies:
        class_ = {"ann": {first: data} | other, "bob": {second: data} | other, "cy": other}
        (pair,) = pairs_of(class_, "miniplaces")
        assert (pair.kind, pair.first, pair.second, pair.share) == ("weights", "ann", "bob", 1)
        assert pair.sentence.startswith(f"{first} of ann and ")
        assert "byte for byte" in pair.sentence
        assert "given script" not in pair.sentence


def test_one_file_of_many() -> None:
    """Four students with one file are one entry that names all four, not six pairs."""
    class_ = {name: {"model.pth": saved(WEIGHTS)} for name in ("ann", "bob", "cy", "dee")}
    class_ |= {name: {"model.pth": saved(small_network(seed))} for seed, name in enumerate(("eve", "fay", "gus"), 1)}
    (pair,) = pairs_of(class_, "miniplaces")
    assert (pair.first, pair.second, pair.others) == ("ann", "bob", ("cy", "dee"))
    assert pair.sentence.startswith("model.pth of ann, bob, cy and dee is the same file, byte for byte.")


def test_copy_under_another_name() -> None:
    """The same numbers, saved again under another name, are found; nearly the same under another name are not."""
    again = saved({"state_dict": {f"module.{name}": value for name, value in WEIGHTS.items()}})
    (pair,) = pairs_of(
        {"ann": {"a.pt": saved(WEIGHTS)}, "bob": {"b.pt": again}, "cy": {"b.pt": saved(small_network(1))}}
    )
    assert pair.sentence.startswith("a.pt of ann and b.pt of bob hold exactly the same numbers")


def test_given_file_is_no_copy(tmp_path: Path) -> None:
    """What the assignment's folder holds, and the same numbers saved again, make nobody a pair."""
    shutil.copytree(PROJECT / "assignment/miniplaces", tmp_path / "assignment/miniplaces")
    (tmp_path / "assignment/miniplaces/start.pt").write_bytes(saved(WEIGHTS))
    again, own = saved({"state_dict": WEIGHTS}), saved(small_network(1))
    class_ = {"a": {"start.pt": saved(WEIGHTS)}, "b": {"start.pt": again}, "c": {"x.pt": again}, "d": {"y.pt": own}}
    assert len(pairs_of(class_, "miniplaces")) == 3
    assert pairs_of(class_, "miniplaces", tmp_path) == ()


def test_many_files_are_quick() -> None:
    """Hundreds of files of each student's are compared by their bytes, and only the largest by their numbers."""
    class_ = {
        f"s{student:02}": {f"run/{number}.pt": b"%d %d" % (student, number) + bytes(2_000) for number in range(300)}
        for student in range(20)
    }
    class_["s03"]["run/299.pt"] = class_["s07"]["run/7.pt"] = b"copied" * 500
    started = time.process_time()
    assert named(pairs_of(class_, "miniplaces")) == [("weights", "s03", "s07")]
    assert time.process_time() - started < 10


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    """A model file whose unpickling would do something does nothing here, and its numbers are compared all the same."""
    trap = tmp_path / "sprung"
    data = saved({"trap": Trap(trap), "weights": dict(WEIGHTS)})
    assert compare_models(read_model(data), read_model(saved(WEIGHTS))).share == 1
    assert not trap.exists()
    with pytest.raises(Exception, match=r".*"):
        torch.load(BytesIO(data), weights_only=True)
    torch.load(BytesIO(data), weights_only=False)
    assert trap.exists()  # it was one


def test_storages_of_a_file() -> None:
    """Every tensor of floating point numbers is found with its numbers in the tensor's own order."""
    weights = {"a": torch.randn(4, 5), "b": torch.randn(2, 3, 4, 5).contiguous(memory_format=torch.channels_last)}
    members = read_zip(saved({**weights, "steps": torch.tensor([3, 4])}))
    found = [storage.numbers(members).tolist() for storage in read_storages(members)]
    assert found == [value.flatten().tolist() for value in weights.values()]


@pytest.mark.parametrize("layout", [(-4, -5, -5, 1), (0, 20, 1, 1), (5, 4, 9, 9), (20,) * 80, (1,) * 80, (4, 5, 5, 1)])
def test_shapes_that_a_file_claims(layout: tuple[int, ...]) -> None:
    """Whatever shape a pickle claims, its storage gives its numbers."""
    found = Storage("here", "<f4", layout).numbers({"here": bytes(81)})
    assert found.shape == (20,)
    assert Storage("here", "<f4", layout).numbers({"here": b""}).shape == (0,)


@pytest.mark.slow
def test_damaged_files() -> None:
    """A damaged, empty or foreign model file is compared by its bytes alone, and empty ones with none."""
    whole = saved(WEIGHTS)
    rng = random.Random(8)
    files = [b"", b"PK", whole[: len(whole) // 2], b"\x80\x02}q\x00." * 300]
    old = saved(WEIGHTS, _use_new_zipfile_serialization=False)
    files += [old[:size] for size in range(0, len(old), 5_000)]
    for _ in range(60):
        broken = bytearray(old)
        broken[rng.randrange(2_000)] = rng.randrange(256)
        files.append(bytes(broken))
        members = read_zip(whole)
        name = next(path for path in members if path.endswith("data.pkl"))
        broken = bytearray(members[name])
        for _ in range(3):
            broken[rng.randrange(len(broken))] = rng.randrange(256)
        files.append(zipped(members | {name: bytes(broken)}))
    for file in files:
        compare_models(read_model(file), read_model(whole))
    assert [compare_models(read_model(file), read_model(file)).share for file in files[:4]] == [0, 0, 1, 1]


def zipped(members: Mapping[str, bytes]) -> bytes:
    """A zip with these files."""
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for path, content in members.items():
            archive.writestr(path, content)
    return file.getvalue()
