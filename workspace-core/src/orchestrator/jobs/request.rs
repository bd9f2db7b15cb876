//! What a job's program is asked.

use std::collections::BTreeMap;

use crate::error::{Error, ErrorKind, Result};
use crate::id::SnapshotId;
use crate::job::{AgentStep, CACHE, GitRemote, JobRequest, JobStep, SnapshotPlace, TREE};
use crate::model::{AgentWork, GitSource, Job, Project, ProjectSource, Snapshot, SnapshotStatus, SyncStep, Work};
use crate::orchestrator::Core;
use crate::port::{ImageRef, JobSpec, Mount, ObjectKind, VolumeSpec};
use crate::secret::Secret;

impl Core {
    /// The job with its secrets, as its server gets it.
    pub(super) async fn job_spec(&self, job: &Job) -> Result<JobSpec> {
        let project = match self.store.project(job.project).await? {
            Some(project) => project,
            // What is in the storage outlives its project.
            None if !job.work.needs_data() => Project::new(job.project, job.owner.clone(), None, None, job.created_at),
            None => return Err(Error::not_found("project")),
        };
        let mount = || Mount { volume: project.volume_name(&job.copy), target: TREE.to_owned(), read_only: false };
        let cache = takes_snapshot(&job.work).then(|| VolumeSpec {
            name: project.cache_name(&job.copy),
            labels: self.labels(ObjectKind::Cache, project.id.as_uuid(), job.copy.data_generation),
        });
        let mut steps = Vec::new();
        // A copy that is not filled yet is filled first, by whatever job meets it.
        let fills = |step: &SyncStep| matches!(step, SyncStep::Clone | SyncStep::Restore { .. });
        let has_fill = matches!(&job.work, Work::Sync(steps) if steps.iter().any(fills));
        if !job.copy.filled && !has_fill {
            steps.extend(self.fill_step(&project).await?);
        }
        let limit = self.time_limit(&job.work).as_secs();
        let (resources, image) = match &job.work {
            Work::Agent(agent) => {
                steps.push(self.agent_step(job, agent));
                (agent.resources, Some(ImageRef::new(&agent.image)))
            }
            Work::Sync(wanted) => {
                for step in wanted {
                    steps.push(self.data_step(job, &project, step).await?);
                }
                (self.config.job_resources, None)
            }
        };
        let request =
            JobRequest { cache: cache.as_ref().map(|_| CACHE.to_owned()), ..JobRequest::new(TREE, limit, steps) };
        let request = serde_json::to_string(&request)
            .map_err(|error| Error::new(ErrorKind::Internal, "the request cannot be written").source(error))?;
        Ok(JobSpec {
            id: job.id,
            server: job.copy.server,
            image,
            mount: job.work.needs_data().then(mount),
            cache,
            resources,
            request: Secret::new(request),
        })
    }

    /// How a project's empty copy is filled; `None` when it starts empty.
    pub(super) async fn fill_step(&self, project: &Project) -> Result<Option<JobStep>> {
        Ok(match (project.first_snapshot(), &project.source) {
            (Some(snapshot), _) => Some(self.restore_step(snapshot, false, false).await?),
            (None, Some(ProjectSource::Git(git))) => Some(JobStep::Clone(self.remote(git))),
            (None, _) => None,
        })
    }

    fn agent_step(&self, job: &Job, agent: &AgentWork) -> JobStep {
        let env: BTreeMap<String, Secret> = self.credentials.of(job.id).unwrap_or_default();
        JobStep::Agent(AgentStep { argv: agent.argv.clone(), env, prompt: agent.prompt.clone() })
    }

    async fn data_step(&self, job: &Job, project: &Project, step: &SyncStep) -> Result<JobStep> {
        Ok(match step {
            SyncStep::Clone => JobStep::Clone(self.remote(git_source(project)?)),
            SyncStep::Pull => JobStep::Pull(self.remote(git_source(project)?)),
            SyncStep::Push { message, branch, publish } => JobStep::Push {
                remote: if *publish { Some(self.remote(git_source(project)?)) } else { None },
                branch: branch.clone(),
                message: message.clone(),
                author: self.config.git_author.clone(),
            },
            SyncStep::Snapshot { snapshot, profile, message } => JobStep::Snapshot {
                storage: self.storage()?,
                place: SnapshotPlace { project: project.id, data_generation: job.copy.data_generation, id: *snapshot },
                profile: *profile,
                message: message.clone().unwrap_or_default(),
            },
            SyncStep::Verify { snapshot } => {
                let place = place_of(&self.known_snapshot(*snapshot).await?);
                JobStep::Verify { storage: self.storage()?, place }
            }
            SyncStep::Delete { snapshot } => {
                let place = place_of(&self.known_snapshot(*snapshot).await?);
                JobStep::Delete { storage: self.storage()?, place }
            }
            SyncStep::Restore { snapshot, merge, dry_run } => self.restore_step(*snapshot, *merge, *dry_run).await?,
        })
    }

    async fn restore_step(&self, id: SnapshotId, merge: bool, dry_run: bool) -> Result<JobStep> {
        let snapshot = self.readable_snapshot(id).await?;
        Ok(JobStep::Restore { storage: self.storage()?, place: place_of(&snapshot), merge, dry_run })
    }

    async fn known_snapshot(&self, id: SnapshotId) -> Result<Snapshot> {
        self.store.snapshot(id).await?.ok_or_else(|| {
            Error::new(ErrorKind::Conflict, "the snapshot was deleted").hint("take another, or make the project anew")
        })
    }

    /// A snapshot whose objects can be read.
    async fn readable_snapshot(&self, id: SnapshotId) -> Result<Snapshot> {
        let snapshot = self.known_snapshot(id).await?;
        match snapshot.status {
            SnapshotStatus::Ready | SnapshotStatus::Incomplete => Ok(snapshot),
            // Tried again: it is being waited for.
            SnapshotStatus::Creating => {
                Err(Error::new(ErrorKind::ProjectBusy, "the snapshot that the data comes from is being written")
                    .hint("try again when it is ready"))
            }
            SnapshotStatus::Failed | SnapshotStatus::Deleting => {
                Err(Error::new(ErrorKind::Conflict, "the snapshot that the data comes from is not there")
                    .hint("see its error; take another, or clone again"))
            }
        }
    }

    fn remote(&self, git: &GitSource) -> GitRemote {
        GitRemote {
            url: git.url.clone(),
            branch: git.branch.clone(),
            submodules: git.submodules,
            access: git.access.clone(),
            policy: self.config.git_policy.clone(),
        }
    }

    /// Where snapshots go.
    pub(in crate::orchestrator) fn storage(&self) -> Result<Secret> {
        self.config.storage.clone().ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, "this fleet has no object storage")
                .hint("start the master with S3_ENDPOINT, S3_BUCKET and their keys")
        })
    }
}

/// Whether it reads the whole tree. What an agent could have written is no cache: its jobs have none.
fn takes_snapshot(work: &Work) -> bool {
    matches!(work, Work::Sync(steps) if steps.iter().any(|step| matches!(step, SyncStep::Snapshot { .. })))
}

/// Where a snapshot is in the storage.
const fn place_of(snapshot: &Snapshot) -> SnapshotPlace {
    SnapshotPlace { project: snapshot.project, data_generation: snapshot.data_generation, id: snapshot.id }
}

/// The git repository of a project.
pub(in crate::orchestrator) fn git_source(project: &Project) -> Result<&GitSource> {
    match &project.source {
        Some(ProjectSource::Git(git)) => Ok(git),
        _ => {
            Err(Error::new(ErrorKind::Conflict, "the project has no git repository")
                .hint("make a project with source.git"))
        }
    }
}
