"""The class report, index.html and class.pdf, for instructors.

Read `rendering.py` first. `reading.py` makes what is `seen.py` of the students' folders; `worker.py` is the process
that renders, `page.py` the page and `view.py` what its template sees, section by section: `attention.py`,
`statistics.py` and `charts.py`, `tables.py` and `walls.py`. `names.py` cleans what students wrote.
"""
