"""Submissions to try the grader on, and whole classes of them.

`submissions.py` builds the single ones. A class is built by `classes.py`: of `people.py`, what each of them did
(`plans.py`), zips that are refused (`refused.py`), and the grade that each is to get (`expected.py`).
"""
