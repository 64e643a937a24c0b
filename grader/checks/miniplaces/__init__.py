"""Checks of Miniplaces, a file per module that students hand in."""
