//! Several masters on one Postgres at 70 % use: how often one's claim meets another's.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::Mutex;
use uuid::Uuid;
use workspace_fleet::environment::Environment;
use workspace_fleet::error::Result;
use workspace_fleet::id::{MasterId, ServerId};
use workspace_fleet::model::{Availability, Fence, ReservationPart, ServerObservation, StrategyKind};
use workspace_fleet::placement::{
    FleetView, Ledger, Part, PlacementContext, PlacementRequest, PlacementStrategy, built_in,
};
use workspace_fleet::port::{Change, Refused, StateStore, Write};

use super::change::AMOUNT;
use super::measure::{over_committed, register};
use super::place::{Database, Place};
use crate::fleet::broken;

/// Holders that each server has room for.
const ROOM: usize = 20;
const SERVERS: usize = 100;
/// Callers of each master.
const CALLERS: usize = 16;
const PART: ReservationPart = ReservationPart::Compute;

/// What was measured.
#[derive(Clone, Debug)]
pub struct Meetings {
    masters: usize,
    way: Choice,
    claims: usize,
    refused: usize,
    over_committed: usize,
    seconds: f64,
}

/// How masters choose.
#[derive(Clone, Copy, Debug)]
pub struct Choice {
    /// The strategy.
    pub strategy: StrategyKind,
    /// Whether they know of each other, as masters do; else each decides as if it were alone.
    pub parted: bool,
}

/// What the callers of one master share: its store, its lease, and the copy of the fleet on which it decides.
struct Master {
    store: Arc<dyn StateStore>,
    fence: Fence,
    strategy: Arc<dyn PlacementStrategy>,
    part: Part,
    books: Mutex<Books>,
    cursor: AtomicU64,
}

/// The copy of the fleet, and where claims are under way.
#[derive(Default)]
struct Books {
    ledger: Ledger,
    /// With the moment when each was granted: only a read that begins later shows it.
    under_way: Vec<(u64, ServerId, Option<Instant>)>,
}

/// What all callers count, and when they end.
#[derive(Default)]
struct Counts {
    done: AtomicBool,
    claims: AtomicUsize,
    refused: AtomicUsize,
}

/// Release one, place one, by every caller of every master, for so long. Each decision is made on rows that were read
/// for it, with what the master's other callers have claimed since. A refused claim is decided again without that
/// server.
///
/// # Errors
/// When the database fails, or a claim is answered as none should be.
pub async fn meet(masters: usize, way: Choice, time: Duration) -> Result<Meetings> {
    let place = Place::new(Database::Postgres).await?;
    let env = Environment::system();
    let fence = place.store.acquire_lease(&MasterId::new("m-0"), Duration::from_hours(1)).await?.fence;
    let servers = register(&*place.store, &env, &fence, SERVERS, ROOM).await?;
    let probed = ServerObservation { availability: Availability::Healthy, ..ServerObservation::default() };
    let healthy = servers.iter().map(|&id| Write::ObserveServer { id, observation: probed.clone() });
    let mut held = fill(&*place.store, &fence, &servers, healthy).await?;
    let counts = Arc::new(Counts::default());
    let mut callers = Vec::new();
    for (number, master) in begin(&place, masters, way).await?.into_iter().enumerate() {
        for caller in 0..CALLERS {
            let share = held.len() / (CALLERS * masters - number * CALLERS - caller);
            let mine = held.split_off(held.len() - share);
            callers.push(tokio::spawn(churn(Arc::clone(&master), mine, Arc::clone(&counts))));
        }
    }
    let start = Instant::now();
    tokio::time::sleep(time).await;
    counts.done.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.map_err(|error| broken("a caller ended").source(error))??;
    }
    let (claims, refused) = (counts.claims.load(Ordering::Relaxed), counts.refused.load(Ordering::Relaxed));
    let over_committed = over_committed(&*place.store).await?;
    Ok(Meetings { masters, way, claims, refused, over_committed, seconds: start.elapsed().as_secs_f64() })
}

/// So many masters, each of which knows what its lease told it when it was renewed.
async fn begin(place: &Place, masters: usize, way: Choice) -> Result<Vec<Arc<Master>>> {
    let (ttl, mut leased) = (Duration::from_hours(1), Vec::new());
    for number in 0..masters {
        let store = place.again().await?;
        let lease = store.acquire_lease(&MasterId::new(format!("m-{number}")), ttl).await?;
        leased.push((store, lease.fence));
    }
    let mut begun = Vec::new();
    for (store, fence) in leased {
        let lease = store.renew_lease(&fence, ttl).await?.ok_or_else(|| broken("a lease was lost"))?;
        let part = if way.parted { Part::among(&fence.master, &lease.masters) } else { Part::WHOLE };
        let (strategy, books) = (built_in(way.strategy), Mutex::new(Books::default()));
        begun.push(Arc::new(Master { store, fence, strategy, part, books, cursor: AtomicU64::new(0) }));
    }
    Ok(begun)
}

/// Claims 70 % of all places, alike on each server.
async fn fill(
    store: &dyn StateStore,
    fence: &Fence,
    servers: &[ServerId],
    first: impl Iterator<Item = Write>,
) -> Result<Vec<Uuid>> {
    let env = Environment::system();
    let holders: Vec<_> = (0..SERVERS * ROOM * 7 / 10).map(|_| env.uuid()).collect();
    let claims = holders.iter().enumerate().map(|(number, &holder)| reserve(servers[number % servers.len()], holder));
    let changes: Vec<_> = first.chain(claims).map(|write| Change::by(fence).with(write)).collect();
    if store.commit(&changes).await?.iter().any(Result::is_err) {
        return Err(broken("the fleet could not be filled"));
    }
    Ok(holders)
}

const fn reserve(server: ServerId, holder: Uuid) -> Write {
    Write::Reserve { server, holder, part: PART, resources: AMOUNT, even_if_cordoned: false }
}

async fn churn(master: Arc<Master>, mut held: Vec<Uuid>, counts: Arc<Counts>) -> Result<()> {
    let env = Environment::system();
    while !counts.done.load(Ordering::Relaxed) {
        let (turn, cursor) = (counts.claims.fetch_add(1, Ordering::Relaxed), master.turn());
        let (old, holder) = (held.swap_remove(turn % held.len()), env.uuid());
        let release = Change::by(&master.fence).with(Write::Release { holder: old, part: PART });
        answer(&master, release).await?.map_err(|refused| broken(format!("a release was refused: {refused:?}")))?;
        let mut request = PlacementRequest { resources: AMOUNT, ..PlacementRequest::default() };
        loop {
            let server = master.decide(&request, cursor).await?;
            let claimed = answer(&master, Change::by(&master.fence).with(reserve(server, holder))).await?;
            master.end(cursor, claimed.is_ok()).await;
            match claimed {
                Ok(()) => break,
                Err(Refused::Capacity { .. }) => {
                    counts.refused.fetch_add(1, Ordering::Relaxed);
                    request.excluded.insert(server);
                }
                Err(other) => return Err(broken(format!("a claim was answered {other:?}"))),
            }
        }
        held.push(holder);
    }
    Ok(())
}

async fn answer(master: &Master, change: Change) -> Result<Result<(), Refused>> {
    let answer = master.store.commit(&[change]).await?.pop();
    Ok(answer.ok_or_else(|| broken("no answer"))?.map(|_| ()))
}

impl Master {
    fn turn(&self) -> u64 {
        self.cursor.fetch_add(1, Ordering::Relaxed)
    }

    /// Decides as the orchestrator does, and notes the claim as under way under its cursor.
    async fn decide(&self, request: &PlacementRequest, cursor: u64) -> Result<ServerId> {
        let read = Instant::now();
        let servers = self.store.servers().await?;
        let mut books = self.books.lock().await;
        let Books { ledger, under_way } = &mut *books;
        ledger.sync(&servers);
        under_way.retain(|(_, _, granted)| granted.is_none_or(|granted| granted >= read));
        for (_, server, _) in under_way.iter() {
            if let Some(key) = ledger.key(*server) {
                let _ = ledger.reserve(key, AMOUNT);
            }
        }
        let cx = PlacementContext { cursor, part: self.part, ..PlacementContext::default() };
        let ask = ledger.prepare(request);
        let chosen = self.strategy.select(FleetView::new(ledger, request, &ask), cx);
        let server = chosen.and_then(|chosen| ledger.server(chosen.server)).map(|server| server.id());
        let server = server.ok_or_else(|| broken("no server has room, at 70 % use"))?;
        under_way.push((cursor, server, None));
        Ok(server)
    }

    async fn end(&self, cursor: u64, granted: bool) {
        let mut books = self.books.lock().await;
        if let Some(index) = books.under_way.iter().position(|(number, _, end)| *number == cursor && end.is_none()) {
            if granted {
                books.under_way[index].2 = Some(Instant::now());
            } else {
                books.under_way.swap_remove(index);
            }
        }
    }
}

impl Meetings {
    /// Refused claims of a hundred.
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    fn percent(&self) -> f64 {
        self.refused as f64 * 100.0 / (self.claims.max(1) as f64)
    }

    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    fn rate(&self) -> f64 {
        self.claims as f64 / self.seconds
    }

    /// As people read it.
    pub fn row(&self) -> String {
        format!(
            "{} masters, {:<20} {:<10}: {:>6} claims, {:>5.0}/s, {:>5} refused ({:.3} %), {} over-committed",
            self.masters,
            self.strategy(),
            if self.way.parted { "" } else { "not parted" },
            self.claims,
            self.rate(),
            self.refused,
            self.percent(),
            self.over_committed
        )
    }

    /// As the machine reads it.
    pub fn json(&self) -> Value {
        json!({
            "bench": "masters",
            "store": "postgres",
            "servers": SERVERS,
            "masters": self.masters,
            "strategy": self.strategy(),
            "parted": self.way.parted,
            "claims": self.claims,
            "ops_per_second": self.rate().round(),
            "conflict_percent": (self.percent() * 1_000.0).round() / 1_000.0,
            "refusals": self.refused,
            "over_committed": self.over_committed,
        })
    }

    fn strategy(&self) -> String {
        built_in(self.way.strategy).name().to_owned()
    }
}
