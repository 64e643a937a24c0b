"""Grades a class: a folder of zips -> a folder of reports and `gradebook.csv`.

Read `grading.py` first. `handed_in.py`, `people.py` and `roster.py` say whose zip is which, `plan.py` and `digests.py`
what needs work, `executors.py` where it is done and `job.py` what is done for one submission. `records.py` and
`rows.py` are what comes of it, `gradebook.py` keeps it, `exports.py` and `junit.py` write it for other programs.
"""
