"""The data sets: where from, with which checksums, as uint8 tensors.

`imageset.py` is what they have in common; `fashion.py`, `cifar.py` and `places.py` (the network) are one each, and
`declared.py` has them in the form that a manifest names.
"""
