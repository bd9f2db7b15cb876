//! A small world in which random steps meet each other.

mod deed;
mod state;

use proptest::collection::vec;
use proptest::prelude::*;
use uuid::Uuid;
use workspace_core::environment::Environment;

pub(crate) use deed::Deed;

/// A random step: numbers that pick from the world.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Acquire { master: usize, alive: bool },
    Renew { master: usize, back: u64 },
    Release { master: usize },
    Commit { changes: Vec<Draft> },
}

/// A change by a master's life, or by nobody.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) by: Option<(usize, u64)>,
    pub(crate) writes: Vec<Pick>,
}

/// A write: what kind, and four numbers to choose its words with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pick {
    pub(crate) kind: usize,
    pub(crate) a: usize,
    pub(crate) b: usize,
    pub(crate) c: usize,
    pub(crate) d: usize,
}

/// Sequences of steps that begin with something to work on.
pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let pick = (0_usize..100, any::<u8>(), any::<u8>(), any::<u8>(), any::<u8>()).prop_map(|(kind, a, b, c, d)| Pick {
        kind,
        a: usize::from(a),
        b: usize::from(b),
        c: usize::from(c),
        d: usize::from(d),
    });
    let by = prop_oneof![
        6 => (0_usize..2).prop_map(|master| Some((master, 0))),
        1 => (0_usize..2, 0_u64..3).prop_map(Some),
        1 => Just(None),
    ];
    // Also several at once of the kinds that go together: claims, inserts, numbers, entries, events,
    // remembered answers.
    let together =
        (pick.clone(), 0_usize..7).prop_map(|(pick, of)| Pick { kind: [62, 62, 16, 28, 89, 90, 97][of], ..pick });
    let create = (pick.clone(), vec(together, 0..3)).prop_map(|(pick, mut writes)| {
        let server = Pick { b: pick.a, ..pick };
        writes.extend([62, 28, 82].map(|kind| Pick { kind, ..server }));
        writes
    });
    let creates = (by.clone(), create).prop_map(|(by, writes)| Draft { by, writes });
    let draft = (by, vec(pick, 1..5)).prop_map(|(by, writes)| Draft { by, writes });
    let step = prop_oneof![
        1 => (0_usize..2, any::<bool>()).prop_map(|(master, alive)| Step::Acquire { master, alive }),
        1 => (0_usize..2, 0_u64..2).prop_map(|(master, back)| Step::Renew { master, back }),
        1 => (0_usize..2).prop_map(|master| Step::Release { master }),
        12 => vec(draft, 1..4).prop_map(|changes| Step::Commit { changes }),
        4 => vec(creates, 2..6).prop_map(|changes| Step::Commit { changes }),
    ];
    vec(step, 1..25).prop_map(|mut steps| {
        let lease = |master| Step::Acquire { master, alive: true };
        let server = |a| Pick { kind: 0, a, b: a, c: 2, d: 0 };
        let servers = Draft { by: None, writes: vec![server(0), server(1)] };
        steps.splice(0..0, [lease(0), lease(1), Step::Commit { changes: vec![servers] }]);
        steps
    })
}

/// The ids and names of one run: no other run meets them.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) mark: String,
    pub(crate) servers: [Uuid; 3],
    pub(crate) projects: [Uuid; 4],
    pub(crate) workspaces: [Uuid; 4],
    pub(crate) tokens: [Uuid; 2],
    pub(crate) entries: [Uuid; 16],
    pub(crate) holders: [Uuid; 4],
}

impl World {
    pub(crate) fn new() -> Self {
        let env = Environment::system();
        let mut ids = std::iter::repeat_with(|| env.uuid());
        let mut id = || ids.next().unwrap_or_default();
        Self {
            mark: env.uuid().to_string(),
            servers: std::array::from_fn(|_| id()),
            projects: std::array::from_fn(|_| id()),
            workspaces: std::array::from_fn(|_| id()),
            tokens: std::array::from_fn(|_| id()),
            entries: std::array::from_fn(|_| id()),
            holders: std::array::from_fn(|_| id()),
        }
    }

    /// A name that only this run uses.
    pub(crate) fn named(&self, kind: &str, number: usize) -> String {
        format!("{kind}{number}-{}", self.mark)
    }
}
