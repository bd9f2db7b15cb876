//! Somebody removes on the servers what is ours, or an image that ours are made from.

use std::time::{Duration, Instant};

use serde_json::json;

use super::Plan;
use crate::client::sleeper;
use crate::engines::{Engine, engines, mend};
use crate::rig::{Rig, eventually};
use crate::verdict::Verdict;

/// As long as it may take until a pass has seen it and what it starts has ended.
const SEEN: Duration = Duration::from_mins(1);

/// Containers are removed by force: each comes back, once, with its data.
pub(crate) fn container_removed(plan: &Plan) -> Verdict {
    let rig = Rig::new("container-removed", engines()[..2].to_vec());
    let names = rig.residents(plan.residents);
    for name in &names {
        let row = rig.client.row(name);
        of(&rig, &row["server"]).docker(&["rm", "-f", &container(&rig, name)]);
    }
    rig.note("container-removed");
    for name in &names {
        let back = || {
            let row = rig.client.row(name);
            row["status"] == "running" && row["generation"] == 2
        };
        eventually("it runs again, as another container", SEEN, back);
    }
    let verdict = rig.judged(Instant::now(), plan.raw);
    rig.master.end();
    verdict
}

/// A volume is removed with its container: the workspace says that its data is gone and never starts empty; others
/// go on, and it can be deleted.
pub(crate) fn volume_removed(plan: &Plan) -> Verdict {
    let rig = Rig::new("volume-removed", engines()[..2].to_vec());
    let names = rig.residents(plan.residents.max(2));
    let (gone, others) = names.split_first().unwrap();
    let row = rig.client.row(gone);
    let engine = of(&rig, &row["server"]);
    engine.docker(&["rm", "-f", &container(&rig, gone)]);
    let volumes = engine.docker(&["volume", "ls", "--format", "{{.Name}}"]);
    let volume = volumes.lines().find(|volume| volume.contains(row["project"].as_str().unwrap())).unwrap();
    engine.docker(&["volume", "rm", volume]);
    rig.note("volume-removed");
    eventually("the loss is told", 2 * SEEN, || rig.client.row(gone)["status"] == "error");
    // Once more by hand: it must not begin anew as if nothing had been there.
    let answer = rig.client.api.post(&format!("/workspaces/{}/start", rig.client.id(gone)), &serde_json::Value::Null);
    rig.client.history.note("start", gone, &json!({ "status": answer.status }));
    let mut verdict = Verdict { raw: plan.raw, ..Verdict::default() };
    rig.settled(&mut verdict, Instant::now());
    let row = rig.client.row(gone);
    verdict.demand(
        row["status"] == "error" && row["error"]["code"].is_string(),
        format!("it started without its data: {row}"),
    );
    for name in others {
        verdict.demand(rig.client.row(name)["status"] == "running", format!("{name} went with it"));
    }
    rig.kept(&mut verdict);
    rig.deleted(&mut verdict);
    rig.master.end();
    verdict.timed()
}

/// One server has no image: starts that are bound to it end with the reason, others are not harmed, and with the image
/// the same workspaces start.
pub(crate) fn image_missing(plan: &Plan) -> Verdict {
    let rig = Rig::new("image-missing", engines()[..2].to_vec());
    let poor = &rig.engines[1];
    poor.docker(&["rmi", "-f", "workspace-base"]);
    rig.note("image-missing");
    let bound: Vec<String> = (0..plan.residents).map(|n| format!("bound-{n}")).collect();
    for name in &bound {
        let mut body = sleeper(name);
        body["placement"] = json!({ "server": poor.name, "required": true });
        rig.client.create(&body);
    }
    rig.starts("free", plan.starts / 4, || ());
    let mut verdict = Verdict { raw: plan.raw, ..Verdict::default() };
    rig.settled(&mut verdict, Instant::now());
    for name in &bound {
        let row = rig.client.row(name);
        verdict.demand(row["error"]["code"] == "image_not_found", format!("a start without an image: {row}"));
    }
    mend(engines().len());
    for row in rig.rows().unwrap().iter().filter(|row| row["status"] == "error") {
        rig.client
            .api
            .post(&format!("/workspaces/{}/start", row["id"].as_str().unwrap()), &serde_json::Value::Null)
            .ok();
    }
    let started = Instant::now();
    let run = || rig.rows().is_ok_and(|rows| rows.iter().all(|row| row["status"] == "running"));
    eventually("all start with the image", SEEN + 2 * plan.raw, run);
    let mut judged = rig.judged(started, plan.raw);
    judged.wrong.extend(verdict.wrong);
    rig.master.end();
    judged
}

fn of<'a>(rig: &'a Rig, server: &serde_json::Value) -> &'a Engine {
    rig.engines.iter().find(|engine| *server == engine.name).unwrap()
}

/// The name of its container now.
fn container(rig: &Rig, name: &str) -> String {
    let row = rig.client.row(name);
    format!("ws-{}-g{}", row["id"].as_str().unwrap(), row["generation"])
}
