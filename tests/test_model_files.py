"""Model files: whatever form they come in is loaded where it fits exactly, and named in words where it does not."""

from __future__ import annotations

import io
import json
import pickle
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import sample_grade as sample
import torch
from safetensors.torch import save as save_safetensors
from sample_model_files import FILE, Net, Within, as_if_in, below, holder, load, saved, trained
from torch import nn
from torch.optim.swa_utils import AveragedModel

from grader.checking.context import Context
from grader.checking.running import run_checks
from grader.errors import Failure, Missing
from grader.packages import checks_folder
from grader.records import Outcome
from grader.report.view import view_report
from grader.results import results_json
from grader.sandbox.loading import differences, find_fits
from grader.sandbox.student import Implementation
from grader.sandbox.transport import LocalTransport
from grader.terminal import feedback_text
from grader.vision.file_kinds import tell_kind
from grader.vision.model_files import require_model

NET = trained()
STATE = NET.state_dict()
IMAGES = torch.arange(2 * 36.0).reshape(2, 1, 6, 6)


def counted(state: dict[str, Any]) -> dict[str, Any]:
    """The same with what thop counts in each layer."""
    layers = {name.rpartition(".")[0] for name in state} | {""}
    added = {
        f"{layer}.{count}".lstrip("."): torch.zeros(1) for layer in layers for count in ("total_ops", "total_params")
    }
    return state | added


def converted(change: Callable[[torch.Tensor], torch.Tensor]) -> dict[str, Any]:
    """The weights in another precision."""
    return {name: change(value) if value.is_floating_point() else value for name, value in STATE.items()}


FITS: dict[str, tuple[Any, str]] = {  # what is saved, and what is told of it
    "a state_dict": (STATE, ""),
    "a checkpoint": ({"epoch": 3, "state_dict": STATE, "best": 0.9}, ""),
    "another checkpoint": ({"model_state_dict": STATE, "optimizer_state_dict": {}}, ""),
    "the whole module": (NET, ""),
    **{prefix: (below(prefix, STATE), prefix) for prefix in ("module.", "_orig_mod.", "model.", "net.", "my_cnn.")},
    "compiled, then parallel": (below("module._orig_mod.", STATE), "module._orig_mod."),
    "parallel, then compiled": (below("_orig_mod.module.", STATE), "_orig_mod.module."),
    "of Lightning, compiled": ({"state_dict": below("model._orig_mod.", STATE), "epoch": 3}, "model._orig_mod."),
    "of Lightning, with a loss": (
        {"state_dict": below("net.", STATE) | {"loss.weight": torch.ones(10)}},
        "loss.weight",
    ),
    "a part compiled": (
        {name.replace("features.", "features._orig_mod."): value for name, value in STATE.items()},
        "_orig_mod.",
    ),
    "a part parallel": (
        {name.replace("features.", "features.module."): value for name, value in STATE.items()},
        "module.",
    ),
    "averaged": (AveragedModel(NET).state_dict(), "n_averaged"),
    "profiled": (counted(STATE), "total_ops"),
    "profiled and parallel": (counted(below("module.", STATE)), "total_params"),
    "without counts of batches": ({name: STATE[name] for name in STATE if "batches" not in name}, ""),
    "parallel, without counts": ({f"module.{name}": STATE[name] for name in STATE if "batches" not in name}, "module."),
    "float16": (converted(torch.Tensor.half), ""),
    "bfloat16": (below("module.", converted(torch.Tensor.bfloat16)), "module."),
    "float64": (converted(torch.Tensor.double), ""),
    "parameters": ({name: nn.Parameter(value, requires_grad=False) for name, value in STATE.items()}, ""),
    "a whole parallel module": (nn.DataParallel(NET), "DataParallel"),
    "a whole averaged module": (AveragedModel(nn.DataParallel(NET)), "AveragedModel"),
}
WRITTEN: dict[str, Callable[[Any], bytes]] = {
    "torch": saved,
    "torch before 1.6": lambda value: saved(value, _use_new_zipfile_serialization=False),
    "that, protocol 4": lambda value: saved(value, _use_new_zipfile_serialization=False, pickle_protocol=4),
    "pickle": pickle.dumps,
    "pickle, protocol 0": lambda value: pickle.dumps(value, 0),
}


def check_loaded(data: bytes, told: str, make: Callable[[], nn.Module] = Net, expected: nn.Module = NET) -> None:
    """The file gives the expected network's answers, and the report tells what was done for it."""
    who = holder(data, make)
    logits = load(who)(IMAGES)
    with torch.no_grad():
        assert np.allclose(logits, expected(IMAGES).numpy(), rtol=0.02)
    assert len(who.remarks) == bool(told)
    assert all(f"`{told}`" in remark and FILE in remark for remark in who.remarks)


@pytest.mark.filterwarnings("ignore:Couldn't retrieve source code:UserWarning")
@pytest.mark.parametrize("form", FITS)
def test_forms_that_fit(form: str) -> None:
    """What fits exactly without a wrapper's names and a profiler's counts is loaded, and the report says so."""
    value, told = FITS[form]
    check_loaded(saved(value), told)


@pytest.mark.filterwarnings("ignore:Couldn't retrieve source code:UserWarning")
@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize("form", ["module.", "the whole module", "a whole parallel module"])
def test_writers(form: str, written: str) -> None:
    """Files of torch's older form and of `pickle.dump` are read as those of `torch.save` are."""
    value, told = FITS[form]
    check_loaded(WRITTEN[written](value), told)


OTHER_NETWORKS = {
    "other layers": nn.Sequential(nn.Flatten(), nn.Linear(36, 10)),
    "a convolution before them": nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(64, 10)),
}


class Wide(nn.Module):
    """A student's class whose options are not the usual ones."""

    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(36, width), nn.Linear(width, 10))

    def forward(self, x: torch.Tensor) -> Any:
        """(N, 1, 6, 6) -> (N, 10)."""
        return self.layers(x)


@pytest.mark.filterwarnings("ignore:Couldn't retrieve source code:UserWarning")
@pytest.mark.parametrize("network", OTHER_NETWORKS)
def test_another_network_whole(network: str) -> None:
    """Another network is not taken for the student's because it was pickled whole, no more than its state_dict is."""
    with pytest.raises(Failure, match="its weights are those of another network") as refused:
        load(holder(saved(OTHER_NETWORKS[network])))
    assert refused.value.mistake == "fashion.model_of_other_network"


@pytest.mark.filterwarnings("ignore:Couldn't retrieve source code:UserWarning")
def test_own_network_whole() -> None:
    """A whole network of the student's class counts whatever its options, and within one that prepares the images."""
    wide, prepared = Wide(12).eval(), nn.Sequential(nn.Identity(), NET)
    check_loaded(saved(wide), "", Wide, wide)
    check_loaded(saved(prepared), "", expected=prepared)


def test_compiled_module() -> None:
    """A network saved whole after `torch.compile` is the network, and nothing is compiled to load it."""
    compiled = torch.compile(NET)
    for write in (saved, pickle.dumps):
        check_loaded(write(compiled), "OptimizedModule")


def test_distributed_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network saved whole in DistributedDataParallel is loaded without the other processes."""
    wrapper = nn.parallel.DistributedDataParallel.__new__(nn.parallel.DistributedDataParallel)
    nn.Module.__init__(wrapper)
    wrapper.module = NET
    monkeypatch.setattr(nn.parallel.DistributedDataParallel, "__getstate__", lambda self: self.__dict__)
    check_loaded(saved(wrapper), "DistributedDataParallel")


@pytest.mark.parametrize("write", WRITTEN.values(), ids=WRITTEN.keys())
def test_weights_of_a_gpu(write: Callable[[Any], bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights that were saved on a GPU are loaded on the CPU, whoever wrote them."""
    monkeypatch.setattr(torch.serialization, "location_tag", lambda _storage: "cuda:0")
    data = write(STATE)
    monkeypatch.undo()
    assert b"cuda:0" in data
    check_loaded(data, "")


@pytest.mark.parametrize("name", ["model", "net", "module", "_orig_mod"])
@pytest.mark.parametrize("prefix", ["", "model.", "net.", "module.", "_orig_mod."])
def test_own_names_come_first(name: str, prefix: str) -> None:
    """A network with a part called as a wrapper calls it keeps its own names, also within a wrapper."""
    net = trained(lambda: Within(name))
    check_loaded(saved(below(prefix, net.state_dict())), prefix, lambda: Within(name), net)


@pytest.mark.parametrize("name", ["__main__", "__mp_main__", "train", "package.model"])
@pytest.mark.parametrize("write", [saved, pickle.dumps], ids=["torch", "pickle"])
def test_class_of_another_module(name: str, write: Callable[[Any], bytes]) -> None:
    """A whole module whose class lay in a script or in a file that is gone finds it in the module handed in."""
    check_loaded(as_if_in(name, lambda: write(NET)), "")


UNFIT: dict[str, tuple[Any, str, str, str]] = {  # what is saved, the reason, what was found, the known mistake
    "under a key": ({"net": STATE, "acc": 0.9}, "not an accepted", "`net`: a state_dict of 9", "below_other_key"),
    "a module under a key": ({"model": NET}, "not an accepted", "`model`: a whole module of type", "below_other_key"),
    "a module as state_dict": ({"state_dict": NET}, "not an accepted", "`state_dict`: a whole", "below_other_key"),
    "a tuple": ((STATE, 0.9), "not an accepted", "a tuple of 2 (a state_dict of 9 tensors, a float)", "in_other_form"),
    "a list": ([STATE], "not an accepted", "a list of 1 (a state_dict of 9 tensors)", "in_other_form"),
    "parameters": (list(NET.parameters()), "not an accepted", "a list of 6 tensors", "in_other_form"),
    "a tensor": (torch.ones(3, 4), "not an accepted", "a tensor of shape (3, 4)", "in_other_form"),
    "arrays": ({n: v.numpy() for n, v in STATE.items()}, "not an accepted", "a dict (9 numpy arrays)", "in_other_form"),
    "with an epoch": (STATE | {"epoch": 3}, "not an accepted", "a dict (9 tensors, `epoch`: an int)", "in_other_form"),
    "an average": ({"decay": 0.9, "shadow_params": []}, "not an accepted", "`shadow_params`: a list", "in_other_form"),
    "nothing": ({}, "not an accepted", "a dict without anything in it", "in_other_form"),
    "None": (None, "not an accepted", "None", "in_other_form"),
    "a function": (len, "not an accepted", "an object of type `builtin_function_or_method`", "in_other_form"),
    "an optimizer": (torch.optim.Adam(NET.parameters()), "not an accepted", "an object of type", "in_other_form"),
    "its state": (torch.optim.Adam(NET.parameters()).state_dict(), "an optimizer", "an optimizer's", "is_optimizer"),
    "within a checkpoint": ({"state_dict": {"state": {}, "param_groups": []}}, "an optimizer", "", "is_optimizer"),
    "complex numbers": (converted(lambda value: value.to(torch.complex64)), "complex numbers", "", ""),
    "without numbers": ({n: v.to("meta") for n, v in STATE.items()}, "without numbers", "", ""),
    "a pruned network": (STATE | {"fc.weight_mask": torch.ones(1)}, "a pruned network", "prune.remove", ""),
    "two networks": (
        below("model.", STATE) | below("ema_model.", STATE), "more than one network", "`model.` and `ema_model.`", ""),
    "twice": (STATE | below("module.", STATE), "more than one network", "no prefix and `module.`", ""),
    "other classes": (
        trained(lambda: Net(5)).state_dict(), "another network",
        "`fc.weight` has shape (5, 4) in the file and (10, 4) in the network; `fc.bias` has", "of_other_network"),
    "other classes, wrapped": (
        below("module.", Net(5).state_dict()), "another network", "`fc.weight` has shape (5, 4)", "of_other_network"),
    "a head beside": (
        below("model.", STATE) | {"head.weight": torch.ones(9, 9)}, "another network", "`head.weight` is only in the",
        "of_other_network"),
    "other layers": (
        nn.Sequential(nn.Linear(784, 10)).state_dict(), "another network",
        "`features.0.weight` is missing in the file; `0.weight` is only in the file; `features.0.bias` is missing in "
        "the file; and 7 more", "of_other_network"),
}  # fmt: skip


@pytest.mark.parametrize("form", UNFIT)
def test_forms_that_do_not_fit(form: str) -> None:
    """Another form, and weights that do not fit exactly, are told as what they are, beside the accepted forms."""
    value, reason, found, mistake = UNFIT[form]
    with pytest.raises(Failure) as caught:
        load(holder(saved(value)))
    stopped = caught.value
    assert reason in stopped.message
    assert found in stopped.got
    assert stopped.mistake == (f"fashion.model_{mistake}" if mistake else None)
    assert ("another network" in stopped.message) == (mistake == "of_other_network")
    assert all(form in stopped.expected for form in ("a state_dict of MyNet()", '{"model_state_dict": ...}', "whole"))
    assert "torch.save(net.state_dict()" in stopped.help


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_quantised_network() -> None:
    """Weights of a quantised network are told as such."""
    weight = torch.quantize_per_tensor(torch.ones(10, 4), 0.1, 0, torch.qint8)
    for state in (STATE | {"fc.weight": weight}, {"fc._packed_params.dtype": torch.ones(1)}):
        with pytest.raises(Failure, match="a quantised network"):
            load(holder(saved(state)))


@pytest.mark.parametrize("name", ["dill._dill", "missing.part", "torch.nn", "__main__"])
def test_class_that_is_nowhere(name: str) -> None:
    """A pickle of a class that is nowhere names the class and why it was not found."""
    data = pickle.dumps(NET, 2).replace(b"csample_model_files\nNet\n", f"c{name}\nUnheard\n".encode())
    with pytest.raises(Failure, match=rf"needs `{name}\.Unheard`, which can't be imported") as caught:
        load(holder(data))
    assert {"__main__": "the script or notebook", "torch.nn": "`torch.nn` has no"}.get(
        name, "No module"
    ) in caught.value.got


def zipped(**members: bytes) -> bytes:
    """A zip of these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def written(write: Callable[[Any], Any]) -> bytes:
    """What a function writes into a file."""
    buffer = io.BytesIO()
    write(buffer)
    return buffer.getvalue()


PLAIN = {name: value.numpy() for name, value in STATE.items()}
FOREIGN: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "empty"),
    "zeros": (bytes(9000), "zeros"),
    "a pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "Git LFS"),
    "a page": (b"\n <!DOCTYPE html><html><title>Google Drive - Virus scan warning</title>", "a web page"),
    "an answer of a server": (b'\xef\xbb\xbf{"error": {"code": 404}}', "text"),
    "a note": (b"too large for the upload, see my drive", "text that begins with “too large for the upload"),
    "numpy.save": (written(lambda file: np.save(file, PLAIN["fc.weight"])), "a numpy array"),
    "numpy.savez": (written(lambda file: np.savez(file, **PLAIN)), "a numpy archive"),
    "safetensors": (save_safetensors(dict(STATE)), "a safetensors file"),
    "joblib, compressed": (zlib.compress(pickle.dumps(PLAIN)), "joblib"),
    "gzip": (b"\x1f\x8b\x08" + bytes(99), "gzip"),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(99), "HDF5"),
    "ONNX": (b"\x08\x08\x12\x07pytorch\x1a\x052.1.0:\x80\x01" + bytes(99), "an ONNX file"),
    "Keras": (zipped(**{"config.json": b"{}", "model.weights.h5": b""}), "Keras"),
    "TorchScript": (zipped(**{"m/data.pkl": b"", "m/constants.pkl": b"", "m/code/a.py": b""}), "TorchScript"),
    "a zip of it": (zipped(**{"__MACOSX/._model.pth": b"", "model.pth": saved(STATE)}), "a zip that holds `model.pth`"),
    "another zip": (zipped(**{"fashion.py": b""}), "a zip that holds `fashion.py`"),
    "an empty zip": (zipped(), "a zip without files"),
    "a tar of it": (b"model.pth".ljust(257, b"\0") + b"ustar\0", "a tar archive that begins with `model.pth`"),
    "a picture": (b"\xff\xd8\xff\xe0" + bytes(99), "a picture"),
    "half a file": (saved(STATE)[:2000], "cut off"),
    "half an old file": (WRITTEN["torch before 1.6"](STATE)[:-40], "damaged"),
    "half a pickle": (pickle.dumps(STATE)[:2000], "damaged"),
    "a damaged file": (saved(STATE).replace(b"PK\x03\x04", b"PK\x03\x00"), "damaged"),
}


@pytest.mark.parametrize("what", FOREIGN)
def test_files_that_hold_no_network(what: str) -> None:
    """What is no file of torch's is told by what it is, with what to do, and never as another network."""
    data, told = FOREIGN[what]
    with pytest.raises(Failure) as caught:
        load(holder(data))
    assert told in caught.value.message
    assert caught.value.help
    assert caught.value.mistake in (None, "fashion.model_in_other_format")
    assert "Traceback" not in caught.value.message + caught.value.got


@pytest.mark.parametrize("form", FITS)
def test_right_files_are_no_other_kind(form: str) -> None:
    """No file that can be loaded is taken for another kind, whoever wrote it."""
    assert [tell_kind(write(FITS[form][0])) for write in WRITTEN.values()] == [None] * len(WRITTEN)


@pytest.mark.parametrize(
    "data", [bytes(64 << 20), b"PK\x05\x06" * (16 << 20), b"{" * (64 << 20), b"PK" + bytes(64 << 20)]
)
def test_looking_at_a_file_is_quick(data: bytes) -> None:
    """What a large file is, is told in time that does not depend on what is in it."""
    started = time.process_time()
    tell_kind(data)
    assert time.process_time() - started < 1


def having(files: dict[str, bytes]) -> Implementation:
    """A student with these files."""
    return Implementation((), LocalTransport({}, files), files)


def test_unpacked_file() -> None:
    """A file of torch's that something unpacked into a folder is told as such; without one the file is missing."""
    files = dict.fromkeys(("other/data.pkl", "model/data.pkl", "model/data/0", "model/version", "a.py"), b"")
    with pytest.raises(Missing, match=r"no `model\.pth`, but the folder `model`"):
        require_model(having(files), FILE)
    with pytest.raises(Missing, match=r"no `model\.pth` at its root"):
        require_model(having({"a.py": b"", "data.pkl": b""}), FILE)
    require_model(having({FILE: b""}), FILE)


def looped() -> dict[str, Any]:
    """A dictionary that is in itself."""
    loop: dict[str, Any] = {"a": STATE}
    loop["state_dict"] = loop["loop"] = loop
    return loop


HOSTILE: dict[str, Callable[[], Any]] = {
    "many names": lambda: dict.fromkeys(map(str, range(50_000)), torch.ones(1)),
    "many prefixes": lambda: {f"{'a.' * number}fc.weight": torch.ones(10, 4) for number in range(300)},
    "long names": lambda: {"x" * (1 << 20): torch.ones(1), "module." * 100_000 + "fc.weight": torch.ones(1)},
    "in itself": looped,
    "deep": lambda: json.loads("[" * 99 + "]" * 99),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_contents(case: str) -> None:
    """Whatever a file holds, it is told in a few words, in time."""
    started = time.process_time()
    with pytest.raises(Failure) as caught:
        load(holder(saved(HOSTILE[case]())))
    assert len(caught.value.got) < 700
    assert time.process_time() - started < 5


REMARKING = """
from grader.checking.declare import check
from grader.errors import Failure
from grader.rubric import get_assignment

@check("1")
def check_first(student):
    \"\"\"It passes.\"\"\"
    student.remarks += ["Taken off.", "Left out."]

@check("1")
def check_second(student):
    \"\"\"It fails.\"\"\"
    student.remarks += ["Taken off.", "Another."]
    raise Failure("Too few.")
"""


def test_report_says_what_was_taken_off(tmp_path: Path) -> None:
    """A remark stands at the first check that has it, passed or not, in the results, on the page and the terminal."""
    who, own = holder(None), tmp_path / "solutions" / "toy"
    tasks = {"1": SimpleNamespace(module="fashion")}
    toy: Any = SimpleNamespace(id="toy", by_id=tasks, root=tmp_path, solutions_folder=own)
    checks_folder(toy).mkdir(parents=True)
    (checks_folder(toy) / "check_toy.py").write_text(REMARKING, encoding="utf-8")
    context = Context(toy, who, who, (), lambda _one: who, "seed")
    run_checks(context)
    first, second = context.results
    assert (first.outcome, first.message) == (Outcome.PASSED, "Taken off. Left out.")
    assert (second.outcome, second.message) == (Outcome.FAILED, "Too few. Another.")
    grade = sample.grade(checks=(first.model_copy(update={"task": "4c"}),))
    shown = [row.message for task in view_report(grade, (), sample.assignment()).tasks for row in task.checks]
    assert shown == [first.message]
    assert feedback_text(grade, "title").count(first.message) == 1
    assert json.dumps(results_json(grade, (), sample.run_facts(), "")["tests"]).count(first.message) == 1


def test_network_without_shapes_yet() -> None:
    """A network whose layers find their sizes out by themselves is filled, also out of a wrapper."""
    net = nn.Sequential(nn.Flatten(), nn.LazyLinear(10))
    net(IMAGES)
    for prefix in ("", "model."):
        check_loaded(
            saved(below(prefix, net.state_dict())), prefix, lambda: nn.Sequential(nn.Flatten(), nn.LazyLinear(10)), net
        )


def test_nothing_is_guessed() -> None:
    """A prefix is taken off only where every name and every shape fits below it, and in one place alone."""
    assert [fit.prefix for fit in find_fits(below("a.b.", STATE), STATE)] == ["a.b."]
    assert find_fits(below("a.", {**STATE, "fc.bias": torch.ones(11)}), STATE) == []
    assert find_fits({name: value for name, value in below("a.", STATE).items() if name != "a.fc.bias"}, STATE) == []
    assert [fit.beside for fit in find_fits(below("a.", {**STATE, "more": torch.ones(2, 2)}), STATE)] == [("a.more",)]
    assert find_fits(STATE, {}) == []
    assert differences(STATE, STATE) == ()
