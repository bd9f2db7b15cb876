//! The way of a request to a simulated server and back, with everything that can go wrong on it.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::error::{Error, ErrorKind, Result};
use crate::testing::sim::fault::Fate;
use crate::testing::sim::machine::{Machine, check_name, no_space};
use crate::testing::sim::{Fault, Gate, PortCall, World};

/// What waits for a server or a master that hangs sees this soon that it is well before its time.
pub(super) const LOOK_AGAIN: Duration = Duration::from_secs(20);

/// The connection to one simulated server. Cheap to clone.
#[derive(Clone)]
pub(super) struct Wire {
    world: Arc<World>,
    server: Arc<str>,
    gate: Arc<Gate>,
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Wire").field(&self.server).finish()
    }
}

/// A request that arrived.
pub(super) struct Arrived {
    pub(super) world: Arc<World>,
    pub(super) server: Arc<str>,
    /// Whether its caller had given up by then.
    pub(super) given_up: bool,
}

impl Arrived {
    /// Carries something out on the server.
    pub(super) fn act<T>(&self, act: impl FnOnce(&mut Machine) -> Result<T>) -> Result<T> {
        self.world.carry_out(&self.server, act)
    }
}

impl Wire {
    pub(super) fn new(world: &Arc<World>, gate: &Arc<Gate>, server: &str) -> Self {
        Self { world: Arc::clone(world), server: server.into(), gate: Arc::clone(gate) }
    }

    pub(super) fn world(&self) -> &Arc<World> {
        &self.world
    }

    pub(super) fn server(&self) -> &str {
        &self.server
    }

    /// Asks the server for something that it does at once.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        call: PortCall,
        subject: &str,
        act: impl FnOnce(&mut Machine) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.request(call, subject, call.deadline(), |arrived| async move { arrived.act(act) }).await
    }

    /// Asks for something about an object; a name that can be none is refused before anything is sent.
    pub(super) async fn ask_of<T: Send + 'static>(
        &self,
        call: PortCall,
        name: &str,
        act: impl FnOnce(&mut Machine, &str) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        check_name(name)?;
        let owned = name.to_owned();
        self.ask(call, name, move |machine| act(machine, &owned)).await
    }

    /// Sends a request and waits for its answer until the deadline. The server works on its own: it does not notice
    /// when the caller is dropped.
    pub(super) async fn request<T, W, F>(&self, call: PortCall, subject: &str, deadline: Duration, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: FnOnce(Arrived) -> F + Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let strike = self.world.strike(call);
        let before = self.world.dice.chance(500);
        self.gate.struck(&self.world, call, strike.filter(|_| before)).await;
        if self.gate.pass().await {
            self.world.journal.fault(Fault::Paused, Some(call));
            // A process that stands still asks for nothing; what its timers asked for is not sent in its stead.
            return Err(self.unreachable("the connection broke"));
        }
        self.world.journal.step(call);
        self.world.strike_server(&self.server, strike.filter(|_| before));
        let fate = self.world.fate(call, deadline);
        let Some(boot) = self.world.look(&self.server, |machine| machine.up.then_some(machine.boot)).flatten() else {
            self.world.journal.fault(Fault::Crash, Some(call));
            sleep(fate.back).await;
            return Err(self.unreachable("it is down"));
        };
        let (answer, answered) = oneshot::channel();
        let sent = Sent { wire: self.clone(), call, subject: subject.to_owned(), fate, boot, answer };
        tokio::spawn(sent.travel(work, strike.filter(|_| !before)));
        let answer = timeout(deadline, answered).await;
        self.gate.struck(&self.world, call, strike.filter(|_| !before)).await;
        if self.gate.pass().await {
            self.world.journal.fault(Fault::Paused, Some(call));
        }
        match answer {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(self.unreachable("the connection broke")),
            Err(_) => Err(Error::new(
                ErrorKind::Timeout,
                format!("server {} took longer than {} s to {call:?}", self.server, deadline.as_secs()),
            )),
        }
    }

    fn unreachable(&self, why: &str) -> Error {
        Error::new(ErrorKind::Unreachable, format!("server {} is not reachable: {why}", self.server))
    }
}

/// A request on its way.
struct Sent<T> {
    wire: Wire,
    call: PortCall,
    subject: String,
    fate: Fate,
    boot: u64,
    answer: oneshot::Sender<Result<T>>,
}

impl<T> Sent<T> {
    /// A strike of the server comes after the request was carried out.
    async fn travel<W, F>(self, work: W, strike: Option<Fault>)
    where
        W: FnOnce(Arrived) -> F,
        F: Future<Output = Result<T>>,
    {
        let Self { wire, call, subject, fate, boot, mut answer } = self;
        if fate.fault == Some(Fault::RequestLost) {
            // The caller hears nothing until its deadline.
            return answer.closed().await;
        }
        sleep(fate.there).await;
        if !wire.taken(call, boot).await {
            return wire.world.journal.fault(Fault::Crash, Some(call));
        }
        if answer.is_closed() && !fate.outlives_caller {
            return;
        }
        let given_up = answer.is_closed();
        let Wire { world, server, .. } = wire;
        world.take_name(&server, call, &subject);
        let result = match refused(&world, &server, call) {
            Some(error) => Err(error),
            None => work(Arrived { world: Arc::clone(&world), server: Arc::clone(&server), given_up }).await,
        };
        if result.as_ref().is_err_and(|error| error.kind() == ErrorKind::DiskFull) {
            world.journal.fault(Fault::DiskFull, Some(call));
        }
        if result.is_err() || !call.only_looks() {
            let end = result.as_ref().err().map_or("ok", |error| error.kind().code());
            let late = if given_up { " after its caller gave up" } else { "" };
            world.note(&format_args!("{server} {call:?} {subject}: {end}{late}"));
        }
        world.strike_server(&server, strike);
        if !wire_is_up(&world, &server, boot) {
            world.journal.fault(Fault::Crash, Some(call));
            return;
        }
        match fate.fault {
            Some(Fault::ReplyLost) => answer.closed().await,
            Some(Fault::Broken) => {}
            _ => {
                sleep(fate.back).await;
                // Nobody listens any more: that is the caller's business.
                let _ = answer.send(result);
            }
        }
    }
}

/// Why a server as it is now refuses a request; what meets the request without refusing it is counted.
fn refused(world: &World, server: &str, call: PortCall) -> Option<Error> {
    let (disk_full, clock_wrong) = world.look(server, |machine| (machine.disk_full, machine.ahead_micros != 0))?;
    if clock_wrong && call.tells_time() {
        world.journal.fault(Fault::ClockSkew, Some(call));
    }
    (disk_full && call.takes_disk() && call != PortCall::CreateContainer).then(no_space)
}

/// Whether the server is still in the life in which the request was sent: a crash cuts its connections.
fn wire_is_up(world: &World, server: &str, boot: u64) -> bool {
    world.look(server, |machine| machine.up && machine.boot == boot).unwrap_or(false)
}

impl Wire {
    /// Waits until the server takes the request; false when it went down in between.
    async fn taken(&self, call: PortCall, boot: u64) -> bool {
        let mut hung = false;
        loop {
            let state = self.world.look(&self.server, |machine| {
                let same = machine.up && machine.boot == boot;
                same.then_some(machine.hung_until.filter(|&until| until > Instant::now()))
            });
            match state.flatten() {
                None => return false,
                Some(None) => return true,
                // Those that waited are taken in any order.
                Some(Some(until)) => {
                    if !std::mem::replace(&mut hung, true) {
                        self.world.journal.fault(Fault::Hang, Some(call));
                    }
                    let after = self.world.dice.between(Duration::ZERO, Duration::from_millis(30));
                    sleep_until(until.min(Instant::now() + LOOK_AGAIN) + after).await;
                }
            }
        }
    }
}
