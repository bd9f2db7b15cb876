//! What a master needs beside servers goes away: its database, the object storage, the disk of a server, another
//! master.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{HELD, Plan, amid_starts_of};
use crate::client::sleeper;
use crate::engines::{engines, home, mend, script, signal};
use crate::master::database;
use crate::rig::{Rig, eventually};
use crate::verdict::Verdict;

/// Postgres crashes in the middle of starts and is back five seconds later.
pub(crate) fn postgres_restarted(plan: &Plan) -> Verdict {
    let url = database("chaos_restarted");
    let rig =
        Rig::with("postgres-restarted", engines()[..2].to_vec(), &[("STORE", "postgres"), ("DATABASE_URL", &url)]);
    amid_starts_of(&rig, plan, |_| {
        let data = home().join("postgres/data");
        // Its immediate shutdown: no good-bye to anybody, and a recovery at the next start.
        signal(&data.join("postmaster.pid"), &data, "-QUIT");
        thread::sleep(HELD / 6);
        script("postgres", &["up"]);
    })
}

/// The object storage hangs while workspaces stop that want a snapshot first: the stops end, and no data is lost.
pub(crate) fn s3_unreachable(plan: &Plan) -> Verdict {
    let rig = Rig::new("s3-unreachable", engines()[..2].to_vec());
    let names = rig.residents(plan.residents);
    for name in &names {
        let project = rig.client.row(name)["project"].as_str().unwrap().to_owned();
        let policy =
            rig.client.api.call("PUT", &format!("/projects/{project}/backup-policy"), br#"{"on_stop":true}"#, None);
        policy.unwrap().ok();
    }
    let s3 = |kind| signal(&home().join("s3/pid"), &home().join("s3/data"), kind);
    s3("-STOP");
    rig.note("s3-unreachable");
    for name in &names {
        rig.client.api.post(&format!("/workspaces/{}/stop", rig.client.id(name)), &Value::Null).ok();
    }
    thread::sleep(HELD);
    s3("-CONT");
    let healed = Instant::now();
    let stopped = || names.iter().all(|name| rig.client.row(name)["status"] == "stopped");
    eventually("the stops end", 4 * HELD, stopped);
    let took = healed.elapsed();
    for name in &names {
        rig.client.api.post(&format!("/workspaces/{}/start", rig.client.id(name)), &Value::Null).ok();
    }
    let run = || names.iter().all(|name| rig.client.row(name)["status"] == "running");
    eventually("they start again", 2 * HELD + 2 * plan.raw, run);
    let mut verdict = rig.judged(Instant::now(), plan.raw);
    verdict.after_heal = verdict.after_heal.max(took);
    rig.master.end();
    verdict
}

/// The disk of a server is full in the middle of starts, and free again half a minute later. A start may end with that
/// reason; what ran goes on with its data.
pub(crate) fn disk_full(plan: &Plan) -> Verdict {
    let small = engines().remove(2);
    let filler = small.home.join("data/filler");
    let rig = Rig::new("disk-full", vec![small]);
    let few = Plan { starts: plan.starts.min(20), ..*plan };
    let mut verdict = amid_starts_of(&rig, &few, |rig| {
        let full =
            std::fs::File::create(&filler).and_then(|mut file| std::io::copy(&mut std::io::repeat(1), &mut file));
        assert!(
            full.is_err_and(|error| error.kind() == std::io::ErrorKind::StorageFull),
            "the disk of the third server is small"
        );
        rig.note("disk-full");
        thread::sleep(HELD);
        std::fs::remove_file(&filler).unwrap();
    });
    let refused = verdict.not_running;
    verdict.demand(refused < few.starts, "nothing started");
    verdict
}

/// Two masters on one database, both asked; the first is stopped for longer than its lease lasts, in the middle of
/// starts, and wakes up when the second has taken over what it drove.
pub(crate) fn master_paused(plan: &Plan) -> Verdict {
    let url = database("chaos_paused");
    let variables = [("STORE", "postgres"), ("DATABASE_URL", url.as_str()), ("MASTER_ID", "first")];
    let rig = Rig::with("master-paused", engines()[..2].to_vec(), &variables);
    let second = rig.another_master("second");
    let half = plan.starts.div_ceil(2).min(50);
    for n in 0..half {
        rig.client.create(&sleeper(&format!("first-{n}")));
    }
    rig.master.signal("-STOP");
    rig.note("master-paused");
    let mut other = rig.client.clone();
    other.api = second.api.clone();
    for n in 0..half {
        other.create(&sleeper(&format!("second-{n}")));
    }
    // Longer than a lease of two minutes, and than the second needs to see that it has ended.
    let run = || {
        other
            .api
            .list("/workspaces")
            .is_ok_and(|rows| rows.len() == 2 * half && rows.iter().all(|row| row["status"] == "running"))
    };
    let begun = Instant::now();
    eventually("the second drives what the first drove", Duration::from_mins(4), run);
    rig.client.history.note("taken over", "second", &json!({ "seconds": begun.elapsed().as_secs_f64() }));
    rig.master.signal("-CONT");
    rig.note("is over");
    let verdict = rig.judged(Instant::now(), plan.raw);
    second.end();
    rig.master.end();
    verdict
}

/// Mends what a scenario of this kind may leave when it breaks.
pub(crate) fn mended() {
    let s3 = || signal(&home().join("s3/pid"), &home().join("s3/data"), "-CONT");
    // Nothing to wake where there is no storage; what is gone is started below.
    let _ = thread::spawn(s3).join();
    let filler = engines().get(2).map(|small| small.home.join("data/filler"));
    if let Some(filler) = filler.filter(|filler| filler.exists()) {
        std::fs::remove_file(filler).unwrap();
    }
    script("postgres", &["up"]);
    mend(engines().len());
}
