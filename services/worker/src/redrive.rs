//! `worker redrive`: brings dead letters back, for those who have mended what was wrong.

use entry_log::{AppendError, EntryLog, KafkaConfig, Part, ReadError, Reader, Topic};
use futures::future::try_join_all;
use telemetry::{Line, Metrics};

/// The group that remembers which dead letters were brought back.
pub const REDRIVE_GROUP: &str = "redrive";

/// What became of dead letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Redriven {
    /// Those that are tried again.
    pub brought_back: usize,
    /// Those that do not say at which step they failed, as far as this release knows, or have no value: they stay dead letters.
    pub left: usize,
}

/// Bringing dead letters back ended before its time. It can be done again; what is brought back twice is handled once.
#[derive(Debug, thiserror::Error)]
pub enum RedriveError {
    /// The dead letters could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// One could not be appended.
    #[error(transparent)]
    Append(#[from] AppendError),
}

/// Brings back every dead letter that is there and was not brought back before. Their attempts and days begin again.
pub async fn redrive(kafka: &KafkaConfig, log: &EntryLog, metrics: &Metrics) -> Result<Redriven, RedriveError> {
    let mut reader = Reader::open(kafka, REDRIVE_GROUP, &kafka.topics.name(Topic::Dead), Part::NotHandled).await?;
    let mut redriven = Redriven::default();
    loop {
        let letters = reader.next().await?;
        if letters.is_empty() {
            break;
        }
        let (mut back, mut left) = (Vec::new(), Vec::new());
        for letter in &letters {
            match letter.brought_back().filter(|_| !letter.value.is_empty()) {
                Some(message) => back.push(message),
                None => {
                    tracing::error!(letter = %letter.origin, origin = letter.headers.origin, "dead letter not brought back");
                    left.push(letter.to_message());
                }
            }
        }
        try_join_all(back.iter().map(|(topic, message)| log.append(*topic, message))).await?;
        // Again, behind where reading ends: a release that knows its step finds it the next time.
        try_join_all(left.iter().map(|message| log.append(Topic::Dead, message))).await?;
        reader.commit(&letters).await?;
        redriven.brought_back += back.len();
        redriven.left += left.len();
    }
    metrics.log(
        &Line::new("dead letters brought back").text("brought_back", redriven.brought_back).text("left", redriven.left),
    );
    Ok(redriven)
}
