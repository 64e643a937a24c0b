"""Prints while it is imported, and fails."""

print("\n-----\nthis library did not find another one")
raise OSError("cannot load library")
