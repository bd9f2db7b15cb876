//! The table of processes, as `/proc` tells it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::Duration;

use rustix::process::{Pid, getpid};

/// The kernel's `PF_EXITING` and `PF_KTHREAD`: who has no program any more, or never had one.
const WITHOUT_PROGRAM: u64 = 0x4 | 0x0020_0000;

/// How often somebody in the middle of an `exec` is looked at, and how long is waited between two looks: the kernel
/// takes microseconds for it where the machine is idle.
const LOOKS: usize = 100;
const BETWEEN_LOOKS: Duration = Duration::from_millis(1);

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
    flags: u64,
    image: Image,
}

/// Where the kernel put a program and its environment: every `exec` makes another.
///
/// While it does, the environment cannot be told from an empty one: `env_end` grows from `env_start` on, and the end
/// of the code is written after both (`fs/binfmt_elf.c`, `load_elf_binary`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Image {
    code_end: u64,
    env_start: u64,
    env_end: u64,
}

impl Image {
    fn is_complete(self) -> bool {
        self.code_end > 0
    }

    fn length(self) -> u64 {
        self.env_end.saturating_sub(self.env_start)
    }
}

impl Entry {
    /// Reads one process; `None` when there is none.
    pub(crate) fn read(pid: Pid) -> Option<Self> {
        Self::read_at(pid, &folder(pid))
    }

    /// Reads a process or one of its threads.
    fn read_at(pid: Pid, folder: &Path) -> Option<Self> {
        Self::parse(pid, &fs::read(folder.join("stat")).ok()?)
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
            flags: number(6)?,
            // Not every sandbox that plays the kernel tells these.
            image: Image {
                code_end: number(24).unwrap_or(0),
                env_start: number(47).unwrap_or(0),
                env_end: number(48).unwrap_or(0),
            },
        })
    }

    /// Whether it still does anything: it is neither a zombie nor dead, or only its first thread is.
    pub(crate) fn is_alive(&self) -> bool {
        self.threads > 1 || !matches!(self.state, b'Z' | b'X' | b'x')
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

/// The environment that a process was started with; `None` when we may not see it, or when it has none any more.
///
/// Whoever is in the middle of an `exec` is waited for: its environment would be empty, or cut off after a part.
pub(super) fn environment(entry: &Entry) -> Option<Vec<u8>> {
    let folder = folder(entry.pid);
    if !entry.is_zombie() {
        return whole_environment(*entry, &folder);
    }
    // The memory went with the first thread; the others still have theirs.
    let threads = fs::read_dir(folder.join("task")).ok()?.flatten();
    let mut texts = threads.map(|thread| whole_environment(Entry::read_at(entry.pid, &thread.path())?, &thread.path()));
    texts.find_map(|text| text)
}

fn whole_environment(mut before: Entry, folder: &Path) -> Option<Vec<u8>> {
    let mut last = None;
    for _ in 0..LOOKS {
        if before.flags & WITHOUT_PROGRAM != 0 {
            return None;
        }
        let text = fs::read(folder.join("environ")).ok()?;
        if !images_are_told() {
            return Some(text);
        }
        let after = Entry::read_at(before.pid, folder)?;
        if before.image.is_complete() && before.image == after.image {
            // The same image may be another one at the same addresses; but a text that stays too short belongs to
            // somebody who gave the memory back.
            if text.len() as u64 == before.image.length() || last.as_ref() == Some(&text) {
                return Some(text);
            }
            last = Some(text);
        }
        sleep(BETWEEN_LOOKS);
        before = Entry::read_at(before.pid, folder)?;
    }
    None
}

/// Whether the kernel tells where programs are: then it tells it of us.
fn images_are_told() -> bool {
    static TOLD: OnceLock<bool> = OnceLock::new();
    *TOLD.get_or_init(|| Entry::read(getpid()).is_some_and(|me| me.image.is_complete()))
}

fn folder(pid: Pid) -> PathBuf {
    PathBuf::from(format!("/proc/{}", pid.as_raw_nonzero()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;
    use std::time::Instant;

    use super::*;

    #[test]
    fn names_with_parentheses_and_blanks_confuse_nobody() {
        let stat =
            b"7 (a) S 99 (x) R 1 5 5 0 -1 64 0 0 0 0 30 4 0 0 20 0 2 0 1234 999 55 0 100 200 0 0 0 0 0 0 0 0 0 0 \
            0 17 1 0 0 0 0 0 0 0 0 0 300 400 0";
        let entry = Entry::parse(Pid::from_raw(7).unwrap(), stat).unwrap();
        assert_eq!((entry.state, entry.parent, entry.group), (b'R', 1, 5));
        assert_eq!((entry.ticks, entry.threads, entry.started, entry.pages), (34, 2, 1234, 55));
        assert_eq!((entry.flags, entry.image), (64, Image { code_end: 200, env_start: 300, env_end: 400 }));
        assert_eq!(Entry::parse(Pid::INIT, b"1 (init"), None);
    }

    /// A program that replaces itself for ever is seen at every moment, whether or not the kernel puts each of its
    /// images somewhere else.
    #[test]
    fn who_is_in_the_middle_of_an_exec_is_seen() {
        let home = tempfile::tempdir().unwrap();
        let script = home.path().join("again");
        fs::write(&script, "#!/bin/sh\nexec \"$0\"\n").unwrap();
        fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).unwrap();
        for runner in [&["env"][..], &["setarch", "-R"]] {
            let mut child = Command::new(runner[0]);
            let mut child = child.args(&runner[1..]).arg(&script).env("AGAIN", "and again").spawn().unwrap();
            let pid = Pid::from_child(&child);
            let seen = || {
                let text = environment(&Entry::read(pid).unwrap()).unwrap();
                text.split(|&byte| byte == 0).any(|variable| variable == b"AGAIN=and again")
            };
            let missed = (0..2_000).filter(|_| !seen()).count();
            child.kill().unwrap();
            child.wait().unwrap();
            assert_eq!(missed, 0, "{runner:?}");
        }
    }

    /// Its memory is gone with the first thread, and its state is that of a zombie.
    #[test]
    fn who_lives_on_without_its_first_thread_is_seen() {
        let program = "import ctypes, threading, time\nthreading.Thread(target=time.sleep, args=[60]).start()\n\
            ctypes.CDLL(None).pthread_exit(None)";
        let mut child = Command::new("python3").args(["-c", program]).env("LEFT", "behind").spawn().unwrap();
        let pid = Pid::from_child(&child);
        let deadline = Instant::now() + Duration::from_secs(20);
        let entry = loop {
            let entry = Entry::read(pid).unwrap();
            if entry.is_zombie() || Instant::now() > deadline {
                break entry;
            }
            sleep(BETWEEN_LOOKS);
        };
        let text = environment(&entry);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(entry.is_zombie() && entry.is_alive());
        assert!(text.unwrap().split(|&byte| byte == 0).any(|variable| variable == b"LEFT=behind"));
    }

    #[test]
    fn the_kernel_tells_where_programs_are() {
        assert!(images_are_told());
    }

    #[test]
    fn we_are_in_the_table() {
        let me = rustix::process::getpid();
        assert!(entries().iter().any(|entry| entry.pid == me && entry.is_alive()));
    }
}
