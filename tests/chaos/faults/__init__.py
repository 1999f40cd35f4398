"""The faults, one file for each family. Importing this puts all of them on the list, in the order in which they run."""

from chaos.faults import ledger

__all__ = ["ledger"]
