"""The reference models: which there are, how they are trained, where they are kept.

Read `models.py` first, which caches and ships them; `recipes.py` lists them, `training.py` trains one, and
`batches.py` feeds it.
"""
