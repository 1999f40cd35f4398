"""A few entries of a sample merchant, registered and read back through the API as any client would."""

import time
from typing import Any
from urllib.parse import urlsplit

from fluxo_local import loopback, terminal
from fluxo_local.problem import Problem
from fluxo_local.profile import Profile
from fluxo_local.users import ROLES, id_token

MERCHANT = "sample"
DATE = "2026-01-15"
# Fixed keys: registering them again at the next start changes nothing.
ENTRIES = {
    "sample-1": {"type": "credit", "amount": "1500.00", "date": DATE, "description": "Card sales", "category": "sales"},
    "sample-2": {"type": "credit", "amount": "250.75", "date": DATE, "description": "Cash sales", "category": "sales"},
    "sample-3": {"type": "debit", "amount": "320.40", "date": DATE, "description": "Flour and sugar", "category": "supplies"},
}
BALANCE_TIMEOUT_S = 60
POLL_S = 0.1


def register(profile: Profile, stack: dict[str, Any]) -> dict[str, Any]:
    """Posts the entries, waits for the day's balance to show them, and answers it."""
    port, prefix = stack["port"], urlsplit(stack["url"]).path
    with terminal.step(f'Registering {len(ENTRIES)} entries of the merchant "{MERCHANT}"') as step:
        # Who opens the console signs in as one of these.
        tokens = {role: id_token(profile, MERCHANT, role) for role in ROLES}
        authorization = {"Authorization": f"Bearer {tokens['clerk']}"}
        for key, entry in ENTRIES.items():
            status, answer = loopback.request_json(port, "POST", f"{prefix}/entries", entry, authorization | {"Idempotency-Key": key})
            if status != 202:
                raise Problem(f"POST /entries answered {status}: {answer}")
        deadline = time.monotonic() + BALANCE_TIMEOUT_S
        while True:
            status, answer = loopback.request_json(port, "GET", f"{prefix}/daily-balances/{DATE}", headers=authorization)
            if status == 200 and answer["entry_count"] >= len(ENTRIES):
                return answer
            if time.monotonic() > deadline:
                raise Problem(f"The entries are not in the daily balance after {BALANCE_TIMEOUT_S} s; it answered {status}: {answer}")
            step.tick()
            time.sleep(POLL_S)
