use crate::{Event, Positions, PositionsError};

/// Where somebody has come in a merchant's feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedCursor {
    /// How many events have been passed over.
    pub sequence: u64,
    /// Of what follows, entries up to these positions are passed over as well, and what is derived from them: whoever begins at the
    /// end of a feed does not wait until all of it has been put in order.
    pub positions: Positions,
    /// The same for events that were noted, such as conflicts and seals.
    pub noted: u64,
}

impl FeedCursor {
    /// Before the oldest event.
    pub const START: FeedCursor = FeedCursor { sequence: 0, positions: Positions::new([0; crate::SLOTS]), noted: 0 };

    /// How long [`FeedCursor::to_bytes`] is.
    pub const BYTES: usize = 8 + Positions::BYTES + 8;

    /// Numbers of 64 bits, most significant byte first.
    pub fn to_bytes(self) -> Vec<u8> {
        [&self.sequence.to_be_bytes(), self.positions.to_bytes().as_slice(), &self.noted.to_be_bytes()].concat()
    }

    /// Reads what [`FeedCursor::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<FeedCursor, PositionsError> {
        let (sequence, rest) = bytes.split_first_chunk::<8>().ok_or(PositionsError)?;
        let (positions, noted) = rest.split_last_chunk::<8>().ok_or(PositionsError)?;
        Ok(FeedCursor {
            sequence: u64::from_be_bytes(*sequence),
            positions: Positions::from_bytes(positions)?,
            noted: u64::from_be_bytes(*noted),
        })
    }
}

/// Some events of a merchant's feed, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPage {
    /// The events.
    pub events: Vec<Event>,
    /// After them: where to go on, at once or later.
    pub next: FeedCursor,
    /// Whether asking again at once may bring more. There may be more although there are no events here: looking for those of some
    /// types ends after so many.
    pub has_more: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written_and_nothing_shorter_or_longer() {
        let cursor = FeedCursor { sequence: 7, positions: Positions::new([1, 2, 3, 4, 5, 6, 7, u64::MAX]), noted: 256 };
        let bytes = cursor.to_bytes();
        assert_eq!(bytes.len(), FeedCursor::BYTES);
        assert_eq!(FeedCursor::from_bytes(&bytes), Ok(cursor));
        assert_eq!(FeedCursor::from_bytes(&FeedCursor::START.to_bytes()), Ok(FeedCursor::START));
        for other in [&bytes[1..], &[bytes.as_slice(), &[0]].concat(), &[], &[0; 15]] {
            assert_eq!(FeedCursor::from_bytes(other), Err(PositionsError), "{other:?}");
        }
    }
}
