//! What an Engine tells of its containers.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use bollard::models::{
    ContainerInspectResponse, ContainerStateStatusEnum, ContainerSummary, ContainerSummaryStateEnum, PortMap,
};
use bollard::query_parameters::{InspectContainerOptions, ListContainersOptionsBuilder};
use workspace_core::clock::Timestamp;
use workspace_core::error::Result;
use workspace_core::id::FleetId;
use workspace_core::port::{ContainerState, ContainerStatus, ObjectLabels};

use crate::call::Call;
use crate::engine::Engine;
use crate::labels;

/// A container that exists: enough to adopt or remove it.
#[derive(Debug)]
pub(crate) struct Found {
    /// The Engine's id of it.
    pub(crate) id: String,
    /// Whose it is.
    pub(crate) labels: Option<ObjectLabels>,
    /// The names of the networks that it is to be in.
    pub(crate) networks: Vec<String>,
}

/// Looks for a container by name or id.
pub(crate) async fn find(engine: &Engine, name: &str) -> Result<Option<Found>> {
    let Some(answer) = ask(engine, name).await? else { return Ok(None) };
    let labels = answer.config.and_then(|config| config.labels).as_ref().and_then(labels::from_engine);
    let networks = answer.network_settings.and_then(|settings| settings.networks).unwrap_or_default();
    Ok(Some(Found {
        id: answer.id.unwrap_or_else(|| name.to_owned()),
        labels,
        networks: networks.into_keys().collect(),
    }))
}

/// What a container does. `address` is where its ports are when the Engine does not say.
pub(crate) async fn inspect(engine: &Engine, name: &str, address: IpAddr) -> Result<Option<ContainerState>> {
    Ok(ask(engine, name).await?.map(|answer| from_inspect(name, answer, address)))
}

async fn ask(engine: &Engine, name: &str) -> Result<Option<ContainerInspectResponse>> {
    let asked = engine.docker().inspect_container(name, None::<InspectContainerOptions>);
    match engine.call(Call::ContainerInspect, asked).await {
        Ok(answer) => Ok(Some(answer)),
        Err(failure) if failure.is_status(404) => Ok(None),
        Err(failure) => Err(engine.error(failure, format!("inspect container {name}"))),
    }
}

fn from_inspect(name: &str, answer: ContainerInspectResponse, address: IpAddr) -> ContainerState {
    let state = answer.state.unwrap_or_default();
    let status = match state.status {
        Some(
            ContainerStateStatusEnum::RUNNING
            | ContainerStateStatusEnum::RESTARTING
            | ContainerStateStatusEnum::STOPPING,
        ) => ContainerStatus::Running,
        Some(ContainerStateStatusEnum::PAUSED) => ContainerStatus::Paused,
        Some(ContainerStateStatusEnum::EXITED) => ContainerStatus::Exited,
        Some(ContainerStateStatusEnum::DEAD | ContainerStateStatusEnum::REMOVING) => ContainerStatus::Dead,
        Some(ContainerStateStatusEnum::CREATED | ContainerStateStatusEnum::EMPTY) | None => ContainerStatus::Created,
    };
    let ended = matches!(status, ContainerStatus::Exited | ContainerStatus::Dead);
    let finished_at = state.finished_at.as_deref().and_then(moment).filter(|_| ended);
    // The Engine looks at its clock after the start, when a short program may have ended already.
    let started_at = state.started_at.as_deref().and_then(moment).map(|at| finished_at.map_or(at, |end| at.min(end)));
    let ports = answer.network_settings.and_then(|network| network.ports);
    ContainerState {
        name: answer.name.map_or_else(|| name.to_owned(), |name| name.trim_start_matches('/').to_owned()),
        status,
        exit_code: state.exit_code.filter(|_| ended),
        out_of_memory: state.oom_killed.unwrap_or(false),
        started_at,
        finished_at,
        ports: ports.map(|ports| published(&ports, address)).unwrap_or_default(),
        labels: answer.config.and_then(|config| config.labels).as_ref().and_then(labels::from_engine),
    }
}

/// The Engine writes year 1 for "never".
fn moment(text: &str) -> Option<Timestamp> {
    Timestamp::parse(text).ok().filter(|moment| moment.as_micros() > 0)
}

fn published(ports: &PortMap, address: IpAddr) -> BTreeMap<u16, SocketAddr> {
    let reached = |bindings: &Vec<bollard::models::PortBinding>| {
        let binding = bindings.first()?;
        let host: Option<IpAddr> = binding.host_ip.as_deref().and_then(|host| host.parse().ok());
        let host = host.filter(|host| !host.is_unspecified()).unwrap_or(address);
        Some(SocketAddr::new(host, binding.host_port.as_deref()?.parse().ok()?))
    };
    ports
        .iter()
        .filter_map(|(port, bindings)| {
            let port = port.strip_suffix("/tcp")?.parse().ok()?;
            Some((port, reached(bindings.as_ref()?)?))
        })
        .collect()
}

/// Every container of the fleet, in every state, by name.
pub(crate) async fn list(engine: &Engine, fleet: FleetId) -> Result<Vec<ContainerState>> {
    let options = ListContainersOptionsBuilder::new().all(true).filters(&labels::of_fleet(fleet)).build();
    let listed = engine
        .call(Call::ContainerList, engine.docker().list_containers(Some(options)))
        .await
        .map_err(|failure| engine.error(failure, "list its containers"))?;
    let mut states: Vec<_> = listed.into_iter().map(from_summary).collect();
    states.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(states)
}

fn from_summary(summary: ContainerSummary) -> ContainerState {
    let status = match summary.state {
        Some(
            ContainerSummaryStateEnum::RUNNING
            | ContainerSummaryStateEnum::RESTARTING
            | ContainerSummaryStateEnum::STOPPING,
        ) => ContainerStatus::Running,
        Some(ContainerSummaryStateEnum::PAUSED) => ContainerStatus::Paused,
        Some(ContainerSummaryStateEnum::EXITED) => ContainerStatus::Exited,
        Some(ContainerSummaryStateEnum::DEAD | ContainerSummaryStateEnum::REMOVING) => ContainerStatus::Dead,
        Some(ContainerSummaryStateEnum::CREATED | ContainerSummaryStateEnum::EMPTY) | None => ContainerStatus::Created,
    };
    let name = summary.names.unwrap_or_default().into_iter().next().unwrap_or_default();
    ContainerState {
        name: name.trim_start_matches('/').to_owned(),
        status,
        exit_code: summary.status.as_deref().and_then(exit_code),
        out_of_memory: false, // only inspect tells
        started_at: None,
        finished_at: None,
        ports: BTreeMap::new(),
        labels: summary.labels.as_ref().and_then(labels::from_engine),
    }
}

/// The code in `Exited (137) 3 seconds ago`.
fn exit_code(status: &str) -> Option<i64> {
    status.strip_prefix("Exited (")?.split_once(')')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_is_read_from_the_words_of_a_list() {
        assert_eq!(exit_code("Exited (137) 3 seconds ago"), Some(137));
        assert_eq!(exit_code("Up 3 seconds"), None);
        assert_eq!(exit_code("Created"), None);
    }

    #[test]
    fn never_is_no_moment() {
        assert_eq!(moment("0001-01-01T00:00:00Z"), None);
        assert!(moment("2026-11-21T12:07:38.123456789Z").is_some());
    }
}
