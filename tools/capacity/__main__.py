"""`make capacity`: writes docs/capacity.md. With --check it only says whether that is up to date."""

import argparse
import sys

from cost import quantities
from cost.problem import Problem
from deploy.problem import Problem as DeployProblem

from capacity import document, quotas


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="capacity", description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail if docs/capacity.md is not what would be written")
    arguments = parser.parse_args()
    try:
        return run(is_check=arguments.check)
    except (Problem, DeployProblem) as problem:
        print(f"fluxo: {problem}", file=sys.stderr)
        return 1


def run(is_check: bool) -> int:
    """Computes, and writes or compares."""
    text = document.render(quotas.load(), quantities.load())
    if not is_check:
        document.DOCUMENT.write_text(text)
    elif not document.DOCUMENT.exists() or document.DOCUMENT.read_text() != text:
        raise Problem("docs/capacity.md is not what template.yaml, samconfig.toml and tools/capacity give: run make capacity")
    return 0


if __name__ == "__main__":
    sys.exit(main())
