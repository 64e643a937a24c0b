"""The report's pictures, drawn of your own arrays: each function writes a file into `plots/` and returns its path.

    import plots
    plots.filters(visualize_filters(model.conv1.weight))

Tensors and arrays are both right. Shapes: n images, (H, W) or (H, W, 3) each; K classes.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).resolve().parent
if str(FOLDER / "kit") not in sys.path:
    sys.path.insert(0, str(FOLDER / "kit"))

from grader.decoding import parse_json  # noqa: E402 - the kit's folder must be on the path first
from grader.figures import draw  # noqa: E402 - as above
from grader.records import Exhibit  # noqa: E402 - as above

logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # the report's fonts need not be on this machine


def filters(images: Any, name: str = "filters") -> Path:
    """Filters as images: (n, kh, kw) or (n, kh, kw, 3), uint8, or in [0, 1]."""
    return _write("filters", name, {"student_images": _bytes(images)})


def maps(image: Any, found: Any, labels: list[str], name: str = "maps") -> Path:
    """Maps (n, h, w) over an image (H, W, 3), uint8 or in [0, 1]: of units, or of classes."""
    return _write("overlays", name, {"image": _bytes(image), "student_maps": _array(found)}, labels=labels)


def curves(history: dict[str, list[float]], name: str = "curves") -> Path:
    """Learning curves: `train_loss`, `train_accuracy`, `val_loss`, `val_accuracy`, those that you have."""
    longest = max((len(values) for values in history.values()), default=0)
    drawn = {key: _fractions(values) if key.endswith("accuracy") else values for key, values in history.items()}
    series = {"label": "Yours", "epochs": list(range(1, longest + 1)), **drawn}
    return _write("curves", name, {}, series=[series])


def techniques(experiments: list[dict[str, Any]], name: str = "techniques") -> Path:
    """What `experiments.json` holds, by technique."""
    keys = ("train_accuracy", "val_accuracy")
    numbers = iter(_fractions([run[key] for run in experiments for key in keys]))
    drawn = [run | {key: next(numbers) for key in keys} for run in experiments]
    return _write("techniques", name, {}, experiments=drawn)


def confusion(labels: Any, predicted: Any, classes: list[str], name: str = "confusion") -> Path:
    """How many images of each class (rows) were taken for each (columns): right and predicted classes, (n,) each."""
    counts = np.zeros((len(classes), len(classes)), np.int64)
    np.add.at(counts, (_array(labels).astype(int), _array(predicted).astype(int)), 1)
    return _write("confusion", name, {"student_counts": counts}, classes=classes)


def embedding(supervised: Any, rotation: Any, labels: Any, classes: list[str], name: str = "embedding") -> Path:
    """Two layouts of the same images, (n, 2) each, by class, (n,)."""
    points = {"student_supervised": _array(supervised), "student_rotation": _array(rotation)}
    return _write("embedding", name, {**points, "labels": _array(labels).astype(np.int64)}, classes=classes)


def neighbours(
    queries: Any, found: Any, query_labels: Any, labels: Any, classes: list[str], name: str = "neighbours"
) -> Path:
    """Images (Q, H, W, 3), the neighbours found for each, (Q, k, H, W, 3), and the classes of both, (Q,) and (Q, k)."""
    arrays = {"queries": _bytes(queries), "query_labels": _array(query_labels).astype(np.int64)}
    arrays |= {"student_images": _bytes(found), "student_labels": _array(labels).astype(np.int64)}
    return _write("neighbours", name, arrays, classes=classes, share={}, bank=int(arrays["student_images"].shape[1]))


def from_history(file: Path = FOLDER / "history.json") -> list[Path]:
    """The learning curves of each network in `history.json`; nothing where there is no such file."""
    if not file.is_file():
        return []
    try:
        histories = parse_json(file.read_bytes())
        return [curves(dict(history), f"curves-{name}") for name, history in dict(histories).items()]
    except (ValueError, TypeError) as error:
        print(f"{file.name} does not hold curves by the network's name: {error}")
        return []


def _fractions(accuracies: list[float]) -> list[float]:
    """Accuracies from 0 to 1; where one is above 1 all of them are percent, as the grader reads them."""
    return [value / 100 for value in accuracies] if max(accuracies, default=0) > 1 else accuracies


def _write(kind: str, name: str, arrays: dict[str, Any], **facts: Any) -> Path:
    picture = draw(Exhibit("your own", kind, name, "", arrays, facts))
    path = FOLDER / "plots" / f"{name}.{'svg' if 'svg' in picture.media else 'png'}"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(picture.data)
    if picture.caption:  # a sentence that says why there is no picture
        print(f"plots/{path.name}: {picture.caption}")
    return path


def _array(values: Any) -> Any:
    if hasattr(values, "detach"):
        return values.detach().cpu().numpy()
    if isinstance(values, list | tuple):
        return np.stack([_array(each) for each in values])
    return np.asarray(values)


def _bytes(images: Any) -> Any:
    """Images as uint8; what is not is taken to lie in [0, 1]."""
    array = _array(images)
    return array if array.dtype == np.uint8 else (np.clip(np.nan_to_num(array), 0, 1) * 255).round().astype(np.uint8)
