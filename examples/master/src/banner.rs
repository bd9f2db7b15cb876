//! What the program says to whoever started it.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::SocketAddr;

use workspace_fleet::Error;
use workspace_fleet::model::{Availability, ServerState};

use crate::settings::Settings;

/// How to go on.
pub(crate) fn ready(address: &SocketAddr, settings: &Settings, servers: &[ServerState]) {
    say(&welcome(address, settings, servers).unwrap_or_default());
}

fn welcome(address: &SocketAddr, settings: &Settings, servers: &[ServerState]) -> Result<String, std::fmt::Error> {
    let (api, token) = (format!("http://{address}/api/v1"), settings.token.reveal());
    let mut text = String::new();
    writeln!(text, "\nworkspace-fleet answers on http://{address}\n")?;
    for server in servers {
        let availability = match server.observation.availability {
            Availability::Healthy => "healthy",
            Availability::Unhealthy => "unhealthy",
            Availability::Offline => "offline",
        };
        let record = &server.record;
        writeln!(text, "  server {:<14} {:<10} {}", record.spec.name, availability, record.spec.endpoint)?;
        if let Some(error) = &server.observation.last_error {
            writeln!(text, "         {error}")?;
        }
    }
    if servers.is_empty() {
        writeln!(text, "  no servers yet: POST {api}/admin/servers")?;
    }
    writeln!(text, "\n  admin token   {token}")?;
    writeln!(text, "  API           http://{address}/api/docs  ({api}/openapi.json)")?;
    writeln!(text, "\na first workspace:\n")?;
    writeln!(text, "  curl -s -H 'Authorization: Bearer {token}' -H 'Content-Type: application/json' \\")?;
    writeln!(text, "    '{api}/workspaces?wait=60' \\")?;
    writeln!(text, r#"    -d '{{"name":"hello-1","image":"workspace-base","command":["sleep","infinity"]}}'"#)?;
    writeln!(text, "\nCtrl-C ends the master; what runs on the servers goes on.")?;
    Ok(text)
}

/// That the end has begun.
pub(crate) fn ending() {
    say("ending; again Ctrl-C ends it at once");
}

/// Why it does not start.
pub(crate) fn failed(error: &Error) {
    let mut text = format!("error: {}\n", error.chain());
    for (name, value) in [("in:   ", error.field()), ("next: ", error.next_step())] {
        if let Some(value) = value {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{name} {value}");
        }
    }
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// Says something to whoever still listens: a closed terminal does not end the master.
fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}
