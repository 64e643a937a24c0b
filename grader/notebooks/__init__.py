"""The notebooks that students hand in, as plain modules (part of step 1); nothing of them is run here.

Read `submitted.py` first, which asks a process with bounds. What runs there: `modules.py`, made of `cells.py`,
`statements.py` (what a statement defines and needs) and `shelf.py` (which of them give a name its meaning).
`notes.py` tells the student what was taken, `places.py` messages which cell a line is from.
"""
