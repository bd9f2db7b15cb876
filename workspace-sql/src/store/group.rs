//! Group commit: what waits while a commit is under way goes together in the next.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::oneshot;
use workspace_core::error::Result;
use workspace_core::port::{Change, Outcome, Refused};

use super::Store;
use crate::backend::Backend;
use crate::fault::unavailable;
use crate::joint::is_suited;

/// At most this many changes share a transaction, unless one call brings more.
const LARGEST: usize = 1_024;

type Answers = Result<Vec<Result<Outcome, Refused>>>;

/// The changes of one call.
#[derive(Debug)]
struct Request {
    changes: Vec<Change>,
    answer: oneshot::Sender<Answers>,
}

/// Calls that wait for their turn.
#[derive(Debug, Default)]
pub(super) struct Queue(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    requests: VecDeque<Request>,
    /// Whether somebody works them off.
    busy: bool,
}

impl Queue {
    /// Whether the caller has to see to it that the queue is worked off.
    fn push(&self, request: Request) -> bool {
        let mut waiting = self.lock();
        waiting.requests.push_back(request);
        !std::mem::replace(&mut waiting.busy, true)
    }

    /// What goes together next; none ends the turn. Callers who gave up are passed over: nothing of theirs is begun.
    fn next(&self) -> Option<Vec<Request>> {
        let mut waiting = self.lock();
        let (mut next, mut changes) = (Vec::new(), 0);
        while let Some(request) = waiting.requests.front() {
            if !next.is_empty() && changes + request.changes.len() > LARGEST {
                break;
            }
            changes += request.changes.len();
            next.extend(waiting.requests.pop_front().filter(|request| !request.answer.is_closed()));
        }
        waiting.busy = !next.is_empty();
        waiting.busy.then_some(next)
    }

    /// Nobody works the queue off any more: who waits is told by the loss of the answer's other end.
    fn abandon(&self) {
        *self.lock() = Waiting::default();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The turn of the one task that works a queue off. Begins with the task and not in it: a runtime may end before.
///
/// It holds the store only while it commits: a store that is dropped or closed after its last answer is gone at once.
struct Turn<B: Backend> {
    store: Weak<Store<B>>,
    ended: bool,
}

impl<B: Backend> Store<B> {
    /// Commits changes together with whatever else waits by then; alone at once.
    ///
    /// The work is done by a task of its own, so that a caller who gives up takes nobody's commit with it.
    pub(crate) async fn commit(self: &Arc<Self>, changes: &[Change]) -> Answers {
        if changes.is_empty() {
            return Ok(Vec::new());
        }
        let (answer, answered) = oneshot::channel();
        if self.queue.push(Request { changes: changes.to_vec(), answer }) {
            let turn = Turn { store: Arc::downgrade(self), ended: false };
            tokio::spawn(turn.work_off());
        }
        answered.await.unwrap_or_else(|ended| Err(unavailable().source(ended)))
    }
}

/// The store when nobody works its queue off any more. What is under way has an end: the deadline of a commit.
pub(crate) async fn at_rest<B: Backend>(mut store: Arc<Store<B>>) -> Store<B> {
    loop {
        match Arc::try_unwrap(store) {
            Ok(store) => return store,
            Err(busy) => store = busy,
        }
        tokio::task::yield_now().await;
    }
}

impl<B: Backend> Turn<B> {
    async fn work_off(mut self) {
        while let Some(store) = self.store.upgrade() {
            let Some(mut requests) = store.queue.next() else { break };
            // Calls at once have no order among them: side by side, suited changes are written together.
            requests.sort_by_key(|request| !request.changes.iter().all(is_suited));
            let (changes, answers): (Vec<_>, Vec<_>) =
                requests.into_iter().map(|request| (request.changes, request.answer)).unzip();
            let lengths: Vec<_> = changes.iter().map(Vec::len).collect();
            let changes: Vec<Change> = changes.into_iter().flatten().collect();
            let mut results = store.commit_all(&changes).await.into_iter();
            drop(store);
            for (length, answer) in lengths.into_iter().zip(answers) {
                // Who gave up meanwhile does not hear what became of it.
                let _ = answer.send(results.by_ref().take(length).collect());
            }
            // Whoever was just answered may have more: they come before the next begins.
            tokio::task::yield_now().await;
        }
        self.ended = true;
    }
}

impl<B: Backend> Drop for Turn<B> {
    fn drop(&mut self) {
        if !self.ended
            && let Some(store) = self.store.upgrade()
        {
            store.queue.abandon();
        }
    }
}
