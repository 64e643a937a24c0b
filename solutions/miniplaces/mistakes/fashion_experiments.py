"""Known mistakes in `experiments.json`: task 4d."""

from __future__ import annotations

import json

from grader.author import mistaken_file


def _runs(files):
    return json.loads(files["experiments.json"])


@mistaken_file(
    "experiments.json",
    "fashion.experiments_in_two_units",
    check="check_entries",
    help="Some accuracies look like fractions and others like percent. Write all of them as 0.91, or all as 91.",
)
def experiments_in_two_units(files):
    return json.dumps([run | {"val_accuracy": 100 * run["val_accuracy"]} for run in _runs(files)]).encode()


@mistaken_file(
    "experiments.json",
    "fashion.experiments_not_a_list",
    check="check_entries",
    help="The file holds one object. It must hold a list of runs: [{...}, {...}].",
)
def experiments_not_a_list(files):
    return json.dumps({"experiments": _runs(files)}).encode()


@mistaken_file(
    "experiments.json",
    "fashion.experiments_of_one_technique",
    check="check_comparison",
    help="There is only one technique. Compare at least two.",
)
def experiments_of_one_technique(files):
    return json.dumps([run for run in _runs(files) if run["technique"] == "learning rate"]).encode()


@mistaken_file(
    "experiments.json",
    "fashion.experiments_with_one_setting",
    check="check_comparison",
    help="A technique needs at least two settings to be compared: with and without, or small and large.",
)
def experiments_with_one_setting(files):
    return json.dumps(_runs(files)[1:]).encode()
