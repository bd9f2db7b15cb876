//! What becomes of a request.

use workspace_core::testing::sim::Dice;

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is done.
    Done,
    /// It is done after a while, unless the client is dead by then.
    Slow,
    /// It is refused, and changes nothing.
    Refused,
    /// It is done, and the answer is lost.
    Unanswered,
    /// The client dies before it is done.
    DiesBefore,
    /// The client dies when it is done.
    DiesAfter,
}

/// The fates of a client's requests: the same for the same seed, whichever thread makes them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fates {
    seed: u64,
    /// How many of a thousand requests meet something.
    per_mille: u32,
}

impl Fates {
    pub(crate) const NONE: Self = Self { seed: 0, per_mille: 0 };

    /// Some clients meet nothing at all, some a lot.
    pub(crate) fn new(dice: &Dice) -> Self {
        Self { seed: dice.number(), per_mille: dice.pick(&[0, 150, 400]).copied().unwrap_or_default() }
    }

    /// The fate of the client's n-th request.
    pub(crate) fn of(&self, request: u64) -> Fate {
        let dice = Dice::new(self.seed ^ request.rotate_left(17));
        if !dice.chance(self.per_mille) {
            return Fate::Done;
        }
        let fates = [Fate::Slow, Fate::Slow, Fate::Refused, Fate::Unanswered, Fate::DiesBefore, Fate::DiesAfter];
        dice.pick(&fates).copied().unwrap_or(Fate::Done)
    }
}
