//! What the rules have in common: specs, and ways to look at the answers.

use std::time::Duration;

use futures::StreamExt;
use tokio::time::{Instant, sleep, timeout};

use super::subject::Subject;
use crate::environment::Environment;
use crate::error::{Error, ErrorKind, Result};
use crate::id::FleetId;
use crate::port::{
    ContainerSpec, ContainerState, ContainerStatus, Created, LogOptions, LogStream, NetworkSpec, ObjectKind,
    ObjectLabels, OutputStream, Server,
};

/// How long a condition may take to come true.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// A server, what is known of it, and what the rule makes.
pub(super) struct Rig<'a> {
    pub(super) server: &'a dyn Server,
    pub(super) subject: &'a Subject,
    pub(super) env: Environment,
}

/// The error of what must work.
pub(super) fn works<T>(what: &str, result: Result<T>) -> T {
    result.unwrap_or_else(|error| unreachable!("{what} works: {} ({})", error.chain(), error.kind()))
}

/// The error of what must be refused.
pub(super) fn refused<T>(rule: &str, result: Result<T>, expected: ErrorKind) -> Error {
    let error = result.err().unwrap_or_else(|| unreachable!("{rule}: it is refused"));
    assert_eq!(error.kind(), expected, "{rule}: {}", error.chain());
    error
}

impl<'a> Rig<'a> {
    pub(super) fn new(server: &'a dyn Server, subject: &'a Subject) -> Self {
        Self { server, subject, env: Environment::system() }
    }

    /// A fleet that has nothing.
    pub(super) fn other_fleet(&self) -> FleetId {
        FleetId::from_uuid(self.env.uuid())
    }

    /// Labels of something new.
    pub(super) fn labels(&self, kind: ObjectKind) -> ObjectLabels {
        let (fleet, subject) = (self.subject.fleet, self.env.uuid());
        ObjectLabels { fleet, kind, subject, generation: 1, spec_hash: "abc".to_owned() }
    }

    pub(super) fn shell(&self, line: &str) -> Vec<String> {
        self.subject.shell.iter().cloned().chain([line.to_owned()]).collect()
    }

    /// A container that idles.
    pub(super) fn idle(&self) -> ContainerSpec {
        self.container(self.subject.idle.clone())
    }

    /// A container that runs a line.
    pub(super) fn line(&self, line: &str) -> ContainerSpec {
        self.container(self.shell(line))
    }

    fn container(&self, command: Vec<String>) -> ContainerSpec {
        let labels = self.labels(ObjectKind::Workspace);
        let name = format!("ws-{}-g1", labels.subject);
        ContainerSpec { command, ..ContainerSpec::new(name, self.subject.image.clone(), labels) }
    }

    pub(super) fn network(&self, slot: u32) -> NetworkSpec {
        let labels = self.labels(ObjectKind::Workspace);
        NetworkSpec { name: format!("ws-{}", labels.subject), slot, labels }
    }

    /// Makes a container anew.
    pub(super) async fn create(&self, spec: &ContainerSpec) {
        let created = works("create", self.server.create_container(spec).await);
        assert_eq!(created, Created::New, "a container that was not there is made");
    }

    /// Makes and starts a container.
    pub(super) async fn start(&self, spec: &ContainerSpec) {
        self.create(spec).await;
        works("start", self.server.start_container(&spec.name, None).await);
    }

    pub(super) async fn inspect(&self, name: &str) -> Option<ContainerState> {
        works("inspect", self.server.inspect_container(name).await)
    }

    /// Waits until a container has this status.
    pub(super) async fn reaches(&self, name: &str, status: ContainerStatus) -> ContainerState {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let state = self.inspect(name).await.expect("the container is there");
            if state.status == status {
                return state;
            }
            assert!(Instant::now() < deadline, "{name} becomes {status:?}, it is {:?}", state.status);
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Removes a container of the rule.
    pub(super) async fn remove(&self, spec: &ContainerSpec) {
        works("remove", self.server.remove_container(&spec.name, self.subject.fleet).await);
    }

    /// A whole log that does not follow.
    pub(super) async fn log(&self, name: &str, tail: Option<u32>) -> (String, String) {
        read(works("logs", self.server.container_logs(name, LogOptions { tail, follow: false }).await)).await
    }
}

/// Reads a log to its end.
pub(super) async fn read(mut log: LogStream) -> (String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let reading = async {
        while let Some(chunk) = log.next().await {
            let chunk = works("reading a log", chunk);
            match chunk.stream {
                OutputStream::Stdout => out.extend_from_slice(&chunk.bytes),
                OutputStream::Stderr => err.extend_from_slice(&chunk.bytes),
            }
        }
    };
    assert!(timeout(PATIENCE, reading).await.is_ok(), "a log ends with its container");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (text(out), text(err))
}
