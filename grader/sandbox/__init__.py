"""The wall between the grader and the student's code: who runs where, and what may pass."""
