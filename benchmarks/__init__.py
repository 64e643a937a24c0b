"""How fast the grader is, beside its peers and its floor: `make bench` runs these, `results.md` holds what came out."""
