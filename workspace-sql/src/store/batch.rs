//! Several changes in one transaction, each for itself.

use std::collections::BTreeSet;
use std::sync::Arc;

use workspace_core::error::{Error, ErrorKind, Result};
use workspace_core::port::{Change, Outcome, Refused, Write};

use super::{DEADLINE, Store};
use crate::backend::{Backend, Session};
use crate::cursor::Cursor;
use crate::fault::{Fault, unavailable};
use crate::value::values;
use crate::{joint, locks};

/// So many times a joint run may end early before the changes that are left go one by one: each run looks at all that
/// is left.
const CUTS: usize = 8;

type Answer = Result<Outcome, Refused>;

/// Why changes are not committed together.
enum Parted {
    /// Nothing of them was committed, and one of them alone may be to blame.
    Apart,
    /// The store failed them all; what became of them may be unknown.
    Lost(Error),
}

impl From<Fault> for Parted {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Failed(error) if error.kind() == ErrorKind::StoreUnavailable => Self::Lost(error),
            fault => {
                tracing::debug!(?fault, "changes that cannot be committed together go apart");
                Self::Apart
            }
        }
    }
}

impl<B: Backend> Store<B> {
    /// Commits changes in one transaction, in order. What goes wrong there, but for refusals, parts them in halves,
    /// until the one to blame is alone: its failure is its own.
    pub(super) async fn commit_all(&self, changes: &[Change]) -> Vec<Result<Answer>> {
        let mut answers = Vec::with_capacity(changes.len());
        let mut parts = vec![changes];
        while let Some(part) = parts.pop() {
            if let [change] = part {
                answers.push(self.commit_one(change).await);
                continue;
            }
            let together = tokio::time::timeout(DEADLINE, self.together(part)).await;
            match together.unwrap_or_else(|late| Err(Parted::Lost(unavailable().source(late)))) {
                Ok(together) => answers.extend(together.into_iter().map(Ok)),
                Err(Parted::Apart) => {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([second, first]);
                }
                Err(Parted::Lost(error)) => {
                    let error = Arc::new(error);
                    answers.extend(part.iter().map(|_| Err(unavailable().source(Arc::clone(&error)))));
                }
            }
        }
        answers
    }

    async fn together(&self, changes: &[Change]) -> Result<Vec<Answer>, Parted> {
        let mut session = self.backend.begin().await.map_err(Fault::from)?;
        let mut cursor = Cursor::new(&mut session, self.backend.dialect(), &self.vault);
        match cursor.changes(changes).await {
            Ok(answers) => match session.commit().await.map_err(Fault::from) {
                Ok(()) => Ok(answers),
                Err(Fault::Failed(error)) => Err(Parted::Lost(error)),
                Err(undone) => Err(undone.into()),
            },
            Err(fault) => {
                // The transaction is undone in any case; an error here says nothing new.
                if let Err(error) = session.roll_back().await {
                    tracing::debug!(%error, "a transaction could not be rolled back");
                }
                Err(fault.into())
            }
        }
    }
}

impl<'a, S: Session> Cursor<'a, S> {
    /// Carries changes out up to their commit; a refusal undoes its own change only.
    async fn changes(&mut self, changes: &'a [Change]) -> Result<Vec<Answer>, Fault> {
        let mut fenced = BTreeSet::new();
        for fence in changes.iter().filter_map(|change| change.fence.as_ref()).collect::<BTreeSet<_>>() {
            if !self.hold_fence(fence).await? {
                fenced.insert(fence);
            }
        }
        locks::take_all(self, changes).await?;
        let current = |change: &Change| change.fence.as_ref().is_none_or(|fence| !fenced.contains(fence));
        let mut answers = Vec::with_capacity(changes.len());
        let (mut left, mut cuts) = (changes, 0);
        while let [change, others @ ..] = left {
            let joint = left.iter().take_while(|change| current(change) && joint::is_suited(change)).count();
            if joint > 1 && cuts < CUTS {
                let run = self.joint(left.get(..joint).unwrap_or(left)).await?;
                cuts += usize::from(run.len() < joint);
                if !run.is_empty() {
                    left = left.get(run.len()..).unwrap_or_default();
                    answers.extend(run);
                    continue;
                }
            }
            answers.push(if current(change) { self.one_of_many(change).await? } else { Err(Refused::Fenced) });
            left = others;
        }
        Ok(answers)
    }

    async fn one_of_many(&mut self, change: &'a Change) -> Result<Answer, Fault> {
        let undoable = writes_before_it_refuses(change);
        if undoable {
            self.rows("SAVEPOINT change", values![]).await?;
        }
        self.locked_server = None;
        let done = self.writes(change).await;
        let outcome = std::mem::take(&mut self.outcome);
        let answer = match done {
            Ok(()) => Ok(outcome),
            Err(Fault::Refused(refused)) => Err(refused),
            Err(fault) => return Err(fault),
        };
        if undoable {
            if answer.is_err() {
                self.rows("ROLLBACK TO SAVEPOINT change", values![]).await?;
            }
            self.rows("RELEASE SAVEPOINT change", values![]).await?;
        }
        Ok(answer)
    }
}

/// Whether there may be something to undo when a change is refused. Single writes check first and write then, but
/// for the allotment of a network number, which may have given another one back.
fn writes_before_it_refuses(change: &Change) -> bool {
    change.writes.len() > 1 || matches!(change.writes[..], [Write::AllotNetwork { .. }])
}
