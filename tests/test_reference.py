"""Reference models are trained reproducibly, cached, resumed after an interruption, and ship with a true accuracy."""

from __future__ import annotations

import io
import itertools
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from rich.console import Console
from torch import Tensor

from grader import reference
from grader.errors import DataMissing, MachineError, UsageError
from grader.folders import data_folder
from grader.manifest import Manifest
from grader.reference import load_reference, ship_reference, train_reference
from grader.rubric import get_assignment
from grader.solutions import solution_files
from grader.vision.datasets.cifar import CIFAR_CLASSES, cifar10, normalise_cifar
from grader.vision.datasets.fashion import FASHION_CLASSES, fashion_mnist, normalise_fashion
from grader.vision.datasets.imageset import ImageSet, without_downloads
from grader.vision.training import run
from grader.vision.training.batches import Batches, cut_out, measure, shift_and_mirror
from grader.vision.training.recipe import TrainingRecipe, find_recipe
from grader.vision.training.run import Settings

MINIPLACES, TWO_NETWORKS = get_assignment("miniplaces"), get_assignment("two_networks")
SETTINGS = Settings(epochs=3, peak_lr=3e-3, batch_size=16, augment=True, validation=20)


def tiny_images(split: str) -> ImageSet:
    """Sixty images, each with a bright row at a height that tells its class."""
    count = 60
    generator = torch.Generator().manual_seed(len(split))
    labels = torch.arange(count) % 10
    images = torch.randint(100, (count, 1, 28, 28), generator=generator).to(torch.uint8)
    images[torch.arange(count), 0, 2 * labels + 3] = 255
    return ImageSet("Rows", split, images, labels, FASHION_CLASSES, "test", f"rows-{split}")


def recipe_with(**changes: Any) -> TrainingRecipe:
    """The recipe of the real `MyNet`, on the tiny images."""
    real = find_recipe(MINIPLACES, "fashion")
    settings = replace(SETTINGS, **changes)
    return replace(real, data=tiny_images, presets={"quick": settings, "full": settings})


def scene_network() -> torch.nn.Module:
    """The network of the recipe "scene", untrained."""
    return find_recipe(MINIPLACES, "scene").setup("quick").net


def tiny_scenes(split: str) -> ImageSet:
    """The same sixty images as colour pictures of 32x32 pixels."""
    rows = tiny_images(split)
    return replace(rows, images=torch.nn.functional.pad(rows.images, [2] * 4).repeat(1, 3, 1, 1), classes=CIFAR_CLASSES)


def no_scenes(split: str) -> ImageSet:
    """A data set that is not there."""
    raise DataMissing("CIFAR-10 is not on this machine: put it there.")


def scene_recipe(data: Callable[[Any], ImageSet] = tiny_scenes) -> TrainingRecipe:
    """The real recipe "scene", short and on tiny images."""
    real = find_recipe(MINIPLACES, "scene")
    settings = replace(real.presets["quick"], epochs=1, batch_size=20, validation=20)
    return replace(real, data=data, presets={"quick": settings, "full": settings})


@pytest.fixture
def use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make some recipes the only ones; the cache is an empty folder and the tiny recipe is in use."""
    monkeypatch.setenv("GRADER_CACHE", str(tmp_path / "cache"))

    def use(*recipes: TrainingRecipe) -> None:
        monkeypatch.setattr(reference, "load_manifest", lambda _assignment: Manifest(models=recipes))

    use(recipe_with())
    return use


@pytest.fixture
def patch_train(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[..., tuple[float, float]]], None]:
    """Replace the solution's `train`; the replacement gets the real one first."""
    load = TrainingRecipe.load

    def patch_train(train: Callable[..., tuple[float, float]]) -> None:
        def solution(recipe: TrainingRecipe, name: str) -> ModuleType:
            loaded = load(recipe, name)
            real = loaded.train
            loaded.train = lambda *arguments: train(real, *arguments)  # type: ignore[attr-defined]
            return loaded

        monkeypatch.setattr(TrainingRecipe, "load", solution)

    return patch_train


def place(preset: str = "quick") -> Path:
    """Where the reference of today's recipes stands in the cache."""
    chosen, _left_out = reference._by_data(MINIPLACES, download=False)
    return reference._cache_folder(MINIPLACES, chosen, preset)


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    """Whether two state dicts are equal to the bit."""
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.slow
def test_same_seed_same_weights(use: Callable[..., None]) -> None:
    """The same seed gives the same weights to the bit, another seed gives others."""
    first = train_reference(MINIPLACES, console=Console(file=io.StringIO()))
    torch.manual_seed(99)
    again = train_reference(MINIPLACES, console=Console(file=io.StringIO()), force=True)
    assert same(first.weights["fashion"], again.weights["fashion"])
    use(recipe_with(seed=1))
    other = train_reference(MINIPLACES, console=Console(file=io.StringIO()))
    assert not same(first.weights["fashion"], other.weights["fashion"])


def test_leaves_the_callers_generator(use: Callable[..., None]) -> None:
    """Training draws from a generator of its own: the caller's goes on as if nothing had happened."""
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train_reference(MINIPLACES, console=Console(file=io.StringIO()))
    assert torch.equal(torch.rand(3), expected)


def test_metrics(use: Callable[..., None]) -> None:
    """The metrics hold four curves, the chosen epoch, and a confusion matrix whose diagonal is the accuracy."""
    trained = train_reference(MINIPLACES, console=Console(file=io.StringIO()))
    metrics = trained.metrics["fashion"]
    assert {name: len(values) for name, values in metrics["curves"].items()} == dict.fromkeys(run.CURVES, 3)
    assert metrics["curves"]["val_accuracy"][metrics["best_epoch"]] == max(metrics["curves"]["val_accuracy"])
    confusion = torch.tensor(metrics["confusion"])
    assert confusion.sum(dim=1).tolist() == [6] * 10
    assert metrics["test_accuracy"] == pytest.approx(confusion.trace().item() / 60)
    assert metrics["parameters"] == sum(
        value.numel() for name, value in trained.weights["fashion"].items() if "running" not in name and value.ndim
    )


def test_resume(
    use: Callable[..., None], patch_train: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that was interrupted goes on at the epoch that was lost, and ends with the same weights and curves."""
    whole = train_reference(MINIPLACES, console=Console(file=io.StringIO()))
    monkeypatch.setenv("GRADER_CACHE", str(tmp_path / "second"))
    epochs: list[int] = []

    def interrupted(real: Callable[..., tuple[float, float]], *arguments: Any) -> tuple[float, float]:
        epochs.append(arguments[-1])
        if epochs == [0, 1]:
            raise KeyboardInterrupt
        return real(*arguments)

    patch_train(interrupted)
    with pytest.raises(KeyboardInterrupt):
        train_reference(MINIPLACES, console=Console(file=io.StringIO()))
    resumed = train_reference(MINIPLACES, console=Console(file=io.StringIO()))
    assert epochs == [0, 1, 1, 2]
    assert same(whole.weights["fashion"], resumed.weights["fashion"])
    assert whole.metrics["fashion"]["curves"] == resumed.metrics["fashion"]["curves"]


def test_found_in_cache(use: Callable[..., None], patch_train: Callable[..., None], tmp_path: Path) -> None:
    """A finished reference is found again without training, and nothing else is left in the cache."""
    trained = train_reference(MINIPLACES, console=Console(file=io.StringIO()))

    def forbidden(*arguments: Any) -> tuple[float, float]:
        raise AssertionError("trained again")

    patch_train(forbidden)
    found = train_reference(MINIPLACES, console=Console(file=io.StringIO()))
    assert same(trained.weights["fashion"], found.weights["fashion"])
    assert found.source == "trained here"
    (folder,) = (tmp_path / "cache" / "reference").iterdir()
    assert {path.name for path in folder.iterdir()} == {"fashion.safetensors", "metrics.json"}


def test_best_epoch_is_kept(use: Callable[..., None], patch_train: Callable[..., None]) -> None:
    """The weights of the best validation epoch are kept, not those of the last one."""
    only_zeros = torch.zeros(60, dtype=torch.int64)
    use(replace(recipe_with(), data=lambda split: replace(tiny_images(split), labels=only_zeros)))

    def right_in_epoch_1_only(real: Callable[..., tuple[float, float]], *arguments: Any) -> tuple[float, float]:
        model, epoch = arguments[1], arguments[3]
        with torch.no_grad():
            model.fc.weight.zero_()
            model.fc.bias.zero_()[0 if epoch == 1 else 9] = 1 + epoch
        return 1.0, epoch / 10

    patch_train(right_in_epoch_1_only)
    trained = train_reference(MINIPLACES, console=Console(file=io.StringIO()))
    metrics = trained.metrics["fashion"]
    assert metrics["curves"]["val_accuracy"] == [0.0, 1.0, 0.0]
    assert metrics["best_epoch"] == 1
    assert trained.weights["fashion"]["fc.bias"][0] == 2
    assert metrics["test_accuracy"] == 1.0


@pytest.mark.parametrize("change", [{"epochs": 4}, {"peak_lr": 1e-3}, {"seed": 1}, {"augment": False}])
def test_digest_follows_settings(use: Callable[..., None], change: dict[str, Any]) -> None:
    """A changed setting gives another place in the cache; the same settings give the same."""
    before = place()
    assert place() == before
    use(recipe_with(**change))
    assert place() != before


def test_digest_follows_data_and_code(
    use: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Other data, another torch or a changed solution give another place in the cache."""
    places = [place()]
    use(replace(recipe_with(), data=lambda split: replace(tiny_images(split), digest="other")))
    places.append(place())
    use(recipe_with())
    monkeypatch.setattr(torch, "__version__", "0.0")
    places.append(place())
    (tmp_path / "fashion.py").write_text("changed = True\n")
    use(replace(recipe_with(), folder=tmp_path))
    places.append(place())
    assert len(set(places)) == 4


def test_load_prefers_the_cache(use: Callable[..., None]) -> None:
    """What was trained here is loaded when it is of today, else what ships."""
    assert load_reference(MINIPLACES).source == "shipped"
    trained = train_reference(MINIPLACES, console=Console(file=io.StringIO()))
    loaded = load_reference(MINIPLACES)
    assert loaded.source == "trained here"
    assert same(loaded.weights["fashion"], trained.weights["fashion"])
    use(recipe_with(seed=7))
    assert load_reference(MINIPLACES).source == "shipped"


def test_load_newest(use: Callable[..., None]) -> None:
    """Of the references of several presets, the newest is loaded."""
    recipe = recipe_with()
    use(replace(recipe, presets={**recipe.presets, "full": replace(recipe.presets["full"], seed=7)}))
    made = {name: train_reference(MINIPLACES, name, console=Console(file=io.StringIO())) for name in ("quick", "full")}
    assert not same(made["quick"].weights["fashion"], made["full"].weights["fashion"])
    for name, trained in made.items():
        os.utime(place(name))
        assert same(load_reference(MINIPLACES).weights["fashion"], trained.weights["fashion"])


def test_load_without_data(use: Callable[..., None]) -> None:
    """Without the data set nobody can tell whether the cache is of today, and the shipped reference is loaded."""
    train_reference(MINIPLACES, console=Console(file=io.StringIO()))

    def missing(split: str) -> ImageSet:
        raise DataMissing("FashionMNIST is not on this machine.")

    use(replace(recipe_with(), data=missing))
    assert load_reference(MINIPLACES).source == "shipped"


def test_ship_and_load(use: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A shipped reference is read back to the bit; without one, or with a damaged one, a sentence says what to do."""
    trained = train_reference(MINIPLACES, console=Console(file=io.StringIO()))
    monkeypatch.setattr(reference, "_cached_today", lambda _assignment: [])
    monkeypatch.setattr(reference, "_shipped", lambda _assignment: tmp_path / "reference")
    with pytest.raises(MachineError, match=r"run `make reference` to train them\.$"):
        load_reference(MINIPLACES)
    folder = ship_reference(MINIPLACES, trained)
    shipped = load_reference(MINIPLACES)
    assert same(shipped.weights["fashion"], trained.weights["fashion"])
    assert (shipped.metrics, shipped.source) == (trained.metrics, "shipped")
    (folder / "fashion.safetensors").write_bytes(b"damaged")
    with pytest.raises(MachineError, match="no readable reference models"):
        load_reference(MINIPLACES)


def test_scene(use: Callable[..., None]) -> None:
    """The network for pictures is trained by the solution's `train`; its classes and both files are told."""
    use(recipe_with(), scene_recipe())
    trained = train_reference(MINIPLACES, console=Console(file=io.StringIO()))
    assert list(trained.metrics) == ["fashion", "scene"]
    metrics = trained.metrics["scene"]
    assert metrics["classes"] == list(CIFAR_CLASSES)
    assert "solutions/miniplaces/fashion.py and solutions/miniplaces/manifest.py" in metrics["obtained"]
    assert "manifest" not in trained.metrics["fashion"]["obtained"]
    scene_network().load_state_dict(trained.weights["scene"])


def test_missing_data_leaves_one_out(use: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without a model's data set the others are trained, it is said, and the shipped model stands in for it."""
    use(recipe_with(), scene_recipe())
    with monkeypatch.context() as patch:
        patch.setattr(reference, "_shipped", lambda _assignment: tmp_path / "reference")
        shipped = train_reference(MINIPLACES, console=Console(file=io.StringIO()))
        ship_reference(MINIPLACES, shipped)
        use(recipe_with(seed=1), scene_recipe(no_scenes))
        screen = io.StringIO()
        trained = train_reference(MINIPLACES, console=Console(file=screen, width=80))
        assert "'scene' is left out. CIFAR-10 is not on this machine: put it there.\n" in screen.getvalue()
        assert list(trained.metrics) == ["fashion"]
        loaded = load_reference(MINIPLACES)
        assert loaded.source == "trained here; shipped: scene"
        assert same(loaded.weights["fashion"], trained.weights["fashion"])
        assert same(loaded.weights["scene"], shipped.weights["scene"])
        ship_reference(MINIPLACES, trained)
        assert reference._read(MINIPLACES, reference._shipped(MINIPLACES), "shipped").metrics == {
            "fashion": trained.metrics["fashion"],
            "scene": shipped.metrics["scene"],
        }


def test_nothing_to_train_on(use: Callable[..., None]) -> None:
    """Where no data set is on this machine, training is refused with what is missing."""
    use(scene_recipe(no_scenes))
    with pytest.raises(DataMissing, match=r"^CIFAR-10 is not on this machine: put it there\.$"):
        train_reference(MINIPLACES, console=Console(file=io.StringIO()))


def test_nothing_shipped_to_stand_in(use: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A model that is neither trained here nor shipped is not in the reference."""
    use(recipe_with(), scene_recipe(no_scenes))
    trained = train_reference(MINIPLACES, console=Console(file=io.StringIO()))
    monkeypatch.setattr(reference, "_shipped", lambda _assignment: tmp_path / "nothing")
    loaded = load_reference(MINIPLACES)
    assert loaded.metrics == trained.metrics
    assert loaded.source == "trained here"


def test_loading_downloads_nothing(use: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Looking for the models of today asks no network for a data set, even where the cache holds some."""
    use(recipe_with(), scene_recipe(no_scenes))
    train_reference(MINIPLACES, console=Console(file=io.StringIO()))
    monkeypatch.setenv("GRADER_DATA", str(tmp_path / "no data"))
    monkeypatch.setattr("torchvision.datasets.CIFAR10", lambda *_, **__: pytest.fail("asked the network"))
    use(recipe_with(), scene_recipe(cifar10))
    assert load_reference(MINIPLACES).source.startswith("trained here")


def test_digest_follows_network_and_normalisation(use: Callable[..., None], tmp_path: Path) -> None:
    """A changed file of the network, or pixels brought to another range, give another place in the cache."""
    use(scene_recipe())
    places = [place()]
    use(replace(scene_recipe(), normalise=lambda images: images.float()))
    places.append(place())
    use(scene_recipe())
    files = [f"{source}.py" for source in scene_recipe().sources]
    for file in files:
        (tmp_path / file).write_bytes((scene_recipe().folder / file).read_bytes())
    use(replace(scene_recipe(), folder=tmp_path))
    assert place() == places[0]
    for file in files:
        (tmp_path / file).write_text(f"changed = '{file}'\n")
        places.append(place())
    assert len(set(places)) == 4


def test_handed_in_models() -> None:
    """Of the reference models only "fashion" is a file that students of Miniplaces hand in."""
    assert "scene" in load_reference(MINIPLACES).weights
    assert [name for name in solution_files(MINIPLACES) if name.endswith(".pth")] == ["model.pth"]


def test_wrong_names(use: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown preset is wrong usage; an assignment without recipes is our fault."""
    with pytest.raises(UsageError, match="no preset 'slow' for fashion; there are quick, full"):
        train_reference(MINIPLACES, "slow")
    monkeypatch.setattr(reference, "load_manifest", lambda _assignment: Manifest())
    with pytest.raises(MachineError, match="no reference models"):
        train_reference(MINIPLACES)


def test_progress_bar(use: Callable[..., None]) -> None:
    """The progress bar names the model, the epoch, the loss and the validation accuracy."""
    screen = io.StringIO()
    train_reference(MINIPLACES, console=Console(file=screen, width=120))
    assert all(word in screen.getvalue() for word in ("fashion", "epoch 3/3", "loss ", "validation ", "0:00:00"))


def test_one_cycle() -> None:
    """The learning rate rises to its peak in a fifth of the steps and falls to 0, also when it starts in the middle."""
    rates: dict[int, list[float]] = {}
    for done in (0, 4):
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
        run._follow_one_cycle(optimizer, 0.5, 10, done)
        for step in range(done, 10):
            rates.setdefault(step, []).append(optimizer.param_groups[0]["lr"])
            optimizer.step()
        rates.setdefault(10, []).append(optimizer.param_groups[0]["lr"])
    assert [rates[step][0] for step in (1, 2, 6, 10)] == pytest.approx([0.25, 0.5, 0.25, 0.0])
    assert all(len(set(pair)) == 1 for pair in rates.values())


@pytest.mark.parametrize("shuffle", [False, True])
def test_batches(shuffle: bool) -> None:
    """Every image comes exactly once, normalised, with its label; the last batch may be smaller."""
    tiny, ticks = tiny_images("train"), list[int]()
    batches = Batches(tiny.images, tiny.labels, normalise_fashion, 16, shuffle=shuffle, advance=lambda: ticks.append(1))
    images, labels = (torch.cat(parts) for parts in zip(*batches, strict=True))
    assert len(batches) == len(ticks) == 4
    assert images.dtype == torch.float32
    assert images.abs().max() <= 1
    where = (images[:, :, None] == normalise_fashion(tiny.images)[:, 0]).all(dim=(1, 3, 4))  # (given, original)
    assert where.sum(dim=0).tolist() == [1] * 60
    assert torch.equal(tiny.labels[where.int().argmax(dim=1)], labels)
    assert torch.equal(labels, tiny.labels) != shuffle


def test_shift_and_mirror() -> None:
    """Each image is one of the 50 shifts and mirrored shifts of the original, 0 where nothing was, and all occur."""
    torch.manual_seed(0)
    image = torch.randint(1, 256, (1, 2, 6, 5)).to(torch.uint8)
    possible = set()
    for mirrored in (image, image.flip(3)):
        canvas = torch.zeros(1, 2, 10, 9, dtype=torch.uint8)
        canvas[:, :, 2:8, 2:7] = mirrored
        for down, right in itertools.product(range(5), repeat=2):
            possible.add(canvas[:, :, down : down + 6, right : right + 5].numpy().tobytes())
    assert {one.numpy().tobytes() for one in shift_and_mirror(image.repeat(1000, 1, 1, 1), shift=2)} == possible


@pytest.mark.parametrize("shift", [0, 3])
def test_batches_shift(shift: int) -> None:
    """Batches move images by the offsets that they are given."""
    images = torch.zeros(400, 1, 9, 9, dtype=torch.uint8)
    images[:, 0, 4, 4] = 255
    batches = Batches(
        images, torch.zeros(400, dtype=torch.int64), lambda images: images, 100, augment=True, shift=shift
    )
    moved = torch.cat([batch for batch, _ in batches]).nonzero()[:, 2:] - 4
    assert moved.abs().max() == shift
    assert len(moved) == 400


def test_cut_out() -> None:
    """A square around any pixel is 0, cut off at the edges; each image has its own, and the rest stays as it was."""
    torch.manual_seed(0)
    images = torch.rand(2000, 2, 6, 5) + 1
    cut = cut_out(images, 3)
    holes = (cut == 0).all(dim=1)
    assert torch.equal(cut == 0, holes[:, None].expand_as(cut))
    assert torch.equal(cut[cut != 0], images[cut != 0])
    possible = set()
    for row, column in itertools.product(range(6), range(5)):
        square = torch.zeros(6, 5, dtype=torch.bool)
        square[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2] = True
        possible.add(square.numpy().tobytes())
    assert {hole.numpy().tobytes() for hole in holes} == possible


@pytest.mark.parametrize("augment", [False, True])
def test_batches_with_holes(augment: bool) -> None:
    """Batches have holes in the normalised images where they are asked for, and only with augmentation."""
    images, labels = torch.full((50, 3, 8, 8), 255, dtype=torch.uint8), torch.zeros(50, dtype=torch.int64)
    batches = Batches(images, labels, normalise_fashion, 25, augment=augment, shift=0, hole=4)
    given = torch.cat([batch for batch, _ in batches])
    assert (given == 0).any(dim=(1, 2, 3)).tolist() == [augment] * 50


def test_measure() -> None:
    """Loss and confusion are those of counting one image at a time, in evaluation mode."""
    tiny = tiny_images("test")
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Dropout(), torch.nn.Linear(784, 10))
    loss, confusion = measure(net, Batches(tiny.images, tiny.labels, normalise_fashion, 16), 10)
    counted, losses = torch.zeros(10, 10, dtype=torch.int64), []
    for image, label in zip(normalise_fashion(tiny.images), tiny.labels, strict=True):
        logits = net(image[None])[0]
        counted[label, logits.argmax()] += 1
        losses.append(-logits.log_softmax(0)[label].item())
    assert torch.equal(confusion, counted)
    assert loss == pytest.approx(sum(losses) / 60, rel=1e-4)


def test_shipped_accuracy() -> None:
    """The shipped weights fit `MyNet`, are small, and have the accuracy they claim on all 10,000 test images."""
    folder = reference._shipped(MINIPLACES)
    shipped = reference._read(MINIPLACES, folder, "shipped")
    claimed = shipped.metrics["fashion"]
    net = find_recipe(MINIPLACES, "fashion").setup("quick").net
    net.load_state_dict(shipped.weights["fashion"])
    test = fashion_mnist("test")
    _, confusion = measure(net, Batches(test.images, test.labels, normalise_fashion, 500), 10)
    accuracy = confusion.trace().item() / 10_000
    assert accuracy == pytest.approx(claimed["test_accuracy"], abs=5e-4)  # another CPU may round otherwise
    assert accuracy > 0.91
    assert claimed["preset"] == "full"
    assert (folder / "fashion.safetensors").stat().st_size < 1_000_000


def test_shipped_scene() -> None:
    """The shipped "scene" fits its network, is small, names CIFAR-10's classes, and says how good it is."""
    folder = reference._shipped(MINIPLACES)
    shipped = reference._read(MINIPLACES, folder, "shipped")
    claimed = shipped.metrics["scene"]
    scene_network().load_state_dict(shipped.weights["scene"])
    assert (folder / "scene.safetensors").stat().st_size < 1_000_000
    assert claimed["classes"] == list(CIFAR_CLASSES)
    assert claimed["data"]["name"] == "CIFAR-10"
    assert claimed["test_accuracy"] > 0.80


@pytest.mark.slow
def test_shipped_scene_accuracy() -> None:
    """The shipped "scene" has the accuracy that it claims, where CIFAR-10 is on this machine to measure it on."""
    if not (data_folder() / "cifar10").is_dir():
        pytest.skip("CIFAR-10 is not in the data folder")
    with without_downloads():
        test = cifar10("test")
    shipped = reference._read(MINIPLACES, reference._shipped(MINIPLACES), "shipped")
    net = scene_network()
    net.load_state_dict(shipped.weights["scene"])
    chosen = torch.arange(0, 10_000, 5)  # a fifth: another copy of CIFAR-10 may have other pixels, as JPEGs do
    _, confusion = measure(net, Batches(test.images[chosen], test.labels[chosen], normalise_cifar, 500), 10)
    assert confusion.trace().item() / len(chosen) == pytest.approx(shipped.metrics["scene"]["test_accuracy"], abs=0.03)


MODELS = ("supervised", "rotation", "supervised_stand_in", "rotation_stand_in")


def two_recipes(**settings: Any) -> list[TrainingRecipe]:
    """The real recipes of the second assignment, short and on tiny images."""
    real = [find_recipe(TWO_NETWORKS, model) for model in MODELS]
    presets = [replace(recipe.presets["quick"], epochs=1, batch_size=20, validation=20, **settings) for recipe in real]
    return [
        replace(recipe, data=tiny_scenes, presets={"quick": each, "full": each})
        for recipe, each in zip(real, presets, strict=True)
    ]


def test_two_networks(use: Callable[..., None]) -> None:
    """Both networks are trained, the second on four turns of each image; stand-ins wait until CIFAR-10 is missing."""
    recipes = [replace(recipe, in_place_of=recipe.in_place_of and tiny_scenes) for recipe in two_recipes()]
    use(*recipes)
    trained = train_reference(TWO_NETWORKS, console=Console(file=io.StringIO()))
    assert list(trained.metrics) == ["supervised", "rotation"]
    assert [len(weights["fc.bias"]) for weights in trained.weights.values()] == [10, 4]
    supervised, rotation = trained.metrics.values()
    assert (sum(map(sum, supervised["confusion"])), sum(map(sum, rotation["confusion"]))) == (60, 240)
    assert [sum(row) for row in rotation["confusion"]] == [60] * 4
    assert (len(supervised["classes"]), rotation["classes"][0]) == (10, "upright")
    assert "solutions/two_networks/rotation.py" in rotation["obtained"]
    assert "rotation" not in supervised["obtained"]


@pytest.mark.slow
def test_stand_ins(use: Callable[..., None]) -> None:
    """Where CIFAR-10 is missing the stand-ins are trained, and only they."""
    recipes = [
        replace(recipe, in_place_of=no_scenes) if recipe.in_place_of else replace(recipe, data=no_scenes)
        for recipe in two_recipes()
    ]
    use(*recipes)
    trained = train_reference(TWO_NETWORKS, console=Console(file=io.StringIO()))
    assert list(trained.metrics) == ["supervised_stand_in", "rotation_stand_in"]
