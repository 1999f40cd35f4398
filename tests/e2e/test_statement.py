"""A day's entries, page by page and as CSV."""

import json
import re
import string
from collections import defaultdict
from decimal import Decimal

from deployed.api import Answer
from deployed.merchant import DATE, Day, Merchant, csv_rows, entry
from deployed.stack import Stack
from deployed.waiting import at_once, eventually

LINE_FIELDS = {
    "id", "type", "amount", "currency", "date", "description", "category", "reverses", "status", "posted_at", "reversed_by", "seal",
    "late", "running_balance",
}  # fmt: skip
ENTRIES_HEADER = "date,id,type,amount,currency,description,category,reverses,posted_at,seal,late,running_balance"
BALANCES_HEADER = "date,currency,opening_balance,total_credits,total_debits,closing_balance,entry_count,status,updated_at"
# The alphabet of the base64 that goes into a URL (RFC 4648, section 5), and what else a URL may carry.
URL_CHARACTERS = string.ascii_letters + string.digits + "-_.~"
PAGE_BYTES_MAX = 5 * 1024 * 1024
# Of the JSON in which Lambda carries an answer. The local engine does not hold to it.
LAMBDA_ANSWER_BYTES_MAX = 6 * 1024 * 1024
BATCHES_AT_ONCE = 4


def signed(line: dict[str, str]) -> Decimal:
    """What the line adds to the balance."""
    return Decimal(line["amount"]) * (1 if line["type"] == "credit" else -1)


def assert_balances_run(lines: list[dict[str, str]], opening: str) -> None:
    """Each line's balance is the one before it, and the line."""
    balance = Decimal(opening)
    for line in lines:
        balance += signed(line)
        assert Decimal(line["running_balance"]) == balance, line


def test_a_statement_shows_the_days_entries_in_posting_order(merchant: Merchant) -> None:
    """It has the balance after each."""
    merchant.recorded(merchant.accepted(entry("100.00", date="2026-02-28"), "before"))
    sent = [
        entry("10.00", description="Venda", category="vendas"),
        entry("150.50", type="debit", description="Aluguel ☕"),
        entry("0.01"),
    ]
    accepted = []
    for number, each in enumerate(sent):
        accepted.append(merchant.accepted(each, f"key-{number}").body)
        merchant.posted(accepted[-1]["id"])
    merchant.recorded(merchant.accepted(entry("7.00", date="2026-03-11"), "after"))
    merchant.recorded(merchant.accepted(entry("7.00", currency="USD"), "dollars"))

    lines = merchant.statement()
    assert [line.keys() for line in lines] == [LINE_FIELDS] * 3
    assert [line["running_balance"] for line in lines] == ["110.00", "-40.50", "-40.49"]
    for line, posted in zip(lines, accepted, strict=True):
        looked_up = merchant.look_up(posted["id"]).body
        known = LINE_FIELDS - {"running_balance"}
        assert {name: looked_up[name] for name in known} == {name: line[name] for name in known}
    assert merchant.settled_day(3).closing == lines[-1]["running_balance"]


def test_pages_of_any_size_are_the_whole(merchant: Merchant) -> None:
    merchant.recorded(merchant.accepted(entry("5.00", date="2026-03-09"), "before"))
    kinds = ["credit", "debit", "credit"]
    merchant.recorded_batch([entry(f"{n + 1}.10", type=kinds[n % 3], idempotency_key=f"key-{n}") for n in range(12)])
    whole = merchant.statement()
    assert len(whole) == 12
    assert_balances_run(whole, "5.00")
    assert whole[-1]["running_balance"] == merchant.day().closing
    for limit in range(1, 14):
        pages = list(merchant.statement_pages(limit=limit))
        assert [line for page in pages for line in page] == whole, limit
        assert [len(page) for page in pages] == [limit] * (12 // limit) + [12 % limit] * (12 % limit > 0), limit


def test_a_page_has_100_entries_unless_another_limit_is_given_and_at_most_500(merchant: Merchant) -> None:
    merchant.recorded_batch([entry("0.01", idempotency_key=f"key-{n}") for n in range(500)])
    merchant.recorded(merchant.accepted(entry("0.01"), "one-more"))
    assert len(merchant.get(f"/entries?date={DATE}").body["entries"]) == 100
    assert [len(page) for page in merchant.statement_pages(limit=500)] == [500, 1]


def test_the_limit_may_change_from_page_to_page(merchant: Merchant) -> None:
    merchant.recorded_batch([entry("1.00", idempotency_key=f"key-{n}") for n in range(10)])
    first = merchant.get(f"/entries?date={DATE}&currency=BRL&limit=3").body
    second = merchant.get(f"/entries?date={DATE}&limit=2&cursor={first['next_cursor']}").body
    third = merchant.get(f"/entries?limit=500&cursor={second['next_cursor']}&date={DATE}").body
    assert [len(page["entries"]) for page in (first, second, third)] == [3, 2, 5]
    assert first["entries"] + second["entries"] + third["entries"] == merchant.statement()
    assert third["next_cursor"] is None


def test_a_day_without_entries_has_an_empty_statement(merchant: Merchant) -> None:
    answer = merchant.get(f"/entries?date={DATE}")
    assert (answer.status, answer.body) == (200, {"entries": [], "next_cursor": None})


def test_no_entry_is_missed_or_repeated_while_others_arrive_between_the_pages(merchant: Merchant) -> None:
    merchant.recorded(merchant.accepted(entry("3.00", date="2026-03-09"), "before"))
    merchant.recorded_batch([entry("1.00", idempotency_key=f"early-{n}") for n in range(30)])
    early = {line["id"] for line in merchant.statement()}
    pages = []
    for number, page in enumerate(merchant.statement_pages(limit=7)):
        pages.append(page)
        posts = at_once(lambda n, page=number: merchant.accepted(entry("2.00", type="debit"), f"between-{page}-{n}").body, 5)
        merchant.posted(posts[0]["id"])
    lines = [line for page in pages for line in page]
    assert len({line["id"] for line in lines}) == len(lines)
    assert early <= {line["id"] for line in lines}
    assert_balances_run(lines, "3.00")

    count = 30 + 5 * len(pages)
    closing = merchant.settled_day(count).closing
    afterwards = merchant.statement()
    assert len(afterwards) == count
    assert afterwards[-1]["running_balance"] == closing


def test_no_entry_is_missed_or_repeated_while_others_are_being_posted(merchant: Merchant) -> None:
    merchant.recorded_batch([entry("1.00", idempotency_key=f"early-{n}") for n in range(20)])
    early = {line["id"] for line in merchant.statement()}

    # Four readers from the first to the last page, beside forty who post.
    def read_or_post(number: int) -> list[dict[str, str]]:
        if number < 4:
            return merchant.statement(limit=3)
        merchant.accepted(entry("2.00"), f"beside-{number}")
        return []

    for lines in at_once(read_or_post, 44)[:4]:
        assert len({line["id"] for line in lines}) == len(lines)
        assert early <= {line["id"] for line in lines}
        assert_balances_run(lines, "0.00")
    assert merchant.settled_day(60).closing == "100.00"
    assert merchant.statement()[-1]["running_balance"] == "100.00"


def first_cursor(merchant: Merchant, date: str = DATE, currency: str = "BRL") -> str:
    """The cursor that the first page of two gives out."""
    return merchant.get(f"/entries?date={date}&currency={currency}&limit=1").body["next_cursor"]


def test_a_cursor_that_was_tampered_with_is_refused(merchant: Merchant) -> None:
    merchant.recorded_batch([entry("1.00", idempotency_key=f"key-{n}") for n in range(3)])
    cursor = first_cursor(merchant)
    assert set(cursor) <= set(URL_CHARACTERS)
    changed = [cursor[:n] + ("A" if cursor[n] != "A" else "B") + cursor[n + 1 :] for n in range(len(cursor))]
    # The last character of base64 may have bits that mean nothing. They must not vary either.
    changed += [cursor[:-1] + last for last in URL_CHARACTERS if last != cursor[-1]]
    changed += [cursor[:-1], cursor[1:], cursor + "A", cursor + "=", cursor + cursor, cursor.swapcase(), "A", "%00"]
    answers = at_once(lambda n: merchant.get(f"/entries?date={DATE}&cursor={changed[n]}"), len(changed))
    for text, answer in zip(changed, answers, strict=True):
        assert (answer.problem, answer.faults) == ((400, "parameter_invalid"), ["cursor"]), text
    assert merchant.get(f"/entries?date={DATE}&cursor={cursor}").status == 200


def test_a_cursor_goes_with_the_question_it_was_given_out_for(merchant: Merchant, stack: Stack) -> None:
    stranger = Merchant(stack)
    for who in (merchant, stranger):
        who.recorded_batch([entry("1.00", date=DATE, idempotency_key=f"brl-{n}") for n in range(3)])
    merchant.recorded_batch([entry("1.00", date="2026-03-11", idempotency_key=f"later-{n}") for n in range(3)])
    merchant.recorded_batch([entry("1.00", currency="USD", idempotency_key=f"usd-{n}") for n in range(3)])
    export = merchant.get(f"/entries.csv?from={DATE}&to={DATE}")
    assert export.next_page is None

    cursor = first_cursor(merchant)
    foreign = {
        "another day": merchant.get(f"/entries?date=2026-03-11&cursor={cursor}"),
        "another currency": merchant.get(f"/entries?date={DATE}&currency=USD&cursor={cursor}"),
        "another merchant": stranger.get(f"/entries?date={DATE}&cursor={cursor}"),
        "another merchant's cursor": merchant.get(f"/entries?date={DATE}&cursor={first_cursor(stranger)}"),
    }
    for case, answer in foreign.items():
        assert (answer.problem, answer.faults) == ((400, "parameter_invalid"), ["cursor"]), case


def test_a_cursor_outlives_what_redis_remembers(merchant: Merchant, stack: Stack) -> None:
    merchant.recorded_batch([entry("1.00", idempotency_key=f"key-{n}") for n in range(3)])
    cursor = first_cursor(merchant)
    stack.forget_requests()
    assert merchant.get(f"/entries?date={DATE}&cursor={cursor}").body["entries"] == merchant.statement()[1:]


# ---- CSV ----


def assert_csv(answer: Answer, header: str, file_name: str) -> None:
    """The form that both CSV answers have."""
    assert answer.status == 200, answer
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == f'attachment; filename="{file_name}"'
    assert answer.body.startswith(header + "\r\n")
    assert answer.body.endswith("\r\n")


def test_an_export_has_every_entry_of_the_range_by_date_and_posting_order(merchant: Merchant) -> None:
    merchant.recorded(merchant.accepted(entry("1000.00", date="2026-01-31"), "before"))
    for number, date in enumerate(["2026-02-28", "2026-02-01", "2026-02-28", "2026-02-14"]):
        kind = "debit" if number == 1 else "credit"
        merchant.recorded(merchant.accepted(entry(f"{number + 1}.00", date=date, type=kind, description=f"nº {number}"), f"key-{number}"))
    merchant.recorded(merchant.accepted(entry("9.00", date="2026-03-01"), "after"))
    original = merchant.accepted(entry("5.00", date="2026-02-14", category="sales"), "returned").body
    merchant.posted(original["id"])
    reversal = merchant.accepted_reversal(original["id"], "return", {"date": "2026-02-28"})
    merchant.recorded(reversal)
    assert merchant.seal("2026-02-01").status == 201

    answer = merchant.get("/entries.csv?from=2026-02-01&to=2026-02-28")
    assert_csv(answer, ENTRIES_HEADER, "entries_2026-02-01_2026-02-28_BRL.csv")
    rows = csv_rows(answer.body)
    expected = [line for date in ("2026-02-01", "2026-02-14", "2026-02-28") for line in merchant.statement(date)]
    assert len(rows) == len(expected) == 6
    for row, line in zip(rows, expected, strict=True):
        cells = {name: "" if line[name] is None else str(line[name]) for name in ENTRIES_HEADER.split(",")}
        assert row == cells | {"late": "true" if line["late"] else "false"}
    assert rows[0]["seal"] == "1"
    assert rows[-1]["reverses"] == original["id"]
    assert_balances_run(rows, "1000.00")


def test_an_export_of_days_without_entries_is_a_header(merchant: Merchant) -> None:
    answer = merchant.get(f"/entries.csv?from={DATE}&to={DATE}&currency=JPY")
    assert_csv(answer, ENTRIES_HEADER, f"entries_{DATE}_{DATE}_JPY.csv")
    assert answer.body == ENTRIES_HEADER + "\r\n"


def test_texts_survive_csv_and_none_is_taken_for_a_formula(merchant: Merchant) -> None:
    harmless = [
        'say "hi"',
        "comma, semicolon; and ' apostrophe",
        "line\u2028separator",
        "1-1",
        "a=b",
        "rent; water",
        "'=1",
        "☕",
        " padded ",
        "e\u0301",
    ]
    formulas = [
        "=1+1", "+55 11 5555", "-10", "@SUM(A1)", " =1", "   @x", "＝1", "＋1", "－1", "＠x", '=HYPERLINK("http://example.com","x")',
    ]  # fmt: skip
    # What a spreadsheet splits at a semicolon or another separator, and how it is exported.
    inside = {"rent;=1+1;x": "rent;'=1+1;x", 'a, "-5"': 'a, "\'-5"', "a|@x; +1": "a|'@x; '+1"}
    texts = harmless + formulas + list(inside)
    posted = merchant.recorded_batch(
        [entry(description=text, category=text[::-1], idempotency_key=f"key-{n}") for n, text in enumerate(texts)]
    ).body["entries"]
    sent = {line["id"]: text for line, text in zip(posted, texts, strict=True)}
    rows = {row["id"]: row for row in merchant.export(DATE, DATE)}
    assert {entry_id: row["description"] for entry_id, row in rows.items()} == {
        entry_id: inside.get(text, "'" + text if text in formulas else text) for entry_id, text in sent.items()
    }
    for entry_id, text in sent.items():
        if text in inside:
            continue
        escaped = text[::-1].lstrip(" ").startswith(tuple("=+-@＝＋－＠"))
        assert rows[entry_id]["category"] == ("'" if escaped else "") + text[::-1]
    # The same texts as JSON are what they were.
    assert {line["id"]: line["description"] for line in merchant.statement()} == sent


def test_a_negative_balance_in_an_export_stays_a_number(merchant: Merchant) -> None:
    merchant.recorded(merchant.accepted(entry("5.00", type="debit"), "rent"))
    (row,) = merchant.export(DATE, DATE)
    assert row["running_balance"] == "-5.00"


def test_a_large_export_comes_in_pages_that_lambda_can_carry(merchant: Merchant, stack: Stack) -> None:
    # Quotes are two characters in CSV and four in the JSON around it; an emoji is four bytes everywhere.
    texts = {"2026-03-10": '"', "2026-03-11": "🧾"}
    batches = []
    for date, character, batch_count, size in (("2026-03-10", '"', 26, 120), ("2026-03-11", "🧾", 20, 110)):
        assert texts[date] == character
        fields = {"date": date, "description": character * 255, "category": character * 100}
        batches += [[entry("0.01", idempotency_key=f"{date}.{b}.{n}", **fields) for n in range(size)] for b in range(batch_count)]
    before = stack.workflow.names()
    for first in range(0, len(batches), BATCHES_AT_ONCE):
        some = batches[first : first + BATCHES_AT_ONCE]
        answers = at_once(lambda n, some=some: merchant.post_batch(some[n]), len(some))
        assert [answer.status for answer in answers] == [202] * len(some)
    for name in set(stack.workflow.names()) - set(before):
        assert stack.workflow.finished(name).status == "SUCCEEDED"

    pages = list(merchant.export_pages("2026-03-01", "2026-03-31"))
    assert len(pages) >= 2
    for page in pages:
        assert_csv(page, ENTRIES_HEADER, "entries_2026-03-01_2026-03-31_BRL.csv")
        assert len(page.body.encode()) <= PAGE_BYTES_MAX
        assert len(json.dumps(page.body, ensure_ascii=False).encode()) + len(json.dumps(page.headers)) < LAMBDA_ANSWER_BYTES_MAX
    rows = [row for page in pages for row in csv_rows(page.body)]
    assert len(rows) == len({row["id"] for row in rows}) == sum(len(batch) for batch in batches)
    assert all(row["description"] == texts[row["date"]] * 255 for row in rows)
    assert_balances_run(rows, "0.00")
    for date in texts:
        assert [row for row in rows if row["date"] == date][-1]["running_balance"] == merchant.day(date).closing

    # Its link leads nobody else anywhere, and nowhere else.
    stranger = Merchant(stack)
    link = pages[0].next_page
    assert stranger.get(link).problem == (400, "parameter_invalid")
    for other in (link.replace("2026-03-31", "2026-03-30"), link + "A", re.sub("cursor=.", "cursor=", link)):
        refused = merchant.get(other)
        assert (refused.problem, refused.faults) == ((400, "parameter_invalid"), ["cursor"]), other


def test_the_sums_of_an_export_are_the_daily_balances(merchant: Merchant) -> None:
    merchant.recorded(merchant.accepted(entry("50.00", date="2026-02-27"), "before"))
    days = ["2026-02-28", "2026-03-01", "2026-03-03"]
    kinds = ["credit", "credit", "debit"]
    merchant.recorded_batch(
        [entry(f"{n}.3{n % 10}", date=days[n % 3], type=kinds[n // 3 % 3], idempotency_key=f"key-{n}") for n in range(1, 61)]
    )
    sums = defaultdict(Decimal)
    counts = defaultdict(int)
    for row in merchant.export("2026-02-28", "2026-03-04"):
        sums[row["date"], row["type"]] += Decimal(row["amount"])
        counts[row["date"]] += 1
    answer = merchant.get("/daily-balances.csv?from=2026-02-28&to=2026-03-04")
    assert_csv(answer, BALANCES_HEADER, "daily-balances_2026-02-28_2026-03-04_BRL.csv")
    rows = csv_rows(answer.body)
    assert [row["date"] for row in rows] == ["2026-02-28", "2026-03-01", "2026-03-02", "2026-03-03", "2026-03-04"]
    closing = Decimal("50.00")
    for row in rows:
        assert Decimal(row["opening_balance"]) == closing
        assert Decimal(row["total_credits"]) == sums[row["date"], "credit"]
        assert Decimal(row["total_debits"]) == sums[row["date"], "debit"]
        assert int(row["entry_count"]) == counts[row["date"]]
        closing += sums[row["date"], "credit"] - sums[row["date"], "debit"]
        assert Decimal(row["closing_balance"]) == closing

    # The same numbers as JSON.
    balances = merchant.get("/daily-balances?from=2026-02-28&to=2026-03-04").body["balances"]
    assert rows == [{name: "" if value is None else str(value) for name, value in balance.items()} for balance in balances]
    assert balances[0].keys() == set(BALANCES_HEADER.split(","))
    assert merchant.day("2026-03-04") == Day(str(closing), "0.00", "0.00", str(closing), 0)


def test_a_year_can_be_exported_and_not_a_day_more(merchant: Merchant) -> None:
    merchant.recorded(merchant.accepted(entry("1.00", date="2024-01-01"), "first"))
    merchant.recorded(merchant.accepted(entry("2.00", date="2024-12-31"), "last"))
    for path in ("/entries.csv", "/daily-balances.csv"):
        year = merchant.get(f"{path}?from=2024-01-01&to=2024-12-31")
        assert (year.status, len(csv_rows(year.body))) == (200, {"/entries.csv": 2, "/daily-balances.csv": 366}[path])
        assert merchant.get(f"{path}?from=2024-01-01&to=2025-01-01").problem == (400, "parameter_invalid")


def test_an_entry_shows_in_the_statement_once_it_shows_as_posted(merchant: Merchant) -> None:
    for number in range(10):
        posted = merchant.posted(merchant.accepted(entry("1.00"), f"key-{number}").body["id"])
        assert merchant.statement()[-1]["id"] == posted["id"]
    eventually(merchant.day, lambda day: day.closing == "10.00", "the balance to have all entries")
