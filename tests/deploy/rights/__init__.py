"""Whether everything that the functions call is allowed and can be reached, computed from their code and the template.

`rust` and `reach` find the calls in the code, `iam` and `policies` say what they need and what is allowed, `deployed` is the template with
given parameters, `combinations` finds the parameters that matter, and `needs`, `allowed` and `network` hold one against the other.
"""

from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent.parent.parent


class Problem(Exception):
    """The check cannot be made: it says what is missing, and what to do."""
