"""Which submissions of a class resemble each other: pairs worth a look, never a verdict; nothing of a student's is run.

Read `pairs.py` first. Code: `tokens.py`, `code.py`, and `regions.py` for the evidence. Networks: `pickles.py` (a
file's instructions, listed), `weights.py`, and `models.py` for the pairs.
"""
