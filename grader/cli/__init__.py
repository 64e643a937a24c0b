"""The commands of `python -m grader`: parse, call one function, exit.

Read `main.py` first, which alone exits; `options.py` has what several commands share, `grade_all.py` what grading a
class shows on a terminal, `gradescope.py` the command that makes autograders and is what they call.
"""
