//! What a container is made from: the security profile and the limits, which no request can weaken.

use std::collections::HashMap;
use std::net::IpAddr;

use bollard::models::{
    ContainerCreateBody, DeviceRequest, HostConfig, HostConfigCgroupnsModeEnum, HostConfigLogConfig,
    Mount as EngineMount, MountType, MountVolumeOptions, MountVolumeOptionsDriverConfig, PortBinding, RestartPolicy,
    RestartPolicyNameEnum,
};
use workspace_core::error::{Error, Result};
use workspace_core::port::{ContainerSpec, Mount, ObjectKind, Profile};

use crate::{labels, names};

/// The path of the worker in every container of ours.
pub(crate) const WORKER_PATH: &str = "/.fleet";

/// Where a container's ports go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Publish {
    /// The server's own address.
    pub(crate) address: IpAddr,
}

/// Checks what the Engine would misread or silently make.
pub(crate) fn check_spec(spec: &ContainerSpec) -> Result<()> {
    names::check("name", &spec.name)?;
    names::check_image(&spec.image)?;
    if let Some(network) = &spec.network {
        names::check("network", network)?;
    }
    for mount in &spec.mounts {
        names::check("mounts.volume", &mount.volume)?;
        let inside = mount.target.strip_prefix('/').is_some_and(|path| !path.is_empty());
        let worker = mount.target == WORKER_PATH || mount.target.starts_with("/.fleet/");
        if !inside || worker || mount.target.split('/').any(|part| part == "..") {
            return Err(Error::invalid("mounts.target", format!("nothing can be mounted at {:?}", mount.target))
                .hint("use an absolute path other than / and /.fleet"));
        }
    }
    Ok(())
}

/// The body of the create call. `worker` is the volume with the worker program.
pub(crate) fn body(spec: &ContainerSpec, publish: Option<Publish>, worker: Option<&str>) -> ContainerCreateBody {
    let (entrypoint, cmd) = match spec.command.split_first() {
        Some((program, arguments)) => (Some(vec![program.clone()]), Some(arguments.to_vec())),
        None => (None, None),
    };
    ContainerCreateBody {
        image: Some(spec.image.as_str().to_owned()),
        entrypoint,
        cmd,
        env: Some(spec.env.iter().map(|(name, value)| format!("{name}={value}")).collect()),
        working_dir: spec.working_dir.clone(),
        user: Some(user(spec.profile).to_owned()),
        open_stdin: Some(spec.open_stdin),
        stdin_once: Some(spec.open_stdin),
        exposed_ports: Some(spec.ports.iter().map(|port| format!("{port}/tcp")).collect()),
        labels: Some(labels::to_engine(&spec.labels)),
        host_config: Some(host_config(spec, publish, worker)),
        ..ContainerCreateBody::default()
    }
}

const fn user(profile: Profile) -> &'static str {
    match profile {
        Profile::Strict => "1000:1000",
        Profile::Dev => "0:0",
    }
}

fn host_config(spec: &ContainerSpec, publish: Option<Publish>, worker: Option<&str>) -> HostConfig {
    let memory = (spec.memory_mib > 0).then(|| signed(spec.memory_mib.saturating_mul(1 << 20)));
    // With the worker the owner of a volume's root is known: nothing of the image may be copied over it.
    let mut mounts: Vec<_> = spec.mounts.iter().map(|mount| engine_mount(mount, worker.is_some())).collect();
    mounts.extend(worker.map(worker_mount));
    HostConfig {
        cap_drop: (spec.profile == Profile::Strict).then(|| vec!["ALL".to_owned()]),
        security_opt: Some(vec!["no-new-privileges".to_owned()]),
        privileged: Some(false),
        // The Engine takes 0 for "no limit", which no request may have.
        pids_limit: Some(i64::from(spec.pids.max(1))),
        memory,
        memory_swap: memory, // memory and swap together: no swap
        nano_cpus: (spec.cpu_millis > 0).then(|| signed(spec.cpu_millis.saturating_mul(1_000_000))),
        // An init has its program's stdout too, and gives it to whoever is the same user: what a job says there is
        // the worker's word, and the worker is an init itself.
        init: Some(spec.labels.kind != ObjectKind::Job),
        ipc_mode: Some("private".to_owned()),
        cgroupns_mode: Some(HostConfigCgroupnsModeEnum::PRIVATE),
        network_mode: Some(spec.network.clone().unwrap_or_else(|| "none".to_owned())),
        port_bindings: publish.map(|publish| bindings(&spec.ports, publish)),
        publish_all_ports: Some(false),
        // Restarts are the orchestrator's, and what ended must still be there to be read.
        restart_policy: Some(RestartPolicy { name: Some(RestartPolicyNameEnum::NO), maximum_retry_count: None }),
        auto_remove: Some(false),
        log_config: Some(log_config(spec.labels.kind)),
        device_requests: (spec.gpus > 0).then(|| vec![gpus(spec.gpus)]),
        mounts: Some(mounts),
        ..HostConfig::default()
    }
}

/// A volume that must exist. The Engine would make a missing one without a word; the option, which only counts when
/// a volume is made and which no driver knows, turns that into an error.
fn engine_mount(mount: &Mount, no_copy: bool) -> EngineMount {
    EngineMount {
        typ: Some(MountType::VOLUME),
        source: Some(mount.volume.clone()),
        target: Some(mount.target.clone()),
        read_only: Some(mount.read_only),
        volume_options: Some(MountVolumeOptions {
            no_copy: Some(no_copy),
            driver_config: Some(MountVolumeOptionsDriverConfig {
                name: Some("local".to_owned()),
                options: Some(HashMap::from([("fleet".to_owned(), "must-exist".to_owned())])),
            }),
            ..MountVolumeOptions::default()
        }),
        ..EngineMount::default()
    }
}

fn worker_mount(volume: &str) -> EngineMount {
    engine_mount(&Mount { volume: volume.to_owned(), target: WORKER_PATH.to_owned(), read_only: true }, true)
}

fn bindings(ports: &[u16], publish: Publish) -> HashMap<String, Option<Vec<PortBinding>>> {
    let binding = PortBinding { host_ip: Some(publish.address.to_string()), host_port: None };
    ports.iter().map(|port| (format!("{port}/tcp"), Some(vec![binding.clone()]))).collect()
}

/// A job's events are up to 24 MiB and are read from the log, where escapes can double them.
fn log_config(kind: ObjectKind) -> HostConfigLogConfig {
    let (size, files) = if kind == ObjectKind::Job { ("64m", "1") } else { ("10m", "2") };
    let config = HashMap::from([("max-size".to_owned(), size.to_owned()), ("max-file".to_owned(), files.to_owned())]);
    HostConfigLogConfig { typ: Some("json-file".to_owned()), config: Some(config) }
}

fn gpus(count: u64) -> DeviceRequest {
    DeviceRequest {
        count: Some(signed(count)),
        capabilities: Some(vec![vec!["gpu".to_owned()]]),
        ..DeviceRequest::default()
    }
}

fn signed(amount: u64) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}
