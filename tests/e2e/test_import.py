"""The command `import` sends bank statements to the deployed system: every row once, whatever comes in between."""

import csv
import hashlib
import json
import os
import random
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import pytest
from deployed.merchant import Day, Merchant, read_day
from deployed.stack import LAUNCH_TIMEOUT_S, PROFILE, Stack
from deployed.users import expired
from deployed.waiting import eventually
from fluxo_local.deployment import cargo_target, compile_command
from fluxo_local.profile import CHECKOUT

# Far above what an import takes here.
IMPORT_TIMEOUT_S = 300
BATCH_ENTRIES = 500
FIRST_DAY = date(2026, 1, 15)
DAYS = 75
# A Brazilian bank's file: semicolons, decimal commas, days first, Windows-1252.
BRAZILIAN = [
    "--map", "date=Data,amount=Valor,description=Histórico", "--delimiter", ";", "--decimal", "comma",
    "--date-format", "%d/%m/%Y", "--encoding", "windows-1252",
]  # fmt: skip
PLAIN = ["--map", "date=date,amount=amount,description=text"]


class Row(NamedTuple):
    """A row of a statement; the amount of a debit is negative."""

    day: date
    amount: Decimal
    text: str


class Ended(NamedTuple):
    """How an import has ended."""

    status: int
    out: str
    errors: str


class Importer:
    """The command, built from this checkout, for one merchant of the deployed system."""

    def __init__(self, program: Path, merchant: Merchant) -> None:
        self._program = program
        self._merchant = merchant

    def run(self, file: Path, *options: str, token: str | None = None) -> Ended:
        """Imports to the end, and waits until what was accepted is recorded."""
        workflow = self._merchant.stack.workflow
        before = set(workflow.names())
        words = self._words(file, options)
        ended = subprocess.run(
            words, env=self._environment(token), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=IMPORT_TIMEOUT_S
        )
        for name in set(workflow.names()) - before:
            assert workflow.finished(name).status == "SUCCEEDED"
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    def killed_half_way(self, file: Path, *options: str) -> int:
        """Imports until the journal says that a part is accepted, and kills the program there. Answers how many rows were."""
        journal = file.with_name(f"{file.name}.import-journal")
        words = self._words(file, options)
        with subprocess.Popen(
            words, env=self._environment(None), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as running:
            try:
                eventually(lambda: journal_rows(journal), lambda rows: rows >= BATCH_ENTRIES, "a batch in the journal")
            finally:
                running.kill()
        assert running.returncode == -signal.SIGKILL, "it had ended before it could be killed"
        return journal_rows(journal)

    def _words(self, file: Path, options: Iterable[str]) -> list[str]:
        return [str(self._program), str(file), "--url", self._merchant.stack.url, *options]

    def _environment(self, token: str | None) -> dict[str, str]:
        return os.environ | {"FLUXO_TOKEN": token or self._merchant.token}


def journal_rows(journal: Path) -> int:
    """How many rows a journal says are done. Its last line may be half written."""
    if not journal.exists():
        return 0
    whole_lines = journal.read_text().split("\n")[:-1]
    return json.loads(whole_lines[-1]).get("rows", 0) if whole_lines else 0


@pytest.fixture(scope="module")
def program(pytestconfig: pytest.Config) -> Path:
    """The command, as cargo builds it."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        # Beside the functions, so that the libraries they share have the features with which they were compiled.
        command = [*compile_command(), "--quiet", "--package", "import"]
        subprocess.run(command, cwd=CHECKOUT, check=True, timeout=LAUNCH_TIMEOUT_S)
    return cargo_target() / "debug" / "import"


@pytest.fixture
def importer(program: Path, merchant: Merchant) -> Importer:
    """The command for a merchant without entries."""
    return Importer(program, merchant)


def movements(count: int, seed: int) -> list[Row]:
    """A statement: in the order of its days, with rows that are equal in everything."""
    chance = random.Random(seed)
    rows = []
    for _ in range(count):
        day = FIRST_DAY + timedelta(chance.randrange(DAYS))
        cents = chance.choice([500, chance.randint(1, 99_999_999)])
        rows.append(Row(day, Decimal(chance.choice([cents, -cents])).scaleb(-2), chance.choice(["Cartão", "Pix recebido", "Tarifa"])))
    return sorted(rows, key=lambda row: row.day)


def write_brazilian(file: Path, rows: Iterable[Row]) -> Path:
    """The rows as a Brazilian bank writes them."""
    with file.open("w", encoding="windows-1252", newline="") as text:
        writer = csv.writer(text, delimiter=";")
        writer.writerow(["Data", "Histórico", "Valor", ""])
        for row in rows:
            amount = f"{row.amount:,.2f}".replace(",", " ").replace(".", ",").replace(" ", ".")
            writer.writerow([f"{row.day:%d/%m/%Y}", row.text, amount, ""])
    return file


def write_plain(file: Path, *rows: str) -> Path:
    """Rows of date, amount and text."""
    file.write_text("".join(f"{row}\n" for row in ["date,amount,text", *rows]), encoding="utf-8")
    return file


def expected_days(rows: Iterable[Row]) -> list[Day]:
    """The balance of every day, added up here."""
    days = []
    opening = Decimal("0.00")
    rows = list(rows)
    for day in (FIRST_DAY + timedelta(number) for number in range(DAYS)):
        amounts = [row.amount for row in rows if row.day == day]
        credits = sum((amount for amount in amounts if amount > 0), Decimal("0.00"))
        debits = -sum((amount for amount in amounts if amount < 0), Decimal("0.00"))
        closing = opening + credits - debits
        days.append(Day(str(opening), str(credits), str(abs(debits)), str(closing), len(amounts)))
        opening = closing
    return days


def days_of(merchant: Merchant) -> list[Day]:
    """The balance of every day, as the system says it."""
    answer = merchant.get(f"/daily-balances?from={FIRST_DAY}&to={FIRST_DAY + timedelta(DAYS - 1)}")
    assert answer.status == 200, answer
    return [read_day(balance) for balance in answer.body["balances"]]


def test_an_import_that_is_killed_goes_on_and_every_day_is_exact(importer: Importer, merchant: Merchant, tmp_path: Path) -> None:
    rows = movements(6_000, seed=1)
    file = write_brazilian(tmp_path / "extrato.csv", rows)
    done = importer.killed_half_way(file, *BRAZILIAN)
    assert BATCH_ENTRIES <= done < len(rows)

    ended = importer.run(file, *BRAZILIAN)
    assert ended.status == 0, ended
    assert ended.out.startswith(f"6000 rows accepted, {done} of them by an earlier run"), ended
    assert days_of(merchant) == expected_days(rows)
    assert len(merchant.entries()) == len(rows)
    assert [path.name for path in tmp_path.iterdir()] == ["extrato.csv"]


def test_an_import_that_has_lost_its_journal_adds_nothing_twice(importer: Importer, merchant: Merchant, tmp_path: Path) -> None:
    rows = movements(3_000, seed=2)
    file = write_brazilian(tmp_path / "extrato.csv", rows)
    importer.killed_half_way(file, *BRAZILIAN)
    (tmp_path / "extrato.csv.import-journal").unlink()
    assert importer.run(file, *BRAZILIAN).status == 0
    assert days_of(merchant) == expected_days(rows)


def test_the_same_file_twice_and_an_overlapping_statement_add_each_row_once(
    importer: Importer, merchant: Merchant, stack: Stack, tmp_path: Path
) -> None:
    rows = movements(2_000, seed=3)
    # Both statements hold whole days, as banks write them.
    middle, late = FIRST_DAY + timedelta(DAYS // 3), FIRST_DAY + timedelta(2 * DAYS // 3)
    first = write_brazilian(tmp_path / "first.csv", [row for row in rows if row.day < late])
    second = write_brazilian(tmp_path / "second.csv", [row for row in rows if row.day >= middle])

    assert importer.run(first, *BRAZILIAN).status == 0
    so_far = days_of(merchant)
    again = importer.run(first, *BRAZILIAN)
    assert again.status == 0
    assert "the server knew at least" in again.out
    assert days_of(merchant) == so_far
    # The ledger recognises rows that nobody else remembers.
    stack.forget_requests()
    assert importer.run(second, *BRAZILIAN).status == 0
    assert days_of(merchant) == expected_days(rows)
    assert len(merchant.entries()) == len(rows)
    assert stack.ledger.conflicts(merchant.id) == []


def ofx(*transactions: tuple[str, str, str]) -> str:
    """A statement of OFX 1.x, with elements that are not closed: date, amount and id of each transaction."""
    rows = "".join(
        f"<STMTTRN>\n<TRNTYPE>OTHER\n<DTPOSTED>{day}120000[-3:BRT]\n<TRNAMT>{amount}\n<FITID>{id_}\n<MEMO>Café &amp; pão\n</STMTTRN>\n"
        for day, amount, id_ in transactions
    )
    return (
        "OFXHEADER:100\nDATA:OFXSGML\nVERSION:102\nENCODING:USASCII\nCHARSET:1252\n\n<OFX>\n<BANKMSGSRSV1>\n<STMTTRNRS>\n<STMTRS>\n"
        "<CURDEF>BRL\n<BANKACCTFROM>\n<BANKID>001\n<ACCTID>12345-6\n</BANKACCTFROM>\n<BANKTRANLIST>\n"
        f"{rows}</BANKTRANLIST>\n</STMTRS>\n</STMTTRNRS>\n</BANKMSGSRSV1>\n</OFX>\n"
    )


def test_an_ofx_statement_is_imported_by_the_banks_ids(importer: Importer, merchant: Merchant, tmp_path: Path) -> None:
    first, second = tmp_path / "first.ofx", tmp_path / "second.ofx"
    pix = ("20260310", "-10,50", "A2")
    first.write_text(ofx(("20260310", "100.00", "A1"), pix), encoding="windows-1252")
    second.write_text(ofx(pix, ("20260310", "-10,50", "A3")), encoding="windows-1252")
    # The token of `make token`, as docs/importing.md says.
    token_command = shlex.join([sys.executable, str(CHECKOUT / "local"), "token", "--profile", PROFILE.name, "--merchant", merchant.id])
    for file in (first, second, first):
        ended = importer.run(file, "--token-command", token_command, token="unused")
        assert ended.status == 0, ended
    assert merchant.day("2026-03-10") == Day("0.00", "100.00", "21.00", "79.00", 3)
    assert {row["description"] for row in merchant.entries()} == {"Café & pão"}


def test_no_way_to_import_a_statement_again_posts_a_row_twice(importer: Importer, merchant: Merchant, stack: Stack, tmp_path: Path) -> None:
    # One id for two rows, and two rows with ids of their own.
    shared = [("20260310", "-250.00", "S"), ("20260310", "-31.90", "S")]
    rows = [("20260310", "100.00", "A1"), shared[0], ("20260311", "100.00", "A2"), shared[1]]
    file = tmp_path / "shared.ofx"
    file.write_text(ofx(*rows), encoding="windows-1252")
    ended = importer.run(file)
    assert ended.status == 2, ended
    assert merchant.day("2026-03-10") == Day("0.00", "100.00", "0.00", "100.00", 1)
    assert "--ignore-ids" in file.with_name("shared.ofx.refused.csv").read_text(encoding="utf-8")

    # The ledger knows the rows that nobody else remembers.
    stack.forget_requests()
    for options, status in [(["--ignore-ids"], 0), ([], 2), (["--ignore-ids"], 0)]:
        assert importer.run(file, *options).status == status
        assert merchant.day("2026-03-10") == Day("0.00", "100.00", "281.90", "-181.90", 3)
        assert merchant.day("2026-03-11") == Day("-181.90", "100.00", "0.00", "-81.90", 1)


def test_a_row_that_the_bank_has_changed_is_refused_in_words(importer: Importer, merchant: Merchant, tmp_path: Path) -> None:
    file = tmp_path / "a.ofx"
    file.write_text(ofx(("20260310", "-5.00", "B1")), encoding="windows-1252")
    assert importer.run(file).status == 0
    file.write_text(ofx(("20260310", "-5.20", "B1"), ("20260310", "-7.00", "B2")), encoding="windows-1252")
    assert importer.run(file).status == 2
    with file.with_name("a.ofx.refused.csv").open(encoding="utf-8", newline="") as text:
        [refused] = csv.DictReader(text)
    [entry] = [row for row in merchant.entries() if row["amount_minor"] == 500]
    assert refused["refused_reasons"].startswith(f"id: B1 was imported before with other values, which stand (entry {entry['id']})"), (
        refused
    )
    assert importer.run(file, "--skip", "FITID=B1").status == 0
    assert merchant.day("2026-03-10") == Day("0.00", "0.00", "12.00", "-12.00", 2)


def key_of_row(*fields: str | None) -> str:
    """The key of a row as the command documents it."""
    encoded = ["absent\n" if field is None else f"{len(field.encode())}:{field}\n" for field in fields]
    return f"import-{hashlib.sha256(''.join(encoded).encode()).hexdigest()[:40]}"


def test_refused_rows_are_kept_and_the_others_posted(importer: Importer, merchant: Merchant, tmp_path: Path) -> None:
    # Somebody has used the key of a row for another payload.
    key = key_of_row("import-row/1", None, "debit", "700", "BRL", "2026-03-10", "taken", None, "1")
    merchant.recorded(merchant.accepted({"type": "credit", "amount": "1.00", "date": "2026-03-10"}, key))
    rows = ["2026-03-10,10.00,good", "2026-03-10,-7.00,taken", "2026-02-30,0,bad", "2026-03-10,-2.50,good"]
    file = write_plain(tmp_path / "a.csv", *rows)
    ended = importer.run(file, *PLAIN)
    assert ended.status == 2, ended
    assert ended.out.startswith("2 rows accepted\n"), ended
    with (tmp_path / "a.csv.refused.csv").open(encoding="utf-8", newline="") as text:
        refused = list(csv.DictReader(text))
    assert [(row["refused_line"], row["text"]) for row in refused] == [("3", "taken"), ("4", "bad")]
    assert refused[0]["refused_reasons"] == "idempotency_key: was used before with another payload (says the server)"
    assert refused[1]["refused_reasons"].startswith("date: must be a date of the calendar as YYYY-MM-DD; amount: must be greater")
    assert merchant.day("2026-03-10") == Day("0.00", "11.00", "2.50", "8.50", 3)

    # Corrected in the file: what was posted is not posted twice.
    write_plain(file, rows[0], "2026-03-10,-7.00,corrected", rows[3])
    assert importer.run(file, *PLAIN).status == 0
    assert merchant.day("2026-03-10") == Day("0.00", "11.00", "9.50", "1.50", 4)
    assert not (tmp_path / "a.csv.refused.csv").exists()


def test_texts_near_the_limits_of_a_request_are_imported(importer: Importer, merchant: Merchant, tmp_path: Path) -> None:
    # Of such rows a batch of 500 would be over the server's limits.
    rows = [f"2026-03-10,1.00,{'🧾' * 250}{number:05}" for number in range(600)]
    ended = importer.run(write_plain(tmp_path / "a.csv", *rows), *PLAIN)
    assert ended.status == 0, ended
    assert merchant.day("2026-03-10") == Day("0.00", "600.00", "0.00", "600.00", 600)


def test_a_token_that_has_expired_is_renewed(importer: Importer, merchant: Merchant, stack: Stack, tmp_path: Path) -> None:
    file = write_plain(tmp_path / "a.csv", "2026-03-10,1.00,x")
    old = stack.users.sign(merchant.token, **expired())
    mark = shlex.quote(str(tmp_path / "mark"))
    # The first time an old one, then a good one.
    command = f"if test -e {mark}; then echo {merchant.token}; else touch {mark}; echo {old}; fi"
    assert importer.run(file, *PLAIN, "--token-command", command).status == 0
    assert merchant.day("2026-03-10") == Day("0.00", "1.00", "0.00", "1.00", 1)

    without_command = importer.run(write_plain(tmp_path / "b.csv", "2026-03-10,2.00,x"), *PLAIN, token=old)
    assert without_command.status == 1
    assert without_command.errors.startswith("import: stopped: the server does not accept the token (401"), without_command


def test_a_viewer_may_not_import(importer: Importer, merchant: Merchant, stack: Stack, tmp_path: Path) -> None:
    file = write_plain(tmp_path / "a.csv", "2026-03-10,1.00,x")
    ended = importer.run(file, *PLAIN, token=stack.users.id_token(merchant.id, "viewer"))
    assert (ended.status, ended.out) == (1, "")
    assert ended.errors.startswith("import: stopped: the server forbids it: 403 clerk_required"), ended
    assert len(ended.errors.splitlines()) == 1
    assert merchant.entries() == []
