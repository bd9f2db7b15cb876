//! One database, one size of fleet, one number of callers: one by one and together.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Mutex;
use workspace_fleet::ServerSpec;
use workspace_fleet::environment::Environment;
use workspace_fleet::error::Result;
use workspace_fleet::id::{MasterId, ServerId};
use workspace_fleet::model::{Fence, ServerRecord};
use workspace_fleet::port::{Change, StateStore, Write};
use workspace_fleet::resources::Resources;

use super::change::{AMOUNT, Shape};
use super::drive::{Driven, Load, Way, drive};
use super::place::{Database, Place};
use crate::fleet::broken;
use crate::quantile::quantile_ms;

/// How much is measured: callers at once and servers, and how long each way may take.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// Callers at once.
    pub waiting: usize,
    /// Servers.
    pub servers: usize,
    /// Whether each change is all that a create records; else it is a claim alone.
    pub creates: bool,
    /// At most so long, each way.
    pub limit: Duration,
}

/// What was measured.
#[derive(Clone, Debug)]
pub struct Figures {
    database: Database,
    scale: Scale,
    together: Driven,
    one_by_one: Driven,
    one_at_a_time: Driven,
    over_committed: usize,
}

/// How changes are committed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    Together,
    /// Each in a transaction of its own, as many at once as there are connections.
    OneByOne,
    /// Each in a transaction of its own, one after the other.
    OneAtATime,
}

/// Measures every manner on a fresh state each.
///
/// # Errors
/// When the database fails, or a claim is answered as none should be.
pub async fn measure(database: Database, scale: Scale) -> Result<Figures> {
    let (one_at_a_time, first_over) = run(database, scale, Manner::OneAtATime).await?;
    let (one_by_one, second_over) = match database {
        Database::Sqlite => (one_at_a_time.clone(), 0),
        Database::Postgres => run(database, scale, Manner::OneByOne).await?,
    };
    let (together, third_over) = run(database, scale, Manner::Together).await?;
    let over_committed = first_over + second_over + third_over;
    Ok(Figures { database, scale, together, one_by_one, one_at_a_time, over_committed })
}

async fn run(database: Database, scale: Scale, manner: Manner) -> Result<(Driven, usize)> {
    let place = Place::new(database).await?;
    let shape = if scale.creates { Shape::Create } else { Shape::Claim };
    let changes = match (manner, scale.waiting) {
        (Manner::Together, 64..) => 60 * scale.waiting,
        (_, waiting) => (4 * waiting).max(400),
    };
    // Few servers fill up: the last claims are refused.
    let room = if scale.servers < 100 { changes * 9 / 10 / scale.servers } else { changes };
    let env = Environment::system();
    let fence = place.store.acquire_lease(&MasterId::new("bench"), Duration::from_hours(1)).await?.fence;
    let servers = Arc::new(register(&*place.store, &env, &fence, scale.servers, room).await?);
    let lanes =
        |stores: Vec<Arc<dyn StateStore>>| Way::OneByOne(Arc::new(stores.into_iter().map(Mutex::new).collect()));
    let way = match manner {
        Manner::Together => Way::Together(Arc::clone(&place.store)),
        Manner::OneByOne => lanes(place.apart().await?),
        Manner::OneAtATime => lanes(vec![Arc::clone(&place.store)]),
    };
    let load = Load { shape, fence, servers, waiting: scale.waiting, changes, limit: scale.limit };
    let driven = drive(&way, &load).await?;
    Ok((driven, over_committed(&*place.store).await?))
}

/// Registers servers with room for so many holders each.
pub(super) async fn register(
    store: &dyn StateStore,
    env: &Environment,
    fence: &Fence,
    servers: usize,
    room: usize,
) -> Result<Vec<ServerId>> {
    let room = u64::try_from(room).unwrap_or(u64::MAX);
    let times = |amount: u64, _| amount.saturating_mul(room);
    let records: Vec<_> = (0..servers)
        .map(|number| {
            ServerRecord::new(
                ServerId::from_uuid(env.uuid()),
                ServerSpec::new(format!("ws-{number}"), "sim://"),
                AMOUNT.zip(Resources::default(), times),
                env.now(),
            )
        })
        .collect();
    let insert = |record: &ServerRecord| Change::by(fence).with(Write::InsertServer(record.clone()));
    let changes: Vec<_> = records.iter().map(insert).collect();
    if store.commit(&changes).await?.iter().any(Result::is_err) {
        return Err(broken("the servers could not be registered"));
    }
    Ok(records.into_iter().map(|record| record.id).collect())
}

/// Servers that hold more than they may, or something else than their reservations add up to.
pub(super) async fn over_committed(store: &dyn StateStore) -> Result<usize> {
    let mut wrong = 0;
    for server in store.servers().await? {
        let live = store.reservations(server.record.id, false).await?;
        let sum = live.iter().fold(Resources::default(), |sum, held| sum.plus(held.resources));
        wrong += usize::from(sum != server.reserved || sum.first_over(&server.record.limits()).is_some());
    }
    Ok(wrong)
}

impl Driven {
    /// Granted claims in a second.
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    fn rate(&self) -> f64 {
        self.granted as f64 / self.wall.as_secs_f64().max(1e-9)
    }
}

impl Figures {
    /// The head of the table that [`Figures::row`] fills.
    pub const HEAD: &str = "store     shape   servers waiting    granted/s   p50 ms   p99 ms  refused  16 conns/s  times  one at a time/s   p50 ms  times  over";

    /// As people read it.
    pub fn row(&self) -> String {
        let (together, apart, single) = (&self.together, &self.one_by_one, &self.one_at_a_time);
        format!(
            "{:<9} {:<7} {:>7} {:>7} {:>12.0} {:>8.2} {:>8.2} {:>8} {:>11.0} {:>6.1} {:>16.0} {:>8.2} {:>6.1} {:>5}",
            self.database.name(),
            self.shape().name(),
            self.scale.servers,
            self.scale.waiting,
            together.rate(),
            quantile_ms(&together.times, 0.5),
            quantile_ms(&together.times, 0.99),
            together.refused,
            apart.rate(),
            together.rate() / apart.rate(),
            single.rate(),
            quantile_ms(&single.times, 0.5),
            together.rate() / single.rate(),
            self.over_committed,
        )
    }

    /// As the machine reads it.
    pub fn json(&self) -> Value {
        let nanos = |driven: &Driven, share| (quantile_ms(&driven.times, share) * 1e6).round();
        json!({
            "bench": "durable_claim",
            "store": self.database.name(),
            "shape": self.shape().name(),
            "servers": self.scale.servers,
            "waiting": self.scale.waiting,
            "strategy": "group_commit",
            "ops_per_second": self.together.rate().round(),
            "p50_ns": nanos(&self.together, 0.5),
            "p99_ns": nanos(&self.together, 0.99),
            "refusals": self.together.refused,
            "baseline_ops_per_second": self.one_at_a_time.rate().round(),
            "baseline_p50_ns": nanos(&self.one_at_a_time, 0.5),
            "baseline_all_connections_ops_per_second": self.one_by_one.rate().round(),
            "over_committed": self.over_committed,
        })
    }

    const fn shape(&self) -> Shape {
        if self.scale.creates { Shape::Create } else { Shape::Claim }
    }
}
