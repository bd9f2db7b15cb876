//! A server is gone for minutes: what may go on elsewhere does, what waits is found again, what is given up stays away.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Plan;
use crate::client::sleeper;
use crate::engines::engines;
use crate::rig::{Rig, eventually};
use crate::verdict::Verdict;

/// A server counts as lost after a minute without an answer; what follows takes its time too.
const LOST: Duration = Duration::from_mins(3);
/// What was left on a server that is back is removed and rescued when it has stood there for two minutes.
const RESCUED: Duration = Duration::from_mins(5);

/// One daemon stands still for minutes, under a workspace with `failover: auto`, one without, and one that is
/// forgotten.
pub(crate) fn server_lost(plan: &Plan) -> Verdict {
    let [lost, other] = <[_; 2]>::try_from(engines()[..2].to_vec()).unwrap();
    let rig = Rig::new("server-lost", vec![lost.clone(), other.clone()]);
    for (name, failover) in [("moves", "auto"), ("waits", "manual"), ("forgotten", "manual")] {
        let mut body = sleeper(name);
        (body["placement"], body["failover"]) = (json!({ "server": lost.name }), json!(failover));
        rig.client.create(&body);
        eventually("it runs", LOST, || rig.client.row(name)["status"] == "running");
        assert_eq!(rig.client.row(name)["server"], json!(lost.name));
        assert!(rig.client.write(name, "kept/first", &format!("{name} was here")));
    }
    let snapshots = format!("/projects/{}/snapshots", rig.client.row("moves")["project"].as_str().unwrap());
    let taken = rig.client.api.post(&format!("{snapshots}?wait=60"), &json!({})).ok();
    assert_eq!(taken["status"], "ready", "{taken}");
    // What is written from here on is only on the server that will be lost; the history does not demand it.
    let later = format!("/workspaces/{}/files/later", rig.client.id("moves"));
    rig.client.api.call("PUT", &later, b"not in the snapshot", None).unwrap().ok();

    lost.signal("-STOP");
    rig.note("server lost");
    let moved =
        || rig.client.row("moves")["server"] == json!(other.name) && rig.client.row("moves")["status"] == "running";
    eventually("what may goes on elsewhere", LOST, moved);
    assert_eq!(rig.client.row("waits")["status"], "lost");
    rig.client.delete("forgotten");
    let forget = format!("/admin/workspaces/{}/force-forget?wait=60", rig.client.id("forgotten"));
    let gone = rig.client.api.post(&forget, &Value::Null).ok();
    assert_eq!(gone["status"], "deleted", "{gone}");

    lost.signal("-CONT");
    rig.note("server back");
    eventually("what waits is found again", LOST, || rig.client.row("waits")["status"] == "running");
    let found = rig.client.row("waits");
    let rescued = || {
        let rows = rig.client.api.list(&snapshots).unwrap_or_default();
        rows.iter().any(|row| row["id"] != taken["id"] && row["status"] == "ready")
    };
    eventually("what was only there is in a snapshot", RESCUED, rescued);
    let read = rig.client.api.try_get(&later).unwrap();
    let mut verdict = rig.judged(Instant::now(), plan.raw);
    verdict.demand(found["generation"] == 1, format!("it did not run on: {found}"));
    verdict.demand(read.status == 404, format!("it has what no snapshot had: {read:?}"));
    rig.master.end();
    verdict
}
