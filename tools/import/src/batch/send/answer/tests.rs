use super::*;

#[test]
fn retry_after_is_seconds_or_a_date() {
    let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
    let read = |value: &str| {
        let headers = HeaderMap::from_iter([(header::RETRY_AFTER, value.parse().unwrap())]);
        retry_after(&headers, now)
    };
    assert_eq!(read("7"), Some(Duration::from_secs(7)));
    assert_eq!(read("Sun, 22 Nov 2026 12:01:00 GMT"), Some(Duration::from_secs(60)));
    assert_eq!(read("Sun, 22 Nov 2026 11:00:00 GMT"), Some(Duration::ZERO));
    for value in ["", "soon", "-1", "1.5"] {
        assert_eq!(read(value), None, "{value}");
    }
}
