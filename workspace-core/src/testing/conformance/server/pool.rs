//! Rules of pools.

use std::sync::Arc;

use super::rig::{refused, works};
use super::subject::Subject;
use crate::error::ErrorKind;
use crate::model::{ServerRecord, ServerSpec};
use crate::port::{Server, ServerPool};

/// A connected server is got by its id until it is disconnected; connecting anew and disconnecting twice do no harm.
pub async fn a_pool_knows_its_servers(pool: &dyn ServerPool, record: &ServerRecord, subject: &Subject) {
    assert!(pool.get(record.id).is_none(), "a server that was not connected is not there");
    let server = works("connect", pool.connect(record, subject.fleet).await);
    assert_eq!(server.id(), record.id, "a server has the record's id");
    let got = pool.get(record.id).expect("a connected server is got");
    assert!(Arc::ptr_eq(&got, &server), "what is got is what was connected");
    works("connect again", pool.connect(record, subject.fleet).await);
    assert!(pool.get(record.id).is_some(), "connecting again keeps it connected");
    pool.disconnect(record.id).await;
    pool.disconnect(record.id).await;
    assert!(pool.get(record.id).is_none(), "a disconnected server is not there");
}

/// A record that can never work is refused and named by its field, and is not connected.
pub async fn impossible_records_are_refused(pool: &dyn ServerPool, record: &ServerRecord, subject: &Subject) {
    for endpoint in ["", "no endpoint at all", "gopher://127.0.0.1:70"] {
        let mut record = record.clone();
        record.spec = ServerSpec { endpoint: endpoint.to_owned(), ..record.spec };
        let rule = format!("the endpoint {endpoint:?} can never work");
        let error = refused(&rule, pool.connect(&record, subject.fleet).await, ErrorKind::Invalid);
        assert_eq!(error.field(), Some("endpoint"), "{rule}");
        assert!(pool.get(record.id).is_none(), "{rule}: it is not connected");
    }
}

/// A probe tells what the machine has.
pub async fn probes_tell_what_there_is(server: &dyn Server) {
    let probe = works("probe", server.probe().await);
    let totals = probe.totals;
    assert!(totals.cpu_millis >= 100 && totals.memory_mib >= 16 && totals.slots >= 1, "totals are told: {totals:?}");
    assert!(!probe.engine.is_empty() && !probe.architecture.is_empty(), "engine and architecture are told");
    let told = probe.server_time.expect("the server tells its clock");
    assert!(told.as_micros() > 0, "the server's clock was set");
}
