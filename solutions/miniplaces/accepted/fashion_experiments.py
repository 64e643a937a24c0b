"""Other right forms of `experiments.json`: each must earn every point."""

from __future__ import annotations

import json

from grader.author import accepted_file


@accepted_file("experiments.json", "fashion.experiments_in_percent", "accuracies in percent")
def experiments_in_percent(files):
    runs = json.loads(files["experiments.json"])
    percent = [{key: 100 * run[key] for key in ("train_accuracy", "val_accuracy")} for run in runs]
    return json.dumps([run | accuracies for run, accuracies in zip(runs, percent, strict=True)]).encode()
