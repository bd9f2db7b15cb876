//! A runner that does what the test says.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::{StreamExt, stream};
use serde_json::{Value, json};

use crate::error::{Error, ErrorKind, Result};
use crate::id::{JobId, ServerId};
use crate::job::{ACCEPTED, FINISHED, JobRequest, STEP};
use crate::model::{Problem, StepReport};
use crate::port::{AgentRunner, JobEvent, JobEventStream, JobSpec, JobState};
use crate::signal::Signal;

/// Runs nothing: the test says what the programs of the jobs say, and when their servers are gone.
#[derive(Debug, Default)]
pub(super) struct Script(Mutex<Table>, Signal);

#[derive(Debug, Default)]
struct Table {
    /// How many of the next removals nobody hears of.
    unheard_removals: u32,
    runs: BTreeMap<JobId, Run>,
    started: Vec<JobId>,
    lost: bool,
    mute: bool,
}

#[derive(Debug)]
struct Run {
    spec: JobSpec,
    events: Vec<JobEvent>,
    ended: bool,
}

impl Script {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reached(&self) -> Result<MutexGuard<'_, Table>> {
        let table = self.table();
        if table.lost { Err(Error::new(ErrorKind::Unreachable, "the server does not answer")) } else { Ok(table) }
    }

    /// From now on no server answers, or they do again. What runs there goes on.
    pub(super) fn lose_servers(&self, lost: bool) {
        self.table().lost = lost;
        self.1.raise();
    }

    /// From now on nothing that a running job says is heard; what one that has ended said can be read.
    pub(super) fn mute(&self) {
        self.table().mute = true;
    }

    /// Of the next removal nobody hears whether it was carried out.
    pub(super) fn lose_a_removal(&self) {
        self.table().unheard_removals += 1;
    }

    /// How often a job was started.
    pub(super) fn starts(&self, job: JobId) -> usize {
        self.table().started.iter().filter(|started| **started == job).count()
    }

    /// The jobs whose containers are there, in the order of ids.
    pub(super) fn there(&self) -> Vec<JobId> {
        self.table().runs.keys().copied().collect()
    }

    /// What a job was asked.
    pub(super) fn request(&self, job: JobId) -> Option<JobRequest> {
        let request = self.table().runs.get(&job)?.spec.request.reveal().to_owned();
        serde_json::from_str(&request).ok()
    }

    /// Waits until a job was started.
    pub(super) async fn started(&self, job: JobId) {
        self.until(|table| table.runs.contains_key(&job)).await;
    }

    /// Waits until a job was started that is not one of these.
    pub(super) async fn next_after(&self, known: &[JobId]) -> JobId {
        let new = |table: &Table| table.runs.keys().copied().find(|job| !known.contains(job));
        self.until(|table| new(table).is_some()).await;
        new(&self.table()).expect("it was just there")
    }

    async fn until(&self, is_so: impl Fn(&Table) -> bool) {
        let mut changed = self.1.listen();
        while !is_so(&self.table()) {
            changed.heard().await;
        }
    }

    /// A job's program says something.
    pub(super) fn says(&self, job: JobId, kind: &str, data: Value) {
        if let Some(run) = self.table().runs.get_mut(&job) {
            let seq = run.events.len() as u64 + 1;
            run.events.push(JobEvent { seq, kind: kind.to_owned(), data });
        }
        self.1.raise();
    }

    /// A job's program takes its request.
    pub(super) fn accepts(&self, job: JobId) {
        self.says(job, ACCEPTED, json!({}));
    }

    /// A job's program does all it was asked, with these reports, and ends.
    pub(super) fn does(&self, job: JobId, reports: &[(&str, Result<Value>)]) {
        self.accepts(job);
        for (step, done) in reports {
            let report = StepReport {
                step: (*step).to_owned(),
                report: done.as_ref().cloned().unwrap_or_default(),
                error: done.as_ref().err().map(Problem::from),
            };
            self.says(job, STEP, serde_json::to_value(report).unwrap_or_default());
        }
        self.says(job, FINISHED, json!({}));
        if let Some(run) = self.table().runs.get_mut(&job) {
            run.ended = true;
        }
        self.1.raise();
    }
}

/// The runner of one master; the script is the test's.
#[derive(Clone, Debug)]
pub(super) struct Scripted(pub(super) Arc<Script>);

#[async_trait]
impl AgentRunner for Scripted {
    async fn start(&self, job: JobSpec) -> Result<()> {
        let mut table = self.0.reached()?;
        table.started.push(job.id);
        table.runs.entry(job.id).or_insert(Run { spec: job, events: Vec::new(), ended: false });
        drop(table);
        self.0.1.raise();
        Ok(())
    }

    async fn state(&self, _: ServerId, job: JobId) -> Result<JobState> {
        Ok(match self.0.reached()?.runs.get(&job) {
            None => JobState::Missing,
            Some(run) if run.ended => JobState::Ended { exit_code: Some(0), out_of_memory: false },
            Some(_) => JobState::Running,
        })
    }

    /// A stream whose server is lost says nothing, as one over a dead connection.
    async fn events(&self, _: ServerId, job: JobId, after: u64) -> Result<JobEventStream> {
        drop(self.0.reached()?);
        let events = stream::unfold((Arc::clone(&self.0), after), move |(script, after)| async move {
            let mut changed = script.1.listen();
            loop {
                let next = script.reached().map(|table| {
                    let run = table.runs.get(&job)?;
                    let next = run.events.iter().find(|event| event.seq > after).cloned();
                    let next = next.filter(|_| run.ended || !table.mute);
                    Some((next, run.ended))
                });
                match next {
                    Ok(Some((Some(event), _))) => {
                        let after = event.seq;
                        return Some((Ok(event), (script, after)));
                    }
                    Ok(None | Some((None, true))) => return None,
                    Ok(Some((None, false))) | Err(_) => changed.heard().await,
                }
            }
        });
        Ok(events.boxed())
    }

    async fn cancel(&self, _: ServerId, job: JobId) -> Result<()> {
        if let Some(run) = self.0.reached()?.runs.get_mut(&job) {
            run.ended = true;
        }
        self.0.1.raise();
        Ok(())
    }

    async fn remove(&self, _: ServerId, job: JobId) -> Result<()> {
        let mut table = self.0.reached()?;
        if table.unheard_removals > 0 {
            table.unheard_removals -= 1;
            return Err(Error::new(ErrorKind::Timeout, "no answer to the removal"));
        }
        table.runs.remove(&job);
        self.0.1.raise();
        Ok(())
    }
}
