//! A simulated world: servers that outlive every orchestrator, and what goes wrong there.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::clock::{Clock, Timestamp};
use crate::environment::{Environment, SeededEntropy};
use crate::error::{Error, ErrorKind, Result};
use crate::port::ImageRef;
use crate::resources::Resources;
use crate::signal::{Listener, Signal};
use crate::testing::sim::fault::Fate;
use crate::testing::sim::journal::Journal;
use crate::testing::sim::machine::{Container, End, Machine};
use crate::testing::sim::storage::Storage;
use crate::testing::sim::{Dice, Fault, FaultPlan, PortCall, SimClock, law};

/// Simulated servers at endpoints `sim://<name>`, on tokio's clock.
///
/// Make it inside of a `current_thread` runtime whose clock is paused: then everything that happens is decided by the
/// seed. It checks by itself, after every call, what no server may ever see (see [`World::violations`]).
#[derive(Debug)]
pub struct World {
    pub(super) dice: Dice,
    pub(super) clock: SimClock,
    pub(super) journal: Journal,
    plan: FaultPlan,
    faults: AtomicBool,
    machines: Mutex<BTreeMap<String, Machine>>,
    storage: Mutex<Storage>,
    changed: Signal,
}

impl World {
    /// A world without servers in which things go wrong by this plan, from the start.
    pub fn new(seed: u64, plan: FaultPlan) -> Arc<Self> {
        Arc::new(Self {
            dice: Dice::new(seed),
            clock: SimClock::start(),
            journal: Journal::default(),
            plan,
            faults: AtomicBool::new(true),
            machines: Mutex::default(),
            storage: Mutex::default(),
            changed: Signal::default(),
        })
    }

    /// Adds a server; its images are there already, those of its registry can be pulled.
    pub fn add_server(&self, name: &str, totals: Resources, images: &[&str], registry: &[&str]) {
        let machine = Machine::new(totals, images, registry);
        self.machines.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), machine);
    }

    /// Time and randomness for an orchestrator or a store in this world, each with numbers of its own.
    pub fn environment(&self) -> Environment {
        Environment::new(Arc::new(self.clock), Arc::new(SeededEntropy::new(self.dice.number())))
    }

    /// The same for a master, whose clock may be wrong.
    pub(super) fn master_environment(&self) -> Environment {
        let ahead = self.skew(self.plan.master_skew);
        Environment::new(Arc::new(self.clock.ahead(ahead)), Arc::new(SeededEntropy::new(self.dice.number())))
    }

    /// How far a clock is off, in microseconds, at most this much either way.
    fn skew(&self, most: Duration) -> i64 {
        let micros = |duration: Duration| i64::try_from(duration.as_micros()).unwrap_or(0);
        let ahead = micros(self.dice.between(Duration::ZERO, most * 2)) - micros(most);
        if ahead != 0 {
            self.journal.fault(Fault::ClockSkew, None);
        }
        ahead
    }

    /// Puts a server's clock wrong, by ten minutes at most.
    pub fn skew_clock(&self, server: &str) {
        let ahead = self.skew(Duration::from_mins(10));
        self.note(&format_args!("the clock of {server} is {} s ahead", ahead / 1_000_000));
        self.alter(server, |machine| machine.ahead_micros = ahead);
    }

    /// Puts a server's clock ahead.
    pub fn set_clock(&self, server: &str, ahead: Duration) {
        let micros = i64::try_from(ahead.as_micros()).unwrap_or(i64::MAX);
        self.alter(server, |machine| machine.ahead_micros = micros);
    }

    /// Fills a server's disk, or frees it.
    pub fn fill_disk(&self, server: &str, full: bool) {
        if full {
            self.journal.fault(Fault::DiskFull, None);
        }
        self.note(&format_args!("the disk of {server} {}", if full { "is full" } else { "has room" }));
        self.alter(server, |machine| machine.disk_full = full);
    }

    /// Whether things go wrong from now on. What was late already still comes.
    pub fn set_faults(&self, on: bool) {
        self.faults.store(on, Ordering::Relaxed);
    }

    /// What must never happen and did, the first ones first.
    pub fn violations(&self) -> Vec<String> {
        self.journal.pages().violations.clone()
    }

    /// Stands still: requests arrive, and are carried out when it goes on.
    pub fn hang(&self, server: &str, how_long: Duration) {
        self.journal.fault(Fault::Hang, None);
        self.note(&format_args!("{server} hangs for {} s", how_long.as_secs_f64()));
        self.alter(server, |machine| machine.hung_until = Some(Instant::now() + how_long));
    }

    /// Goes down: its programs end, and what was under way is lost.
    pub fn crash(&self, server: &str) {
        self.journal.fault(Fault::Crash, None);
        self.note(&format_args!("{server} goes down"));
        let at = self.now();
        self.alter(server, |machine| {
            (machine.up, machine.hung_until) = (false, None);
            let ours = machine.containers.iter().filter(|(_, one)| !one.is_foreign());
            let running: Vec<_> = ours.map(|(name, one)| (name.clone(), one.run)).collect();
            for (name, run) in running {
                machine.end_by_itself(&name, run, End::exited(137), at);
            }
        });
    }

    /// Goes down, and comes back after a while.
    pub(super) fn bounce(self: &Arc<Self>, server: &str) {
        self.crash(server);
        let back = self.dice.between(Duration::from_secs(2), Duration::from_secs(90));
        let (world, server) = (Arc::clone(self), server.to_owned());
        tokio::spawn(async move {
            sleep(back).await;
            world.heal(&server);
        });
    }

    /// Comes back, whatever was wrong with it. Its programs stay ended.
    pub fn heal(&self, server: &str) {
        self.alter(server, |machine| {
            if !machine.up {
                machine.boot += 1;
            }
            (machine.up, machine.hung_until, machine.disk_full) = (true, None, false);
        });
        self.note(&format_args!("{server} is well"));
    }

    /// Ends the program of a container as if by itself; false when it does not run.
    pub fn end_program(&self, server: &str, container: &str, exit_code: i64) -> bool {
        let ended = self.end_run(server, container, End::exited(exit_code));
        if ended {
            self.journal.fault(Fault::Died, None);
            self.note(&format_args!("{server} {container} ends by itself with {exit_code}"));
        }
        ended
    }

    /// Ends the program of a container as the kernel does for its memory; false when it does not run.
    pub fn end_for_memory(&self, server: &str, container: &str) -> bool {
        let ended = self.end_run(server, container, End { exit_code: 137, out_of_memory: true });
        if ended {
            self.journal.fault(Fault::OutOfMemory, None);
            self.note(&format_args!("{server} {container} is ended for its memory"));
        }
        ended
    }

    fn end_run(&self, server: &str, container: &str, end: End) -> bool {
        let at = self.now();
        let ended = self.alter(server, |machine| {
            let run = machine.containers.get(container).map(|one| one.run)?;
            Some(machine.end_by_itself(container, run, end, at))
        });
        ended.flatten().unwrap_or(false)
    }

    /// Ends and removes a container as somebody else would; false when there is none.
    pub fn remove_behind(&self, server: &str, container: &str) -> bool {
        let at = self.now();
        let removed = self.alter(server, |machine| {
            let run = machine.containers.get(container).map(|one| one.run)?;
            machine.end_by_itself(container, run, End::exited(137), at);
            machine.containers.remove(container)
        });
        let removed = removed.flatten().is_some();
        if removed {
            self.storage(|storage| storage.taken_away(container));
            self.journal.fault(Fault::Removed, None);
            self.note(&format_args!("{server} {container} is removed behind our back"));
        }
        removed
    }

    /// The names of everything that is on a server: containers, networks and volumes, whoever made them.
    pub fn objects(&self, server: &str) -> Vec<String> {
        let names = self.look(server, |machine| {
            let containers = machine.containers.keys();
            containers.chain(machine.networks.keys()).chain(machine.volumes.keys()).cloned().collect()
        });
        names.unwrap_or_default()
    }

    /// Every container of ours that runs, with its server.
    pub fn running(&self) -> Vec<(String, String)> {
        let mut running = Vec::new();
        for server in self.servers() {
            let names = self.look(&server, |machine| {
                let ours = |container: &Container| container.is_running() && !container.is_foreign();
                let running = machine.containers.iter().filter(|(_, container)| ours(container));
                running.map(|(name, _)| name.clone()).collect::<Vec<_>>()
            });
            running.extend(names.into_iter().flatten().map(|name| (server.clone(), name)));
        }
        running
    }

    /// How often programs of this generation of a subject ended by themselves or with their server, and how often of
    /// them for their memory.
    pub(super) fn ends_of(&self, subject: Uuid, generation: u64) -> (u64, u64) {
        let machines = self.machines.lock().unwrap_or_else(PoisonError::into_inner);
        let ends = machines.values().filter_map(|machine| machine.ends.get(&(subject, generation)));
        ends.fold((0, 0), |(all, for_memory), (ends, out_of_memory)| (all + ends, for_memory + out_of_memory))
    }

    /// The names of the servers.
    pub fn servers(&self) -> Vec<String> {
        self.machines.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    /// Looks at the object storage, or changes it.
    pub(super) fn storage<T>(&self, look: impl FnOnce(&mut Storage) -> T) -> T {
        look(&mut self.storage.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn note(&self, line: &dyn fmt::Display) {
        self.journal.note(self.clock.elapsed(), line);
    }

    pub(super) fn violation(&self, what: &dyn fmt::Display) {
        self.journal.violation(self.clock.elapsed(), what);
    }

    /// The plan, while things go wrong.
    pub(super) fn plan(&self) -> Option<&FaultPlan> {
        self.faults.load(Ordering::Relaxed).then_some(&self.plan)
    }

    /// What strikes at this very call.
    pub(super) fn strike(&self, call: PortCall) -> Option<Fault> {
        let rate = self.plan().map(|plan| u64::from(plan.struck)).filter(|&rate| rate > 0)?;
        if self.dice.below(100_000) >= rate * call.weight() {
            return None;
        }
        let faults = [Fault::Killed, Fault::Paused, Fault::Hang, Fault::Crash];
        self.dice.pick(if call.is_of_store() { &faults[..2] } else { &faults }).copied()
    }

    /// What strikes a server at a call; everything else is none of the server's business.
    pub(super) fn strike_server(self: &Arc<Self>, server: &str, strike: Option<Fault>) {
        match strike {
            Some(Fault::Hang) => self.hang(server, self.dice.between(Duration::from_secs(1), Duration::from_secs(100))),
            Some(Fault::Crash) => self.bounce(server),
            _ => {}
        }
    }

    /// Now and then somebody else has the name already that a call is to make.
    pub(super) fn take_name(&self, server: &str, call: PortCall, name: &str) {
        let Some(plan) = self.plan().filter(|plan| plan.foreign > 0 && call.makes()) else { return };
        if !self.dice.chance(plan.foreign) {
            return;
        }
        let taken = self.look(server, |machine| {
            let image = machine.images.iter().next().map(ImageRef::new)?;
            machine.take_name(call, name, &image).then_some(())
        });
        if taken.flatten().is_some() {
            self.journal.fault(Fault::Foreign, Some(call));
            self.note(&format_args!("{server}: somebody else has {name}"));
        }
    }

    /// Throws the dice for a call of a server.
    pub(super) fn fate(&self, call: PortCall, deadline: Duration) -> Fate {
        let fate = Fate::of(&self.dice, self.plan().unwrap_or(&FaultPlan::default()), deadline);
        if let Some(fault) = fate.fault {
            self.journal.fault(fault, Some(call));
        }
        fate
    }

    /// Changes a server and wakes whoever waits for that.
    pub(super) fn alter<T>(&self, server: &str, change: impl FnOnce(&mut Machine) -> T) -> Option<T> {
        let answer = self.look(server, change);
        self.changed.raise();
        answer
    }

    /// Looks at a server.
    pub(super) fn look<T>(&self, server: &str, look: impl FnOnce(&mut Machine) -> T) -> Option<T> {
        let mut machines = self.machines.lock().unwrap_or_else(PoisonError::into_inner);
        machines.get_mut(server).map(look)
    }

    /// Carries something out on a server, and checks what no server may ever see.
    pub(super) fn carry_out<T>(&self, server: &str, act: impl FnOnce(&mut Machine) -> Result<T>) -> Result<T> {
        let (answer, broken) = self
            .alter(server, |machine| {
                let answer = act(machine);
                (answer, law::broken(machine))
            })
            .ok_or_else(|| Error::new(ErrorKind::Unreachable, format!("there is no server {server}")))?;
        for what in broken {
            self.violation(&format_args!("{server}: {what}"));
        }
        answer
    }

    /// Wakes with every change of any server.
    pub(super) fn changes(&self) -> Listener {
        self.changed.listen()
    }
}
