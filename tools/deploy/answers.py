"""After `sam deploy --guided`: keeps its answers where `sam build` reads them, too.

It writes them to the section of `sam deploy`, whose list then hides the one of both commands.
"""

import argparse
import sys

from deploy import as_sam
from deploy.problem import Problem


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="deploy.answers", description=__doc__)
    parser.add_argument("stage", help="a stage of samconfig.toml")
    stage = parser.parse_args().stage
    try:
        if as_sam.settle(stage):
            print(f"samconfig.toml has the answers in [{stage}.global.parameters].")
    except Problem as problem:
        print(f"fluxo: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
