"""Proves the checks: solutions earn everything, stubs nothing, and every known mistake is caught where it should be.

Read `proving.py` first; `cases.py` lists what is tried and `forms.py` in which forms it may come. `table.py` and
`page.py` show what was found out.
"""
