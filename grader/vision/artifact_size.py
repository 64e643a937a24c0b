"""What a submission holds: files and networks that are large enough for the test images.

What a network says of its own size is the student's process speaking; the sizes of files are not.
"""

from __future__ import annotations

from itertools import islice

import numpy as np
from numpy.random import Generator

from grader.checking.compare import expect, number
from grader.checking.integrity_flags import IntegrityFlags
from grader.errors import Failure
from grader.sandbox.calls import make
from grader.sandbox.student import Handle, Implementation
from grader.text import clean_name
from grader.vision.lookup_tables import LEAST, count_literals, tables_in_file
from grader.vision.memorization import AskedAgain, compare_altered
from grader.vision.training_images import Labelled

# A checkpoint holds, besides the weights, what an optimizer keeps of each (Adam twice its size) and often their mean.
MOST_COPIES = 4
MOST_BESIDE = 64 << 10  # bytes: names, shapes and curves
MOST_PARAMETERS = 25_600_000  # a ResNet-50's; where a data set has more pixels, so many
MOST_COUNTED = 1e12  # parameters: far more than fit into memory
MOST_SHOWN = 56 << 20  # bytes of parameters that the process is asked to show; an answer has 64 MiB
MOST_SOURCE = 100_000  # bytes of a module: many times the solutions'
MOST_OTHER = 1 << 20  # bytes of any other file that is not asked for
MOST_READ = 256 << 10  # bytes of a text; the zip gate refuses a longer module
READ = (".py", ".json", ".txt", ".csv", ".md", ".toml", ".yaml", ".yml")
PICTURES = ("my_scene.jpg", "my_scene.png")
NAMED = 3  # files in a sentence


def look_into(
    looks: IntegrityFlags,
    asked: AskedAgain,
    rng: Generator,
    threshold: float,
    best: float,
    training: Labelled | None = None,
) -> None:
    """All remarks on a network that has earned its points.

    Args:
        looks: Takes them.
        asked: The network, and what it was asked.
        rng: Random numbers.
        threshold: The accuracy above which it has earned its points.
        best: The accuracy that networks of this kind stay below.
        training: Training images that it is asked about as well; None where there are none on this machine.
    """

    def question() -> None:
        note_accuracy(looks, asked.accuracy, best)
        compare_altered(looks, asked, rng, threshold, training)
        note_tables(looks, asked)
        compare_size(looks, asked)

    looks.ask(question)


def compare_size(looks: IntegrityFlags, asked: AskedAgain) -> None:
    """Remark on a model file that is larger than its network, and on a network that could hold the test images.

    Raises:
        CheckStopped: If the network does not say how large it is.
    """
    file = asked.file
    flat = asked.who.make(make("torch.nn.utils.parameters_to_vector", asked.net.parameters()))
    count, each = number(flat.numel()), number(flat.element_size())
    expect(
        0 <= count <= MOST_COUNTED and 1 <= each <= 16, "It claims an impossible size.", got=f"{count:g} of {each:g}"
    )
    size, weights = len(asked.who.files[file]), count * each
    if size > MOST_COPIES * weights + MOST_BESIDE:
        looks.note(
            "large_model_file",
            f"{file} has {size:,} bytes, its network {count:,.0f} parameters of {weights:,.0f} bytes together. What an "
            "optimizer keeps would make it three times as large. What else is in it?",
            file_bytes=size,
            parameter_bytes=weights,
        )
    pixels = asked.images.numel()
    if count > max(pixels, MOST_PARAMETERS):
        looks.note(
            "many_parameters",
            f"The network in {file} has {count:,.0f} parameters, the test images have {pixels:,} pixels: it could hold "
            "them all.",
            parameters=count,
            pixels=pixels,
        )
    if weights <= MOST_SHOWN:
        _look_for_tables(looks, file, asked.net, len(asked.labels))


def note_tables(looks: IntegrityFlags, asked: AskedAgain) -> None:
    """Remark on a model file that holds test images, or whole numbers as labels and digests of images are."""
    classes = asked.logits.shape[1]
    for what in islice(tables_in_file(asked.who.files[asked.file], asked.images, classes), 1):
        looks.note("table_in_file", f"{asked.file} holds {what}. Does it know test images by heart?")


def note_literals(looks: IntegrityFlags, student: Implementation) -> None:
    """Remark on the module or text with the longest list of whole numbers or digests, where it is long."""
    counts = {
        name: count_literals(data[:MOST_READ].decode("utf-8", "replace"))
        for name, data in student.files.items()
        if name.endswith(READ)
    }
    name = max(counts, key=lambda name: (counts[name], name), default="")
    if name and counts[name] >= LEAST:
        told = f"{clean_name(name)} holds {counts[name]} whole numbers, digests or pieces of encoded data in a row."
        looks.note("table_in_source", f"{told} Are they labels of test images?", count=counts[name])


def _look_for_tables(looks: IntegrityFlags, file: str, net: Handle, images: int) -> None:
    """Remark on tensors with a row for each test image, and on as many whole numbers: weights are fractions."""
    state = net.state_dict.with_options(canonical=lambda _answer: None)()  # too much to record
    if not isinstance(state, dict):
        raise Failure("Its state_dict() is not a dictionary.")
    for name, value in state.items():
        if not isinstance(value, np.ndarray):
            continue
        is_table = images in value.shape
        if is_table or (value.dtype.kind in "biu" and value.size >= images):
            what = "as many rows as there are test images" if is_table else "as many whole numbers as test images"
            told = f"`{clean_name(str(name))}` in {file} is a {value.dtype} tensor of shape {value.shape}: {what}."
            looks.note("table_in_network", told, values=value.size, images=images)
            return


def note_accuracy(looks: IntegrityFlags, measured: float, best: float) -> None:
    """Remark on an accuracy on the test images that networks of this kind don't reach, `best`."""
    if measured > best:
        told = f"The network is right on {measured:.2%} of the test images; what learns from the training images alone"
        sentence = f"{told} stays below {best:.0%}. Was it trained on the test images, or does it hold them?"
        looks.note("too_good", sentence, measured=measured)


def note_files(looks: IntegrityFlags, student: Implementation, *models: str) -> None:
    """Remark on long lists of literals, and on large files, other than `models`, that nobody asked for.

    The student's code can read them.
    """
    note_literals(looks, student)
    found = {name: len(data) for name, data in student.files.items() if name not in models}
    large = {name: size for name, size in found.items() if size > _most_bytes(name)}
    if large:
        first = sorted(large, key=lambda name: (-large[name], name))
        told = ", ".join(f"{clean_name(name)} ({large[name]:,} bytes)" for name in first[:NAMED])
        more = f" and {len(large) - NAMED} more" if len(large) > NAMED else ""
        sentence = f"Large files that were not asked for and that its code can read: {told}{more}."
        looks.note("large_files", sentence, bytes=sum(large.values()), files=len(large))


def _most_bytes(name: str) -> float:
    if name.endswith(".py"):
        return MOST_SOURCE
    return float("inf") if name in PICTURES or name.endswith(".ipynb") else MOST_OTHER
