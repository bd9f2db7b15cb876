//! Containers on real Engines: names, profile, states, logs, stats.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::common::{Bench, plain_spec, specs, tls_spec, until};
use futures::{StreamExt, TryStreamExt};
use workspace_core::error::ErrorKind;
use workspace_core::id::FleetId;
use workspace_core::port::{ContainerStatus, Created, ImageRef, LogOptions, Mount, ObjectKind, Profile};

#[tokio::test]
async fn create_start_stop_remove_are_idempotent_on_both_servers() {
    for spec in specs() {
        let bench = Bench::plain(spec).await;
        let spec = bench.container("trap '' TERM; while :; do sleep 0.1; done");
        assert_eq!(bench.server.create_container(&spec).await.unwrap(), Created::New);
        assert_eq!(bench.server.create_container(&spec).await.unwrap(), Created::Adopted);
        bench.server.start_container(&spec.name, None).await.unwrap();
        bench.server.start_container(&spec.name, None).await.unwrap();
        let state = bench.server.inspect_container(&spec.name).await.unwrap().unwrap();
        assert_eq!((state.status, state.labels), (ContainerStatus::Running, Some(spec.labels.clone())));
        assert!(state.started_at.is_some());
        bench.server.stop_container(&spec.name, bench.fleet, Duration::from_secs(1)).await.unwrap();
        bench.server.stop_container(&spec.name, bench.fleet, Duration::from_secs(1)).await.unwrap();
        let listed = bench.server.list_containers(bench.fleet).await.unwrap();
        assert_eq!(listed.len(), 1);
        assert_eq!((listed[0].status, listed[0].exit_code), (ContainerStatus::Exited, Some(137)));
        bench.server.remove_container(&spec.name, bench.fleet).await.unwrap();
        bench.server.remove_container(&spec.name, bench.fleet).await.unwrap();
        assert_eq!(bench.server.inspect_container(&spec.name).await.unwrap(), None);
        assert!(bench.server.list_containers(bench.fleet).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn one_of_many_creates_makes_it_and_the_others_adopt_it() {
    let bench = Bench::plain(tls_spec()).await;
    let spec = bench.container("true");
    let created = futures::future::join_all((0..16).map(|_| bench.server.create_container(&spec))).await;
    let created: Vec<_> = created.into_iter().map(Result::unwrap).collect();
    assert_eq!(created.iter().filter(|created| **created == Created::New).count(), 1, "{created:?}");
    bench.clean().await;
}

#[tokio::test]
async fn a_name_that_is_taken_by_something_else_is_foreign() {
    let bench = Bench::plain(plain_spec()).await;
    let spec = bench.container("true");
    bench.server.create_container(&spec).await.unwrap();
    let mut other = spec.clone();
    other.labels.generation = 2;
    let error = bench.server.create_container(&other).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ForeignObject);
    let stranger = FleetId::from_uuid(crate::common::new_id());
    let error = bench.server.remove_container(&spec.name, stranger).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ForeignObject);
    assert!(bench.server.inspect_container(&spec.name).await.unwrap().is_some());
    assert!(bench.server.list_containers(stranger).await.unwrap().is_empty());
    bench.clean().await;
}

#[tokio::test]
async fn many_removals_at_once_all_succeed_when_it_is_gone() {
    let bench = Bench::plain(plain_spec()).await;
    let spec = bench.container("sleep 1000");
    bench.run(&spec).await;
    let removed =
        futures::future::join_all((0..8).map(|_| bench.server.remove_container(&spec.name, bench.fleet))).await;
    for result in removed {
        result.unwrap();
    }
    assert_eq!(bench.server.inspect_container(&spec.name).await.unwrap(), None);
}

#[tokio::test]
async fn a_missing_image_a_missing_volume_and_a_missing_program_are_told_apart() {
    let bench = Bench::plain(plain_spec()).await;
    let mut spec = bench.container("true");
    spec.image = ImageRef::new("nobody-has-this:1");
    assert_eq!(bench.server.create_container(&spec).await.unwrap_err().kind(), ErrorKind::ImageNotFound);

    let volume = bench.volume();
    let mut spec = bench.container("true");
    spec.mounts = vec![Mount { volume: volume.name.clone(), target: "/workspace".to_owned(), read_only: false }];
    let error = bench.server.create_container(&spec).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{}", error.chain());
    assert_eq!(bench.server.volumes().inspect_volume(&volume.name).await.unwrap(), None, "made without a word");
    bench.server.volumes().create_volume(&volume).await.unwrap();
    assert_eq!(bench.server.create_container(&spec).await.unwrap(), Created::New);

    let mut spec = bench.container("true");
    spec.command = vec!["/no/such/program".to_owned()];
    bench.run(&spec).await; // the init process starts; it cannot run the program
    until("it is told", || async {
        bench.server.inspect_container(&spec.name).await.unwrap().unwrap().exit_code == Some(127)
    })
    .await;

    let error = bench.server.start_container("ws-nobody", None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{}", error.chain());
    bench.clean().await;
}

#[tokio::test]
async fn limits_that_the_server_does_not_have_name_their_field() {
    let bench = Bench::plain(plain_spec()).await;
    let mut spec = bench.container("true");
    spec.cpu_millis = 1_000_000;
    let error = bench.server.create_container(&spec).await.unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Invalid, Some("resources.cpu_millis")), "{}", error.chain());
    let mut spec = bench.container("true");
    spec.memory_mib = 1;
    let error = bench.server.create_container(&spec).await.unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Invalid, Some("resources.memory_mib")), "{}", error.chain());
    let mut spec = bench.container("true");
    spec.gpus = 1;
    bench.server.create_container(&spec).await.unwrap();
    let error = bench.server.start_container(&spec.name, None).await.unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Invalid, Some("resources.gpus")), "{}", error.chain());
    bench.clean().await;
}

#[tokio::test]
async fn names_never_leave_their_place_in_a_url() {
    let bench = Bench::plain(plain_spec()).await;
    for name in ["../version", "a", "x/../../info", "x?force=1"] {
        let mut spec = bench.container("true");
        spec.name = name.to_owned();
        assert_eq!(bench.server.create_container(&spec).await.unwrap_err().kind(), ErrorKind::Invalid);
        assert_eq!(bench.server.inspect_container(name).await.unwrap_err().kind(), ErrorKind::Invalid);
        assert_eq!(bench.server.remove_container(name, bench.fleet).await.unwrap_err().kind(), ErrorKind::Invalid);
    }
    assert_eq!(bench.calls.take(), [], "nothing of it reached the server");
}

#[tokio::test]
async fn inside_there_is_no_right_to_anything() {
    let bench = Bench::plain(plain_spec()).await;
    let probe = "id; cat /proc/self/status | grep -E 'CapEff|CapBnd|NoNewPrivs|Seccomp:'; \
                 cat /proc/1/comm; cat /sys/fs/cgroup/pids/pids.max; ls /sys/class/net; mount -t tmpfs x /mnt; echo $?";
    let spec = bench.container(probe);
    bench.run(&spec).await;
    let (stdout, _) = bench.output(&spec.name).await;
    let squeezed: Vec<String> =
        stdout.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    for expected in [
        "CapEff: 0000000000000000",
        "CapBnd: 0000000000000000",
        "NoNewPrivs: 1",
        "Seccomp: 2",
        "docker-init",
        "64",
        "lo",
    ] {
        assert!(squeezed.iter().any(|line| line == expected), "{expected} is missing in {squeezed:?}");
    }
    assert!(squeezed[0].starts_with("uid=1000") && squeezed[0].contains("gid=1000"), "{squeezed:?}");
    assert!(!squeezed.iter().any(|line| line == "eth0"), "{squeezed:?}");
    assert_ne!(squeezed.last().map(String::as_str), Some("0"), "a mount succeeded");
    bench.clean().await;
}

#[tokio::test]
async fn dev_is_root_with_the_engines_capabilities_and_nothing_more() {
    let bench = Bench::plain(plain_spec()).await;
    let mut spec = bench.container("id -u; grep -E 'CapEff|NoNewPrivs' /proc/self/status");
    spec.profile = Profile::Dev;
    bench.run(&spec).await;
    let (stdout, _) = bench.output(&spec.name).await;
    assert_eq!(stdout.split_whitespace().collect::<Vec<_>>(), ["0", "CapEff:", "00000000a80425fb", "NoNewPrivs:", "1"]);
    bench.clean().await;
}

/// Everything that takes from a container or gives to it; the rest differs between Engines.
const DECIDED: [&str; 31] = [
    "AutoRemove",
    "Binds",
    "CapAdd",
    "CapDrop",
    "CgroupParent",
    "CgroupnsMode",
    "DeviceCgroupRules",
    "DeviceRequests",
    "Devices",
    "ExtraHosts",
    "GroupAdd",
    "Init",
    "IpcMode",
    "LogConfig",
    "Memory",
    "MemorySwap",
    "NanoCpus",
    "NetworkMode",
    "OomKillDisable",
    "PidMode",
    "PidsLimit",
    "PortBindings",
    "Privileged",
    "PublishAllPorts",
    "ReadonlyRootfs",
    "RestartPolicy",
    "SecurityOpt",
    "Sysctls",
    "UTSMode",
    "UsernsMode",
    "VolumesFrom",
];

#[tokio::test]
async fn what_a_container_is_made_from_is_the_golden_file() {
    let bench = Bench::plain(plain_spec()).await;
    let mut spec = bench.container("true");
    spec.env.insert("A".to_owned(), "b c=d".to_owned());
    spec.ports = vec![8000];
    let network = bench.network();
    bench.server.create_network(&network).await.unwrap();
    spec.network = Some(network.name.clone());
    bench.server.create_container(&spec).await.unwrap();
    let base = plain_spec().endpoint;
    let docker = bollard::Docker::connect_with_http(&base, 10, bollard::API_DEFAULT_VERSION).unwrap();
    let asked = docker.inspect_container(&spec.name, None::<bollard::query_parameters::InspectContainerOptions>);
    let inspected = asked.await.unwrap();
    let config = inspected.config.unwrap();
    let host_config = serde_json::to_value(inspected.host_config.unwrap()).unwrap();
    let decided: BTreeMap<_, _> = DECIDED.into_iter().map(|name| (name, &host_config[name])).collect();
    let told = serde_json::json!({
        "User": config.user, "Env": config.env.unwrap().first(), "Entrypoint": config.entrypoint, "Cmd": config.cmd,
        "OpenStdin": config.open_stdin, "Tty": config.tty, "HostConfig": decided,
    });
    // What differs from one fleet to the next.
    let mut text = serde_json::to_string_pretty(&told).unwrap() + "\n";
    let host: http::Uri = base.parse().unwrap();
    for (found, name) in [(network.name.as_str(), "NETWORK"), (host.host().unwrap(), "ADDRESS")] {
        text = text.replace(found, name);
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/engine/golden/strict.json");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(file, &text).unwrap();
    }
    let golden = std::fs::read_to_string(file).unwrap();
    assert_eq!(text, golden, "look at the difference; BLESS=1 writes the file anew");
    bench.clean().await;
}

#[tokio::test]
async fn a_published_port_is_reached_on_the_servers_address() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    for server in specs() {
        let bench = Bench::plain(server).await;
        let network = bench.network();
        bench.server.create_network(&network).await.unwrap();
        let mut spec =
            bench.container("mkdir -p /tmp/w && echo hello >/tmp/w/index.html && exec httpd -f -p 8000 -h /tmp/w");
        spec.network = Some(network.name);
        spec.ports = vec![8000];
        bench.run(&spec).await;
        let state = bench.server.inspect_container(&spec.name).await.unwrap().unwrap();
        let address = state.ports[&8000];
        until("the page is served", || async {
            let Ok(mut stream) = tokio::net::TcpStream::connect(address).await else { return false };
            stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).await.is_ok() && text.contains("hello")
        })
        .await;
        bench.clean().await;
    }
}

#[tokio::test]
async fn input_is_written_after_the_start_and_closed() {
    for server in specs() {
        let bench = Bench::plain(server).await;
        let mut spec = bench.container("wc -c; echo done");
        spec.open_stdin = true;
        spec.labels.kind = ObjectKind::Job;
        bench.server.create_container(&spec).await.unwrap();
        let input = bytes::Bytes::from(vec![b'x'; 300_000]);
        bench.server.start_container(&spec.name, Some(input)).await.unwrap();
        let (stdout, _) = bench.output(&spec.name).await;
        assert_eq!(stdout.split_whitespace().collect::<Vec<_>>(), ["300000", "done"]);
        bench.clean().await;
    }
}

#[tokio::test]
async fn input_reaches_a_container_whose_first_start_was_cut() {
    let bench = Bench::plain(plain_spec()).await;
    let mut spec = bench.container("cat; echo done");
    spec.open_stdin = true;
    bench.server.create_container(&spec).await.unwrap();
    bench.server.start_container(&spec.name, None).await.unwrap();
    bench.server.start_container(&spec.name, Some("line\n".into())).await.unwrap();
    let (stdout, _) = bench.output(&spec.name).await;
    assert_eq!(stdout, "line\ndone\n");
    // And once more, when it has ended and was read: nothing to write to, nothing to fail on.
    bench.clean().await;
}

/// An Engine that is busy sees who attaches only after the start, and holds on to them until the program ends.
#[tokio::test]
async fn input_is_written_to_a_program_that_runs_already_and_goes_on() {
    for server in specs() {
        let bench = Bench::plain(server).await;
        // What is read so late is on its way long after nobody waits for it.
        let mut spec = bench.container("sleep 3; wc -c; sleep 1000");
        spec.open_stdin = true;
        bench.server.create_container(&spec).await.unwrap();
        bench.server.start_container(&spec.name, None).await.unwrap();
        let input = bytes::Bytes::from(vec![b'x'; 300_000]);
        bench.server.start_container(&spec.name, Some(input)).await.unwrap();
        until("the input is read to its end", async || {
            let log = bench.server.container_logs(&spec.name, LogOptions::default()).await.unwrap();
            let chunks: Vec<_> = log.try_collect().await.unwrap();
            chunks.iter().flat_map(|chunk| &chunk.bytes[..]).copied().eq(*b"300000\n")
        })
        .await;
        bench.clean().await;
    }
}

#[tokio::test]
async fn logs_are_split_tailed_and_followed() {
    let bench = Bench::plain(tls_spec()).await;
    let spec = bench.container("for i in 1 2 3; do echo out $i; echo err $i >&2; done; sleep 1; echo last; exit 3");
    bench.run(&spec).await;
    let (stdout, stderr) = bench.output(&spec.name).await;
    assert_eq!(stdout, "out 1\nout 2\nout 3\nlast\n");
    assert_eq!(stderr, "err 1\nerr 2\nerr 3\n");
    let tail = LogOptions { tail: Some(1), follow: false };
    let log = bench.server.container_logs(&spec.name, tail).await.unwrap();
    let chunks: Vec<_> = log.try_collect().await.unwrap();
    assert_eq!(chunks.len(), 1);
    assert_eq!(&chunks[0].bytes[..], b"last\n");
    until("the end is told", || async {
        let state = bench.server.inspect_container(&spec.name).await.unwrap().unwrap();
        state.status == ContainerStatus::Exited && state.exit_code == Some(3) && state.finished_at.is_some()
    })
    .await;
    let Err(error) = bench.server.container_logs("ws-nobody", tail).await else { panic!("a log of nothing") };
    assert_eq!(error.kind(), ErrorKind::NotFound);
    bench.clean().await;
}

#[tokio::test]
async fn a_followed_log_gives_lines_while_they_are_written() {
    let bench = Bench::plain(plain_spec()).await;
    let spec = bench.container("echo first; sleep 1000");
    bench.run(&spec).await;
    let options = LogOptions { tail: None, follow: true };
    let mut log = bench.server.container_logs(&spec.name, options).await.unwrap();
    let first = tokio::time::timeout(Duration::from_secs(5), log.next()).await.expect("in time").unwrap().unwrap();
    assert_eq!(&first.bytes[..], b"first\n");
    drop(log);
    bench.clean().await;
}

#[tokio::test]
async fn stats_tell_memory_and_cores_of_late() {
    let bench = Bench::plain(plain_spec()).await;
    let spec = bench.container("while :; do :; done");
    bench.run(&spec).await;
    let stats = bench.server.container_stats(&spec.name).await.unwrap();
    assert!((10..=600).contains(&stats.cpu_millis), "at most half a core is allowed: {stats:?}");
    assert_eq!(stats.memory_limit_bytes, 64 << 20);
    assert!(stats.memory_bytes > 0 && stats.memory_bytes < 16 << 20, "{stats:?}");
    assert!(stats.cpu_nanos > 0 && stats.pids >= 1, "{stats:?}");
    bench.server.stop_container(&spec.name, bench.fleet, Duration::ZERO).await.unwrap();
    assert_eq!(bench.server.container_stats(&spec.name).await.unwrap_err().kind(), ErrorKind::NotRunning);
    bench.clean().await;
}

#[tokio::test]
async fn too_much_memory_ends_the_container_and_is_told() {
    let bench = Bench::plain(plain_spec()).await;
    let mut spec = bench.container("dd if=/dev/zero of=/dev/null bs=200M count=1");
    spec.memory_mib = 32;
    spec.command = ["dd", "if=/dev/zero", "of=/dev/null", "bs=200M", "count=1"].map(str::to_owned).to_vec();
    bench.run(&spec).await;
    until("it is ended", || async {
        let state = bench.server.inspect_container(&spec.name).await.unwrap().unwrap();
        state.status == ContainerStatus::Exited && state.exit_code == Some(137)
    })
    .await;
    bench.clean().await;
}

#[tokio::test]
async fn too_many_processes_are_refused_to_the_container_alone() {
    let bench = Bench::plain(plain_spec()).await;
    let mut spec = bench.container("for n in $(seq 40); do sleep 60 & done; echo more than it may");
    spec.pids = 20;
    bench.run(&spec).await;
    let (stdout, stderr) = bench.output(&spec.name).await;
    assert_eq!(stdout, "");
    assert!(stderr.contains("fork"), "{stderr}");
    bench.server.probe().await.unwrap();
    bench.clean().await;
}
