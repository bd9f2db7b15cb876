//! One job from its request to its last event.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;
use workspace_core::error::{Error, ErrorKind};
use workspace_core::job::JobStep;

use crate::job::data::JobFolders;
use crate::job::events::Events;
use crate::job::mask::Masks;
use crate::job::request::{Received, read};
use crate::job::setup::JobSetup;
use crate::job::stop::Stop;
use crate::job::{agent, data};

/// How a job ended.
#[derive(Debug)]
pub enum JobEnd {
    /// Every step came to its end, well or not: the events say how.
    Finished,
    /// No whole line came: nothing was done.
    NoRequest,
    /// The line is no request that this worker knows: nothing was done. The error says nothing of the line's text.
    Refused(Error),
    /// The events could not be written: what was under way was ended.
    Unheard,
}

impl JobEnd {
    /// The exit code of a program that serves one job.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Finished => 0,
            Self::NoRequest | Self::Unheard => 1,
            Self::Refused(_) => 2,
        }
    }
}

/// Serves one job: reads its request, does its steps, and writes its events, each as soon as it is known.
///
/// When it returns, nothing that its agents started is left. Dropping the future ends them as well.
pub async fn serve_job<R, W>(input: R, output: W, setup: JobSetup) -> JobEnd
where
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send,
{
    let received = tokio::select! {
        biased;
        received = read(input) => received,
        () = setup.cancel.cancelled() => Received::Nothing,
    };
    let request = match received {
        Received::Request(request) => request,
        Received::Nothing => return JobEnd::NoRequest,
        Received::Refused(error) => return JobEnd::Refused(error),
    };
    let unheard = CancellationToken::new();
    let cancel = setup.cancel.child_token();
    let events = Events::new(output, Masks::of(&request), setup.event_bytes, unheard.clone());
    let until = Stop::new(cancel.clone(), Duration::from_secs(request.time_limit_seconds));
    let folders = setup.folders(&request);
    let working = async {
        events.accepted().await;
        let mut whole = true;
        for step in &request.steps {
            let went_well = run_step(&setup, &folders, step, &events, &until, whole).await;
            if step.fills() {
                whole = went_well;
            }
        }
        events.finished().await;
    };
    let deaf = async {
        unheard.cancelled().await;
        cancel.cancel();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = working => {}
        () = deaf => {}
    }
    if unheard.is_cancelled() { JobEnd::Unheard } else { JobEnd::Finished }
}

/// Does one step, unless it needs a tree that is not `whole`; answers whether it went well.
async fn run_step<W: AsyncWrite + Unpin + Send>(
    setup: &JobSetup,
    folders: &JobFolders,
    step: &JobStep,
    events: &Events<W>,
    until: &Stop,
    whole: bool,
) -> bool {
    let reports = match (until.now(), step) {
        (Some(why), _) => data::failed(step, &why.error()),
        (None, _) if !whole && !step.fills() => data::failed(step, &unfilled()),
        (None, JobStep::Agent(agent)) => vec![agent::run(setup, &folders.tree, agent, events, until).await],
        (None, _) => data::run(setup, folders, step, until).await,
    };
    let went_well = reports.iter().all(|report| report.error.is_none());
    for report in reports {
        events.step(report).await;
    }
    went_well
}

fn unfilled() -> Error {
    Error::new(ErrorKind::Conflict, "the project's data could not be fetched").hint("see why in the step before")
}
