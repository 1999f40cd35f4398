//! The routes of webhook endpoints: what requests mean. Where a webhook may be sent is for the caller.

use cashflow::EventType;
use lambda_http::Request;

use crate::{
    FaultCode, Flaw, Problem,
    body::{Faults, Object, parse_body, wrong_type},
    json::Json,
    query::Query,
};

/// The most deliveries of a page, and those of a page that asks for no number of them.
const LIMIT_MAX: u16 = 100;
const LIMIT_DEFAULT: u16 = 50;

/// Where events are to be sent, and of which types; none for all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointRequest<U> {
    /// Where.
    pub url: U,
    /// Which.
    pub types: Option<Vec<EventType>>,
}

/// Reads the body of `POST /webhook-endpoints`; `admit` says whether events may be sent to a URL.
pub fn parse_endpoint_request<U>(
    request: &Request,
    admit: impl FnOnce(&str) -> Result<U, Flaw>,
) -> Result<EndpointRequest<U>, Problem> {
    Query::read(request, &[]).none_or_problem()?;
    let body = parse_body(request)?;
    let mut faults = Faults::default();
    let Json::Object(members) = &body else {
        faults.add("", wrong_type("an object", &body));
        faults.none_or_problem()?;
        return Err(Problem::internal_error());
    };
    let mut object = Object::new("", members, &mut faults);
    let url = object.required_text("url").map(admit).and_then(|url| object.check("url", url));
    let types = object.optional("types").map(|types| read_types(&mut object, types));
    object.refuse_other_members();
    faults.none_or_problem()?;
    let url = url.ok_or_else(Problem::internal_error)?;
    Ok(EndpointRequest { url, types })
}

fn read_types(object: &mut Object<'_, '_>, types: &Json) -> Vec<EventType> {
    let mut known = Vec::new();
    let Json::Array(types) = types else {
        object.fault("types", wrong_type("an array", types));
        return known;
    };
    if types.is_empty() {
        object.fault("types", Flaw::new(FaultCode::Required, "must name a type; leave it out for all of them"));
    }
    for (index, event_type) in types.iter().enumerate() {
        let read = match event_type {
            Json::String(text) => {
                EventType::parse(text).ok_or_else(|| Flaw::new(FaultCode::UnknownValue, "is no type of event"))
            }
            other => Err(wrong_type("a string", other)),
        };
        let read = read.and_then(|read| {
            let is_new = !known.contains(&read);
            is_new.then_some(read).ok_or_else(|| Flaw::new(FaultCode::Duplicate, "occurs more than once"))
        });
        match read {
            Ok(read) => known.push(read),
            Err(flaw) => object.fault_below("types", index, flaw),
        }
    }
    known
}

/// Reads the id of an endpoint, of a route without a query.
pub fn parse_endpoint_id<I>(request: &Request, parse: impl FnOnce(&str) -> Option<I>) -> Result<I, Problem> {
    let mut query = Query::read(request, &[]);
    let id = endpoint_id(&mut query, request, parse);
    query.none_or_problem()?;
    id.ok_or_else(Problem::internal_error)
}

fn endpoint_id<I>(query: &mut Query, request: &Request, parse: impl FnOnce(&str) -> Option<I>) -> Option<I> {
    // Upper case says the same (RFC 9562, section 4).
    let id = parse(&Query::path_part(request, "id").to_ascii_lowercase());
    query.check("id", id.ok_or_else(|| Flaw::new(FaultCode::InvalidFormat, "must be a UUID in its canonical form")))
}

/// Reads the ids of an endpoint and of a delivery. Whatever is none of a delivery's ids is not found.
pub fn parse_delivery_id<I, D>(
    request: &Request,
    parse_endpoint: impl FnOnce(&str) -> Option<I>,
    parse_delivery: impl FnOnce(&str) -> Option<D>,
) -> Result<(I, D), Problem> {
    let mut query = Query::read(request, &[]);
    let endpoint = endpoint_id(&mut query, request, parse_endpoint);
    let delivery = parse_delivery(Query::path_part(request, "delivery_id"));
    let detail = "must be the id of a delivery";
    let delivery = query.check("delivery_id", delivery.ok_or_else(|| Flaw::new(FaultCode::InvalidFormat, detail)));
    query.none_or_problem()?;
    endpoint.zip(delivery).ok_or_else(Problem::internal_error)
}

/// Which deliveries are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveriesQuery<I, S, C> {
    /// Of which endpoint.
    pub endpoint: I,
    /// Only those of which this became.
    pub status: Option<S>,
    /// The most of the page.
    pub limit: u16,
    /// Behind which one the page begins; none for the first page.
    pub cursor: Option<C>,
}

/// Reads `GET /webhook-endpoints/{id}/deliveries?status=&limit=&cursor=`. A cursor is the id of a delivery: every one has a meaning.
pub fn parse_deliveries_query<I, S, C>(
    request: &Request,
    parse_endpoint: impl FnOnce(&str) -> Option<I>,
    parse_status: impl FnOnce(&str) -> Option<S>,
    parse_cursor: impl FnOnce(&str) -> Option<C>,
) -> Result<DeliveriesQuery<I, S, C>, Problem> {
    let mut query = Query::read(request, &["status", "limit", "cursor"]);
    let endpoint = endpoint_id(&mut query, request, parse_endpoint);
    let limit = query.limit(LIMIT_MAX, LIMIT_DEFAULT);
    let status = query.optional("status").map(|text| {
        let detail = "must be delivered, pending or failed";
        query.check("status", parse_status(&text).ok_or_else(|| Flaw::new(FaultCode::UnknownValue, detail)))
    });
    let cursor = query.optional("cursor").map(|text| {
        let detail = "is not a cursor that a list of deliveries was answered with";
        query.check("cursor", parse_cursor(&text).ok_or_else(|| Flaw::new(FaultCode::InvalidCursor, detail)))
    });
    query.none_or_problem()?;
    let (Some(endpoint), Some(limit)) = (endpoint, limit) else { return Err(Problem::internal_error()) };
    Ok(DeliveriesQuery { endpoint, status: status.flatten(), limit, cursor: cursor.flatten() })
}

#[cfg(test)]
mod tests {
    use lambda_http::{
        Body,
        http::{HeaderValue, header::CONTENT_TYPE},
    };

    use super::*;

    fn parse(body: &str) -> Result<EndpointRequest<String>, Vec<(String, FaultCode)>> {
        let mut request = Request::new(Body::Text(body.to_owned()));
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let admit = |url: &str| match url {
            "https://private" => Err(Flaw::new(FaultCode::NotAdmitted, "must have a public host")),
            url => Ok(url.to_owned()),
        };
        let faults = |problem: Problem| {
            problem.errors.into_iter().map(|fault| (fault.pointer.unwrap_or_default(), fault.code)).collect()
        };
        parse_endpoint_request(&request, admit).map_err(faults)
    }

    #[test]
    fn a_request_names_a_url_and_the_types_of_events() {
        let url = "https://example.com/".to_owned();
        assert_eq!(parse(r#"{"url":"https://example.com/"}"#), Ok(EndpointRequest { url: url.clone(), types: None }));
        let expected = EndpointRequest { url: url.clone(), types: None };
        assert_eq!(parse(r#"{"url":"https://example.com/","types":null}"#), Ok(expected));
        let types = Some(vec![EventType::EntryPosted, EventType::DaySealed]);
        let body = r#"{"url":"https://example.com/","types":["entry.posted","day.sealed"]}"#;
        assert_eq!(parse(body), Ok(EndpointRequest { url, types }));
    }

    #[test]
    fn every_fault_of_a_request_is_named_where_it_is() {
        let check = |body: &str, expected: &[(&str, FaultCode)]| {
            let expected = expected.iter().map(|(pointer, code)| ((*pointer).to_owned(), *code)).collect();
            assert_eq!(parse(body), Err(expected), "{body}");
        };
        check("[]", &[("", FaultCode::WrongType)]);
        check("{}", &[("/url", FaultCode::Required)]);
        check(r#"{"url":1,"types":{}}"#, &[("/url", FaultCode::WrongType), ("/types", FaultCode::WrongType)]);
        check(
            r#"{"url":"https://private","kind":1}"#,
            &[("/url", FaultCode::NotAdmitted), ("/kind", FaultCode::UnknownField)],
        );
        check(r#"{"url":"x","types":[]}"#, &[("/types", FaultCode::Required)]);
        check(
            r#"{"url":"x","types":["entry.posted","entry.lost",1,"entry.posted"]}"#,
            &[
                ("/types/1", FaultCode::UnknownValue),
                ("/types/2", FaultCode::WrongType),
                ("/types/3", FaultCode::Duplicate),
            ],
        );
    }
}
