//! What was asked of a server is done, and the answer never arrives.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::{HELD, Plan, amid_starts_of};
use crate::engines::{Engine, engines};
use crate::proxy::{Fate, Moment, Proxy};
use crate::rig::Rig;
use crate::verdict::Verdict;

/// The first server, behind a proxy.
pub(crate) fn behind_a_proxy() -> (Engine, Proxy) {
    let mut engine = engines().remove(0);
    let proxy = Proxy::start(engine.spec["endpoint"].as_str().unwrap());
    engine.spec["endpoint"] = Value::from(format!("http://{}", proxy.address));
    (engine, proxy)
}

/// What of a workspace's making and unmaking loses its answer.
fn is_told(line: &str) -> bool {
    let changes = line.starts_with("POST ") || line.starts_with("DELETE ");
    changes
        && ["/containers/", "/volumes/", "/networks/"].iter().any(|part| line.contains(part))
        && !line.contains("/exec")
}

/// The answers of create, start and remove are swallowed: every second connection ends, the others fall silent.
pub(crate) fn swallowed(plan: &Plan) -> Verdict {
    let (engine, proxy) = behind_a_proxy();
    let rig = Rig::new("replies-swallowed", vec![engine, engines().remove(1)]);
    let doomed: Vec<String> = (0..plan.residents).map(|n| format!("doomed-{n}")).collect();
    for name in &doomed {
        rig.client.create(&crate::client::sleeper(name));
    }
    let mut before = Verdict::default();
    rig.settled(&mut before, std::time::Instant::now());
    let lines: Mutex<BTreeMap<String, usize>> = Mutex::default();
    let mut verdict = amid_starts_of(&rig, plan, |rig| {
        proxy.judge(move |line, moment| {
            if moment == Moment::Asked || !is_told(line) {
                return Fate::Pass;
            }
            let mut lines = lines.lock().unwrap();
            let (before, times) = (lines.len(), lines.entry(line.to_owned()).or_default());
            *times += 1;
            match *times {
                // Twice for every request: the second look is not spared either.
                1 if before % 2 == 0 => Fate::Silence,
                1 | 2 => Fate::Cut,
                _ => Fate::Pass,
            }
        });
        for name in &doomed {
            rig.client.delete(name);
        }
        thread::sleep(if plan.full { HELD } else { Duration::from_secs(15) });
        proxy.heal();
    });
    verdict.wrong.extend(before.wrong);
    verdict
}
