//! The table of processes, as `/proc` tells it.

use std::fs;

use rustix::process::Pid;

/// One process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) pid: Pid,
    pub(crate) state: u8,
    pub(crate) parent: i32,
    pub(crate) group: i32,
    /// Processor time of all threads in clock ticks.
    pub(crate) ticks: u64,
    pub(crate) threads: u64,
    /// When it was started, in clock ticks since boot: with the pid it names a process once and for all.
    pub(crate) started: u64,
    /// Resident pages.
    pub(crate) pages: u64,
}

impl Entry {
    /// Reads one process; `None` when there is none.
    pub(crate) fn read(pid: Pid) -> Option<Self> {
        Self::parse(pid, &fs::read(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?)
    }

    /// The name in the second field may hold anything, so the fields are counted from its last parenthesis.
    fn parse(pid: Pid, stat: &[u8]) -> Option<Self> {
        let end = stat.iter().rposition(|&byte| byte == b')')?;
        let text = std::str::from_utf8(stat.get(end + 1..)?).ok()?;
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
        let id = |index: usize| fields.get(index)?.parse::<i32>().ok();
        Some(Self {
            pid,
            state: *fields.first()?.as_bytes().first()?,
            parent: id(1)?,
            group: id(2)?,
            ticks: number(11)?.saturating_add(number(12)?),
            threads: number(17)?,
            started: number(19)?,
            pages: number(21)?,
        })
    }

    /// Whether it still does anything: it is neither a zombie nor dead.
    pub(crate) fn is_alive(&self) -> bool {
        !matches!(self.state, b'Z' | b'X' | b'x')
    }

    /// Whether it is a zombie.
    pub(crate) fn is_zombie(&self) -> bool {
        self.state == b'Z'
    }
}

/// Every process that we may see.
pub(crate) fn entries() -> Vec<Entry> {
    let Ok(folder) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = folder.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(Pid::from_raw).filter_map(Entry::read).collect()
}

/// The environment that a process was started with; `None` when we may not see it.
pub(super) fn environment(pid: Pid) -> Option<Vec<u8>> {
    fs::read(format!("/proc/{}/environ", pid.as_raw_nonzero())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_parentheses_and_blanks_confuse_nobody() {
        let stat = b"7 (a) S 99 (x) R 1 5 5 0 -1 0 0 0 0 0 30 4 0 0 20 0 2 0 1234 999 55 0";
        let entry = Entry::parse(Pid::from_raw(7).unwrap(), stat).unwrap();
        assert_eq!((entry.state, entry.parent, entry.group), (b'R', 1, 5));
        assert_eq!((entry.ticks, entry.threads, entry.started, entry.pages), (34, 2, 1234, 55));
        assert_eq!(Entry::parse(Pid::INIT, b"1 (init"), None);
    }

    #[test]
    fn we_are_in_the_table() {
        let me = rustix::process::getpid();
        assert!(entries().iter().any(|entry| entry.pid == me && entry.is_alive()));
    }
}
