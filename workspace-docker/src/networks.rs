//! Networks on an Engine: one bridge per workspace.

use std::collections::HashMap;

use bollard::models::{Ipam, IpamConfig, NetworkCreateRequest};
use bollard::query_parameters::{InspectNetworkOptions, ListNetworksOptionsBuilder};
use workspace_core::error::Result;
use workspace_core::id::FleetId;
use workspace_core::port::{Created, NetworkSpec, NetworkSummary, ObjectLabels};

use crate::call::Call;
use crate::engine::Engine;
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
        && let Some(found) = find(engine, &spec.name).await?
    {
        return labels::adopt(&format!("network {}", spec.name), found.labels.as_ref(), &spec.labels);
    }
    Err(engine.error(failure, format!("create network {}", spec.name)))
}

/// Removes a network of the fleet.
pub(crate) async fn remove(engine: &Engine, name: &str, fleet: FleetId) -> Result<()> {
    names::check("name", name)?;
    let Some(found) = find(engine, name).await? else { return Ok(()) };
    labels::ours(&format!("network {name}"), found.labels.as_ref(), fleet)?;
    match engine.call(Call::NetworkRemove, engine.docker().remove_network(&found.id)).await {
        Err(failure) if !failure.is_status(404) => Err(engine.error(failure, format!("remove network {name}"))),
        _ => Ok(()),
    }
}

/// Every network of the fleet, by name.
pub(crate) async fn list(engine: &Engine, fleet: FleetId) -> Result<Vec<NetworkSummary>> {
    let options = ListNetworksOptionsBuilder::new().filters(&labels::of_fleet(fleet)).build();
    let listed = engine
        .call(Call::NetworkList, engine.docker().list_networks(Some(options)))
        .await
        .map_err(|failure| engine.error(failure, "list its networks"))?;
    let mut networks: Vec<_> = listed
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

async fn find(engine: &Engine, name: &str) -> Result<Option<Found>> {
    let asked = engine.docker().inspect_network(name, None::<InspectNetworkOptions>);
    match engine.call(Call::NetworkInspect, asked).await {
        // The Engine also finds by the beginning of an id.
        Ok(network) if network.name.as_deref() == Some(name) => Ok(Some(Found {
            id: network.id.unwrap_or_else(|| name.to_owned()),
            labels: network.labels.as_ref().and_then(labels::from_engine),
        })),
        Ok(_) => Ok(None),
        Err(failure) if failure.is_status(404) => Ok(None),
        Err(failure) => Err(engine.error(failure, format!("inspect network {name}"))),
    }
}
