"""Step 5, render: a grade and its figures -> report.html and report.pdf.

Read `rendering.py` first: it starts a process with bounds, `worker.py`, and hands it a `job.py`. There `page.py`
fills the templates in with `view.py` (the whole page) and `tasks.py` (a section for each task); `text.py` cleans what
a student wrote, `repeats.py` says once what many checks say. `fallback.py` and `plain.py` are for where
the full report fails, `reference.py` for ours.
"""
