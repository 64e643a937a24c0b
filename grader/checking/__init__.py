"""The checks: what earns points. Each assignment has a folder of `check_<module>.py`; read one of them first."""
