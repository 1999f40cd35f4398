use cashflow::{Entry, NAMESPACE};
use uuid::Uuid;

/// The name of the execution that records these entries: the same requests always give the same name, another payload
/// under a known key gives another, so that "this name exists already" means "this very request was accepted before".
///
/// One entry: its id and the first 16 digits of its fingerprint. Several: a UUIDv5 over all ids and fingerprints.
pub fn execution_name(entries: &[Entry]) -> String {
    if let [entry] = entries {
        let fingerprint = entry.fingerprint.to_string();
        return format!("{}-{}", entry.id, &fingerprint[..16]);
    }
    let all: String = entries.iter().map(|entry| format!("{} {}\n", entry.id, entry.fingerprint)).collect();
    format!("batch-{}", Uuid::new_v5(&NAMESPACE, all.as_bytes()).as_hyphenated())
}
