/// In how many slots the entries of a merchant are numbered.
pub const SLOTS: usize = 8;

/// How far each slot of a merchant's entries had come at a moment: a version vector. An entry with number *n* of slot *s* was
/// visible then if *n* is not above the position of *s*.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Positions([u64; SLOTS]);

/// Not eight positions.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be {SLOTS} numbers of {} bytes each", size_of::<u64>())]
pub struct PositionsError;

impl Positions {
    /// How long [`Positions::to_bytes`] is.
    pub const BYTES: usize = SLOTS * size_of::<u64>();

    /// From the position of each slot.
    pub const fn new(positions: [u64; SLOTS]) -> Positions {
        Positions(positions)
    }

    /// The position of each slot.
    pub fn as_slice(&self) -> &[u64] {
        &self.0
    }

    /// Whether every slot had come at least as far here as there: everything visible there was visible here.
    pub fn covers(&self, other: &Positions) -> bool {
        self.0.iter().zip(other.0).all(|(here, there)| *here >= there)
    }

    /// Eight numbers of 64 bits, most significant byte first.
    pub fn to_bytes(self) -> Vec<u8> {
        self.0.iter().flat_map(|position| position.to_be_bytes()).collect()
    }

    /// Reads what [`Positions::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Positions, PositionsError> {
        let (numbers, rest) = bytes.as_chunks::<{ size_of::<u64>() }>();
        let numbers: [[u8; 8]; SLOTS] = numbers.try_into().map_err(|_| PositionsError)?;
        if rest.is_empty() { Ok(Positions(numbers.map(u64::from_be_bytes))) } else { Err(PositionsError) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_vector_covers_another_if_no_slot_is_behind() {
        let vector = |first, last| Positions::new([first, 0, 0, 0, 0, 0, 0, last]);
        assert!(vector(3, 4).covers(&vector(3, 4)));
        assert!(vector(3, 4).covers(&vector(0, 4)));
        assert!(!vector(3, 4).covers(&vector(4, 3)));
        assert!(!vector(3, 4).covers(&vector(3, 5)));
    }

    #[test]
    fn a_vector_is_read_as_it_was_written_and_nothing_shorter_or_longer() {
        let positions = Positions::new([0, 1, 2, 3, 4, 5, u64::MAX, 256]);
        let bytes = positions.to_bytes();
        assert_eq!(bytes.len(), Positions::BYTES);
        assert_eq!(Positions::from_bytes(&bytes), Ok(positions));
        assert_eq!(positions.as_slice(), [0, 1, 2, 3, 4, 5, u64::MAX, 256]);
        for other in [&bytes[1..], &bytes[8..], &[bytes.as_slice(), &[0]].concat(), &[0; 72], &[]] {
            assert_eq!(Positions::from_bytes(other), Err(PositionsError), "{other:?}");
        }
    }
}
