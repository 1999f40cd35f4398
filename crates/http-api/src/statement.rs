use cashflow::{
    Currency, Date, EntryId, MerchantId, Positions, StatementKey, StatementLine, StatementPage, StatementPosition,
};
use jiff::Timestamp;
use lambda_http::{
    Body, Request, Response,
    http::{HeaderValue, StatusCode, header::LINK},
};
use serde::Serialize;
use url::form_urlencoded;
use uuid::Uuid;

use crate::{
    Code, Fault, FaultCode, Flaw, Problem,
    csv::{Csv, text_cell},
    opaque,
    query::Query,
    response::{respond_csv, respond_json},
    shown_entry::{ShownEntry, ShownPostedEntry},
};

/// The most lines of a page.
const LIMIT_MAX: u16 = 500;

/// The lines of a page that asks for no number of them.
const LIMIT_DEFAULT: u16 = 100;

/// How much CSV makes a page full. The last lines are added before they are counted, at most [`EntryCsv::LINES_AT_ONCE`] of
/// less than 2 KB, so a page has at most 5 MB; Lambda answers up to 6 MB.
const CSV_PAGE_BYTES: usize = 4_000_000;

/// What a cursor holds: positions, year, month and day, microseconds, id and balance.
const CURSOR_BYTES: usize = Positions::BYTES + 4 + 8 + 16 + 16;

/// How long every cursor is.
pub const CURSOR_LENGTH: usize = opaque::length(CURSOR_BYTES);

/// Which statement is asked for, and which page of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementQuery {
    /// The currency.
    pub currency: Currency,
    /// The first day.
    pub from: Date,
    /// The last day, not before the first.
    pub to: Date,
    /// The most lines of the page.
    pub limit: u16,
    cursor: Option<String>,
}

/// Reads `GET /entries?date=&currency=&limit=&cursor=`.
pub fn parse_statement_query(request: &Request) -> Result<StatementQuery, Problem> {
    let mut query = Query::read(request, &["date", "currency", "limit", "cursor"]);
    let date = query.required_date("date");
    let currency = query.currency();
    let limit = query.limit(LIMIT_MAX, LIMIT_DEFAULT);
    let cursor = query.optional("cursor");
    query.none_or_problem()?;
    let (Some(date), Some(currency), Some(limit)) = (date, currency, limit) else {
        return Err(Problem::internal_error());
    };
    Ok(StatementQuery { currency, from: date, to: date, limit, cursor })
}

/// Reads `GET /entries.csv?from=&to=&currency=&cursor=`.
pub fn parse_export_query(request: &Request) -> Result<StatementQuery, Problem> {
    let mut query = Query::read(request, &["from", "to", "currency", "cursor"]);
    let range = query.range();
    let currency = query.currency();
    let cursor = query.optional("cursor");
    query.none_or_problem()?;
    let (Some((from, to)), Some(currency)) = (range, currency) else { return Err(Problem::internal_error()) };
    Ok(StatementQuery { currency, from, to, limit: EntryCsv::LINES_AT_ONCE, cursor })
}

impl StatementQuery {
    /// Where the page starts: none for the first page. A cursor counts only for the statement it was given out for.
    pub fn position(&self, merchant: &MerchantId, key: &StatementKey) -> Result<Option<StatementPosition>, Problem> {
        let Some(cursor) = &self.cursor else { return Ok(None) };
        let refused = |detail: &str| {
            let fault = Fault::parameter("cursor", Flaw::new(FaultCode::InvalidCursor, detail));
            Problem::with_faults(Code::ParameterInvalid, vec![fault])
        };
        let payload = opaque::read(&key.key, &self.context(merchant), cursor);
        let position = payload
            .and_then(read_position)
            .ok_or_else(|| refused("is not a cursor that was given out for this statement"))?;
        if key.positions.covers(&position.positions) {
            Ok(Some(position))
        } else {
            Err(refused("is of a ledger that was set back since: begin with the first page"))
        }
    }

    /// The cursor of the page that starts there: [`CURSOR_LENGTH`] characters.
    pub fn cursor(&self, position: &StatementPosition, merchant: &MerchantId, key: &StatementKey) -> String {
        opaque::write(&key.key, &self.context(merchant), &write_position(position))
    }

    /// The statement and its owner: a cursor is none for any other.
    fn context(&self, merchant: &MerchantId) -> String {
        format!("statement/2\n{merchant}\n{}\n{}\n{}\n", self.currency, self.from, self.to)
    }
}

fn write_position(position: &StatementPosition) -> Vec<u8> {
    let StatementPosition { positions, date, posted_at, id, running_balance } = position;
    let mut bytes = positions.to_bytes();
    bytes.extend(date.year().to_be_bytes());
    bytes.extend([date.month().cast_unsigned(), date.day().cast_unsigned()]);
    bytes.extend(posted_at.as_microsecond().to_be_bytes());
    bytes.extend(id.as_uuid().as_bytes());
    bytes.extend(running_balance.to_be_bytes());
    bytes
}

fn read_position(bytes: [u8; CURSOR_BYTES]) -> Option<StatementPosition> {
    let (positions, rest) = bytes.split_at(Positions::BYTES);
    let (date, rest) = rest.split_first_chunk()?;
    let (posted_at, rest) = rest.split_first_chunk()?;
    let (id, rest) = rest.split_first_chunk()?;
    let [year @ .., month, day]: [u8; 4] = *date;
    Some(StatementPosition {
        positions: Positions::from_bytes(positions).ok()?,
        date: Date::new(i16::from_be_bytes(year), month.cast_signed(), day.cast_signed()).ok()?,
        posted_at: Timestamp::from_microsecond(i64::from_be_bytes(*posted_at)).ok()?,
        id: EntryId::from_uuid(Uuid::from_bytes(*id)),
        running_balance: i128::from_be_bytes(rest.try_into().ok()?),
    })
}

/// The answer to `GET /entries?date=`; `next_cursor` is null on the last page.
pub fn statement_response(page: &StatementPage, currency: Currency, next_cursor: Option<String>) -> Response<Body> {
    #[derive(Serialize)]
    struct Line {
        #[serde(flatten)]
        posted: ShownPostedEntry,
        running_balance: String,
    }
    #[derive(Serialize)]
    struct Page {
        entries: Vec<Line>,
        next_cursor: Option<String>,
    }
    let entries = page.lines.iter().map(|line| Line {
        posted: ShownPostedEntry::new(&line.posted),
        running_balance: currency.format_minor(line.running_balance),
    });
    respond_json(StatusCode::OK, &Page { entries: entries.collect(), next_cursor })
}

/// The answer to `GET /entries.csv?from&to`, line by line until the page is full.
pub struct EntryCsv {
    query: StatementQuery,
    csv: Csv<12>,
}

impl EntryCsv {
    /// How many lines are added before the page is looked at again.
    pub const LINES_AT_ONCE: u16 = 500;

    /// A page with its header.
    pub fn new(query: &StatementQuery) -> EntryCsv {
        let csv = Csv::with_header([
            "date",
            "id",
            "type",
            "amount",
            "currency",
            "description",
            "category",
            "reverses",
            "posted_at",
            "seal",
            "late",
            "running_balance",
        ]);
        EntryCsv { query: query.clone(), csv }
    }

    /// Adds lines.
    pub fn add(&mut self, lines: &[StatementLine]) {
        for line in lines {
            // Without `..`, so that a field has its column or is left out knowingly.
            let ShownPostedEntry { entry, posted_at, reversed_by: _, seal, late } = ShownPostedEntry::new(&line.posted);
            let ShownEntry {
                id,
                merchant_id: _,
                entry_type,
                amount,
                currency,
                date,
                description,
                category,
                reverses,
                status: _,
            } = entry;
            self.csv.line([
                &date,
                &id,
                entry_type,
                &amount,
                currency,
                &text_cell(description.as_deref().unwrap_or_default()),
                &text_cell(category.as_deref().unwrap_or_default()),
                reverses.as_deref().unwrap_or_default(),
                &posted_at,
                &seal.map(|number| number.to_string()).unwrap_or_default(),
                if late { "true" } else { "false" },
                &self.query.currency.format_minor(line.running_balance),
            ]);
        }
    }

    /// Whether further lines belong to the next page.
    pub fn is_full(&self) -> bool {
        self.csv.escaped_bytes() >= CSV_PAGE_BYTES
    }

    /// The answer; with a cursor, a `Link` leads to the next page (RFC 8288).
    pub fn into_response(self, next_cursor: Option<&str>) -> Response<Body> {
        let EntryCsv { query, csv } = self;
        let StatementQuery { currency, from, to, .. } = query;
        let mut response = respond_csv(csv, &format!("entries_{from}_{to}_{currency}.csv"));
        if let Some(cursor) = next_cursor {
            let parameters = form_urlencoded::Serializer::new(String::new())
                .append_pair("from", &from.to_string())
                .append_pair("to", &to.to_string())
                .append_pair("currency", currency.code())
                .append_pair("cursor", cursor)
                .finish();
            // Relative, so that it leads to the same API under whatever path that is reached.
            if let Ok(link) = HeaderValue::try_from(format!("<entries.csv?{parameters}>; rel=\"next\"")) {
                response.headers_mut().insert(LINK, link);
            }
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use cashflow::{SLOTS, parse_date};

    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use test_builders::{acme, merchant};

    use super::*;

    fn key(first: u8, furthest: u64) -> StatementKey {
        let mut key = [7; 64];
        key[0] = first;
        StatementKey { key, positions: Positions::new([furthest; SLOTS]) }
    }

    const FURTHEST: u64 = u64::MAX;

    fn query(cursor: Option<String>) -> StatementQuery {
        let date = parse_date("2026-11-22").unwrap();
        StatementQuery { currency: Currency::BRL, from: date, to: date, limit: 100, cursor }
    }

    fn position() -> StatementPosition {
        StatementPosition {
            positions: Positions::new([0, 1, u64::MAX, 4, 5, 6, 7, 8]),
            date: parse_date("2026-11-22").unwrap(),
            posted_at: "2026-11-22T18:00:00.123456Z".parse().unwrap(),
            id: EntryId::parse("f8074bc3-3d8c-5a13-bf98-16220b3a9341").unwrap(),
            running_balance: -i128::MAX,
        }
    }

    fn opened(query: &StatementQuery, merchant_id: &str, key: StatementKey) -> Result<Option<StatementPosition>, Code> {
        query.position(&merchant(merchant_id), &key).map_err(|problem| problem.code)
    }

    #[test]
    fn a_cursor_leads_to_the_position_it_was_made_of() {
        let cursor = query(None).cursor(&position(), &acme(), &key(7, FURTHEST));
        assert_eq!(opened(&query(Some(cursor)), "acme", key(7, FURTHEST)), Ok(Some(position())));
        assert_eq!(opened(&query(None), "acme", key(7, FURTHEST)), Ok(None));
    }

    #[test]
    fn every_cursor_has_the_same_length_and_tells_nothing() {
        let start = StatementPosition {
            positions: Positions::new([0; SLOTS]),
            date: parse_date("9999-12-31").unwrap(),
            posted_at: Timestamp::UNIX_EPOCH,
            id: EntryId::from_uuid(Uuid::nil()),
            running_balance: 0,
        };
        for position in [start, position()] {
            let cursor = query(None).cursor(&position, &acme(), &key(7, FURTHEST));
            assert_eq!(cursor.len(), CURSOR_LENGTH);
            assert_eq!(opened(&query(Some(cursor.clone())), "acme", key(7, FURTHEST)), Ok(Some(position.clone())));
            let bytes = URL_SAFE_NO_PAD.decode(cursor).unwrap();
            let inside = write_position(&position);
            for shown in bytes.windows(8) {
                assert!(!inside.windows(8).any(|secret| secret == shown), "{shown:?}");
            }
        }
        const { assert!(CURSOR_LENGTH < 200) };
    }

    #[test]
    fn a_cursor_of_a_ledger_that_was_set_back_is_refused() {
        let far = StatementPosition { positions: Positions::new([9; SLOTS]), ..position() };
        let cursor = query(None).cursor(&far, &acme(), &key(7, 9));
        let far_on = query(Some(cursor));
        assert_eq!(opened(&far_on, "acme", key(7, 9)), Ok(Some(far.clone())));
        assert_eq!(opened(&far_on, "acme", key(7, 10)), Ok(Some(far)));
        let problem = far_on.position(&acme(), &key(7, 8)).unwrap_err();
        assert_eq!(problem.code, Code::ParameterInvalid);
        assert!(problem.errors[0].detail.contains("set back"), "{problem:?}");
    }

    #[test]
    fn a_cursor_is_none_for_another_merchant_day_currency_or_key() {
        let cursor = query(None).cursor(&position(), &acme(), &key(7, FURTHEST));
        let same = query(Some(cursor));
        let other_day = parse_date("2026-11-23").unwrap();
        let refused = [
            opened(&same, "emca", key(7, FURTHEST)),
            opened(&same, "acme", key(8, FURTHEST)),
            opened(&StatementQuery { to: other_day, ..same.clone() }, "acme", key(7, FURTHEST)),
            opened(&StatementQuery { from: other_day, to: other_day, ..same.clone() }, "acme", key(7, FURTHEST)),
            opened(
                &StatementQuery { currency: Currency::parse("USD").unwrap(), ..same.clone() },
                "acme",
                key(7, FURTHEST),
            ),
        ];
        assert_eq!(refused, [const { Err(Code::ParameterInvalid) }; 5]);
        // How many lines a page has is not a part of what it shows.
        assert!(opened(&StatementQuery { limit: 7, ..same }, "acme", key(7, FURTHEST)).is_ok());
    }

    #[test]
    fn no_character_of_a_cursor_can_be_changed_removed_or_added() {
        let cursor = query(None).cursor(&position(), &acme(), &key(7, FURTHEST));
        for index in 0..cursor.len() {
            let mut changed = cursor.clone().into_bytes();
            changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(opened(&query(Some(changed)), "acme", key(7, FURTHEST)), Err(Code::ParameterInvalid), "{index}");
        }
        for other in [&cursor[1..], &cursor[..cursor.len() - 1], &format!("{cursor}A"), &format!("{cursor}="), "", "x"]
        {
            assert_eq!(
                opened(&query(Some(other.to_owned())), "acme", key(7, FURTHEST)),
                Err(Code::ParameterInvalid),
                "{other}"
            );
        }
    }
}
