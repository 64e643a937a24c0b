"""Step 1, open: a zip -> `Submission`, or a refusal; runs nothing.

Read `opening.py` first; then the gate, `zipgate.py`, which decides what a zip may be, and `zippaths.py`, where its
members land. `answers.py` reads the written answers. What notebooks become stands in `grader.notebooks.submitted`.
"""
