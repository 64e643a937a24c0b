"""Kinds of figures that several assignments have: each module draws one, from an exhibit's arrays."""
