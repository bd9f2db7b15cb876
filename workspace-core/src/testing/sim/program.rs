//! The few programs that simulated containers know.

use std::time::Duration;

use bytes::Bytes;

/// What a program will do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Program {
    /// What it writes at once.
    pub(super) stdout: Bytes,
    /// When it ends by itself; `None` for never.
    pub(super) ends_after: Option<Duration>,
    /// How it ends by itself.
    pub(super) exit_code: i32,
}

impl Program {
    /// What these arguments run; `None` for a program that does not exist. No arguments run what every simulated
    /// image has: a program that goes on.
    pub(super) fn new(argv: &[String], stdin: Option<&Bytes>) -> Option<Self> {
        let ends = |exit_code| Self { stdout: Bytes::new(), ends_after: Some(Duration::ZERO), exit_code };
        let goes_on = Self { stdout: Bytes::new(), ends_after: None, exit_code: 0 };
        let Some((name, arguments)) = argv.split_first() else { return Some(goes_on) };
        Some(match (name.rsplit('/').next()?, arguments) {
            ("true", _) => ends(0),
            ("false", _) => ends(1),
            ("echo", words) => Self { stdout: format!("{}\n", words.join(" ")).into(), ..ends(0) },
            ("cat", []) => Self { stdout: stdin.cloned().unwrap_or_default(), ..ends(0) },
            ("exit", [code]) => ends(code.parse().ok()?),
            ("sleep", [time]) => match time.parse::<f64>() {
                Ok(seconds) if seconds.is_finite() && seconds >= 0.0 => {
                    Self { ends_after: Some(Duration::from_secs_f64(seconds)), ..goes_on }
                }
                _ => goes_on,
            },
            _ => return None,
        })
    }
}
