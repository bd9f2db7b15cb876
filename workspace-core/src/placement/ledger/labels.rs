//! Labels as bits: each name with its value that some server has is a number.

use std::collections::BTreeMap;

use crate::label::{LabelRequirements, Labels};

/// Labels with a mark of their own.
const OWN: u32 = 24;

/// A set of labels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct LabelBits {
    marks: u32,
    low: u64,
    /// From the 65th label of the fleet on.
    high: Vec<u64>,
}

impl LabelBits {
    /// The labels as a search compares them: the first [`OWN`] have a mark each, the others share the rest.
    pub(super) const fn marks(&self) -> u32 {
        self.marks
    }

    const fn own_marks(&self) -> u32 {
        self.marks & ((1 << OWN) - 1)
    }

    const fn has_own_marks(&self) -> bool {
        self.marks == self.own_marks()
    }

    fn add(&mut self, bit: u32) {
        self.marks |= 1 << if bit < OWN { bit } else { OWN + bit % (u32::BITS - OWN) };
        match bit.checked_sub(64) {
            None => self.low |= 1 << bit,
            Some(bit) => {
                let word = (bit / 64) as usize;
                self.high.resize(self.high.len().max(word + 1), 0);
                self.high[word] |= 1 << (bit % 64);
            }
        }
    }

    fn has_all(&self, others: &Self) -> bool {
        let high = |(index, &word): (usize, &u64)| word & !self.high.get(index).copied().unwrap_or(0) == 0;
        others.low & !self.low == 0 && others.high.iter().enumerate().all(high)
    }

    fn shared(&self, others: &Self) -> u32 {
        let high = self.high.iter().zip(&others.high).map(|(a, b)| (a & b).count_ones());
        (self.low & others.low).count_ones() + high.sum::<u32>()
    }
}

/// What a request demands of labels.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    must: LabelBits,
    must_not: LabelBits,
    prefer: LabelBits,
    /// A label that must be there is on no server.
    impossible: bool,
}

impl Wanted {
    /// What a search compares: the marks that must be there and those that must not.
    pub(super) const fn marks(&self) -> (u32, u32) {
        (self.must.marks, self.must_not.own_marks())
    }

    /// Whether the marks say all that is demanded.
    pub(super) const fn is_marked(&self) -> bool {
        self.must.has_own_marks() && self.must_not.has_own_marks()
    }

    pub(super) const fn prefers(&self) -> bool {
        self.prefer.marks != 0
    }

    /// Whether a label that must be there is on no server.
    pub(super) const fn is_impossible(&self) -> bool {
        self.impossible
    }

    pub(super) fn admits(&self, labels: &LabelBits) -> bool {
        !self.impossible && labels.has_all(&self.must) && labels.shared(&self.must_not) == 0
    }

    /// How many of the preferred labels are there.
    pub(super) fn preferred(&self, labels: &LabelBits) -> u32 {
        labels.shared(&self.prefer)
    }
}

/// The numbers of the labels of a fleet. A number is never taken back: few labels ever change.
#[derive(Clone, Debug, Default)]
pub(super) struct Interner {
    bits: BTreeMap<String, BTreeMap<String, u32>>,
    count: u32,
}

impl Interner {
    /// The labels of a server.
    pub(super) fn intern(&mut self, labels: &Labels) -> LabelBits {
        let mut set = LabelBits::default();
        for (name, value) in labels {
            let bit = *self.bits.entry(name.clone()).or_default().entry(value.clone()).or_insert_with(|| {
                self.count += 1;
                self.count - 1
            });
            set.add(bit);
        }
        set
    }

    /// The demands of a request. Its labels get no numbers: whoever may ask cannot fill the memory with them.
    pub(super) fn wanted(&self, labels: &LabelRequirements) -> Wanted {
        let mut impossible = false;
        let mut known = |labels: &Labels, needed: bool| {
            let mut set = LabelBits::default();
            for (name, value) in labels {
                match self.bits.get(name).and_then(|values| values.get(value)) {
                    Some(&bit) => set.add(bit),
                    None => impossible |= needed,
                }
            }
            set
        };
        let (must, must_not) = (known(&labels.must, true), known(&labels.must_not, false));
        let prefer = known(&labels.prefer, false);
        Wanted { must, must_not, prefer, impossible }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(numbers: impl IntoIterator<Item = u32>) -> Labels {
        numbers.into_iter().map(|number| (format!("label-{number}"), "yes".to_owned())).collect()
    }

    #[test]
    fn bits_say_what_the_labels_say_beyond_one_word_too() {
        let mut interner = Interner::default();
        let sets: Vec<_> = (0..200_u32).map(|first| labels((first..first + 3).chain([first / 10]))).collect();
        let bits: Vec<_> = sets.iter().map(|set| interner.intern(set)).collect();
        for a in 0..210 {
            for b in [0, 5, 70, 150] {
                let wish =
                    LabelRequirements { must: labels([a]), must_not: labels([b]), prefer: labels([a + 1, b + 1]) };
                let wanted = interner.wanted(&wish);
                for (set, bits) in sets.iter().zip(&bits) {
                    assert_eq!(wanted.admits(bits), wish.first_unmet(set).is_none());
                    assert_eq!(wanted.preferred(bits) as usize, wish.preferred(set));
                }
            }
        }
    }
}
