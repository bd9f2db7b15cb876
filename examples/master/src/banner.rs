//! What the program says to whoever started it.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program talks to its terminal")]

use std::net::SocketAddr;

use workspace_fleet::Error;
use workspace_fleet::model::{Availability, ServerState};

use crate::settings::Settings;

/// How to go on.
pub(crate) fn ready(address: &SocketAddr, settings: &Settings, servers: &[ServerState]) {
    let (api, token) = (format!("http://{address}/api/v1"), settings.token.reveal());
    println!("\nworkspace-fleet answers on http://{address}\n");
    for server in servers {
        let availability = match server.observation.availability {
            Availability::Healthy => "healthy",
            Availability::Unhealthy => "unhealthy",
            Availability::Offline => "offline",
        };
        let record = &server.record;
        println!("  server {:<14} {:<10} {}", record.spec.name, availability, record.spec.endpoint);
        if let Some(error) = &server.observation.last_error {
            println!("         {error}");
        }
    }
    if servers.is_empty() {
        println!("  no servers yet: POST {api}/admin/servers");
    }
    println!("\n  admin token   {token}");
    println!("  API           http://{address}/api/docs  ({api}/openapi.json)");
    println!("\na first workspace:\n");
    println!("  curl -s -H 'Authorization: Bearer {token}' -H 'Content-Type: application/json' \\");
    println!("    '{api}/workspaces?wait=60' \\");
    println!(r#"    -d '{{"name":"hello-1","image":"workspace-base","command":["sleep","infinity"]}}'"#);
    println!("\nCtrl-C ends the master; what runs on the servers goes on.\n");
}

/// That the end has begun.
pub(crate) fn ending() {
    println!("ending; again Ctrl-C ends it at once");
}

/// Why it does not start.
pub(crate) fn failed(error: &Error) {
    eprintln!("error: {}", error.chain());
    if let Some(field) = error.field() {
        eprintln!("in:    {field}");
    }
    if let Some(hint) = error.next_step() {
        eprintln!("next:  {hint}");
    }
}
