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

/// The ids of entries as logs list them: the name of an execution of several does not tell which they are.
pub fn listed_ids(entries: &[Entry]) -> String {
    let ids: Vec<String> = entries.iter().map(|entry| entry.id.to_string()).collect();
    ids.join(" ")
}

/// The name of the execution that runs a parked input again. Each attempt has a name of its own, because a finished name
/// cannot run again; and it follows from the input, so that of several messages about one failure only one counts.
pub fn replay_name(entries: &[Entry], attempt: u32) -> String {
    format!("{}-r{attempt}", execution_name(entries))
}
