//! What a request may look like; every refusal names the field.

use std::collections::BTreeMap;

use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::model::WorkspaceSpec;
use crate::resources::{Dimension, Resources};

/// More than any machine has: what is above is a slip, not a wish.
const MOST: Resources =
    Resources { cpu_millis: 1_000_000, memory_mib: 64 << 20, disk_gib: 1 << 20, slots: 1 << 20, gpus: 1_024 };

/// A name of a workspace, project or server: 1 to 63 characters of `a-z 0-9 . _ -`, the first a letter or digit.
pub(super) fn name(field: &str, name: &str) -> Result<()> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-_".contains(c);
    let begins_well = name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    if begins_well && name.len() <= 63 && name.chars().all(allowed) {
        return Ok(());
    }
    let problem = match name.len() {
        0 => "the name is empty".to_owned(),
        64.. => format!("the name has {} characters", name.chars().count()),
        _ => format!("the name {name:?} has characters that are not allowed"),
    };
    Err(Error::invalid(field, problem).hint("use 1 to 63 characters of a-z 0-9 . _ - and begin with a letter or digit"))
}

/// A part of the past.
pub(super) fn window(from: Option<Timestamp>, to: Option<Timestamp>) -> Result<()> {
    if from.is_some_and(|from| to.is_some_and(|to| to < from)) {
        return Err(Error::invalid("to", "the window ends before it begins").hint("give `from` before `to`"));
    }
    Ok(())
}

/// The owner in a token or in an administrator's request.
pub(super) fn owner(field: &str, owner: &str) -> Result<()> {
    let fine = (1..=128).contains(&owner.len()) && !owner.chars().any(char::is_control);
    if fine { Ok(()) } else { Err(Error::invalid(field, "the owner must have 1 to 128 printable characters")) }
}

/// Amounts that some machine could have.
pub(super) fn resources(field: &str, resources: &Resources) -> Result<()> {
    match Dimension::ALL.into_iter().find(|&dimension| resources.get(dimension) > MOST.get(dimension)) {
        None => Ok(()),
        Some(dimension) => {
            let (amount, most) = (resources.get(dimension), MOST.get(dimension));
            let message = format!("{dimension}: {amount} {unit} is more than any server has", unit = dimension.unit());
            Err(Error::invalid(format!("{field}.{}", field_of(dimension)), message).hint(format!("at most {most}")))
        }
    }
}

/// What a workspace runs.
pub(super) fn spec(spec: &WorkspaceSpec) -> Result<()> {
    image(&spec.image)?;
    resources("resources", &spec.resources)?;
    command(&spec.command)?;
    env("env", &spec.env)?;
    labels("labels", &spec.labels)?;
    labels("placement.labels", &spec.placement.labels)?;
    if spec.ports.len() > 32 {
        return Err(Error::invalid("ports", "at most 32 ports"));
    }
    if spec.ports.contains(&0) {
        return Err(Error::invalid("ports", "0 is not a port"));
    }
    if let Some(health) = &spec.health {
        super::validate_health::health(health)?;
    }
    if spec.placement.required && spec.placement.server.is_none() {
        return Err(Error::invalid("placement.server", "`required` needs a server"));
    }
    Ok(())
}

/// A program and its arguments.
pub(super) fn command(argv: &[String]) -> Result<()> {
    let bytes: usize = argv.iter().map(String::len).sum();
    if bytes > 128 << 10 || argv.len() > 1_024 {
        return Err(Error::invalid("command", "at most 1024 arguments and 128 KiB in all"));
    }
    if argv.iter().any(|argument| argument.contains('\0')) {
        return Err(Error::invalid("command", "an argument has a NUL character"));
    }
    Ok(())
}

/// Environment variables.
pub(super) fn env(field: &str, env: &BTreeMap<String, String>) -> Result<()> {
    for (name, value) in env {
        if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
            return Err(Error::invalid(
                field,
                format!("{name:?} is not the name of a variable, or its value has a NUL"),
            ));
        }
    }
    let bytes: usize = env.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > 128 << 10 { Err(Error::invalid(field, "at most 128 KiB in all")) } else { Ok(()) }
}

/// Labels of servers, workspaces and requests.
pub(super) fn labels(field: &str, labels: &BTreeMap<String, String>) -> Result<()> {
    let fine = |text: &str, most: usize| text.len() <= most && !text.chars().any(char::is_control);
    if labels.len() > 64 {
        return Err(Error::invalid(field, "at most 64 labels"));
    }
    match labels.iter().find(|(name, value)| name.is_empty() || !fine(name, 128) || !fine(value, 256)) {
        None => Ok(()),
        Some((name, _)) => {
            Err(Error::invalid(field, format!("the label {name:?} is empty, too long or not printable"))
                .hint("names have at most 128 characters, values 256"))
        }
    }
}

pub(super) fn image(image: &str) -> Result<()> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-/:@+".contains(c);
    if image.is_empty() {
        return Err(
            Error::invalid("image", "an image is needed").hint("give `image`, or a `type` of the configuration")
        );
    }
    if image.len() > 512 || !image.chars().all(allowed) || !image.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return Err(Error::invalid("image", format!("{image:?} is not the name of an image")));
    }
    Ok(())
}

const fn field_of(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Cpu => "cpu_millis",
        Dimension::Memory => "memory_mib",
        Dimension::Disk => "disk_gib",
        Dimension::Slots => "slots",
        Dimension::Gpus => "gpus",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["a", "hello-1", "ws.eu_1", "0"] {
            assert!(name("name", good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "A", "a b", "a/b", "ä", &"a".repeat(64), &"a".repeat(300), "a\0"] {
            assert_eq!(name("name", bad).unwrap_err().field(), Some("name"), "{bad}");
        }
    }

    #[test]
    fn absurd_amounts_name_their_field() {
        let absurd = Resources { memory_mib: u64::MAX, ..Resources::default() };
        assert_eq!(resources("resources", &absurd).unwrap_err().field(), Some("resources.memory_mib"));
    }

    #[test]
    fn images() {
        for good in ["workspace-base", "10.0.0.1:5000/team/base:1.2", "a@sha256:00"] {
            assert!(image(good).is_ok(), "{good}");
        }
        for bad in ["", "-v", "a b", "a\n", "../x"] {
            assert!(image(bad).is_err(), "{bad}");
        }
    }
}
