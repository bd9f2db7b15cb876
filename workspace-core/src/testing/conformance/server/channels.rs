//! Rules of channels into containers; the channel's own rules are in [`super::super::channel`].

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use tokio::time::{Instant, sleep, timeout};

use super::rig::{PATIENCE, Rig, refused, works};
use super::subject::Subject;
use crate::error::ErrorKind;
use crate::port::{ContainerStatus, Created, ExecEvent, ExecRequest, Mount, ObjectKind, Server, VolumeSpec};

/// A channel reaches its own container, with the container's environment.
pub async fn channels_reach_their_container(server: &dyn Server, subject: &Subject) {
    let rig = Rig::new(server, subject);
    let mut specs = [rig.idle(), rig.idle()];
    for (number, spec) in specs.iter_mut().enumerate() {
        spec.env.insert("WHICH".to_owned(), format!("number {number}"));
        rig.start(spec).await;
    }
    for (number, spec) in specs.iter().enumerate() {
        let channel = works("open a channel", server.open_channel(&spec.name).await);
        assert!(channel.is_open(), "a new channel is open");
        let mut stream = works("exec", channel.exec(ExecRequest::new(rig.shell("echo $WHICH"))).await);
        let first = works("exec", stream.next().await.expect("the program says something"));
        assert_eq!(first, ExecEvent::Stdout(Bytes::from(format!("number {number}\n"))), "it is the right container");
    }
    for spec in &specs {
        rig.remove(spec).await;
    }
}

/// A channel needs a running container.
pub async fn channels_need_a_running_container(server: &dyn Server, subject: &Subject) {
    let rig = Rig::new(server, subject);
    let spec = rig.idle();
    let open = async || server.open_channel(&spec.name).await.map(|_| ());
    refused("no container", open().await, ErrorKind::NotRunning);
    rig.create(&spec).await;
    refused("a container that was never started", open().await, ErrorKind::NotRunning);
    works("start", server.start_container(&spec.name, None).await);
    works("open a channel", open().await);
    works("stop", server.stop_container(&spec.name, subject.fleet, Duration::ZERO).await);
    refused("a container that ended", open().await, ErrorKind::NotRunning);
    rig.remove(&spec).await;
}

/// A channel breaks when its container ends: what runs in it ends, streams say so, and it is not open any more.
pub async fn channels_break_with_their_container(server: &dyn Server, subject: &Subject) {
    let rig = Rig::new(server, subject);
    let spec = rig.idle();
    rig.start(&spec).await;
    rig.reaches(&spec.name, ContainerStatus::Running).await;
    let channel = works("open a channel", server.open_channel(&spec.name).await);
    let mut stream = works("exec", channel.exec(ExecRequest::new(rig.shell("echo on; sleep 300"))).await);
    let first = works("exec", stream.next().await.expect("the program says something"));
    assert_eq!(first, ExecEvent::Stdout(Bytes::from("on\n")), "the program runs");
    works("stop", server.stop_container(&spec.name, subject.fleet, Duration::ZERO).await);
    let last = timeout(PATIENCE, stream.next()).await.expect("a stream ends with its container");
    match last.expect("a broken stream says so") {
        // The worker lived a moment longer than the program.
        Ok(last) => assert!(matches!(last, ExecEvent::Ended { .. }), "nothing more is written: {last:?}"),
        Err(error) => assert_eq!(error.kind(), ErrorKind::Unreachable, "the container ended: {}", error.chain()),
    }
    let deadline = Instant::now() + PATIENCE;
    while channel.is_open() {
        assert!(Instant::now() < deadline, "a channel breaks with its container");
        sleep(Duration::from_millis(10)).await;
    }
    refused("a broken channel", channel.read_file("x").await, ErrorKind::Unreachable);
    rig.remove(&spec).await;
}

/// The volume is at `/workspace` for the program, for channels and for files, and outlives the container.
pub async fn channels_see_the_volume_at_workspace(server: &dyn Server, subject: &Subject) {
    let rig = Rig::new(server, subject);
    let labels = rig.labels(ObjectKind::Project);
    let volume = VolumeSpec { name: format!("vol-{}-g1", labels.subject), labels };
    assert_eq!(works("create volume", server.volumes().create_volume(&volume).await), Created::New, "it is made");
    for round in 0..2 {
        let mut spec = rig.idle();
        let target = "/workspace".to_owned();
        spec.mounts = vec![Mount { volume: volume.name.clone(), target, read_only: false }];
        rig.start(&spec).await;
        let channel = works("open a channel", server.open_channel(&spec.name).await);
        if round == 0 {
            works("write", channel.write_file("kept", Bytes::from("still here"), None).await);
        }
        assert_eq!(works("read", channel.read_file("kept").await).bytes, "still here", "a file outlives its container");
        let mut request = ExecRequest::new(["cat", "kept"]);
        request.cwd = Some("/workspace".to_owned());
        let mut stream = works("exec", channel.exec(request).await);
        let first = works("exec", stream.next().await.expect("the program says something"));
        assert_eq!(first, ExecEvent::Stdout(Bytes::from("still here")), "programs start beside the data");
        let removed = server.volumes().remove_volume(&volume.name, subject.fleet).await;
        refused("a container has the volume", removed, ErrorKind::Conflict);
        rig.remove(&spec).await;
    }
    works("remove volume", server.volumes().remove_volume(&volume.name, subject.fleet).await);
}

/// Several channels into one container live side by side.
pub async fn several_channels_live_side_by_side(server: &dyn Server, subject: &Subject) {
    let rig = Rig::new(server, subject);
    let spec = rig.idle();
    rig.start(&spec).await;
    let one = works("open a channel", server.open_channel(&spec.name).await);
    let other = works("open a channel", server.open_channel(&spec.name).await);
    works("write", one.write_file("shared", Bytes::from("x"), None).await);
    drop(one);
    assert_eq!(works("read", other.read_file("shared").await).bytes, "x", "a channel outlives another");
    assert!(other.is_open(), "a channel outlives another");
    rig.remove(&spec).await;
}
