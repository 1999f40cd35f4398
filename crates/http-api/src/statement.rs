use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use cashflow::{Currency, Date, EntryId, MerchantId, StatementLine, StatementPage, StatementPosition};
use hmac::{Hmac, KeyInit, Mac};
use lambda_http::{
    Body, Request, Response,
    http::{HeaderValue, StatusCode, header::LINK},
};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use url::form_urlencoded;

use crate::{
    Code, Fault, Problem,
    csv::{Csv, text_cell},
    query::Query,
    response::{respond_csv, respond_json},
    shown_entry::ShownPostedEntry,
};

/// The most lines of a page.
const LIMIT_MAX: u16 = 500;

/// The lines of a page that asks for no number of them.
const LIMIT_DEFAULT: u16 = 100;

/// How much CSV makes a page full. The last lines are added before they are counted, at most [`EntryCsv::LINES_AT_ONCE`] of
/// less than 2 KB, so a page has at most 5 MB; Lambda answers up to 6 MB.
const CSV_PAGE_BYTES: usize = 4_000_000;

const MAC_BYTES: usize = 32;

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
    let limit = match query.optional("limit") {
        Some(text) => {
            let limit = text.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit) && limit.to_string() == text);
            query.check("limit", limit.ok_or(format!("must be a whole number from 1 to {LIMIT_MAX}")))
        }
        None => Some(LIMIT_DEFAULT),
    };
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
    pub fn position(&self, merchant: &MerchantId, key: &[u8; 64]) -> Result<Option<StatementPosition>, Problem> {
        let Some(cursor) = &self.cursor else { return Ok(None) };
        let position = self.open(cursor, merchant, key).ok_or_else(|| {
            let fault = Fault::parameter("cursor", "is not a cursor that was given out for this statement");
            Problem::with_faults(Code::ParameterInvalid, vec![fault])
        })?;
        Ok(Some(position))
    }

    /// The cursor of the page that starts there.
    pub fn cursor(&self, position: &StatementPosition, merchant: &MerchantId, key: &[u8; 64]) -> String {
        let payload = CursorPayload::new(position).write();
        let mut bytes = self.mac(merchant, key, &payload).finalize().into_bytes().to_vec();
        bytes.extend(payload);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn open(&self, cursor: &str, merchant: &MerchantId, key: &[u8; 64]) -> Option<StatementPosition> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (mac, payload) = bytes.split_at_checked(MAC_BYTES)?;
        self.mac(merchant, key, payload).verify_slice(mac).ok()?;
        serde_json::from_slice::<CursorPayload>(payload).ok()?.read()
    }

    /// What is signed names the statement and its owner too, so that a cursor is none for any other.
    fn mac(&self, merchant: &MerchantId, key: &[u8; 64], payload: &[u8]) -> Hmac<Sha256> {
        let statement = format!("statement/1\n{merchant}\n{}\n{}\n{}\n", self.currency, self.from, self.to);
        Hmac::new(key.into()).chain_update(statement).chain_update(payload)
    }
}

/// A position as it travels in a cursor.
#[derive(Serialize, Deserialize)]
struct CursorPayload {
    snapshot: String,
    date: Date,
    posted_xid: u64,
    id: String,
    running_balance: String,
}

impl CursorPayload {
    fn new(position: &StatementPosition) -> CursorPayload {
        CursorPayload {
            snapshot: position.snapshot.clone(),
            date: position.date,
            posted_xid: position.posted_xid,
            id: position.id.to_string(),
            running_balance: position.running_balance.to_string(),
        }
    }

    fn write(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    fn read(self) -> Option<StatementPosition> {
        Some(StatementPosition {
            snapshot: self.snapshot,
            date: self.date,
            posted_xid: self.posted_xid,
            id: EntryId::parse(&self.id)?,
            running_balance: self.running_balance.parse().ok()?,
        })
    }
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
            let posted = ShownPostedEntry::new(&line.posted);
            let entry = &posted.entry;
            self.csv.line([
                &entry.date,
                &entry.id,
                entry.entry_type,
                &entry.amount,
                entry.currency,
                &text_cell(entry.description.as_deref().unwrap_or_default()),
                &text_cell(entry.category.as_deref().unwrap_or_default()),
                entry.reverses.as_deref().unwrap_or_default(),
                &posted.posted_at,
                &posted.seal.map(|number| number.to_string()).unwrap_or_default(),
                if posted.late { "true" } else { "false" },
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
    use cashflow::parse_date;

    use super::*;

    const KEY: [u8; 64] = [7; 64];

    fn merchant(name: &str) -> MerchantId {
        MerchantId::parse(name).unwrap()
    }

    fn query(cursor: Option<String>) -> StatementQuery {
        let date = parse_date("2026-11-22").unwrap();
        StatementQuery { currency: Currency::BRL, from: date, to: date, limit: 100, cursor }
    }

    fn position() -> StatementPosition {
        StatementPosition {
            snapshot: "10:20:10,14".to_owned(),
            date: parse_date("2026-11-22").unwrap(),
            posted_xid: u64::MAX,
            id: EntryId::parse("f8074bc3-3d8c-5a13-bf98-16220b3a9341").unwrap(),
            running_balance: -i128::MAX,
        }
    }

    fn opened(query: &StatementQuery, merchant_id: &str, key: [u8; 64]) -> Result<Option<StatementPosition>, Code> {
        query.position(&merchant(merchant_id), &key).map_err(|problem| problem.code)
    }

    #[test]
    fn a_cursor_leads_to_the_position_it_was_made_of() {
        let cursor = query(None).cursor(&position(), &merchant("acme"), &KEY);
        assert_eq!(opened(&query(Some(cursor)), "acme", KEY), Ok(Some(position())));
        assert_eq!(opened(&query(None), "acme", KEY), Ok(None));
    }

    #[test]
    fn a_cursor_is_none_for_another_merchant_day_currency_or_key() {
        let cursor = query(None).cursor(&position(), &merchant("acme"), &KEY);
        let same = query(Some(cursor));
        let other_day = parse_date("2026-11-23").unwrap();
        let refused = [
            opened(&same, "emca", KEY),
            opened(&same, "acme", [8; 64]),
            opened(&StatementQuery { to: other_day, ..same.clone() }, "acme", KEY),
            opened(&StatementQuery { from: other_day, to: other_day, ..same.clone() }, "acme", KEY),
            opened(&StatementQuery { currency: Currency::parse("USD").unwrap(), ..same.clone() }, "acme", KEY),
        ];
        assert_eq!(refused, [const { Err(Code::ParameterInvalid) }; 5]);
        // How many lines a page has is not a part of what it shows.
        assert!(opened(&StatementQuery { limit: 7, ..same }, "acme", KEY).is_ok());
    }

    #[test]
    fn no_character_of_a_cursor_can_be_changed_removed_or_added() {
        let cursor = query(None).cursor(&position(), &merchant("acme"), &KEY);
        for index in 0..cursor.len() {
            let mut changed = cursor.clone().into_bytes();
            changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(opened(&query(Some(changed)), "acme", KEY), Err(Code::ParameterInvalid), "{index}");
        }
        for other in [&cursor[1..], &cursor[..cursor.len() - 1], &format!("{cursor}A"), &format!("{cursor}="), "", "x"]
        {
            assert_eq!(opened(&query(Some(other.to_owned())), "acme", KEY), Err(Code::ParameterInvalid), "{other}");
        }
    }
}
