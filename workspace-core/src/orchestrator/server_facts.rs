//! What of a server an operator has to see to before it fails: its clock, and its certificates.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::model::{Probe, ServerObservation};
use crate::orchestrator::Core;
use crate::port::Server;

/// A clock that is farther off makes times of containers and logs misleading, and tokens and certificates fail.
const MOST_SKEW_MS: u64 = 5_000;
/// Time enough to make another certificate.
const SOON: Duration = Duration::from_hours(14 * 24);

/// Something to see to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    /// What, as events have it.
    pub(super) code: &'static str,
    /// For people.
    pub(super) message: String,
}

/// What there is to see to.
pub(super) fn troubles(observation: &ServerObservation, now: Timestamp) -> Vec<Trouble> {
    let mut troubles = Vec::new();
    if let Some(skew) = observation.clock_skew_ms.filter(|skew| skew.unsigned_abs() > MOST_SKEW_MS) {
        let way = if skew > 0 { "ahead of" } else { "behind" };
        let seconds = skew.unsigned_abs() / 1_000;
        let message = format!("its clock is {seconds} s {way} the master's: let both follow a time server");
        troubles.push(Trouble { code: "clock_skew", message });
    }
    let ends = observation.probe.as_ref().and_then(|probe| probe.certificate_expires_at);
    if let Some(ends) = ends.filter(|ends| ends.since(now) < SOON) {
        let verb = if ends <= now { "ended" } else { "ends" };
        let message = format!(
            "a certificate {verb} at {ends}: look at `tls` of its record, ours and the authority's, and at the server's own"
        );
        troubles.push(Trouble { code: "certificate_expiring", message });
    }
    troubles
}

impl Core {
    /// Asks a server how it is, and how far its clock is ahead of ours.
    pub(super) async fn probe_with_skew(&self, server: &dyn Server) -> Result<(Probe, Option<i64>)> {
        let asked = self.env.now();
        let probe = server.probe().await?;
        let way = self.env.now().since(asked) / 2;
        let skew = probe.server_time.map(|time| (time.as_micros() - asked.plus(way).as_micros()) / 1_000);
        Ok((probe, skew))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::orchestrator::Caller;
    use crate::orchestrator::test_fleet::fleet_of;

    fn day(day: u64) -> Timestamp {
        Timestamp::from_micros(1_795_262_400_000_000).plus(Duration::from_hours(24 * day))
    }

    fn codes(skew: i64, ends: Option<Timestamp>) -> Vec<&'static str> {
        let probe = Some(Probe { certificate_expires_at: ends, ..Probe::default() });
        let observation = ServerObservation { clock_skew_ms: Some(skew), probe, ..ServerObservation::default() };
        troubles(&observation, day(0)).into_iter().map(|trouble| trouble.code).collect()
    }

    #[test]
    fn only_what_has_to_be_seen_to_is_told() {
        assert_eq!(codes(5_000, Some(day(14))), [""; 0]);
        assert_eq!(codes(-5_001, None), ["clock_skew"]);
        assert_eq!(codes(5_001, Some(day(13))), ["clock_skew", "certificate_expiring"]);
        assert_eq!(codes(0, Some(Timestamp::default())), ["certificate_expiring"], "what has ended most of all");
    }

    #[tokio::test(start_paused = true)]
    async fn a_wrong_clock_is_shown_and_told_once_and_so_is_its_end() {
        let (world, fleet, [id]) = fleet_of(["one"]).await;
        let admin = Caller::admin();
        let seen = async || {
            tokio::time::sleep(Duration::from_mins(1)).await;
            let observation = fleet.server(&admin, id).await.unwrap().observation;
            let warnings = observation.probe.unwrap().warnings;
            (observation.clock_skew_ms.unwrap(), warnings.iter().any(|warning| warning.contains("clock")))
        };
        let (skew, warned) = seen().await;
        assert!(skew.abs() < 100 && !warned, "{skew}");
        world.set_clock("one", Duration::from_secs(20));
        let (skew, warned) = seen().await;
        assert!((19_900..20_100).contains(&skew) && warned, "{skew}");
        world.set_clock("one", Duration::ZERO);
        assert!(!seen().await.1, "it is over");
        let events = fleet.core.store.events(id.as_uuid(), 0, 1_000).await.unwrap();
        let told = events.iter().filter(|event| event.kind.starts_with("server.warning"));
        let told: Vec<_> = told.map(|event| (event.kind.as_str(), event.data["code"].as_str())).collect();
        assert_eq!(told, [("server.warning", Some("clock_skew")), ("server.warning_over", Some("clock_skew"))]);
        fleet.shutdown().await;
    }
}
