//! What a scenario came to, as numbers and as words.

use std::time::Duration;

use serde_json::{Value, json};

/// What may pass from the end of a fault to the end of the last start, beyond twice what the same starts take without.
const MORE: Duration = Duration::from_mins(1);
/// From a `kill -9` of the master until work goes on.
const RESUMED: Duration = Duration::from_secs(10);

/// The scenario without a fault.
pub(crate) const RAW: &str = "raw";

#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// Starts that were acknowledged.
    pub(crate) starts: usize,
    /// Those that ended in something else than running, which only some faults may bring about.
    pub(crate) not_running: usize,
    pub(crate) duplicates: usize,
    pub(crate) orphans: usize,
    pub(crate) lost: usize,
    /// Without a fault.
    pub(crate) raw: Duration,
    /// From the end of the fault to the end of the last start.
    pub(crate) after_heal: Duration,
    /// The longest from a `kill -9` until work went on.
    pub(crate) resumed: Option<Duration>,
    /// Everything that is not as it should be.
    pub(crate) wrong: Vec<String>,
}

impl Verdict {
    pub(crate) fn wrong(&mut self, what: impl Into<String>) {
        self.wrong.push(what.into());
    }

    pub(crate) fn demand(&mut self, is_so: bool, what: impl Into<String>) {
        if !is_so {
            self.wrong(what);
        }
    }

    /// Judges the times.
    pub(crate) fn timed(mut self) -> Self {
        let bound = MORE + 2 * self.raw;
        let (took, raw) = (self.after_heal, self.raw);
        self.demand(took <= bound, format!("the last start ended {took:.1?} after the fault, raw {raw:.1?}"));
        if let Some(resumed) = self.resumed {
            self.demand(resumed <= RESUMED, format!("work went on {resumed:.1?} after the kill"));
        }
        self
    }

    pub(crate) fn failed(what: String) -> Self {
        Self { wrong: vec![what], ..Self::default() }
    }

    pub(crate) fn is_good(&self) -> bool {
        self.wrong.is_empty()
    }

    fn over_raw(&self) -> f64 {
        self.after_heal.as_secs_f64() - self.raw.as_secs_f64()
    }
}

/// One line for each scenario.
pub(crate) fn line(name: &str, took: Duration, verdict: &Verdict) -> String {
    let Verdict { starts, not_running, duplicates, orphans, lost, raw, after_heal, resumed, wrong } = verdict;
    let ended = if wrong.is_empty() { "well" } else { "WRONG" };
    let resumed = resumed.map(|resumed| format!(", resumed {:.1} s", resumed.as_secs_f64())).unwrap_or_default();
    format!(
        "{name:<28} {ended:<6} {:>4.0} s  {starts} starts ({not_running} not running), ended {:.1} s after the fault (raw \
         {:.1} s){resumed}, duplicates {duplicates}, orphans {orphans}, lost {lost}",
        took.as_secs_f64(),
        after_heal.as_secs_f64(),
        raw.as_secs_f64(),
    )
}

/// All of it in one object.
pub(crate) fn summary(verdicts: &[(&str, Verdict)], took: Duration) -> Value {
    let all = || verdicts.iter().map(|(_, verdict)| verdict);
    let rounded = |seconds: f64| (seconds * 10.0).round() / 10.0;
    let resumed = all().filter_map(|verdict| verdict.resumed).max();
    let faults = || verdicts.iter().filter(|(name, _)| *name != RAW).map(|(_, verdict)| verdict);
    json!({
        "scenarios": verdicts.len(),
        "failed": verdicts.iter().filter(|(_, verdict)| !verdict.is_good()).map(|(name, _)| *name).collect::<Vec<_>>(),
        "starts": all().map(|verdict| verdict.starts).sum::<usize>(),
        "not_running": all().map(|verdict| verdict.not_running).sum::<usize>(),
        "duplicates": all().map(|verdict| verdict.duplicates).sum::<usize>(),
        "orphans": all().map(|verdict| verdict.orphans).sum::<usize>(),
        "lost": all().map(|verdict| verdict.lost).sum::<usize>(),
        "raw_seconds": verdicts.iter().find(|(name, _)| *name == RAW).map(|(_, raw)| rounded(raw.after_heal.as_secs_f64())),
        "worst_seconds_after_heal": rounded(faults().map(|verdict| verdict.after_heal.as_secs_f64()).fold(0.0, f64::max)),
        "worst_seconds_over_raw": rounded(faults().map(Verdict::over_raw).fold(0.0, f64::max)),
        "worst_seconds_to_resume": resumed.map(|resumed| rounded(resumed.as_secs_f64())),
        "seconds": rounded(took.as_secs_f64()),
    })
}
