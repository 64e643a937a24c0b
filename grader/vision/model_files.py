"""Trained networks out of a student's model files, and what they answer, asked batch by batch."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from grader.checking.compare import expect, expect_finite, expect_shape, numbers
from grader.errors import Failure, Missing, StudentRaised
from grader.sandbox.student import Handle, Implementation, LoadedModel
from grader.text import clean_name
from grader.vision.datasets.imageset import ImageSet
from grader.vision.file_kinds import quote_text, tell_kind

FORMS = 'a state_dict of {maker}, {{"state_dict": ...}}, {{"model_state_dict": ...}}, or the whole pickled module'
# Why a file can't be used, by the word for it: the end of a sentence, and the known mistake.
PROBLEMS = {
    "class": ("what was pickled needs {found}, which can't be imported where your code is checked", ""),
    "converted": ("it holds {found}", ""),
    "form": ("it holds {found}, which is not an accepted form", "model_in_other_form"),
    "key": ("it holds {found}, which is not an accepted form", "model_below_other_key"),
    "layers": ("its weights are those of another network", "model_of_other_network"),
    "optimizer": ("it holds the state of an optimizer", "model_is_optimizer"),
    "several": ("it holds more than one network that fits", ""),
}
RAISED = "Your code raised "  # how messages begin; here it is torch, or the pickle, that did
DAMAGED = ("EOFError", "UnpicklingError", "BadZipFile")
_DAMAGED = re.compile(r"PytorchStreamReader|unexpected EOF|central directory|truncated", re.IGNORECASE)


def load_weights(who: Implementation, file: str, module: str, net: Handle, *, maker: str, mistakes: str) -> Handle:
    """The network of a model file, in evaluation mode; what was taken off it is remarked on.

    Args:
        who: Whose file.
        file: Its name; `require_model` has found it.
        module: Where a whole pickled network looks for its class.
        net: What a state dict is loaded into.
        maker: How `net` was made, as messages show it.
        mistakes: Whose known mistakes are named, such as `model_of_other_network`.

    Raises:
        Failure: If the file does not fit the network.
    """
    said = f"`{file}` can't be loaded into {maker}"
    forms, save = FORMS.format(maker=maker), f'Save the network with torch.save(net.state_dict(), "{file}").'
    if kind := tell_kind(who.files[file]):
        mistake = None if kind.advice else f"{mistakes}.model_in_other_format"
        help = kind.advice or save
        raise Failure(f"{said}: it is {kind.what}.", expected=forms, got=kind.what, help=help, mistake=mistake)
    try:
        loaded = who.load_model(file, module, net)
    except StudentRaised as error:
        what = f"{said}{_told_by_error(error, who.files[file])}."
        raise Failure(what, expected=forms, got=error.message.removeprefix(RAISED), help=error.help or save) from error
    if loaded.model is None:
        reason, mistake = PROBLEMS.get(loaded.problem, PROBLEMS["form"])
        raise Failure(
            f"{said}: {reason.format(found=loaded.found)}.",
            expected=forms,
            got="; ".join([loaded.found, *loaded.differences]),
            help=save,
            mistake=f"{mistakes}.{mistake}" if mistake else None,
        )
    if remark := _remark(file, loaded):
        who.remarks.append(remark)
    loaded.model.eval()
    return loaded.model


def require_model(who: Implementation, file: str) -> None:
    """Do nothing where a model file is there.

    Raises:
        Missing: If it is not; the message tells of a folder into which it was unpacked.
    """
    if file in who.files:
        return
    stem = file.rpartition(".")[0]
    folders = {path.rpartition("/")[0] for path in who.files if path.endswith("/data.pkl")}
    if folder := min(folders, key=lambda name: (stem not in name, len(name), name), default=None):
        raise Missing(
            f"Your zip has no `{file}`, but the folder `{clean_name(folder)}` into which such a file was unpacked.",
            help="Hand in the file as torch.save wrote it, not what is in it.",
        )
    raise who.lacks(file, help="Save it with torch.save(net.state_dict(), ...).")


def _told_by_error(error: StudentRaised, data: bytes) -> str:
    """What an exception at loading says of a file, as the end of a sentence; empty where it may mean anything."""
    if error.kind in DAMAGED and (text := quote_text(data)):
        return f": it is text that begins with {text}"
    if error.kind in DAMAGED or _DAMAGED.search(error.message):
        return ": it is damaged, or only a part of it"
    return ""


def _remark(file: str, loaded: LoadedModel) -> str:
    """What was taken off to make a file fit, in a sentence; empty where nothing was."""
    off, out = (_listed(names) for names in (loaded.taken_off, loaded.left_out))
    if loaded.form == "whole model":
        return f"The network in `{file}` was taken out of {off}, which was saved around it." if off else ""
    done = [f"{off} was taken off the names of its weights"] if off else []
    done += [f"{out} was left out"] if out else []
    return f"`{file}`: {', and '.join(done)}." if done else ""


def _listed(names: tuple[str, ...]) -> str:
    return " and ".join(f"`{clean_name(name)}`" for name in names)


def logits_in_batches(
    net: Handle, images: Tensor, classes: int, batch: int, normalise: Callable[[Tensor], Tensor] = lambda images: images
) -> NDArray[np.float64]:
    """What a network answers, (N, K).

    Args:
        net: In evaluation mode.
        images: (N, C, H, W).
        classes: K, how many logits it must give.
        batch: Images per call.
        normalise: Brings a batch to what the network gets.

    Raises:
        Failure: If it gives something else, or numbers that are not finite.
    """
    parts = []
    for start in range(0, len(images), batch):
        some = images[start : start + batch]
        answer = numbers(net(normalise(some)))
        expect_shape(answer, (len(some), classes))
        expect_finite(answer, what="network's logits")
        parts.append(answer.astype(np.float64).reshape(len(some), classes))
    return np.concatenate(parts)


def share_right(logits: NDArray[Any], labels: NDArray[Any]) -> float:
    """The share of images whose largest logit, of (N, K), is that of their label, of (N,)."""
    return float((logits.argmax(axis=1) == labels).mean())


def expect_accuracy(
    who: Implementation,
    file: str,
    maker: str,
    *,
    data: ImageSet,
    at_least: float,
    normalise: Callable[[Tensor], Tensor],
    batch: int = 200,
) -> float:
    """Expect that the network in a model file classifies more than a share of a data set's images right.

    Args:
        who: Whose file.
        file: Its name.
        maker: What makes the network without arguments, `module.name`.
        data: Images and labels; the labels stay on this side.
        at_least: The share that must be exceeded.
        normalise: uint8 images -> what the network gets.
        batch: Images per call: a slow network meets no deadline.

    Returns:
        The share of right answers.

    Raises:
        Missing: If there is no such file.
        Failure: If it does not fit the network, or if the network is right on fewer.
    """
    require_model(who, file)
    module, _, name = maker.partition(".")
    fresh = getattr(getattr(who, module), name).with_options(keep=True)()
    net = load_weights(who, file, module, fresh, maker=f"{name}()", mistakes=module)
    logits = logits_in_batches(net, data.images, len(data.classes), batch, normalise)
    share = share_right(logits, data.labels.numpy())
    expect(
        share > at_least,
        f"Of {len(data.labels):,} images, the network classifies {share:.2%} right.",
        expected=f"more than {at_least:.0%}",
        got=f"{share:.2%}",
    )
    return share
