//! Networks on an Engine: one bridge per workspace.

use std::collections::HashMap;

use bollard::models::{Ipam, IpamConfig, Network, NetworkCreateRequest};
use bollard::query_parameters::ListNetworksOptionsBuilder;
use workspace_core::error::{Error, Result};
use workspace_core::id::FleetId;
use workspace_core::port::{Created, NetworkSpec, NetworkSummary, ObjectLabels};

use crate::call::Call;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::subnet::NetworkRange;
use crate::{labels, names};

/// Makes a network in its own /28, or adopts the one of the same name and labels.
pub(crate) async fn create(engine: &Engine, range: NetworkRange, spec: &NetworkSpec) -> Result<Created> {
    names::check("name", &spec.name)?;
    let subnet = range.subnet(spec.slot)?.to_string();
    let body = NetworkCreateRequest {
        name: spec.name.clone(),
        driver: Some("bridge".to_owned()),
        ipam: Some(Ipam {
            config: Some(vec![IpamConfig { subnet: Some(subnet), ..IpamConfig::default() }]),
            ..Ipam::default()
        }),
        // Nothing in it talks to anything else in it.
        options: Some(HashMap::from([("com.docker.network.bridge.enable_icc".to_owned(), "false".to_owned())])),
        labels: Some(labels::to_engine(&spec.labels)),
        ..NetworkCreateRequest::default()
    };
    let Err(failure) = engine.call(Call::NetworkCreate, engine.docker().create_network(body)).await else {
        return Ok(Created::New);
    };
    // Old Engines allow two networks of one name, but never two of one range: a repeated create is told so.
    if (failure.is_status(409) || failure.is_status(403) || failure.may_have_happened())
        && let Some(found) = find(engine, &spec.name).await?.pop()
    {
        return labels::adopt(&format!("network {}", spec.name), found.labels.as_ref(), &spec.labels);
    }
    Err(engine.error(failure, format!("create network {}", spec.name)))
}

/// Removes a network of the fleet, and every other of its name.
pub(crate) async fn remove(engine: &Engine, name: &str, fleet: FleetId) -> Result<()> {
    names::check("name", name)?;
    for found in find(engine, name).await? {
        labels::ours(&format!("network {name}"), found.labels.as_ref(), fleet)?;
        remove_id(engine, &found.id).await.map_err(|failure| refused(engine, failure, name))?;
    }
    Ok(())
}

/// Leaves one network of a name: the one in use, or else the newest. Old Engines make a second one when the first was
/// still being made, and then start no container by that name.
pub(crate) async fn settle(engine: &Engine, name: &str, fleet: FleetId) -> Result<()> {
    let mut found = find(engine, name).await?;
    for network in &found {
        labels::ours(&format!("network {name}"), network.labels.as_ref(), fleet)?;
    }
    let Some(mut kept) = found.pop() else { return Ok(()) };
    for other in found {
        tracing::warn!(server = engine.name(), network = name, "one of several networks of this name is removed");
        match remove_id(engine, &other.id).await {
            Ok(()) => {}
            Err(failure) if failure.says("has active endpoints") => {
                remove_id(engine, &kept.id).await.map_err(|failure| refused(engine, failure, name))?;
                kept = other;
            }
            Err(failure) => return Err(refused(engine, failure, name)),
        }
    }
    Ok(())
}

/// Removes one network, unless it is gone already.
async fn remove_id(engine: &Engine, id: &str) -> Result<(), Failure> {
    match engine.call(Call::NetworkRemove, engine.docker().remove_network(id)).await {
        Err(failure) if !failure.is_status(404) => Err(failure),
        _ => Ok(()),
    }
}

fn refused(engine: &Engine, failure: Failure, name: &str) -> Error {
    engine.error(failure, format!("remove network {name}"))
}

/// Every network of the fleet, by name.
pub(crate) async fn list(engine: &Engine, fleet: FleetId) -> Result<Vec<NetworkSummary>> {
    let mut networks: Vec<_> = listed(engine, &labels::of_fleet(fleet))
        .await?
        .into_iter()
        .map(|network| NetworkSummary {
            name: network.name.unwrap_or_default(),
            labels: network.labels.as_ref().and_then(labels::from_engine),
        })
        .collect();
    networks.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(networks)
}

struct Found {
    id: String,
    labels: Option<ObjectLabels>,
}

/// Every network of a name, the newest last. By a list: asked for one of several by its name, an Engine refuses.
async fn find(engine: &Engine, name: &str) -> Result<Vec<Found>> {
    let filters = HashMap::from([("name".to_owned(), vec![name.to_owned()])]);
    let mut listed = listed(engine, &filters).await?;
    // The filter also finds names that this one is a part of.
    listed.retain(|network| network.name.as_deref() == Some(name));
    listed.sort_by(|one, other| one.created.cmp(&other.created));
    let found = listed.into_iter().map(|network| Found {
        id: network.id.unwrap_or_default(),
        labels: network.labels.as_ref().and_then(labels::from_engine),
    });
    Ok(found.collect())
}

async fn listed(engine: &Engine, filters: &HashMap<String, Vec<String>>) -> Result<Vec<Network>> {
    let options = ListNetworksOptionsBuilder::new().filters(filters).build();
    let listed = engine.call(Call::NetworkList, engine.docker().list_networks(Some(options))).await;
    listed.map_err(|failure| engine.error(failure, "list its networks"))
}
