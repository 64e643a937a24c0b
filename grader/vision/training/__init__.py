"""Training of reference models on images.

Read `recipe.py` first, which says what is trained; `run.py` trains one network, and `batches.py` feeds it.
"""
