"""Step 1, open: a zip -> `Submission`, or a refusal; runs nothing.

Read `opening.py` first; then the gate, `zipgate.py`, which decides what a zip may be, and `zippaths.py`, where its
members land. `recognising.py` finds the assignment, `answers.py` reads the written answers. `missed.py` says what is
lacking, out of `lookalikes.py` (files) and `misplaced.py` (names). What notebooks become stands in
`grader.notebooks.submitted`.
"""
