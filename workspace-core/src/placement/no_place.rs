//! What to say when no server can take a request.

use crate::error::{Error, ErrorKind};
use crate::model::Availability;
use crate::placement::{
    Ask, Ledger, NearMiss, PlacementRequest, PlacementStrategy, Refusals, ServerView, may_schedule,
};
use crate::resources::{Dimension, Resources};

/// The error for a request that no server can take: the first that is true of the fleet. None is healthy; none is open
/// for new work; the required server cannot; none has so much; the nearest is short; or the reasons, counted.
pub(super) fn no_place(
    strategy: &dyn PlacementStrategy,
    ledger: &Ledger,
    request: &PlacementRequest,
    ask: &Ask,
    refusals: Refusals,
) -> Error {
    let healthy = || ledger.servers().filter(|server| server.availability() == Availability::Healthy);
    if healthy().next().is_none() {
        let error = Error::new(ErrorKind::NoHealthyServers, format!("none of {} servers is healthy", ledger.len()));
        return error.hint("register a server, or see last_error of the servers").rejections(refusals.listed);
    }
    let full = |message: String, hint: &str, refusals: Refusals| {
        Error::new(ErrorKind::InsufficientCapacity, message).hint(hint).rejections(refusals.listed)
    };
    let is_open = |server: &ServerView<'_>| may_schedule(server.availability(), server.scheduling(), false).is_ok();
    let mut open = healthy().filter(is_open).peekable();
    let required = ask.named().filter(|_| request.required).and_then(|key| {
        let named = ledger.server(key)?;
        let rejection = named.refusal(ask)?.rejection(&named, request, strategy);
        Some(format!("{} is required and cannot take it: {}", rejection.server, rejection.detail))
    });
    if let Some(message) = required {
        return full(message, "make room there, or do not require that server", refusals);
    }
    if open.peek().is_none() {
        let count = healthy().count();
        let message = format!("none of {count} healthy servers takes new work: {}", counted(&refusals));
        return full(message, "uncordon a server, or register another", refusals);
    }
    let best = open.fold(Resources::default(), |best, server| best.zip(server.free(), u64::max));
    let message = match (request.resources.first_over(&best), &refusals.nearest) {
        (Some(dimension), _) => format!(
            "no server has room: {dimension}: needs {} {unit}, the best server has {} free",
            request.resources.get(dimension),
            best.get(dimension),
            unit = dimension.unit()
        ),
        (None, Some(nearest)) => format!("no server has room; the nearest is {}", missing(nearest)),
        (None, None) => format!("no server can take the request: {}", counted(&refusals)),
    };
    full(message, "ask for less, loosen the labels, or stop something that runs", refusals)
}

/// `ws-7: memory: needs 4096 MiB, 1024 MiB free`.
fn missing(nearest: &NearMiss) -> String {
    let short = nearest.short.iter().map(|(dimension, needs, free): &(Dimension, u64, u64)| {
        format!("{dimension}: needs {needs} {unit}, {free} free", unit = dimension.unit())
    });
    format!("{}: {}", nearest.server, short.collect::<Vec<_>>().join("; "))
}

/// `400 labels, 12 cordoned`, the most frequent first.
fn counted(refusals: &Refusals) -> String {
    let mut counts: Vec<_> = refusals.counts.iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    counts.iter().map(|(code, count)| format!("{count} {code}")).collect::<Vec<_>>().join(", ")
}
