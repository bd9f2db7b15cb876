//! By what the servers are ordered.

/// Which of the servers with room is best, by how much of them is reserved after the placement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The least reserved first.
    Emptiest,
    /// The most reserved first.
    Fullest,
}

impl Order {
    /// What a score is combined with (exclusive or) so that the best value is the greatest.
    pub(super) const fn flip(self) -> i32 {
        match self {
            Self::Emptiest => -1,
            Self::Fullest => 0,
        }
    }

    /// What turns a flipped score into a rank that compares servers of different classes: the utilisation after the
    /// placement, negative where less is better.
    pub(super) const fn shift(self, growth: i64) -> i64 {
        match self {
            // A flipped score is -1 - score.
            Self::Emptiest => 1 - growth,
            Self::Fullest => growth,
        }
    }
}
