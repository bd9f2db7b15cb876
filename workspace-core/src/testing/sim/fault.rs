//! What can go wrong, and how often.

use std::time::Duration;

use crate::testing::sim::Dice;

/// Something that went wrong on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Fault {
    /// A request never arrived; its caller waits until its deadline.
    RequestLost,
    /// A request was carried out; its caller waits until its deadline.
    ReplyLost,
    /// A request was carried out, and the connection broke before the answer.
    Broken,
    /// A request was carried out only after its caller had given up.
    Late,
    /// A request took seconds instead of milliseconds.
    Slow,
    /// A server stood still for a while.
    Hang,
    /// A server went down, and came back with its programs ended.
    Crash,
    /// A program ended by itself.
    Died,
    /// A running container was removed by somebody else.
    Removed,
    /// A master was ended at some await.
    Killed,
    /// A master was shut down in order.
    ShutDown,
    /// A master stood still for a while, and went on as if nothing had been.
    Paused,
    /// The store could not be reached; nothing was written.
    StoreBefore,
    /// The store wrote, but its answer was lost.
    StoreAfter,
    /// A master could not reach the store for a while.
    StoreOutage,
    /// A server's disk was full for a while: what writes was refused.
    DiskFull,
    /// A server's or a master's clock was wrong.
    ClockSkew,
    /// A program did not end when it was asked to; it was ended after its grace.
    SlowStop,
    /// The kernel ended a program for its memory.
    OutOfMemory,
    /// Somebody else had something of the name that was to be made.
    Foreign,
    /// A volume of ours was there that no row knew.
    Stray,
}

impl Fault {
    /// Every fault, as a table has them.
    pub const ALL: [Self; 21] = [
        Self::RequestLost,
        Self::ReplyLost,
        Self::Broken,
        Self::Late,
        Self::Slow,
        Self::Hang,
        Self::Crash,
        Self::DiskFull,
        Self::SlowStop,
        Self::ClockSkew,
        Self::Foreign,
        Self::Killed,
        Self::Paused,
        Self::StoreBefore,
        Self::StoreAfter,
        Self::StoreOutage,
        Self::ShutDown,
        Self::Died,
        Self::OutOfMemory,
        Self::Removed,
        Self::Stray,
    ];
}

/// How often what goes wrong. Rates are per thousand calls; the others are the mean time between two, zero for never.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaultPlan {
    /// [`Fault::RequestLost`] per thousand calls of a server.
    pub request_lost: u32,
    /// [`Fault::ReplyLost`] per thousand calls of a server.
    pub reply_lost: u32,
    /// [`Fault::Broken`] per thousand calls of a server.
    pub broken: u32,
    /// [`Fault::Late`] per thousand calls of a server.
    pub late: u32,
    /// [`Fault::Slow`] per thousand calls of a server.
    pub slow: u32,
    /// [`Fault::StoreBefore`] per thousand calls of the store.
    pub store_before: u32,
    /// [`Fault::StoreAfter`] per thousand commits.
    pub store_after: u32,
    /// Between two [`Fault::Hang`]s of the fleet.
    pub hang: Duration,
    /// Between two [`Fault::Crash`]es of the fleet.
    pub crash: Duration,
    /// Between two [`Fault::Died`]s of the fleet.
    pub died: Duration,
    /// Between two [`Fault::Removed`]s of the fleet.
    pub removed: Duration,
    /// Between two [`Fault::Killed`]s of the fleet.
    pub killed: Duration,
    /// Between two [`Fault::ShutDown`]s of the fleet.
    pub shut_down: Duration,
    /// Between two [`Fault::Paused`]s of the fleet.
    pub paused: Duration,
    /// Between two [`Fault::StoreOutage`]s of the fleet.
    pub store_outage: Duration,
    /// Between two [`Fault::DiskFull`]s of the fleet.
    pub disk_full: Duration,
    /// Between two [`Fault::OutOfMemory`]s of the fleet.
    pub out_of_memory: Duration,
    /// Between two [`Fault::ClockSkew`]s of the fleet's servers.
    pub clock_skew: Duration,
    /// How wrong the clock of a master may be, either way.
    pub master_skew: Duration,
    /// [`Fault::SlowStop`] per thousand stops.
    pub slow_stop: u32,
    /// [`Fault::Foreign`] per thousand calls that make something.
    pub foreign: u32,
    /// Per hundred thousand calls that are made again and again, and more often per rarer call: at this very moment the
    /// server hangs or goes down, or the master is ended or stands still.
    pub struck: u32,
    /// Between two [`Fault::Stray`]s of the fleet.
    pub stray: Duration,
}

impl FaultPlan {
    /// Nothing goes wrong.
    pub fn none() -> Self {
        Self::default()
    }

    /// A plan by seed: each kind of fault is absent, rare or frequent, so that many a seed has few kinds at once.
    pub fn by_seed(dice: &Dice) -> Self {
        let rate = |frequent: u32| match dice.below(3) {
            0 => 0,
            1 => frequent / 5,
            _ => frequent,
        };
        let every = |frequent: u64| match dice.below(3) {
            0 => Duration::ZERO,
            1 => Duration::from_secs(frequent * 4),
            _ => Duration::from_secs(frequent),
        };
        Self {
            request_lost: rate(100),
            reply_lost: rate(100),
            broken: rate(100),
            late: rate(100),
            slow: rate(150),
            store_before: rate(50),
            store_after: rate(50),
            hang: every(40),
            crash: every(60),
            died: every(12),
            removed: every(30),
            killed: every(15),
            shut_down: every(45),
            paused: every(60),
            store_outage: every(60),
            disk_full: every(60),
            out_of_memory: every(40),
            clock_skew: every(60),
            master_skew: Duration::from_secs(dice.below(3) * 5),
            slow_stop: rate(200),
            foreign: rate(15),
            struck: rate(100),
            stray: every(10),
        }
    }
}

/// What happens to one call of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fate {
    /// What goes wrong.
    pub(super) fault: Option<Fault>,
    /// Until the request is carried out.
    pub(super) there: Duration,
    /// Until the answer is back.
    pub(super) back: Duration,
    /// Whether a request whose caller has gone is still carried out.
    pub(super) outlives_caller: bool,
}

impl Fate {
    /// Throws the dice for a call with this deadline.
    pub(super) fn of(dice: &Dice, plan: &FaultPlan, deadline: Duration) -> Self {
        let short = || dice.between(Duration::from_millis(1), Duration::from_millis(8));
        let kinds = [
            (plan.request_lost, Fault::RequestLost),
            (plan.reply_lost, Fault::ReplyLost),
            (plan.broken, Fault::Broken),
            (plan.late, Fault::Late),
            (plan.slow, Fault::Slow),
        ];
        let mut roll = u32::try_from(dice.below(1_000)).unwrap_or(0);
        let mut fault = None;
        for (rate, kind) in kinds {
            if roll < rate {
                fault = Some(kind);
                break;
            }
            roll -= rate;
        }
        let long = || dice.between(Duration::from_millis(500), Duration::from_secs(20));
        let (there, back) = match fault {
            Some(Fault::Late) => (deadline + dice.between(Duration::from_millis(1), Duration::from_secs(45)), short()),
            // What was seen may be long out of date when it is told.
            Some(Fault::Slow) if dice.chance(500) => (short(), long().min(deadline.saturating_sub(short()))),
            Some(Fault::Slow) => (long(), short()),
            _ => (short(), short()),
        };
        Self { fault, there, back, outlives_caller: dice.chance(700) }
    }
}
