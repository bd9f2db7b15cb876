//! Networks on real Engines.
#![expect(clippy::unwrap_used, reason = "what is not there fails the test")]

use tokio::time::timeout;
use workspace_core::error::ErrorKind;
use workspace_core::id::FleetId;
use workspace_core::model::ServerSpec;
use workspace_core::port::{Created, NetworkSpec};

use crate::common::{Bench, NETWORKS, PATIENCE, new_id, plain_spec, specs};

#[tokio::test]
async fn a_network_is_made_once_adopted_and_removed() {
    for spec in specs() {
        let bench = Bench::plain(spec).await;
        let spec = bench.network();
        assert_eq!(bench.server.create_network(&spec).await.unwrap(), Created::New);
        assert_eq!(bench.server.create_network(&spec).await.unwrap(), Created::Adopted);
        let mut other = spec.clone();
        other.labels.subject = new_id();
        assert_eq!(bench.server.create_network(&other).await.unwrap_err().kind(), ErrorKind::ForeignObject);
        let stranger = FleetId::from_uuid(new_id());
        let error = bench.server.remove_network(&spec.name, stranger).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ForeignObject);
        let listed = bench.server.list_networks(bench.fleet).await.unwrap();
        assert_eq!(listed.len(), 1);
        assert_eq!((listed[0].name.as_str(), listed[0].labels.as_ref()), (spec.name.as_str(), Some(&spec.labels)));
        bench.server.remove_network(&spec.name, bench.fleet).await.unwrap();
        bench.server.remove_network(&spec.name, bench.fleet).await.unwrap();
        assert!(bench.server.list_networks(bench.fleet).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn addresses_that_are_taken_are_told_clearly() {
    let bench = Bench::plain(plain_spec()).await;
    bench.server.create_network(&bench.network()).await.unwrap();
    let error = bench.server.create_network(&bench.network()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NetworkTaken, "{}", error.chain());
    assert!(error.next_step().unwrap().contains("network_cidr"));
    bench.clean().await;

    let small = Bench::plain(ServerSpec { network_cidr: Some("10.199.0.0/27".to_owned()), ..plain_spec() }).await;
    let mut spec = small.network();
    spec.slot = 2;
    assert_eq!(small.server.create_network(&spec).await.unwrap_err().field(), Some("network_cidr"));
}

#[tokio::test]
async fn a_network_in_use_stays_and_its_containers_do_not_meet() {
    let bench = Bench::plain(plain_spec()).await;
    let network = bench.network();
    bench.server.create_network(&network).await.unwrap();
    let mut first = bench.container("httpd -f -p 8000 -h /tmp");
    first.network = Some(network.name.clone());
    bench.run(&first).await;
    let error = bench.server.remove_network(&network.name, bench.fleet).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{}", error.chain());
    // The gateway has the first address of the network and the first container the second.
    let subnet: std::net::Ipv4Addr = NETWORKS.split_once('/').unwrap().0.parse().unwrap();
    let address = std::net::Ipv4Addr::from(u32::from(subnet) + network.slot * 16 + 2);
    let mut second = bench.container(&format!("nc -w 2 {address} 8000 </dev/null; echo $?"));
    second.network = Some(network.name);
    bench.run(&second).await;
    assert_eq!(bench.output(&second.name).await.0.trim(), "1", "one container reached another");
    bench.clean().await;
}

/// Two networks of one name. Old Engines make the second one, new ones find the first.
async fn twice(bench: &Bench) -> [NetworkSpec; 2] {
    let (first, mut second) = (bench.network(), bench.network());
    second.name.clone_from(&first.name);
    second.labels = first.labels.clone();
    second.slot ^= 1;
    bench.server.create_network(&first).await.unwrap();
    bench.server.create_network(&second).await.unwrap();
    [first, second]
}

/// An Engine that is slow makes the network of a call that was given up after another was made in its place.
#[tokio::test]
async fn of_two_networks_of_one_name_one_is_left() {
    for spec in specs() {
        let bench = Bench::plain(spec).await;
        let [first, second] = twice(&bench).await;
        let mut container = bench.container("sleep 60");
        container.network = Some(first.name.clone());
        bench.run(&container).await;
        let names = bench.server.list_networks(bench.fleet).await.unwrap();
        assert_eq!(names.iter().filter(|network| network.name == first.name).count(), 1, "{names:?}");

        bench.server.remove_container(&container.name, bench.fleet).await.unwrap();
        bench.server.create_network(&second).await.unwrap();
        bench.server.create_network(&first).await.unwrap();
        bench.server.remove_network(&first.name, bench.fleet).await.unwrap();
        assert!(bench.server.list_networks(bench.fleet).await.unwrap().is_empty(), "all of the name are removed");
    }
}

/// The first start fails and takes what was attached before it along.
#[tokio::test]
async fn input_reaches_a_program_whose_network_was_made_twice() {
    for spec in specs() {
        let bench = Bench::plain(spec).await;
        let [network, _] = twice(&bench).await;
        let mut container = bench.container("cat; echo done");
        container.open_stdin = true;
        container.network = Some(network.name.clone());
        bench.server.create_container(&container).await.unwrap();
        bench.server.start_container(&container.name, Some("line\n".into())).await.unwrap();
        let (stdout, _) = timeout(PATIENCE, bench.output(&container.name)).await.expect("it has all of its input");
        assert_eq!(stdout, "line\ndone\n");
        bench.server.remove_container(&container.name, bench.fleet).await.unwrap();
        bench.server.remove_network(&network.name, bench.fleet).await.unwrap();
        bench.clean().await;
    }
}
