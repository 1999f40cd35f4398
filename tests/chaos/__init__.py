"""The fault suite: `make chaos`. What it breaks is in `faults/`, what it finds afterwards in `audit.py`."""
