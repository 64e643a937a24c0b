"""The students' kit: the public checks, to run on a student's own machine.

Two halves. Here `making.py` makes it of the public checks and the modules that they import, and `recording.py` writes
down what the solutions answer. There, without a sandbox, `main.py` is `python check.py`: it reaches the
student's modules (`student.py`), compares with the answers (`recorded.py`), reads `rubric.py`, tells (`report.py`),
and packs (`packing.py`).
"""
