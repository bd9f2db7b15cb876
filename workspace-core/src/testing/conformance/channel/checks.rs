//! Rules of looking at ports. They need no server inside: a socket of the container's own is enough.

use std::time::Duration;

use super::rig::refused;
use crate::error::ErrorKind;
use crate::port::{Channel, PortCheck};

/// Nothing listens there in any container of these rules: a port below 1024 that no service has.
const SILENT: u16 = 4;

const LIMIT: Duration = Duration::from_secs(5);

/// A port that takes no connections is told with its reason, and is no error of the channel.
pub async fn silent_ports_are_told(channel: &dyn Channel) {
    for check in [PortCheck::Tcp { port: SILENT }, PortCheck::Http { port: SILENT, path: "/".to_owned() }] {
        let problem = channel.check_port(&check, LIMIT).await.expect("the channel answers");
        assert!(problem.is_some_and(|problem| problem.contains("port 4")), "a silent port is told: {check:?}");
    }
    assert!(channel.is_open(), "a channel outlives a look at a silent port");
    refused("a missing file is still told", channel.read_file("no such file").await, ErrorKind::FileNotFound);
}
