//! Who starts programs: knows its children, and takes care of orphans where it adopts them.

use std::collections::BTreeMap;
use std::io;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, WaitOptions, getpid, set_child_subreaper, waitpid};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};
use tokio::signal::unix::{SignalKind, signal};
use workspace_core::error::{Error, ErrorKind, Result};

use crate::process::program::Program;
use crate::process::table::entries;
use crate::process::tree::{Tree, mark};

/// Orphans are looked for this long after a child ended: often several end together.
const LULL: Duration = Duration::from_millis(100);

/// Starts programs.
#[derive(Debug, Default)]
pub struct ProcessHost {
    /// Our own children that were not waited for, each with whether adopted orphans are its.
    children: Mutex<BTreeMap<i32, Arc<AtomicBool>>>,
    adopts: bool,
}

impl ProcessHost {
    /// A host inside a program that also does other things.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// A host that makes this whole process adopt the orphans of what it starts, so that their end is certain. For a
    /// program that starts no children but through this host. Must run inside a tokio runtime.
    pub fn adopting() -> io::Result<Arc<Self>> {
        set_child_subreaper(Some(getpid()))?;
        let host = Arc::new(Self { adopts: true, ..Self::default() });
        let mut ended = signal(SignalKind::child())?;
        let weak = Arc::downgrade(&host);
        tokio::spawn(async move {
            while ended.recv().await.is_some() {
                tokio::time::sleep(LULL).await;
                let Some(host) = weak.upgrade() else { return };
                host.bury_orphans();
            }
        });
        Ok(host)
    }

    fn children(&self) -> MutexGuard<'_, BTreeMap<i32, Arc<AtomicBool>>> {
        self.children.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a program.
    pub(crate) fn spawn(self: &Arc<Self>, mut program: Program) -> Result<Running> {
        let value = mark();
        let own = format!("WORKSPACE_EXEC={value}");
        program.marks.push(("WORKSPACE_EXEC", value));
        // Held over the start: whoever looks for orphans must not take the new child for one.
        let mut children = self.children();
        let alone = Arc::new(AtomicBool::new(self.adopts && children.is_empty()));
        for other in children.values() {
            other.store(false, Ordering::Release);
        }
        let child = program.start()?;
        let lost = || Error::new(ErrorKind::Internal, "a program that was just started has no pid");
        let pid = child.id().and_then(|pid| Pid::from_raw(pid.cast_signed())).ok_or_else(lost)?;
        children.insert(pid.as_raw_nonzero().get(), Arc::clone(&alone));
        drop(children);
        Ok(Running { host: Arc::clone(self), child, pid, tree: Tree::of_child(&own, pid, alone) })
    }

    fn forget(&self, child: Pid) {
        self.children().remove(&child.as_raw_nonzero().get());
    }

    /// Waits for the adopted orphans that ended; nobody else will.
    fn bury_orphans(&self) {
        let me = getpid().as_raw_nonzero().get();
        let children = self.children();
        for entry in entries() {
            let orphan = entry.parent == me && !children.contains_key(&entry.pid.as_raw_nonzero().get());
            if orphan && entry.is_zombie() {
                // Nothing to do about one that somebody else waited for.
                let _ = waitpid(Some(entry.pid), WaitOptions::NOHANG);
            }
        }
    }
}

/// A program that was started. Dropping it ends it with everything that it started.
#[derive(Debug)]
pub(crate) struct Running {
    host: Arc<ProcessHost>,
    child: Child,
    pid: Pid,
    tree: Tree,
}

impl Running {
    /// Waits for its end. Dropping the future loses nothing.
    pub(crate) async fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait().await;
        self.tree.waited();
        self.host.forget(self.pid);
        status
    }

    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    pub(crate) fn tree(&self) -> &Tree {
        &self.tree
    }

    pub(crate) fn stdin(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    pub(crate) fn output(&mut self) -> (Option<ChildStdout>, Option<ChildStderr>) {
        (self.child.stdout.take(), self.child.stderr.take())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The status is there only after a wait: then what is left in the background may live on.
        if matches!(self.child.try_wait(), Ok(None)) {
            self.tree.end_at_once();
        }
        self.host.forget(self.pid);
    }
}
