//! The few programs that simulated containers know.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

/// What a program will do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Program {
    /// What it writes at once to its standard output.
    pub(super) stdout: Bytes,
    /// What it writes at once to its standard error.
    pub(super) stderr: Bytes,
    /// When it ends by itself; `None` for never.
    pub(super) ends_after: Option<Duration>,
    /// How it ends by itself.
    pub(super) exit_code: i32,
}

impl Program {
    /// Writes this and ends.
    fn says(stdout: impl Into<Bytes>, exit_code: i32) -> Self {
        Self { stdout: stdout.into(), stderr: Bytes::new(), ends_after: Some(Duration::ZERO), exit_code }
    }

    /// Says nothing for a while, or for ever.
    fn sleeps(ends_after: Option<Duration>) -> Self {
        Self { ends_after, ..Self::says("", 0) }
    }

    /// What these arguments run; `None` for a program that does not exist. No arguments run what every simulated
    /// image has: a program that goes on.
    pub(super) fn new(argv: &[String], env: &BTreeMap<String, String>, stdin: Option<&Bytes>) -> Option<Self> {
        let Some((name, arguments)) = argv.split_first() else { return Some(Self::sleeps(None)) };
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        Some(match (name.rsplit('/').next()?, &arguments[..]) {
            ("true", _) => Self::says("", 0),
            ("false", _) => Self::says("", 1),
            ("echo", words) => Self::says(format!("{}\n", words.join(" ")), 0),
            ("cat", []) => Self::says(stdin.cloned().unwrap_or_default(), 0),
            ("exit", [code]) => Self::says("", code.parse().ok()?),
            ("seq", [first, last]) => Self::says(numbers(first.parse().ok()?, last.parse().ok()?), 0),
            ("sleep", [time]) => Self::sleeps(time.parse().ok().map(Duration::from_secs)),
            // What it does is done in `worker.rs`.
            ("worker", ["job"]) => Self::sleeps(None),
            ("sh", ["-c", line]) => Self::line(line, env)?,
            _ => return None,
        })
    }

    /// A line of these programs with `;` between them, `$NAME`, and `>&2` at an end: no shell, but enough to say
    /// something and end.
    fn line(line: &str, env: &BTreeMap<String, String>) -> Option<Self> {
        let (mut stdout, mut stderr, mut last) = (Vec::new(), Vec::new(), Self::says("", 0));
        for part in line.split(';') {
            let words = part.split_whitespace().map(|word| match word.strip_prefix('$') {
                Some(name) => env.get(name).cloned().unwrap_or_default(),
                None => word.to_owned(),
            });
            let (marks, argv): (Vec<_>, Vec<_>) = words.partition(|word| word == ">&2");
            last = Self::new(&argv, env, None)?;
            if marks.is_empty() { &mut stdout } else { &mut stderr }.extend_from_slice(&last.stdout);
            if last.ends_after != Some(Duration::ZERO) {
                break;
            }
        }
        Some(Self { stdout: stdout.into(), stderr: stderr.into(), ..last })
    }
}

fn numbers(first: u64, last: u64) -> String {
    (first..=last).fold(String::new(), |text, number| text + &format!("{number}\n"))
}
