/// What Lambda says about the trace that an invocation belongs to: the header `X-Amzn-Trace-Id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TraceHeader<'a> {
    /// The id of the trace; the same in every function on the way of a request, also if nothing of it is kept.
    pub(crate) trace_id: &'a str,
    /// The segment of this invocation, if the trace is sampled: what is sent under it is kept.
    pub(crate) sampled_parent: Option<&'a str>,
}

impl<'a> TraceHeader<'a> {
    /// Reads `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1`, in any order, with other parts
    /// between. `None` without a trace id in the form of X-Ray.
    pub(crate) fn parse(header: &'a str) -> Option<TraceHeader<'a>> {
        let part =
            |name| header.split(';').filter_map(|part| part.trim().split_once('=')).find(|(key, _)| *key == name);
        let (_, trace_id) = part("Root").filter(|(_, id)| is_trace_id(id))?;
        let is_sampled = part("Sampled").is_some_and(|(_, value)| value == "1");
        let parent = part("Parent").map(|(_, id)| id).filter(|id| is_hex(id, 16));
        Some(TraceHeader { trace_id, sampled_parent: parent.filter(|_| is_sampled) })
    }
}

fn is_trace_id(text: &str) -> bool {
    let mut parts = text.split('-');
    let is_known = parts.next() == Some("1");
    is_known
        && parts.next().is_some_and(|time| is_hex(time, 8))
        && parts.next().is_some_and(|unique| is_hex(unique, 24))
        && parts.next().is_none()
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE_ID: &str = "1-5759e988-bd862e3fe1be46a994272793";

    fn check(header: &str, expected: Option<(&str, Option<&str>)>) {
        let read = TraceHeader::parse(header).map(|header| (header.trace_id, header.sampled_parent));
        assert_eq!(read, expected, "{header}");
    }

    #[test]
    fn a_header_is_read_in_any_order_and_with_unknown_parts() {
        let parent = Some("53995c3f42cd8ad8");
        check(&format!("Root={TRACE_ID};Parent=53995c3f42cd8ad8;Sampled=1"), Some((TRACE_ID, parent)));
        check(
            &format!("Sampled=1; Lineage=1:a87bd80c:0;Parent=53995c3f42cd8ad8; Root={TRACE_ID}"),
            Some((TRACE_ID, parent)),
        );
    }

    #[test]
    fn what_is_not_sampled_has_an_id_and_no_parent_to_send_under() {
        for rest in [";Parent=53995c3f42cd8ad8;Sampled=0", ";Parent=53995c3f42cd8ad8;Sampled=?", ";Sampled=1", ""] {
            check(&format!("Root={TRACE_ID}{rest}"), Some((TRACE_ID, None)));
        }
        check(&format!("Root={TRACE_ID};Parent=53995c3f42cd8ad;Sampled=1"), Some((TRACE_ID, None)));
    }

    #[test]
    fn what_is_no_trace_id_is_not_taken_for_one() {
        for root in ["", "1-5759e988", "2-5759e988-bd862e3fe1be46a994272793", "1-5759e988-bd862e3fe1be46a99427279\""] {
            check(&format!("Root={root};Parent=53995c3f42cd8ad8;Sampled=1"), None);
        }
        check(&format!("Root={TRACE_ID}-0"), None);
        check("", None);
    }
}
