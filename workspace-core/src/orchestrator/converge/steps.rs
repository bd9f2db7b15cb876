//! The steps: each makes one thing so, whatever it was before.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::error::{Error, ErrorKind, Result};
use crate::model::{Project, ProjectCopy, Workspace};
use crate::orchestrator::Core;
use crate::orchestrator::converge::pipeline::Step;
use crate::orchestrator::converge::removal::gone;
use crate::orchestrator::hex::hex;
use crate::port::{
    ContainerSpec, ContainerStatus, ImageRef, Mount, NetworkSpec, ObjectKind, ObjectLabels, Profile, PullPolicy,
    Server, VolumeSpec,
};

impl Core {
    /// Runs one step of a workspace.
    pub(super) async fn run(self: &Arc<Self>, step: Step, row: &Workspace) -> Result<()> {
        // One that leaves its server can do without it.
        let server = self.server_of_workspace(row);
        match step {
            Step::Volume => self.volume(row, &server?).await,
            Step::Filled => self.filled(row).await,
            Step::Network => self.network(row, &server?).await,
            Step::Superseded => self.superseded_container(row, &server?).await,
            Step::Container => self.container(row, &server?).await,
            Step::Started => server?.start_container(&row.container_name(row.desired.generation), None).await,
            Step::Healthy => self.healthy(row, &server?).await,
            Step::Stopped => self.stopped(row, &server?).await,
            Step::Saved => self.saved(row).await,
            Step::Written => self.written(row).await,
            Step::Moved => self.moved(row).await,
            Step::Left => self.left(row, server).await,
            Step::ContainerRemoved => self.container_removed(row, &server?).await,
            Step::NetworkRemoved => self.network_removed(row, &server?).await,
            Step::VolumeRemoved => self.volume_removed(row, &server?).await,
        }
    }

    async fn volume(&self, row: &Workspace, server: &Arc<dyn Server>) -> Result<()> {
        // A later start finds the volume with its container, and so does one after a job that filled it: only the
        // first has to make it, and who fills a copy.
        let (project, copy) = self.copy(row).await?;
        if copy.filled && (row.observed.generation > 0 || copy.filled_by.is_some()) {
            return Ok(());
        }
        let labels = self.labels(ObjectKind::Project, project.id.as_uuid(), copy.data_generation);
        server.volumes().create_volume(&VolumeSpec { name: project.volume_name(&copy), labels }).await.map(|_| ())
    }

    async fn network(&self, row: &Workspace, server: &Arc<dyn Server>) -> Result<()> {
        if row.observed.generation > 0 {
            return Ok(());
        }
        let slot =
            row.desired.network_slot.ok_or_else(|| Error::new(ErrorKind::Internal, "no network was allotted"))?;
        let labels = self.labels(ObjectKind::Workspace, row.id.as_uuid(), 1);
        let made = server.create_network(&NetworkSpec { name: row.network_name(), slot, labels }).await;
        if let Err(error) = &made
            && error.kind() == ErrorKind::NetworkTaken
        {
            self.allot_next_network(row, server.id(), slot).await?;
        }
        made.map(|_| ())
    }

    /// The container before this one keeps the volume and the ports until it is gone. It gets its grace to end by
    /// itself.
    async fn superseded_container(&self, row: &Workspace, server: &Arc<dyn Server>) -> Result<()> {
        for generation in row.observed.generation.max(1)..row.desired.generation {
            let name = row.container_name(generation);
            self.stop_own_container(row, server, &name).await?;
            gone(server.remove_container(&name, self.fleet).await)?;
        }
        self.channels.close(row.id);
        Ok(())
    }

    async fn container(&self, row: &Workspace, server: &Arc<dyn Server>) -> Result<()> {
        let (project, copy) = self.copy(row).await?;
        let spec = self.container_spec(row, project.volume_name(&copy))?;
        if self.config.pull == PullPolicy::Always {
            self.pull(server, &spec.image).await?;
        }
        match server.create_container(&spec).await {
            Err(error) if error.kind() == ErrorKind::ImageNotFound && self.config.pull == PullPolicy::IfMissing => {
                self.pull(server, &spec.image).await?;
                server.create_container(&spec).await.map(|_| ())
            }
            created => created.map(|_| ()),
        }
    }

    pub(in crate::orchestrator) async fn pull(&self, server: &Arc<dyn Server>, image: &ImageRef) -> Result<()> {
        let registry = image.as_str().split('/').next().unwrap_or_default();
        let credentials = self.config.registries.iter().find(|known| known.registry == registry);
        match server.pull_image(image, credentials).await {
            Err(error) if error.kind() == ErrorKind::RegistryUnreachable => Err(Error::new(
                ErrorKind::ImageNotFound,
                format!("image {image} is not on the server, and its registry cannot be reached from there"),
            )
            .hint("load the image on the server, or see that the server reaches the registry")
            .source(error)),
            pulled => pulled,
        }
    }

    async fn healthy(&self, row: &Workspace, server: &Arc<dyn Server>) -> Result<()> {
        let name = row.container_name(row.desired.generation);
        let gone = || Error::new(ErrorKind::NotRunning, "the container disappeared while it was started");
        let state = self.own_container(row, server, &name).await?.ok_or_else(gone)?;
        match state.status {
            ContainerStatus::Running => Ok(()),
            // What an init process and a shell say of a program that is not there or is none.
            _ if matches!(state.exit_code, Some(126 | 127)) => {
                Err(Error::new(ErrorKind::ProgramNotFound, "the program was not found or cannot be run")
                    .hint("check the command against the image"))
            }
            _ => Err(Error::new(
                ErrorKind::NotRunning,
                format!("the program ended at once with exit code {}", state.exit_code.unwrap_or(-1)),
            )
            .hint("see its logs; a workspace needs a program that goes on, such as `sleep infinity`")),
        }
    }

    async fn stopped(&self, row: &Workspace, server: &Arc<dyn Server>) -> Result<()> {
        self.channels.close(row.id);
        for generation in row.observed.generation.max(1)..=row.desired.generation {
            self.stop_own_container(row, server, &row.container_name(generation)).await?;
        }
        Ok(())
    }

    pub(super) async fn copy(&self, row: &Workspace) -> Result<(Project, ProjectCopy)> {
        let project = self.store.project(row.desired.project).await?.ok_or_else(|| Error::not_found("project"))?;
        let copy = project.copy.clone().filter(|copy| Some(copy.server) == row.desired.server);
        let copy = copy.ok_or_else(|| Error::new(ErrorKind::Internal, "the project's copy is on another server"))?;
        Ok((project, copy))
    }

    fn container_spec(&self, row: &Workspace, volume: String) -> Result<ContainerSpec> {
        let spec = &row.desired.claimed;
        let bytes = serde_json::to_vec(spec)
            .map_err(|error| Error::new(ErrorKind::Internal, "the spec cannot be written").source(error))?;
        let spec_hash = hex(&Sha256::digest(&bytes)[..8]);
        let generation = row.desired.generation;
        let labels = ObjectLabels { spec_hash, ..self.labels(ObjectKind::Workspace, row.id.as_uuid(), generation) };
        Ok(ContainerSpec {
            command: spec.command.clone(),
            env: spec.env.clone(),
            working_dir: Some("/workspace".to_owned()),
            profile: self.profile(spec.template.as_deref()),
            cpu_millis: spec.resources.cpu_millis,
            memory_mib: spec.resources.memory_mib,
            gpus: spec.resources.gpus,
            mounts: vec![Mount { volume, target: "/workspace".to_owned(), read_only: false }],
            network: Some(row.network_name()),
            ports: spec.ports.clone(),
            ..ContainerSpec::new(row.container_name(generation), ImageRef::new(&spec.image), labels)
        })
    }

    fn profile(&self, template: Option<&str>) -> Profile {
        let template = template.and_then(|name| self.config.templates.get(name));
        template.map_or(self.config.default_profile, |template| template.profile)
    }

    pub(in crate::orchestrator) fn labels(
        &self,
        kind: ObjectKind,
        subject: uuid::Uuid,
        generation: u64,
    ) -> ObjectLabels {
        ObjectLabels { fleet: self.fleet, kind, subject, generation, spec_hash: String::new() }
    }
}
