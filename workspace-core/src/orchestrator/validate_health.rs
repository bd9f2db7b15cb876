//! What a health check may look like.

use crate::error::{Error, Result};
use crate::model::{HealthCheck, HealthSpec};
use crate::orchestrator::validate;

const HOUR: u64 = 3_600_000;

/// A check that can be made, not too often.
pub(super) fn health(spec: &HealthSpec) -> Result<()> {
    between("health.interval", spec.interval_ms, 1_000, HOUR)?;
    between("health.timeout", spec.timeout_ms, 100, 60_000)?;
    between("health.start_period", spec.start_period_ms, 0, HOUR)?;
    if !(1..=100).contains(&spec.retries) {
        return Err(Error::invalid("health.retries", "the retries must be between 1 and 100"));
    }
    match &spec.check {
        HealthCheck::Http { port, path } => {
            let plain = |c: char| c.is_ascii_graphic();
            if !path.starts_with('/') || path.len() > 1_024 || !path.chars().all(plain) {
                let message = "the path must begin with / and have at most 1024 printable ASCII characters";
                return Err(Error::invalid("health.http.path", message));
            }
            a_port("health.http.port", *port)
        }
        HealthCheck::Tcp { port } => a_port("health.tcp.port", *port),
        HealthCheck::Exec { argv } if argv.first().is_none_or(String::is_empty) => {
            Err(Error::invalid("health.exec.argv", "a program is needed"))
        }
        HealthCheck::Exec { argv } => validate::command(argv),
        HealthCheck::File(path) => {
            let leaves = path.starts_with('/') || path.split('/').any(|part| part == "..");
            if path.is_empty() || path.len() > 1_024 || leaves || path.chars().any(char::is_control) {
                return Err(Error::invalid("health.file", "the file must be a path below /workspace without `..`")
                    .hint("such as \"ready\""));
            }
            Ok(())
        }
    }
}

fn a_port(field: &str, port: u16) -> Result<()> {
    if port == 0 { Err(Error::invalid(field, "0 is not a port")) } else { Ok(()) }
}

fn between(field: &str, millis: u64, least: u64, most: u64) -> Result<()> {
    if (least..=most).contains(&millis) {
        return Ok(());
    }
    Err(Error::invalid(field, format!("the time must be between {least} and {most} milliseconds")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_checked_names_its_field() {
        let http = |path: &str| HealthSpec::new(HealthCheck::Http { port: 80, path: path.to_owned() });
        assert!(health(&http("/ready?x=1")).is_ok());
        let file = |path: &str| HealthSpec::new(HealthCheck::File(path.to_owned()));
        assert!(health(&file("run/ready")).is_ok());
        for (bad, field) in [
            (http("ready"), "health.http.path"),
            (http("/a\r\nHost: b"), "health.http.path"),
            (HealthSpec::new(HealthCheck::Tcp { port: 0 }), "health.tcp.port"),
            (HealthSpec::new(HealthCheck::Exec { argv: Vec::new() }), "health.exec.argv"),
            (file("../etc/passwd"), "health.file"),
            (file("/etc/passwd"), "health.file"),
            (HealthSpec { interval_ms: 999, ..file("a") }, "health.interval"),
            (HealthSpec { timeout_ms: 0, ..file("a") }, "health.timeout"),
            (HealthSpec { start_period_ms: HOUR + 1, ..file("a") }, "health.start_period"),
            (HealthSpec { retries: 0, ..file("a") }, "health.retries"),
        ] {
            assert_eq!(health(&bad).unwrap_err().field(), Some(field), "{bad:?}");
        }
    }
}
