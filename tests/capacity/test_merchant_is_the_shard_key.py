"""What ADR 27 rests on: the merchant is a part of every key of the ledger and of every statement, so each merchant can live elsewhere.

Whatever is not so is listed here, with the reason. A new table, key, function or statement that names no merchant fails.
"""

import pytest
from ledger_sql import MERCHANT, MIGRATIONS, STATEMENTS, Statement, functions_of, of_function, read_schema, takes_merchant
from naming import untied
from pglast import parse_sql

SCHEMA = read_schema()
OF_MERCHANTS = SCHEMA.of_merchants()

# Tables without a merchant: each has one row, which a cell has of its own and a sharded engine would keep in every shard.
OF_THE_LEDGER = {
    "ledger_epoch": "the ledger's generation, a part of every version",
    "cursor_key": "the ledger's key, from which each merchant's is derived",
    "reconciliation": "how far the scheduled comparison has come in this ledger",
}
# Functions that look at all merchants of a ledger: scheduled jobs, which run once for each ledger, and what bounds all together.
OF_ALL_MERCHANTS = {
    "public.count_waits": "counts who waits for events, whoever they are: all of a cell share its functions",
    "ledger_maintenance.count_months_set_aside": "a metric of the scheduled comparison",
    "ledger_maintenance.entries_recorded_between": "how much the scheduled comparison has before it",
    "ledger_maintenance.merchants_of_day": "lists whose days are to be sealed",
    "ledger_maintenance.merchants_with_events_since": "lists whose subscribers are woken",
    "ledger_maintenance.months_recorded_after": "lists what the scheduled comparison looks at",
    "ledger_maintenance.months_recorded_between": "the same, of the release before",
    "ledger_maintenance.months_set_aside": "lists what the comparison tries again",
    "ledger_maintenance.months_with_entries": "lists months of all merchants, after a restore",
    "ledger_maintenance.reconciled_until": "how far the comparison has come, of the release before",
    "ledger_maintenance.reconciliation_place": "how far the comparison has come",
    "ledger_maintenance.save_reconciled_until": "the same",
    "ledger_maintenance.save_reconciliation_place": "the same",
    "ledger_maintenance.take_back_months": "months of several merchants that have been compared; each row names its own",
    "ledger_maintenance.unsealed": "lists whose days are to be sealed, of the release before",
}
# Statements that are no function.
NO_FUNCTIONS = {
    "grants.sql": "who may call what",
    "settings.sql": "settings of the session",
    "settled.sql": "which transactions run in this ledger's cluster (ADR 7): its catalogue, no table of merchants",
}
# Functions of triggers take the merchant from the row.
TRIGGERS = {name: function for name, function in SCHEMA.functions.items() if function.returnType.names[-1].sval == "trigger"}

FUNCTIONS = [(name, function, source) for path in STATEMENTS for name, function, source in functions_of(path.read_text())]
TRIGGER_SOURCES = [
    found for name in TRIGGERS for found in [each for path in MIGRATIONS for each in functions_of(path.read_text()) if each[0] == name][-1:]
]


def one(text: str, merchants: tuple[int, ...] = (1,)) -> list[str]:
    """What is found in a statement."""
    return untied(Statement("a test", parse_sql(text)[0].stmt, frozenset(merchants)), OF_MERCHANTS)


def test_every_table_belongs_to_merchants_or_is_listed() -> None:
    without = {name for name, table in SCHEMA.tables.items() if MERCHANT not in table.columns}
    assert without == set(OF_THE_LEDGER)
    assert all(table.keys for table in SCHEMA.tables.values()), "a table without a key"


@pytest.mark.parametrize("name", sorted(SCHEMA.tables.keys() - OF_THE_LEDGER.keys()))
def test_every_unique_key_names_the_merchant(name: str) -> None:
    table = SCHEMA.tables[name]
    assert [key for key, columns in table.keys.items() if MERCHANT not in columns] == []
    unlike = [
        key for key, (here, there) in table.references.items() if MERCHANT not in here or here.index(MERCHANT) != there.index(MERCHANT)
    ]
    assert unlike == [], "a reference to a row of another merchant"


@pytest.mark.parametrize(("name", "function", "source"), FUNCTIONS, ids=[each[0] for each in FUNCTIONS])
def test_every_statement_names_the_merchant(name: str, function: object, source: str) -> None:
    statements = list(of_function(name, function, source))
    assert statements
    found = [table for statement in statements for table in untied(statement, OF_MERCHANTS)]
    if name in OF_ALL_MERCHANTS:
        assert not takes_merchant(function), "this function names the merchant: take it off the list"
    else:
        assert takes_merchant(function), "its first parameter is not merchant_id"
        assert found == []


def test_what_is_listed_exists() -> None:
    assert OF_ALL_MERCHANTS.keys() <= {name for name, _, _ in FUNCTIONS}
    assert set(NO_FUNCTIONS) == {path.name for path in STATEMENTS if not list(functions_of(path.read_text()))}


@pytest.mark.parametrize(("name", "function", "source"), TRIGGER_SOURCES, ids=[each[0] for each in TRIGGER_SOURCES])
def test_every_trigger_stays_with_the_merchant_of_its_row(name: str, function: object, source: str) -> None:
    assert [table for statement in of_function(name, function, source) for table in untied(statement, OF_MERCHANTS)] == []


def test_what_the_view_adds_to_an_entry_is_of_its_merchant() -> None:
    assert list(SCHEMA.views) == ["posted_entry"]
    view = Statement("posted_entry", SCHEMA.views["posted_entry"], frozenset())
    assert untied(view, OF_MERCHANTS, given=frozenset({"entry"})) == []
    assert "entry (entry)" in untied(view, OF_MERCHANTS)


@pytest.mark.parametrize(
    "change",
    [
        "CREATE UNIQUE INDEX a_test ON entry (id);",
        "ALTER TABLE entry ADD UNIQUE (id);",
        "ALTER TABLE entry ADD COLUMN serial bigint UNIQUE;",
    ],
)
def test_a_key_without_the_merchant_would_be_seen(change: str) -> None:
    files = {path.name: path.read_text() for path in MIGRATIONS} | {"V999__test.sql": change}
    made = read_schema(files).tables["entry"].keys.items() - SCHEMA.tables["entry"].keys.items()
    assert len(made) == 1
    assert all(MERCHANT not in columns for _, columns in made)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM entry WHERE id = $2",
        "SELECT * FROM entry WHERE merchant_id = $2",
        "SELECT * FROM entry WHERE merchant_id = $1 OR id = $2",
        "SELECT * FROM entry JOIN day_seal USING (date) WHERE entry.merchant_id = $1",
        "SELECT * FROM entry LEFT JOIN day_seal ON entry.merchant_id = $1 AND day_seal.merchant_id = $1",
        "SELECT * FROM (SELECT * FROM entry) AS inside WHERE merchant_id = $1",
        "WITH found AS (SELECT * FROM entry) SELECT 1",
        "SELECT 1 WHERE EXISTS (SELECT FROM overtaken_reversal WHERE id = $2)",
        "SELECT ledger.totals_of_day($2, 'BRL', '2026-01-01')",
        "INSERT INTO entry (id, merchant_id) SELECT $1, $2",
        "INSERT INTO daily_total (merchant_id, date) SELECT $1, $2 ON CONFLICT (date) DO NOTHING",
        "INSERT INTO daily_total (merchant_id, date) SELECT merchant_id, date FROM entry",
        "UPDATE posting_position SET summed_until = 1 WHERE slot = 1",
        "DELETE FROM month_set_aside USING entry WHERE entry.merchant_id = $1",
    ],
)
def test_a_statement_without_the_merchant_would_be_seen(statement: str) -> None:
    assert one(statement) != []


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM entry WHERE merchant_id = $1 AND id = $2",
        "SELECT * FROM entry JOIN day_seal USING (merchant_id, date) WHERE entry.merchant_id = $1",
        "SELECT * FROM entry LEFT JOIN day_seal ON day_seal.merchant_id = entry.merchant_id WHERE entry.merchant_id = $1",
        "SELECT (SELECT 1 FROM day_seal WHERE day_seal.merchant_id = entry.merchant_id) FROM entry WHERE merchant_id = $1",
        "INSERT INTO daily_total (merchant_id, date) SELECT merchant_id, date FROM entry WHERE merchant_id = $1",
        "SELECT * FROM ledger.totals_of_day($1, 'BRL', '2026-01-01')",
        "SELECT epoch FROM ledger_epoch",
    ],
)
def test_a_statement_with_the_merchant_passes(statement: str) -> None:
    assert one(statement) == []
