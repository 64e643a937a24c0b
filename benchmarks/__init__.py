"""What the grader costs and bears, measured: each module is run by itself, as `python -m benchmarks.<name>`."""
