use std::{str::FromStr, time::Duration};

/// A topic of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// Accepted entries: `RecordEntries` as JSON.
    Entries,
    /// The totals after them: `PostedEntries` as JSON.
    Totals,
    /// What is tried again after a minute.
    Retry1m,
    /// What is tried again after a quarter of an hour.
    Retry15m,
    /// What cannot be handled, until somebody brings it back.
    Dead,
}

impl Topic {
    /// Every topic.
    pub const ALL: [Topic; 5] = [Topic::Entries, Topic::Totals, Topic::Retry1m, Topic::Retry15m, Topic::Dead];

    /// The name behind the prefix.
    pub fn suffix(self) -> &'static str {
        match self {
            Topic::Entries => "entries",
            Topic::Totals => "totals",
            Topic::Retry1m => "retry.1m",
            Topic::Retry15m => "retry.15m",
            Topic::Dead => "dead",
        }
    }

    /// For how long a record waits there before it is handled.
    pub fn delay(self) -> Duration {
        match self {
            Topic::Entries | Topic::Totals | Topic::Dead => Duration::ZERO,
            Topic::Retry1m => Duration::from_secs(60),
            Topic::Retry15m => Duration::from_secs(15 * 60),
        }
    }
}

/// The prefix of a stack that has a cluster of its own.
const DEFAULT_PREFIX: &str = "fluxo";

/// The names of the topics: a prefix, so that several stacks can share a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topics {
    prefix: String,
}

/// A text cannot be the prefix of topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 64 letters, digits, hyphens and underscores")]
pub struct PrefixError;

impl FromStr for Topics {
    type Err = PrefixError;

    fn from_str(prefix: &str) -> Result<Topics, PrefixError> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let is_prefix = (1..=64).contains(&prefix.len()) && prefix.bytes().all(is_allowed);
        if is_prefix { Ok(Topics { prefix: prefix.to_owned() }) } else { Err(PrefixError) }
    }
}

impl Default for Topics {
    fn default() -> Topics {
        Topics { prefix: DEFAULT_PREFIX.to_owned() }
    }
}

impl Topics {
    /// The name of a consumer group: of other stacks than the default one with their prefix, because groups have names of the
    /// whole cluster.
    pub fn group(&self, name: &str) -> String {
        if self.prefix == DEFAULT_PREFIX { name.to_owned() } else { format!("{}.{name}", self.prefix) }
    }

    /// The name of a topic, such as `fluxo.entries`.
    pub fn name(&self, topic: Topic) -> String {
        format!("{}.{}", self.prefix, topic.suffix())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Records wait in them while a release is deployed.
    #[test]
    fn the_name_of_a_topic_never_changes() {
        let topics = Topics::default();
        assert_eq!("fluxo".parse(), Ok(topics.clone()));
        let names = Topic::ALL.map(|topic| topics.name(topic));
        assert_eq!(names, ["fluxo.entries", "fluxo.totals", "fluxo.retry.1m", "fluxo.retry.15m", "fluxo.dead"]);
    }

    #[test]
    fn two_stacks_in_a_cluster_have_groups_of_their_own() {
        assert_eq!(Topics::default().group("worker"), "worker");
        assert_eq!("dev".parse::<Topics>().expect("a prefix").group("worker"), "dev.worker");
    }

    #[test]
    fn a_prefix_has_no_full_stop_and_an_end() {
        assert!("fluxo-dev_2".parse::<Topics>().is_ok());
        for prefix in ["", "a.b", "a b", "ç", &"a".repeat(65)] {
            assert_eq!(prefix.parse::<Topics>(), Err(PrefixError), "{prefix:?}");
        }
    }
}
