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
from rich.console import Console

from grader.folders import cache_folder
from grader.reference import training_progress
from grader.rubric import get_assignment
from grader.vision.training.recipe import find_recipe

STOP_AFTER = {"supervised": 15, "rotation": 3}  # epochs of 30 and of 6
TARGET = Path(__file__).parent / "group"


def main() -> None:
    """Train both, or go on where it was interrupted; save `{"state_dict": ...}` in float16 and the curves."""
    histories = {}
    for model, epochs in STOP_AFTER.items():
        recipe = find_recipe(get_assignment("two_networks"), model)
        settings = replace(recipe.presets["full"], stop_after=epochs)
        short = replace(recipe, presets={"short": settings})
        with training_progress(Console()) as progress:
            weights, metrics = short.train("short", cache_folder() / "group", progress)
        print(f"{model}: {metrics['test_accuracy']:.2%} of the test images")
        state = {name: value.half() if value.is_floating_point() else value for name, value in weights.items()}
        torch.save({"state_dict": state}, TARGET / f"{model}.pth")
        histories[model] = metrics["curves"]
    (TARGET / "history.json").write_text(json.dumps(histories, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
