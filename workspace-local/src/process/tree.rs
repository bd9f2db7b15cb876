//! A program with everything that it started, and its end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, getpid, kill_process, pidfd_open, pidfd_send_signal};
use tokio::time::Instant;
use workspace_core::environment::Environment;

use crate::process::table::{Entry, entries, environment};

/// How long the end of a tree is tried before it is given up: only what hangs in the kernel lives on.
const PATIENCE: Duration = Duration::from_secs(10);

/// Rounds in which everything is halted before it is ended, so that nothing is started in between.
const HALTING: usize = 50;

/// A value for a marker variable that no other program has.
pub(crate) fn mark() -> String {
    format!("{:032x}", u128::from_le_bytes(Environment::system().bytes()))
}

/// The processes of one program: those that carry its mark in their environment, are of its group, or descend from
/// such.
///
/// A child that both cleared its environment and cut itself off (double fork, own session) is found as a *stray*:
/// orphans come to us where we adopt them, and belong to the tree when no other program ran beside it.
#[derive(Clone, Debug)]
pub(crate) struct Tree(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// `NAME=value` in the environment of every member.
    mark: Vec<u8>,
    /// The first process while it was not waited for: until then nobody else can have its pid or group.
    root: Option<Pid>,
    waited: AtomicBool,
    /// Nothing older can be a member.
    started: u64,
    /// Whether unmarked orphans that we adopted are members.
    strays: Arc<AtomicBool>,
}

impl Tree {
    /// The tree of a child that was just started.
    pub(super) fn of_child(mark: &str, child: Pid, strays: Arc<AtomicBool>) -> Self {
        let started = Entry::read(child).map_or(0, |entry| entry.started);
        let (mark, waited) = (mark.as_bytes().to_vec(), AtomicBool::new(false));
        Self(Arc::new(Inner { mark, root: Some(child), waited, started, strays }))
    }

    /// Everything that carries a mark, whoever started it.
    pub(crate) fn marked(mark: &str) -> Self {
        let (mark, waited) = (mark.as_bytes().to_vec(), AtomicBool::new(true));
        let strays = Arc::new(AtomicBool::new(false));
        Self(Arc::new(Inner { mark, root: None, waited, started: 0, strays }))
    }

    /// The first process was waited for.
    pub(super) fn waited(&self) {
        self.0.waited.store(true, Ordering::Release);
    }

    /// The processes that are alive.
    pub(crate) fn members(&self) -> Vec<Entry> {
        let tree = &*self.0;
        let root = tree.root.filter(|_| !tree.waited.load(Ordering::Acquire)).map(|pid| pid.as_raw_nonzero().get());
        let me = getpid();
        let young: Vec<Entry> = entries().into_iter().filter(|e| e.started >= tree.started && e.pid != me).collect();
        // Read after the table: it turns false before another child of ours is born, so none of those is in it.
        let strays = tree.strays.load(Ordering::Acquire);
        let mut members = BTreeSet::new();
        for entry in &young {
            let ours = Some(entry.pid.as_raw_nonzero().get()) == root
                || Some(entry.group) == root
                || match environment(entry) {
                    Some(text) if has(&text, &tree.mark) => true,
                    Some(text) if text.windows(MARK.len()).any(|window| window == MARK) => false,
                    _ => strays && entry.parent == me.as_raw_nonzero().get(),
                };
            if ours {
                members.insert(entry.pid.as_raw_nonzero().get());
            }
        }
        let mut known = 0;
        while known != members.len() {
            known = members.len();
            let children = young.iter().filter(|entry| members.contains(&entry.parent));
            let children: Vec<i32> = children.map(|entry| entry.pid.as_raw_nonzero().get()).collect();
            members.extend(children);
        }
        let member = |entry: &Entry| entry.is_alive() && members.contains(&entry.pid.as_raw_nonzero().get());
        young.into_iter().filter(member).collect()
    }

    /// Ends every member that is there now, as far as one look goes. Answers how many there were.
    pub(crate) fn end_at_once(&self) -> usize {
        let mut halted = BTreeMap::new();
        for _ in 0..HALTING {
            let before = halted.len();
            for entry in self.members() {
                let id = (entry.pid.as_raw_nonzero(), entry.started);
                if halted.insert(id, entry).is_none() {
                    signal(&entry, Signal::STOP);
                }
            }
            if halted.len() == before {
                break;
            }
        }
        for entry in halted.values() {
            signal(entry, Signal::KILL);
        }
        halted.len()
    }

    /// Ends every member, right here, and looks until none is left.
    pub(crate) fn end_now(&self) {
        let deadline = Instant::now() + PATIENCE;
        while self.end_at_once() > 0 {
            if Instant::now() > deadline {
                tracing::warn!("processes of an ended program live on");
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Ends every member and waits until none is left. Answers whether none is.
    pub(crate) async fn end(&self) -> bool {
        let deadline = Instant::now() + PATIENCE;
        let mut pause = Duration::from_millis(1);
        loop {
            let tree = self.clone();
            // Without a blocking thread the runtime shuts down: then it is done right here.
            let left = tokio::task::spawn_blocking(move || tree.end_at_once()).await;
            if left.unwrap_or_else(|_shutdown| self.end_at_once()) == 0 {
                return true;
            }
            if Instant::now() > deadline {
                tracing::warn!("processes of an ended program live on");
                return false;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }
}

/// What every mark begins with: a process with somebody's mark is nobody's stray.
const MARK: &[u8] = b"WORKSPACE_EXEC=";

fn has(environment: &[u8], mark: &[u8]) -> bool {
    environment.split(|&byte| byte == 0).any(|variable| variable == mark)
}

/// Sends a signal to exactly this process: the descriptor is opened first and the process compared after, so that a
/// pid that was given anew is never hit.
pub(crate) fn signal(entry: &Entry, signal: Signal) {
    match pidfd_open(entry.pid, PidfdFlags::empty()) {
        Ok(descriptor) => {
            if Entry::read(entry.pid).is_some_and(|now| now.started == entry.started) {
                // It may have ended by itself.
                let _ = pidfd_send_signal(descriptor, signal);
            }
        }
        Err(Errno::NOSYS) => {
            let _ = kill_process(entry.pid, signal);
        }
        Err(_gone) => {}
    }
}
