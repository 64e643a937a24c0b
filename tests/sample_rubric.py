"""A rubric of one task, to be given an id and modules: `SMALL_RUBRIC.format(id="third", modules='"features"')`."""

SMALL_RUBRIC = """
id = "{id}"
title = "An assignment"
course = "A course"
due_at = 2022-03-30T23:59:00-04:00
modules = [{modules}]

[[task]]
id = "1"
title = "A task"
points = 1
module = ""
"""
