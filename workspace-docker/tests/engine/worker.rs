//! The worker on real servers: its preparation, owned volumes, bind storage, the budget of calls.
#![expect(clippy::unwrap_used, reason = "what is not there fails the test")]

use workspace_core::error::ErrorKind;
use workspace_core::model::{ServerSpec, StorageKind};
use workspace_core::port::{ContainerSpec, Created, Mount, ObjectKind, Profile, VolumeSpec, VolumeSummary};
use workspace_docker::{Call, DockerPool, WorkerImage};

use crate::common::{Bench, new_id, plain_spec, specs, until, variable, worker_image};
use crate::images;

fn mounts(volume: &VolumeSpec) -> Vec<Mount> {
    vec![Mount { volume: volume.name.clone(), target: "/workspace".to_owned(), read_only: false }]
}

/// Waits until the preparation that `connect` began is done; what it asks does not count.
async fn prepared(bench: &Bench) {
    bench
        .server
        .create_container(&ContainerSpec { name: "x".repeat(200), ..bench.container("true") })
        .await
        .unwrap_err();
    let spec = bench.container("true");
    bench.server.create_container(&spec).await.unwrap();
    bench.server.remove_container(&spec.name, bench.fleet).await.unwrap();
    bench.calls.take();
}

#[tokio::test]
async fn a_workspace_without_source_takes_seven_calls() {
    for server in specs() {
        let bench = Bench::worker(server).await;
        prepared(&bench).await;
        let volume = bench.volume();
        bench.server.volumes().create_volume(&volume).await.unwrap();
        assert_eq!(bench.calls.take(), [Call::VolumeCreate, Call::ContainerCreate, Call::ContainerRemove]);
        let network = bench.network();
        bench.server.create_network(&network).await.unwrap();
        let mut spec = bench.container("sleep 1000");
        spec.network = Some(network.name);
        spec.mounts = mounts(&volume);
        spec.ports = vec![8000];
        bench.run(&spec).await;
        bench.server.inspect_container(&spec.name).await.unwrap().unwrap();
        let calls = [Call::NetworkCreate, Call::ContainerCreate, Call::ContainerStart, Call::ContainerInspect];
        assert_eq!(bench.calls.take(), calls);
        bench.clean().await;
    }
}

#[tokio::test]
async fn a_new_volume_belongs_to_the_workspace_whatever_its_image() {
    let bench = Bench::worker(plain_spec()).await;
    let volume = bench.volume();
    assert_eq!(bench.server.volumes().create_volume(&volume).await.unwrap(), Created::New);
    assert_eq!(bench.server.volumes().create_volume(&volume).await.unwrap(), Created::Adopted);
    let mut spec = bench.container(
        "stat -c %u:%g /workspace; touch /workspace/x && ls /workspace; ls /.fleet/worker; \
                                    touch /.fleet/x 2>/dev/null || echo read-only",
    );
    spec.mounts = mounts(&volume);
    bench.run(&spec).await;
    assert_eq!(bench.output(&spec.name).await.0, "1000:1000\nx\n/.fleet/worker\nread-only\n");
    bench.clean().await;
}

/// The image of the first container must not decide what a prepared volume holds.
#[tokio::test]
async fn nothing_of_an_image_is_copied_into_a_prepared_volume() {
    let bench = Bench::worker(plain_spec()).await;
    let volume = bench.volume();
    bench.server.volumes().create_volume(&volume).await.unwrap();
    let mut spec = bench.container("ls -A /etc; stat -c %u /etc");
    spec.profile = Profile::Dev;
    spec.mounts = vec![Mount { target: "/etc".to_owned(), ..mounts(&volume).remove(0) }];
    bench.run(&spec).await;
    let (stdout, _) = bench.output(&spec.name).await;
    assert!(!stdout.contains("passwd") && stdout.trim().ends_with("1000"), "{stdout}");
    bench.clean().await;
}

#[tokio::test]
async fn usage_is_counted_in_bytes() {
    let bench = Bench::worker(plain_spec()).await;
    let volume = bench.volume();
    bench.server.volumes().create_volume(&volume).await.unwrap();
    let empty = bench.server.volumes().volume_usage(&volume.name).await.unwrap();
    assert!(bench.server.volumes().volume_is_empty(&volume.name).await.unwrap());
    let mut spec =
        bench.container("dd if=/dev/urandom of=/workspace/file bs=1024 count=512 && mkdir -m 0 /workspace/shut");
    spec.mounts = mounts(&volume);
    bench.run(&spec).await;
    bench.output(&spec.name).await;
    let full = bench.server.volumes().volume_usage(&volume.name).await.unwrap();
    assert!(!bench.server.volumes().volume_is_empty(&volume.name).await.unwrap());
    assert!((512 * 1024..600 * 1024).contains(&(full - empty)), "{empty} then {full}");
    assert_eq!(bench.server.volumes().volume_usage("vol-nobody").await.unwrap_err().kind(), ErrorKind::NotFound);
    bench.clean().await;
    assert!(bench.server.list_containers(bench.fleet).await.unwrap().is_empty());
}

#[tokio::test]
async fn bind_storage_makes_and_removes_a_directory_of_its_own() {
    // On the server: the fleet's servers share this machine's files.
    let root = tempfile::tempdir().unwrap();
    let storage = StorageKind::Bind(root.path().display().to_string());
    let bench = Bench::worker(ServerSpec { storage, ..plain_spec() }).await;
    let volumes = bench.server.volumes();
    let volume = bench.volume();
    assert_eq!(volumes.create_volume(&volume).await.unwrap(), Created::New);
    assert_eq!(volumes.create_volume(&volume).await.unwrap(), Created::Adopted);
    let directory = root.path().join(&volume.name);
    let mut spec = bench.container("id -u >/workspace/file; mkdir -p /workspace/a/b; chmod 0 /workspace/a");
    spec.mounts = mounts(&volume);
    bench.run(&spec).await;
    bench.output(&spec.name).await;
    assert_eq!(std::fs::read_to_string(directory.join("file")).unwrap(), "1000\n");
    assert!(volumes.volume_usage(&volume.name).await.unwrap() >= 5);
    assert_eq!(volumes.remove_volume(&volume.name, bench.fleet).await.unwrap_err().kind(), ErrorKind::Conflict);
    assert!(directory.join("file").exists(), "data of a volume in use was removed");
    bench.server.remove_container(&spec.name, bench.fleet).await.unwrap();
    volumes.remove_volume(&volume.name, bench.fleet).await.unwrap();
    assert!(!directory.exists());
    assert_eq!(volumes.inspect_volume(&volume.name).await.unwrap(), None);
    bench.clean().await;
}

#[tokio::test]
async fn a_data_root_that_is_not_there_is_named() {
    let storage = StorageKind::Bind("/no/such/root".to_owned());
    let bench = Bench::worker(ServerSpec { storage, ..plain_spec() }).await;
    let error = bench.server.volumes().create_volume(&bench.volume()).await.unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Invalid, Some("storage")), "{}", error.chain());
    let volumes = bench.server.volumes().list_volumes(bench.fleet).await.unwrap();
    let ours = |kind| move |volume: &VolumeSummary| volume.labels.as_ref().is_some_and(|labels| labels.kind == kind);
    assert!(!volumes.iter().any(ours(ObjectKind::Project)), "{volumes:?}");
}

/// The worker image under a name that no other test uses, as if it had never been on a server.
fn unknown_worker() -> (WorkerImage, String) {
    let hash = new_id().simple().to_string();
    let known = std::fs::read(variable("WORKSPACE_TEST_WORKER_IMAGE")).unwrap();
    let name = worker_image().name();
    let mut builder = tar::Builder::new(Vec::new());
    for entry in tar::Archive::new(known.as_slice()).entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut header = entry.header().clone();
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut content).unwrap();
        if entry.path_bytes().as_ref() == b"manifest.json" {
            content = String::from_utf8(content).unwrap().replace(&name, &format!("fleet-worker:{hash}")).into_bytes();
            header.set_size(content.len() as u64);
            header.set_cksum();
        }
        builder.append(&header, content.as_slice()).unwrap();
    }
    (WorkerImage::from_archive(builder.into_inner().unwrap()).unwrap(), format!("fleet-worker-{hash}"))
}

#[tokio::test]
async fn the_worker_is_loaded_once_however_many_need_it_and_again_when_it_is_gone() {
    let (image, volume) = unknown_worker();
    let name = image.name();
    let bench = Bench::with(plain_spec(), DockerPool::builder().worker_image(image)).await;
    let specs: Vec<_> = (0..6).map(|_| bench.container("/.fleet/worker nonsense; echo $?")).collect();
    let created = futures::future::join_all(specs.iter().map(|spec| bench.server.create_container(spec))).await;
    assert!(created.into_iter().all(|created| created.unwrap() == Created::New));
    let calls = bench.calls.take();
    let count = |wanted| calls.iter().filter(|call| **call == wanted).count();
    assert_eq!((count(Call::ImageInspect), count(Call::ImageLoad), count(Call::VolumeCreate)), (1, 1, 1), "{calls:?}");
    bench.server.start_container(&specs[0].name, None).await.unwrap();
    assert_ne!(bench.output(&specs[0].name).await.0.trim(), "127", "there is no worker in the volume");
    for spec in &specs {
        bench.server.remove_container(&spec.name, bench.fleet).await.unwrap();
    }

    bench.server.volumes().remove_volume(&volume, bench.fleet).await.unwrap();
    assert_eq!(bench.server.create_container(&specs[0]).await.unwrap(), Created::New);
    bench.clean().await;
    bench.server.volumes().remove_volume(&volume, bench.fleet).await.unwrap();
    images::remove(&images::docker(), &name).await;
}

#[tokio::test]
async fn connect_prepares_without_being_waited_for() {
    let bench = Bench::worker(plain_spec()).await;
    until("prepared in the background", || async {
        bench.calls.records().iter().any(|record| record.call == Call::ContainerRemove)
    })
    .await;
    bench.calls.take();
    bench.server.probe().await.unwrap();
    prepared(&bench).await;
    bench.server.probe().await.unwrap();
    assert!(bench.calls.take().iter().all(|call| [Call::Ping, Call::Info, Call::Version].contains(call)));
}

#[tokio::test]
async fn a_volume_is_removed_although_its_making_was_cut() {
    let bench = Bench::worker(plain_spec()).await;
    let volume = bench.volume();
    bench.server.volumes().create_volume(&volume).await.unwrap();
    // As a master leaves it that died before it removed the container that gives the volume its owner.
    let mut left = bench.container("true");
    left.name = format!("own-{}", volume.name);
    left.labels = volume.labels.clone();
    left.mounts = mounts(&volume);
    bench.server.create_container(&left).await.unwrap();
    assert_eq!(bench.server.volumes().create_volume(&volume).await.unwrap(), Created::Adopted);
    assert_eq!(bench.server.inspect_container(&left.name).await.unwrap(), None);
    bench.server.create_container(&left).await.unwrap();
    bench.server.volumes().remove_volume(&volume.name, bench.fleet).await.unwrap();
    assert_eq!(bench.server.volumes().inspect_volume(&volume.name).await.unwrap(), None);
    bench.clean().await;
}
