"""Trains the two networks of the example group and writes `examples/group/*.pth` and `history.json`.

Ines and Jonas used the reference's recipes on the same architecture and stopped long before the end: both networks pass
their thresholds and stay well below the reference's.

    python -m examples.train_group
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import torch

from grader.datasets.imageset import cache_folder
from grader.reference.recipes import RECIPES
from grader.reference.training import train_recipe, training_progress

STOP_AFTER = {"supervised": 15, "rotation": 3}  # epochs of 30 and of 6
TARGET = Path(__file__).parent / "group"


def main() -> None:
    """Train both, or go on where it was interrupted; save `{"state_dict": ...}` in float16 and the curves."""
    histories = {}
    for recipe in RECIPES["two_networks"]:
        if recipe.model not in STOP_AFTER:
            continue
        settings = replace(recipe.presets["full"], stop_after=STOP_AFTER[recipe.model])
        short = replace(recipe, presets={"short": settings})
        with training_progress() as progress:
            weights, metrics = train_recipe(short, "short", cache_folder() / "group", progress)
        print(f"{recipe.model}: {metrics['test_accuracy']:.2%} of the test images")
        state = {name: value.half() if value.is_floating_point() else value for name, value in weights.items()}
        torch.save({"state_dict": state}, TARGET / f"{recipe.model}.pth")
        histories[recipe.model] = metrics["curves"]
    (TARGET / "history.json").write_text(json.dumps(histories, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
