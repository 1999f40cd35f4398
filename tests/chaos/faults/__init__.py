"""The faults, one file for each family. Importing this puts all of them on the list."""

from importlib import import_module

# In the order in which they run.
for family in (
    "ledger",
    "balances",
    "cache",
    "kills",
    "workflow",
    "delivery",
    "events",
    "clock",
    "restores",
    "log",
    "steps",
    "groups",
    "poison",
    "disk",
    "million",
):
    import_module(f"{__name__}.{family}")
