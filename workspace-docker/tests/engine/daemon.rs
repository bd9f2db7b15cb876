//! What becomes of us when the daemon itself hangs, is killed, or has no disk left.

use std::fs::File;
use std::pin::pin;

use futures::future::{Either, select};
use workspace_core::error::ErrorKind;
use workspace_core::port::{ContainerStatus, Created, Mount};

use crate::common::{Bench, ended, shell, until};
use crate::own_fleet::OwnFleet;

/// Stopped with SIGSTOP it accepts connections and never answers.
#[tokio::test]
async fn a_stopped_daemon_is_told_within_the_deadline_of_each_call() {
    let fleet = OwnFleet::up();
    let bench = Bench::plain(fleet.spec.clone()).await;
    bench.server.probe().await.unwrap();
    OwnFleet::signal("-STOP");
    // A probe gives up after three seconds and an inspection after ten, whatever else the machine does.
    let probe = pin!(async { bench.server.probe().await.map(drop) });
    let inspection = pin!(async { bench.server.inspect_container("ws-nobody").await.map(drop) });
    let (first, inspection) = match select(probe, inspection).await {
        Either::Left(ended) => ended,
        Either::Right((answer, _)) => panic!("the inspection ended before the probe: {answer:?}"),
    };
    for answer in [first, inspection.await] {
        let error = answer.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{}", error.chain());
    }
    OwnFleet::signal("-CONT");
    until("it answers again", || async { bench.server.probe().await.is_ok() }).await;
}

/// Containers do not outlive their daemon here, and nobody but us starts them again.
#[tokio::test]
async fn after_a_kill_of_the_daemon_what_ended_is_told_and_starts_again_with_its_data() {
    let fleet = OwnFleet::up();
    let bench = Bench::worker(fleet.spec.clone()).await;
    let volume = bench.volume();
    bench.server.volumes().create_volume(&volume).await.unwrap();
    let mut spec = bench.container("echo kept >>/workspace/log; exec sleep 600");
    spec.mounts = vec![Mount { volume: volume.name.clone(), target: "/workspace".to_owned(), read_only: false }];
    bench.run(&spec).await;
    let channel = bench.server.open_channel(&spec.name).await.unwrap();

    OwnFleet::signal("-KILL");
    until("the channel is told that it is closed", || async { !channel.is_open() }).await;
    let error = bench.server.inspect_container(&spec.name).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{}", error.chain());
    OwnFleet::start();
    bench.server.probe().await.unwrap();
    let state = bench.server.inspect_container(&spec.name).await.unwrap().unwrap();
    assert_eq!(state.status, ContainerStatus::Exited);
    assert!(state.exit_code.is_some_and(|code| code > 128), "ended by a signal: {state:?}");
    assert_eq!(state.labels.as_ref(), Some(&spec.labels));

    bench.server.start_container(&spec.name, None).await.unwrap();
    let channel = bench.server.open_channel(&spec.name).await.unwrap();
    let (log, ..) = ended(channel.exec(shell("cat /workspace/log")).await.unwrap()).await;
    assert_eq!(log, "kept\nkept\n", "its data is there, and it was started twice");
}

/// A daemon that was started again answers a create of a volume that it has without its labels, until it is inspected.
#[tokio::test]
async fn after_a_kill_of_the_daemon_volumes_are_still_ours() {
    let fleet = OwnFleet::up();
    let bench = Bench::worker(fleet.spec.clone()).await;
    let volume = bench.volume();
    assert_eq!(bench.server.volumes().create_volume(&volume).await.unwrap(), Created::New);
    OwnFleet::signal("-KILL");
    OwnFleet::start();
    // Another master, which has to prepare the worker anew.
    let again = Bench::worker(fleet.spec.clone()).await;
    let created = again.server.volumes().create_volume(&volume).await;
    assert_eq!(created.unwrap_or_else(|error| panic!("{}", error.chain())), Created::Adopted);
    bench.server.volumes().remove_volume(&volume.name, bench.fleet).await.unwrap();
}

#[tokio::test]
async fn a_full_disk_is_told_and_what_is_there_can_still_be_removed() {
    let fleet = OwnFleet::up_with_disk(64);
    let bench = Bench::plain(fleet.spec.clone()).await;
    let running = bench.container("sleep 600");
    bench.run(&running).await;
    let filler = OwnFleet::data().join("filler");
    let full = std::io::copy(&mut std::io::repeat(1), &mut File::create(&filler).unwrap());
    assert!(full.is_err_and(|error| error.kind() == std::io::ErrorKind::StorageFull));

    let error = bench.server.create_container(&bench.container("true")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DiskFull, "{}", error.chain());
    assert!(error.next_step().unwrap().contains("free disk"));
    // An Engine that cannot write down whose a volume is leaves it there without labels, and cannot even look at it.
    let volumes: Vec<_> = (0..8).map(|_| bench.volume()).collect();
    for volume in &volumes {
        if let Err(error) = bench.server.volumes().create_volume(volume).await {
            assert_eq!(error.kind(), ErrorKind::DiskFull, "{}", error.chain());
        }
    }
    bench.server.remove_container(&running.name, bench.fleet).await.unwrap();
    assert!(bench.server.inspect_container(&running.name).await.unwrap().is_none());

    std::fs::remove_file(filler).unwrap();
    let (again, gone) = volumes.split_at(4);
    for volume in again {
        let made = bench.server.volumes().create_volume(volume).await;
        made.unwrap_or_else(|error| panic!("{}", error.chain()));
    }
    for volume in gone {
        let removed = bench.server.volumes().remove_volume(&volume.name, bench.fleet).await;
        removed.unwrap_or_else(|error| panic!("{}", error.chain()));
        assert_eq!(bench.server.volumes().inspect_volume(&volume.name).await.unwrap(), None);
    }
    bench.run(&bench.container("sleep 600")).await;
}
