//! The connection to one Engine: every call goes through here, with its deadline, and is told to the observer.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bollard::Docker;
use bollard::errors::Error as Bollard;
use futures::{Stream, StreamExt};
use workspace_core::error::Error;
use workspace_core::id::ServerId;

use crate::call::{Call, CallEnd, CallObserver, CallRecord};
use crate::failure::Failure;

/// One Engine. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Engine {
    docker: Docker,
    server: ServerId,
    name: Arc<str>,
    observer: Option<Arc<dyn CallObserver>>,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Engine {
    pub(crate) fn new(docker: Docker, server: ServerId, name: &str, observer: Option<Arc<dyn CallObserver>>) -> Self {
        Self { docker, server, name: name.into(), observer }
    }

    /// What builds the calls; they are made by [`Self::call`] alone.
    pub(crate) fn docker(&self) -> &Docker {
        &self.docker
    }

    /// The server's name in messages.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Which server this is.
    pub(crate) fn server(&self) -> ServerId {
        self.server
    }

    /// Makes a call within its deadline.
    pub(crate) async fn call<T>(
        &self,
        call: Call,
        made: impl Future<Output = Result<T, Bollard>> + Send,
    ) -> Result<T, Failure> {
        self.call_within(call, call.deadline(), made).await
    }

    /// Makes a call within a deadline of its own.
    pub(crate) async fn call_within<T>(
        &self,
        call: Call,
        deadline: Duration,
        made: impl Future<Output = Result<T, Bollard>> + Send,
    ) -> Result<T, Failure> {
        let recording = self.record(call);
        let result = match tokio::time::timeout(deadline, made).await {
            Ok(result) => result.map_err(Failure::from),
            Err(_) => Err(Failure::Late(deadline)),
        };
        recording.finish(result.as_ref().err());
        result
    }

    /// Reads a stream of progress to its end; it may be silent for the call's deadline.
    pub(crate) async fn drain<T>(
        &self,
        call: Call,
        stream: impl Stream<Item = Result<T, Bollard>> + Send,
    ) -> Result<(), Failure> {
        let recording = self.record(call);
        let mut stream = std::pin::pin!(stream);
        let result = loop {
            match tokio::time::timeout(call.deadline(), stream.next()).await {
                Ok(Some(Ok(_))) => {}
                Ok(Some(Err(error))) => break Err(Failure::from(error)),
                Ok(None) => break Ok(()),
                Err(_) => break Err(Failure::Late(call.deadline())),
            }
        };
        recording.finish(result.as_ref().err());
        result
    }

    /// Whether the Engine answers at all, asked on a connection of its own.
    pub(crate) async fn ping(&self) -> Result<(), Failure> {
        self.call(Call::Ping, self.docker.ping()).await.map(drop)
    }

    /// Tells the observer of a call when the recording is finished or dropped.
    pub(crate) fn record(&self, call: Call) -> Recording {
        let record = CallRecord {
            server: self.server,
            call,
            started: Instant::now(),
            duration: Duration::ZERO,
            end: CallEnd::Dropped,
        };
        Recording { observer: self.observer.clone(), record }
    }

    /// The public error of a failure; `what` was tried, such as `create container x`.
    pub(crate) fn error(&self, failure: Failure, what: impl AsRef<str>) -> Error {
        failure.into_error(&self.name, what.as_ref())
    }
}

/// A call that goes on.
pub(crate) struct Recording {
    observer: Option<Arc<dyn CallObserver>>,
    record: CallRecord,
}

impl Recording {
    /// The call ended.
    pub(crate) fn finish(mut self, failure: Option<&Failure>) {
        self.record.end = match failure {
            None => CallEnd::Answered,
            Some(Failure::Refused { status, .. }) => CallEnd::Refused(*status),
            Some(_) => CallEnd::Failed,
        };
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        if let Some(observer) = &self.observer {
            self.record.duration = self.record.started.elapsed();
            observer.observe(&self.record);
        }
    }
}
