"""Checks of A Tale of Two Networks."""
