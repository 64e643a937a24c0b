"""Grading on Gradescope: `autograder.py` packs what an instructor uploads, `grading.py` grades in its container."""
