"""Writes what a student would hand in out of the solutions and their variations: for examples and validation.

Read `submission.py` first; `variations.py` reads the files that declare variations, `sources.py` takes a source
apart. `notebook.py` writes modules as a notebook.
"""
