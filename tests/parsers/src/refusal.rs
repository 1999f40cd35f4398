//! What holds of every refusal of a request.

use http_api::{Code, Fault, FaultCode, Problem};
use serde_json::Value;

/// What Lambda can answer, in bytes, less room for what the gateway's form of it adds.
const ANSWER_BYTES_MAX: usize = 5_000_000;

/// Checks the refusal of a request for what its path, query or headers say.
pub(crate) fn assert_refusal(problem: Problem) {
    assert_refusal_of_body(problem, b"");
}

/// Checks the refusal of a request with this body: it has a known code, is the client's to mend, and each of its faults
/// names one place, which is there.
pub(crate) fn assert_refusal_of_body(problem: Problem, body: &[u8]) {
    let Problem { code, errors, retry_after_s, .. } = &problem;
    assert!(Code::ALL.contains(code));
    assert!(code.status().is_client_error(), "{problem:?}");
    assert_eq!(*retry_after_s, None);
    match code {
        Code::ValidationFailed => assert_pointers(errors, body),
        Code::ParameterInvalid => {
            assert!(!errors.is_empty());
            assert!(errors.iter().all(|fault| fault.parameter.is_some() && fault.pointer.is_none()), "{errors:?}");
        }
        _ => assert_eq!(*errors, []),
    }
    assert_answer(problem);
}

/// A pointer leads to what is wrong or, if something is missing, to where it belongs.
fn assert_pointers(faults: &[Fault], body: &[u8]) {
    assert!(!faults.is_empty());
    let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
    let document: Value = match serde_json::from_slice(body) {
        Ok(document) => document,
        // This reader makes floats of numbers.
        Err(error) if error.to_string().starts_with("number out of range") => return,
        Err(error) => panic!("a body with faults in it is JSON: {error}"),
    };
    let pointer = |fault: &Fault| fault.pointer.clone().filter(|_| fault.parameter.is_none()).expect("a pointer");
    // Of members of one name, this reader keeps the last and the parser looks at the first.
    let repeated: Vec<String> = faults.iter().filter(|fault| fault.code == FaultCode::Duplicate).map(pointer).collect();
    for fault in faults {
        let pointer = pointer(fault);
        assert!(!fault.detail.is_empty());
        if repeated.iter().any(|repeated| pointer.starts_with(repeated.as_str())) {
            continue;
        }
        match document.pointer(&pointer) {
            Some(value) => assert!(value.is_null() || fault.code != FaultCode::Required, "{fault:?}"),
            None => {
                let (parent, _) = pointer.rsplit_once('/').expect("a pointer");
                let is_object = document.pointer(parent).is_some_and(Value::is_object);
                assert!(is_object && fault.code == FaultCode::Required, "{fault:?} {document}");
            }
        }
    }
}

/// The answer is problem details (RFC 9457) of a length that can be sent.
fn assert_answer(problem: Problem) {
    let (code, count) = (problem.code, problem.errors.len());
    let response = problem.into_response();
    assert_eq!(response.status(), code.status());
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let bytes: &[u8] = response.body();
    // The answer is a text inside of JSON, where no character takes more than twice the bytes.
    assert!(bytes.len() * 2 <= ANSWER_BYTES_MAX, "{} bytes for {count} faults", bytes.len());
    let answer: Value = serde_json::from_slice(bytes).expect("JSON");
    assert_eq!(answer["code"], code.as_str());
    assert_eq!(answer["errors"].as_array().map_or(0, Vec::len), count);
}
