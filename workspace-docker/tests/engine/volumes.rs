//! Named volumes on real Engines, without the worker.

use workspace_core::error::ErrorKind;
use workspace_core::id::FleetId;
use workspace_core::model::{ServerSpec, StorageKind};
use workspace_core::port::{Created, Mount};

use crate::common::{Bench, new_id, plain_spec, specs};

#[tokio::test]
async fn a_volume_is_made_once_adopted_and_removed() {
    for spec in specs() {
        let bench = Bench::plain(spec).await;
        let volumes = bench.server.volumes();
        let spec = bench.volume();
        assert_eq!(volumes.create_volume(&spec).await.unwrap(), Created::New);
        assert_eq!(volumes.create_volume(&spec).await.unwrap(), Created::Adopted);
        let mut other = spec.clone();
        other.labels.generation = 2;
        assert_eq!(volumes.create_volume(&other).await.unwrap_err().kind(), ErrorKind::ForeignObject);
        let stranger = FleetId::from_uuid(new_id());
        let error = volumes.remove_volume(&spec.name, stranger).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ForeignObject);
        let found = volumes.inspect_volume(&spec.name).await.unwrap().unwrap();
        assert_eq!(found.labels.as_ref(), Some(&spec.labels));
        assert_eq!(volumes.list_volumes(bench.fleet).await.unwrap(), [found]);
        volumes.remove_volume(&spec.name, bench.fleet).await.unwrap();
        volumes.remove_volume(&spec.name, bench.fleet).await.unwrap();
        assert_eq!(volumes.inspect_volume(&spec.name).await.unwrap(), None);
    }
}

#[tokio::test]
async fn data_stays_with_the_volume_and_a_container_holds_it() {
    let bench = Bench::plain(plain_spec()).await;
    let volumes = bench.server.volumes();
    let volume = bench.volume();
    volumes.create_volume(&volume).await.unwrap();
    let mount = Mount { volume: volume.name.clone(), target: "/workspace".to_owned(), read_only: false };
    let mut writer = bench.container("id -u >/workspace/file");
    writer.mounts = vec![mount.clone()];
    bench.run(&writer).await;
    bench.output(&writer.name).await;
    let error = volumes.remove_volume(&volume.name, bench.fleet).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{}", error.chain());
    bench.server.remove_container(&writer.name, bench.fleet).await.unwrap();
    let mut reader = bench.container("cat /workspace/file; echo x 2>/dev/null >/workspace/file || echo read-only");
    reader.mounts = vec![Mount { read_only: true, ..mount }];
    bench.run(&reader).await;
    // Without the worker the image's own /workspace, which belongs to 1000, gave the volume its owner.
    assert_eq!(bench.output(&reader.name).await.0, "1000\nread-only\n");
    bench.clean().await;
}

#[tokio::test]
async fn what_needs_the_worker_says_so() {
    let bench = Bench::plain(plain_spec()).await;
    let volume = bench.volume();
    bench.server.volumes().create_volume(&volume).await.unwrap();
    let error = bench.server.volumes().volume_usage(&volume.name).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WorkerImageMissing);
    bench.clean().await;
    let spec = ServerSpec { storage: StorageKind::Bind("/tmp".to_owned()), ..plain_spec() };
    let bench = Bench::plain(spec).await;
    let volume = bench.volume();
    let error = bench.server.volumes().create_volume(&volume).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WorkerImageMissing);
    assert_eq!(bench.server.volumes().inspect_volume(&volume.name).await.unwrap(), None);
}
