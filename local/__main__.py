"""Runs the whole of Fluxo on this machine: `python3 local --help`."""

import sys

if sys.version_info < (3, 11):
    sys.exit("Fluxo's local stack needs Python 3.11 or later; this is %d.%d." % sys.version_info[:2])

from fluxo_local.cli import main

sys.exit(main())
