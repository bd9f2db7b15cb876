//! Rules of jobs.

use std::time::Duration;

use serde_json::json;

use super::rig::{LONG, Rig, eventually};
use crate::id::{JobId, OwnerId, ProjectId, ServerId, SessionId};
use crate::model::{Fence, Job, JobStatus, ProjectCopy, StepReport, SyncStep, Work};
use crate::port::{Change, JobFilter, PageRequest, Refused, StateStore, Write};

/// A job of this work on a project.
fn job_row(rig: &Rig<'_>, driver: &Fence, project: ProjectId, work: Work) -> Job {
    let server = ServerId::from_uuid(rig.env.uuid());
    Job {
        id: JobId::from_uuid(rig.env.uuid()),
        owner: OwnerId::new("o"),
        project,
        copy: ProjectCopy { server, data_generation: 1, filled: true, filled_by: None },
        session: None,
        finishes: None,
        work,
        status: JobStatus::Pending,
        cancel: false,
        seen: 0,
        reports: Vec::new(),
        error: None,
        revision: 1,
        driver: driver.clone(),
        created_at: rig.env.now(),
        accepted_at: None,
        removal: None,
        finished_at: None,
    }
}

fn pull() -> Work {
    Work::Sync(vec![SyncStep::Pull])
}

fn look() -> Work {
    Work::Sync(Vec::new())
}

fn insert(job: &Job) -> Write {
    Write::InsertJob(Box::new(job.clone()))
}

fn update(job: &Job) -> Write {
    Write::UpdateJob { job: Box::new(job.clone()), expected: job.revision }
}

async fn read(rig: &Rig<'_>, id: JobId) -> Job {
    rig.store.job(id).await.expect("the store answers").expect("the job is there")
}

/// A job comes back as it was written, and its driver's updates replace it.
pub async fn jobs_come_back_as_written(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let fence = rig.lease("m", LONG).await;
    let project = ProjectId::from_uuid(rig.env.uuid());
    let mut job = job_row(&rig, &fence, project, pull());
    rig.write(insert(&job)).await;
    assert_eq!(read(&rig, job.id).await, job);
    rig.refuse("an id is used once", None, insert(&job), Refused::NameTaken).await;
    job.status = JobStatus::Running;
    job.seen = 7;
    job.reports = vec![StepReport { step: "pull".to_owned(), report: json!({ "files": 3 }), error: None }];
    rig.commit(Change::by(&fence).with(update(&job))).await;
    job.revision = 2;
    assert_eq!(read(&rig, job.id).await, job, "an update counts the revision up");
}

/// A project has at most one writing job that is not finished; jobs that only read are free.
pub async fn one_writing_job_per_project(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let fence = rig.lease("m", LONG).await;
    let project = ProjectId::from_uuid(rig.env.uuid());
    let first = job_row(&rig, &fence, project, pull());
    rig.write(insert(&first)).await;
    rig.write(insert(&job_row(&rig, &fence, project, look()))).await;
    rig.write(insert(&job_row(&rig, &fence, ProjectId::from_uuid(rig.env.uuid()), pull()))).await;
    let second = job_row(&rig, &fence, project, pull());
    rig.refuse("a project has one writing job", None, insert(&second), Refused::ProjectBusy).await;
    // The end of one and the begin of the next are one change.
    let done = Job { status: JobStatus::Succeeded, ..first };
    rig.commit(Change::by(&fence).with(update(&done)).with(insert(&second))).await;
    let third = job_row(&rig, &fence, project, pull());
    rig.refuse("the next one writes now", None, insert(&third), Refused::ProjectBusy).await;
}

/// A session has at most one job that is not finished, and is not forgotten before its end.
pub async fn one_job_per_session(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let fence = rig.lease("m", LONG).await;
    let session = rig.session_row("o", ProjectId::from_uuid(rig.env.uuid()));
    rig.write(Write::InsertSession(session.clone())).await;
    let of_session = |work| Job { session: Some(session.id), ..job_row(&rig, &fence, session.project, work) };
    let first = of_session(look());
    rig.write(insert(&first)).await;
    rig.refuse("a session has one job", None, insert(&of_session(look())), Refused::InUse).await;
    rig.refuse("a busy session stays", None, Write::RemoveSession(session.id), Refused::InUse).await;
    rig.write(rig.event(session.id.as_uuid())).await;
    rig.commit(Change::by(&fence).with(update(&Job { status: JobStatus::Failed, ..first }))).await;
    rig.write(Write::RemoveSession(session.id)).await;
    assert_eq!(store.session(session.id).await.expect("the store answers"), None);
    assert_eq!(rig.seqs(session.id.as_uuid()).await, [0; 0], "a forgotten session has no events");
    rig.write(Write::RemoveSession(SessionId::from_uuid(rig.env.uuid()))).await;
}

/// Only the driver updates a job, against the revision that it looked at; a wish to end it is never overwritten.
pub async fn job_updates_are_guarded(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let (driver, other) = (rig.lease("driver", LONG).await, rig.lease("other", LONG).await);
    let job = job_row(&rig, &driver, ProjectId::from_uuid(rig.env.uuid()), pull());
    let rule = "only the driver updates";
    rig.refuse(rule, Some(&driver), update(&job), Refused::NotFound).await;
    rig.write(insert(&job)).await;
    rig.refuse(rule, None, update(&job), Refused::Fenced).await;
    rig.refuse(rule, Some(&other), update(&job), Refused::Fenced).await;
    rig.write(Write::CancelJob(job.id)).await;
    rig.write(Write::CancelJob(job.id)).await;
    let stale = Refused::Stale { current: 2 };
    rig.refuse("an update against an older revision is stale", Some(&driver), update(&job), stale).await;
    let running = Job { status: JobStatus::Running, revision: 2, ..job.clone() };
    rig.commit(Change::by(&driver).with(update(&running))).await;
    let now = read(&rig, job.id).await;
    assert!(now.cancel && now.status == JobStatus::Running, "a wish to end a job stays: {now:?}");
    let ended = Job { status: JobStatus::Cancelled, revision: 3, ..job.clone() };
    rig.commit(Change::by(&driver).with(update(&ended))).await;
    rig.write(Write::CancelJob(job.id)).await;
    assert_eq!(read(&rig, job.id).await.revision, 4, "a finished job is ended already");
    let missing = JobId::from_uuid(rig.env.uuid());
    rig.refuse("a missing job is not ended", None, Write::CancelJob(missing), Refused::NotFound).await;
}

/// Jobs find another master when their driver's lease has ended, and only then.
pub async fn jobs_are_adopted_after_the_lease(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let (first, second) = (rig.lease("first", LONG).await, rig.lease("second", LONG).await);
    let job = job_row(&rig, &first, ProjectId::from_uuid(rig.env.uuid()), pull());
    rig.write(insert(&job)).await;
    let unfinished = async |fence: &Fence| store.unfinished_jobs(fence).await.expect("the store answers");
    assert!(unfinished(&first).await.contains(&job.id) && !unfinished(&second).await.contains(&job.id));
    let adopt = || Write::AdoptJob(job.id);
    rig.refuse("a job under a live lease is not adopted", Some(&second), adopt(), Refused::Fenced).await;
    rig.refuse("nobody adopts nothing", None, adopt(), Refused::Fenced).await;
    store.renew_lease(&first, Duration::from_millis(50)).await.expect("the store answers");
    eventually("a job is adopted after the lease ran out", async || {
        unfinished(&second).await.contains(&job.id) && rig.try_commit(Change::by(&second).with(adopt())).await.is_ok()
    })
    .await;
    assert_eq!(read(&rig, job.id).await, Job { driver: second.clone(), ..job.clone() });
    let done = Job { status: JobStatus::Succeeded, ..job.clone() };
    rig.commit(Change::by(&second).with(update(&done))).await;
    assert!(!unfinished(&second).await.contains(&job.id), "a finished job is no work");
}

/// Jobs are listed by project, session and whether they are finished; a project at work is not forgotten.
pub async fn jobs_are_listed(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let fence = rig.lease("m", LONG).await;
    let project = rig.project_row("o", None);
    rig.write(Write::InsertProject(project.clone())).await;
    let first = job_row(&rig, &fence, project.id, look());
    let second = Job { session: Some(SessionId::from_uuid(rig.env.uuid())), ..first.clone() };
    let second = Job { id: JobId::from_uuid(rig.env.uuid()), ..second };
    for job in [&first, &second] {
        rig.write(insert(job)).await;
    }
    let ids = async |filter: JobFilter| -> Vec<JobId> {
        let page = store.jobs(&filter, PageRequest::default()).await.expect("the store answers");
        page.items.iter().map(|job| job.id).collect()
    };
    let of_project = JobFilter { project: Some(project.id), ..JobFilter::default() };
    let mut both = [first.id, second.id];
    both.sort();
    assert_eq!(ids(of_project.clone()).await, both);
    assert_eq!(ids(JobFilter { session: second.session, ..JobFilter::default() }).await, [second.id]);
    let remove = || Write::RemoveProject(project.id);
    rig.refuse("a project that is worked on is not removed", None, remove(), Refused::InUse).await;
    for job in [&first, &second] {
        let done = Job { status: JobStatus::Succeeded, ..job.clone() };
        rig.commit(Change::by(&fence).with(update(&done))).await;
    }
    assert_eq!(ids(JobFilter { finished: Some(false), ..of_project.clone() }).await, []);
    assert_eq!(ids(JobFilter { finished: Some(true), ..of_project }).await, both);
    rig.write(remove()).await;
}
