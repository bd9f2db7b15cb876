//! Workload files: servers, requests and their lifetimes, as JSON.

use std::path::Path;

use serde_json::Value;
use uuid::Uuid;
use workspace_fleet::clock::Timestamp;
use workspace_fleet::error::{Error, Result};
use workspace_fleet::id::ServerId;
use workspace_fleet::label::{LabelRequirements, Labels};
use workspace_fleet::model::{Availability, ServerObservation, ServerRecord, ServerSpec, ServerState};
use workspace_fleet::placement::PlacementRequest;
use workspace_fleet::resources::{Overcommit, Resources};

/// One request of a workload.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// When it comes, in seconds from the start.
    pub at: u64,
    /// When it goes; `None` stays.
    pub until: Option<u64>,
    /// What it asks for.
    pub request: PlacementRequest,
}

/// A fleet and what is asked of it.
#[derive(Clone, Debug)]
pub struct Workload {
    /// The servers.
    pub servers: Vec<ServerState>,
    /// The requests, in the order of their arrival.
    pub arrivals: Vec<Arrival>,
}

impl Workload {
    /// Reads a file: `{"servers": [{"name", "count", "resources": {..}, "labels": {..}, "max_workspaces",
    /// "soft_max_workspaces", "overcommit": {..}}], "requests": [{"at", "lifetime", "count", "resources": {..},
    /// "labels": {..}, "must_not": {..}, "prefer": {..}, "server", "required"}]}`. Times are seconds; only `resources`
    /// must be there.
    ///
    /// # Errors
    /// When the file cannot be read or is something else.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Error::invalid("workload", "the file cannot be read").source(error))?;
        let value: Value = serde_json::from_str(&text)
            .map_err(|error| Error::invalid("workload", "the file is not JSON").source(error))?;
        let mut servers = Vec::new();
        for entry in list(&value, "servers")? {
            let count = number(entry, "count")?.unwrap_or(1);
            for copy in 0..count {
                servers.push(server(entry, servers.len(), (count > 1).then_some(copy))?);
            }
        }
        let mut arrivals = Vec::new();
        for entry in list(&value, "requests")? {
            let arrival = arrival(entry)?;
            for _ in 0..number(entry, "count")?.unwrap_or(1) {
                arrivals.push(arrival.clone());
            }
        }
        arrivals.sort_by_key(|arrival| arrival.at);
        Ok(Self { servers, arrivals })
    }
}

fn wrong(field: &str, what: &str) -> Error {
    Error::invalid(field, format!("the workload's {field:?} is not {what}"))
}

fn list<'a>(value: &'a Value, field: &str) -> Result<&'a Vec<Value>> {
    value[field].as_array().ok_or_else(|| wrong(field, "a list"))
}

fn number(value: &Value, field: &str) -> Result<Option<u64>> {
    match &value[field] {
        Value::Null => Ok(None),
        value => value.as_u64().map(Some).ok_or_else(|| wrong(field, "a whole number")),
    }
}

fn small(value: &Value, field: &str) -> Result<Option<u32>> {
    number(value, field)?.map(|n| u32::try_from(n).map_err(|_| wrong(field, "a number below 2^32"))).transpose()
}

fn labels(value: &Value, field: &str) -> Result<Labels> {
    match &value[field] {
        Value::Null => Ok(Labels::new()),
        Value::Object(map) => map
            .iter()
            .map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
            .collect::<Option<_>>()
            .ok_or_else(|| wrong(field, "names with text")),
        _ => Err(wrong(field, "names with text")),
    }
}

fn resources(value: &Value) -> Result<Resources> {
    let part = &value["resources"];
    let amount = |field: &str| number(part, field).map(Option::unwrap_or_default);
    if !part.is_object() {
        return Err(wrong("resources", "an object"));
    }
    Ok(Resources {
        cpu_millis: amount("cpu_millis")?,
        memory_mib: amount("memory_mib")?,
        disk_gib: amount("disk_gib")?,
        slots: amount("slots")?,
        gpus: amount("gpus")?,
    })
}

fn server(entry: &Value, number_of: usize, copy: Option<u64>) -> Result<ServerState> {
    let name = entry["name"].as_str().unwrap_or("ws");
    let mut spec = ServerSpec::new(copy.map_or_else(|| name.to_owned(), |copy| format!("{name}-{copy}")), "sim://");
    spec.labels = labels(entry, "labels")?;
    spec.soft_max_workspaces = small(entry, "soft_max_workspaces")?;
    let percent = |field: &str| small(&entry["overcommit"], field).map(|percent| percent.unwrap_or(100));
    spec.overcommit = Overcommit {
        cpu_percent: percent("cpu_percent")?,
        memory_percent: percent("memory_percent")?,
        disk_percent: percent("disk_percent")?,
    };
    let mut totals = resources(entry)?;
    if totals.slots == 0 {
        totals.slots = number(entry, "max_workspaces")?.unwrap_or(1_000);
    }
    Ok(ServerState {
        record: ServerRecord::new(
            ServerId::from_uuid(Uuid::from_u128(u128::try_from(number_of).unwrap_or(0) + 1)),
            spec,
            totals,
            Timestamp::default(),
        ),
        observation: ServerObservation { availability: Availability::Healthy, ..ServerObservation::default() },
        reserved: Resources::default(),
        workspaces: 0,
    })
}

fn arrival(entry: &Value) -> Result<Arrival> {
    let at = number(entry, "at")?.unwrap_or(0);
    let mut resources = resources(entry)?;
    resources.slots = 1;
    let labels = LabelRequirements {
        must: labels(entry, "labels")?,
        must_not: labels(entry, "must_not")?,
        prefer: labels(entry, "prefer")?,
    };
    let request = PlacementRequest {
        resources,
        labels,
        server: entry["server"].as_str().map(str::to_owned),
        required: entry["required"].as_bool().unwrap_or(false),
        ..PlacementRequest::default()
    };
    Ok(Arrival { at, until: number(entry, "lifetime")?.map(|lifetime| at.saturating_add(lifetime)), request })
}
