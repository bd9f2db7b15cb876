//! `kill -9` of the master at every single step of a start, a deletion and an execution. A step is a request that
//! changes something on the server; the proxy kills the master when it is asked, or when it is done and not told. The
//! requests are counted as they come, so a new step is hit without a word here.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Plan;
use super::replies::behind_a_proxy;
use crate::client::sleeper;
use crate::proxy::{Fate, Moment, Proxy};
use crate::rig::{Rig, eventually};
use crate::verdict::Verdict;

/// More steps than anything has: the enumeration ends by itself when a run meets no step of its number.
const MOST_STEPS: usize = 60;

/// Where the master is killed, and what became of it.
#[derive(Clone, Copy, Debug, Default)]
struct Trap {
    met: usize,
    killed: Option<Instant>,
    resumed: Option<Duration>,
}

struct Steps {
    rig: Rig,
    proxy: Proxy,
    verdict: Verdict,
    /// How many steps were met.
    sprung: usize,
}

/// What is tried at each step.
struct Work<'a> {
    name: &'a str,
    /// Asks for it, until it is acknowledged; the argument is new each time.
    ask: &'a (dyn Fn(&Rig, &str) + Sync),
    has_ended: &'a dyn Fn(&Rig, &str) -> bool,
}

/// Every step of a start; with time also of a deletion.
pub(crate) fn of_a_start(plan: &Plan) -> Verdict {
    let mut steps = Steps::new("master-killed-start", plan);
    let start = Work {
        name: "start",
        ask: &|rig, name| drop(rig.client.create(&sleeper(name))),
        has_ended: &|rig, name| status(rig, name).is_some_and(|status| status == "running"),
    };
    steps.enumerate(&start, plan.full);
    if plan.full {
        let deletion = Work {
            name: "deletion",
            ask: &|rig, name| rig.client.delete(name),
            has_ended: &|rig, name| {
                rig.client
                    .api
                    .try_get(&format!("/workspaces/{}", rig.client.id(name)))
                    .is_ok_and(|answer| answer.status == 404)
            },
        };
        steps.enumerate(&deletion, true);
    }
    steps.judged()
}

/// Every step of an execution and of the snapshot after it.
pub(crate) fn of_an_execution(plan: &Plan) -> Verdict {
    let mut steps = Steps::new("master-killed-execution", plan);
    let sessions: Mutex<Vec<(String, String)>> = Mutex::default();
    let execution = Work {
        name: "execution",
        ask: &|rig, name| {
            let session = execute(rig, name);
            sessions.lock().unwrap().push((name.to_owned(), session));
        },
        has_ended: &|rig, name| {
            let sessions = sessions.lock().unwrap();
            let session = sessions.iter().find(|(known, _)| known == name);
            session.is_some_and(|(_, session)| {
                events(rig, session).iter().any(|event| event["kind"] == "execution.finished")
            })
        },
    };
    steps.enumerate(&execution, true);
    for (name, session) in sessions.lock().unwrap().iter() {
        told_once(&mut steps.verdict, name, &events(&steps.rig, session));
    }
    steps.judged()
}

impl Steps {
    fn new(name: &str, plan: &Plan) -> Self {
        let (engine, proxy) = behind_a_proxy();
        let verdict = Verdict { raw: plan.raw_one, ..Verdict::default() };
        Self { rig: Rig::new(name, vec![engine]), proxy, verdict, sprung: 0 }
    }

    /// Step after step, until one is not met any more.
    fn enumerate(&mut self, work: &Work<'_>, both: bool) {
        let moments: &[Moment] = if both { &[Moment::Asked, Moment::Answered] } else { &[Moment::Answered] };
        for &moment in moments {
            let met = (1..MOST_STEPS).take_while(|&step| self.run(work, step, moment)).count();
            self.verdict.demand((3..MOST_STEPS - 1).contains(&met), format!("{met} steps of a {} were met", work.name));
            self.sprung += met;
        }
    }

    /// One run with a kill at this step. Says whether the step was met.
    fn run(&mut self, work: &Work<'_>, step: usize, moment: Moment) -> bool {
        let name =
            format!("{}-{step}-{moment:?}", if work.name == "deletion" { "start" } else { work.name }).to_lowercase();
        let trap = self.set(step, moment);
        let begun = Instant::now();
        let rig = &self.rig;
        thread::scope(|scope| {
            scope.spawn(|| (work.ask)(rig, &name));
            let mut started = false;
            eventually(&format!("{name} ends"), Duration::from_mins(3), || {
                if trap.lock().unwrap().killed.is_some() && !started {
                    rig.note(&name);
                    rig.master.start_again();
                    started = true;
                }
                (work.has_ended)(rig, &name)
            });
        });
        self.proxy.heal();
        let trap = *trap.lock().unwrap();
        let took = trap.killed.unwrap_or(begun).elapsed();
        self.verdict.after_heal = self.verdict.after_heal.max(took);
        if let Some(resumed) = trap.resumed.or(trap.killed.map(|_| took)) {
            self.verdict.resumed = self.verdict.resumed.max(Some(resumed));
        }
        trap.killed.is_some()
    }

    fn set(&self, step: usize, moment: Moment) -> Arc<Mutex<Trap>> {
        let trap = Arc::new(Mutex::new(Trap::default()));
        let (set, master) = (Arc::clone(&trap), Arc::clone(&self.rig.master));
        self.proxy.judge(move |line, now| {
            if !is_step(line) {
                return Fate::Pass;
            }
            let mut trap = set.lock().unwrap();
            match trap.killed {
                Some(killed) if now == Moment::Asked => trap.resumed = trap.resumed.or(Some(killed.elapsed())),
                None if now == moment => {
                    trap.met += 1;
                    if trap.met == step {
                        master.kill();
                        trap.killed = Some(Instant::now());
                        return Fate::Cut;
                    }
                }
                _ => {}
            }
            Fate::Pass
        });
        trap
    }

    fn judged(self) -> Verdict {
        let Self { rig, mut verdict, sprung, .. } = self;
        let (after_heal, raw) = (verdict.after_heal, verdict.raw);
        rig.settled(&mut verdict, Instant::now());
        rig.kept(&mut verdict);
        rig.deleted(&mut verdict);
        verdict.demand(sprung > 0, "no step was met");
        (verdict.after_heal, verdict.raw) = (after_heal, raw);
        rig.master.end();
        verdict.timed()
    }
}

/// What changes something on the server, but for programs in what runs there.
fn is_step(line: &str) -> bool {
    let changes = line.starts_with("POST ") || line.starts_with("DELETE ");
    changes
        && ["/containers/", "/volumes/", "/networks/"].iter().any(|part| line.contains(part))
        && !line.contains("/exec")
}

fn status(rig: &Rig, name: &str) -> Option<String> {
    let id = rig.client.history.known().get(name).and_then(|known| known.id.clone())?;
    let answer = rig.client.api.try_get(&format!("/workspaces/{id}")).ok()?;
    answer.body["status"].as_str().map(str::to_owned)
}

/// An agent on a project of its own that says one word; its session.
fn execute(rig: &Rig, name: &str) -> String {
    let body = json!({ "name": name });
    let project = rig.client.insist("project", "POST", "/projects", name, body.to_string().as_bytes()).ok();
    let body = json!({
        "project": project["id"], "prompt": "say it once",
        "resources": { "cpu_millis": 10, "memory_mib": 32, "disk_gib": 1 },
        "agent": { "kind": "command", "image": "workspace-base", "argv": ["sh", "-c", "echo once; echo once >> once"] },
        "on_success": { "snapshot": true },
    });
    let key = format!("run-{name}");
    let started = rig.client.insist("execute", "POST", "/execute", &key, body.to_string().as_bytes()).ok();
    started["session"].as_str().unwrap().to_owned()
}

fn events(rig: &Rig, session: &str) -> Vec<Value> {
    let page = rig.client.api.try_get(&format!("/sessions/{session}/events?limit=1000"));
    page.ok().and_then(|page| page.body["items"].as_array().cloned()).unwrap_or_default()
}

/// Events without a hole, one end, and an agent that ran at most once.
fn told_once(verdict: &mut Verdict, name: &str, events: &[Value]) {
    let numbers: Vec<u64> = events.iter().filter_map(|event| event["seq"].as_u64()).collect();
    verdict.demand(numbers == (1..=events.len() as u64).collect::<Vec<_>>(), format!("{name}: events {numbers:?}"));
    let of = |kind: &str| events.iter().filter(|event| event["kind"] == kind).collect::<Vec<_>>();
    let ends = of("execution.finished");
    verdict.demand(ends.len() == 1, format!("{name} ended {} times", ends.len()));
    let said = of("message")
        .iter()
        .filter(|event| event["data"]["text"].as_str().is_some_and(|text| text.contains("once")))
        .count();
    let succeeded = ends.iter().any(|end| end["data"]["status"] == "succeeded");
    verdict.starts += 1;
    verdict.not_running += usize::from(!succeeded);
    let wanted = if succeeded { 1..2 } else { 0..2 };
    verdict.demand(wanted.contains(&said), format!("{name}: the agent said it {said} times: {events:?}"));
}
