"""Grades the problem sets of two vision courses; start reading at `grader.pipeline`."""
