//! Several masters on one Postgres at 70 % use: how often one's claim meets another's.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::Mutex;
use uuid::Uuid;
use workspace_fleet::environment::Environment;
use workspace_fleet::error::Result;
use workspace_fleet::id::{MasterId, ServerId};
use workspace_fleet::model::{Availability, Fence, ReservationPart, ServerObservation, StrategyKind};
use workspace_fleet::placement::{FleetView, Ledger, PlacementContext, PlacementRequest, Tolerance, built_in};
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
    strategy: StrategyKind,
    near_equal: u32,
    claims: usize,
    refused: usize,
    over_committed: usize,
    seconds: f64,
}

/// What the callers of one master share: its store, its lease, and the copy of the fleet on which it decides.
struct Master {
    store: Arc<dyn StateStore>,
    fence: Fence,
    books: Mutex<Books>,
    seed: u64,
}

/// The copy of the fleet, and where claims are under way.
#[derive(Default)]
struct Books {
    ledger: Ledger,
    /// With the moment when each was granted: only a read that begins later shows it.
    under_way: Vec<(u64, ServerId, Option<Instant>)>,
}

/// Release one, place one, by every caller of every master, for so long. Each decision is made on rows that were read
/// for it, with what the master's other callers have claimed since; servers that differ from the best by less than
/// `near_equal` thousandths of one dimension are as good. A refused claim is decided again without that server.
///
/// # Errors
/// When the database fails, or a claim is answered as none should be.
pub async fn meet(masters: usize, strategy: StrategyKind, near_equal: u32, time: Duration) -> Result<Meetings> {
    let place = Place::new(Database::Postgres).await?;
    let env = Environment::system();
    let fence = place.store.acquire_lease(&MasterId::new("m-0"), Duration::from_hours(1)).await?.fence;
    let servers = register(&*place.store, &env, &fence, SERVERS, ROOM).await?;
    let probed = ServerObservation { availability: Availability::Healthy, ..ServerObservation::default() };
    let healthy = servers.iter().map(|&id| Write::ObserveServer { id, observation: probed.clone() });
    let mut held = fill(&*place.store, &fence, &servers, healthy).await?;
    let (done, claims, refused) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    let counts = Arc::new((done, claims, refused));
    let mut callers = Vec::new();
    for number in 0..masters {
        let store = place.again().await?;
        let name = MasterId::new(format!("m-{number}"));
        let fence = store.acquire_lease(&name, Duration::from_hours(1)).await?.fence;
        let (books, seed) = (Mutex::new(Books::default()), number as u64);
        let master = Arc::new(Master { store, fence, books, seed });
        for caller in 0..CALLERS {
            let share = held.len() / (CALLERS * masters - number * CALLERS - caller);
            let mine = held.split_off(held.len() - share);
            callers.push(tokio::spawn(churn(Arc::clone(&master), (strategy, near_equal), mine, Arc::clone(&counts))));
        }
    }
    let start = Instant::now();
    tokio::time::sleep(time).await;
    counts.0.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.map_err(|error| broken("a caller ended").source(error))??;
    }
    let (claims, refused) = (counts.1.load(Ordering::Relaxed), counts.2.load(Ordering::Relaxed));
    let over_committed = over_committed(&*place.store).await?;
    Ok(Meetings {
        masters,
        strategy,
        near_equal,
        claims,
        refused,
        over_committed,
        seconds: start.elapsed().as_secs_f64(),
    })
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

async fn churn(
    master: Arc<Master>,
    strategy: (StrategyKind, u32),
    mut held: Vec<Uuid>,
    counts: Arc<(AtomicBool, AtomicUsize, AtomicUsize)>,
) -> Result<()> {
    let env = Environment::system();
    while !counts.0.load(Ordering::Relaxed) {
        let (cursor, holder) = (counts.1.fetch_add(1, Ordering::Relaxed), env.uuid());
        let old = held.swap_remove(cursor % held.len());
        let release = Change::by(&master.fence).with(Write::Release { holder: old, part: PART });
        answer(&master, release).await?.map_err(|refused| broken(format!("a release was refused: {refused:?}")))?;
        let mut request = PlacementRequest { resources: AMOUNT, ..PlacementRequest::default() };
        loop {
            let server = master.decide(strategy, &request, cursor as u64).await?;
            let claimed = answer(&master, Change::by(&master.fence).with(reserve(server, holder))).await?;
            master.end(cursor as u64, claimed.is_ok()).await;
            match claimed {
                Ok(()) => break,
                Err(Refused::Capacity { .. }) => {
                    counts.2.fetch_add(1, Ordering::Relaxed);
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
    /// Decides as the orchestrator does, and notes the claim as under way under its cursor.
    async fn decide(
        &self,
        (strategy, near_equal): (StrategyKind, u32),
        request: &PlacementRequest,
        cursor: u64,
    ) -> Result<ServerId> {
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
        let tolerance = Tolerance {
            thousandths: near_equal,
            seed: self.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(cursor),
        };
        let (ask, cx) = (ledger.prepare(request), PlacementContext { cursor, tolerance });
        let chosen = built_in(strategy).select(FleetView::new(ledger, request, &ask), cx);
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
            "{} masters, {:<8} within {:>4} thousandths: {:>6} claims, {:>5.0}/s, {:>5} refused ({:.3} %), {} over-committed",
            self.masters,
            built_in(self.strategy).name(),
            self.near_equal,
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
            "strategy": built_in(self.strategy).name(),
            "near_equal_thousandths": self.near_equal,
            "ops_per_second": self.rate().round(),
            "conflict_percent": (self.percent() * 1_000.0).round() / 1_000.0,
            "refusals": self.refused,
            "over_committed": self.over_committed,
        })
    }
}
