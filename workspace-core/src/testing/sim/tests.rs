//! The simulated servers follow the rules of their ports, where nothing goes wrong.
//!
//! Left out are the rules whose containers need a shell with signals, and those of links and process trees.

use std::sync::Arc;

use super::{FaultPlan, SimPool, World};
use crate::clock::Timestamp;
use crate::id::{FleetId, ServerId};
use crate::model::{ServerRecord, ServerSpec};
use crate::port::{Channel, ContainerSpec, ImageRef, ObjectKind, ObjectLabels, Server, ServerPool};
use crate::resources::Resources;
use crate::testing::conformance::channel::{exec, files};
use crate::testing::conformance::server::{Subject, channels, containers, labels, logs, networks, pool};
use crate::testing::conformance::volume_store;

struct Rig {
    world: Arc<World>,
    pool: SimPool,
    record: ServerRecord,
    subject: Subject,
}

fn rig() -> Rig {
    let world = World::new(1, FaultPlan::none());
    let totals = Resources { cpu_millis: 4_000, memory_mib: 4_096, disk_gib: 10, slots: 10, gpus: 0 };
    world.add_server("one", totals, &["base"], &[]);
    let env = world.environment();
    let record = ServerRecord::new(
        ServerId::from_uuid(env.uuid()),
        ServerSpec::new("one", "sim://one"),
        totals,
        Timestamp::default(),
    );
    let subject = Subject::new(FleetId::from_uuid(env.uuid()), ImageRef::new("base"));
    Rig { pool: SimPool::new(&world), world, record, subject }
}

async fn connected(rig: &Rig) -> Arc<dyn Server> {
    rig.pool.connect(&rig.record, rig.subject.fleet).await.unwrap()
}

/// A channel into a new container that runs.
async fn open(server: &dyn Server, rig: &Rig) -> Arc<dyn Channel> {
    let subject = rig.world.environment().uuid();
    let fleet = rig.subject.fleet;
    let labels = ObjectLabels { fleet, kind: ObjectKind::Workspace, subject, generation: 1, spec_hash: String::new() };
    let spec = ContainerSpec::new(format!("ws-{subject}-g1"), rig.subject.image.clone(), labels);
    server.create_container(&spec).await.unwrap();
    server.start_container(&spec.name, None).await.unwrap();
    server.open_channel(&spec.name).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn servers_follow_the_rules() {
    let rig = rig();
    let subject = &rig.subject;
    pool::a_pool_knows_its_servers(&rig.pool, &rig.record, subject).await;
    pool::impossible_records_are_refused(&rig.pool, &rig.record, subject).await;
    let server = connected(&rig).await;
    let server = server.as_ref();
    pool::probes_tell_what_there_is(server).await;
    containers::making_is_idempotent(server, subject).await;
    containers::many_makers_make_one(server, subject).await;
    containers::starting_is_idempotent(server, subject).await;
    containers::stopping_is_idempotent(server, subject).await;
    containers::removing_is_idempotent(server, subject).await;
    containers::ended_containers_tell_their_code(server, subject).await;
    containers::ended_containers_start_again(server, subject).await;
    containers::missing_programs_do_not_run(server, subject).await;
    containers::missing_containers_are_told(server, subject).await;
    containers::missing_images_are_told(server, subject).await;
    labels::foreign_containers_are_left_alone(server, subject).await;
    labels::another_fleets_containers_stay(server, subject).await;
    labels::lists_have_every_state_and_no_stranger(server, subject).await;
    labels::names_are_checked(server, subject).await;
    logs::logs_are_split_and_kept(server, subject).await;
    logs::tails_have_the_last_lines(server, subject).await;
    networks::networks_are_made_once_and_removed(server, subject).await;
    networks::another_fleets_networks_stay(server, subject).await;
    channels::channels_reach_their_container(server, subject).await;
    channels::channels_need_a_running_container(server, subject).await;
    channels::channels_break_with_their_container(server, subject).await;
    channels::channels_see_the_volume_at_workspace(server, subject).await;
    channels::several_channels_live_side_by_side(server, subject).await;
    assert_eq!(rig.world.violations(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn volumes_follow_the_rules() {
    let rig = rig();
    volume_store::run_all(connected(&rig).await.volumes(), rig.subject.fleet).await;
}

#[tokio::test(start_paused = true)]
async fn channels_follow_the_rules() {
    let rig = rig();
    let server = connected(&rig).await;
    let open = async || open(server.as_ref(), &rig).await;
    exec::missing_programs_are_told(open().await.as_ref()).await;
    files::folders_are_made_on_the_way(open().await.as_ref()).await;
    files::missing_files_are_told(open().await.as_ref()).await;
    files::paths_that_leave_are_refused(open().await.as_ref()).await;
}
