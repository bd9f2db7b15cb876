//! Events of many changes.

use std::collections::BTreeMap;

use uuid::Uuid;
use workspace_core::event::{Event, NewEvent};

use crate::backend::Session;
use crate::change::EVENTS;
use crate::cursor::Cursor;
use crate::fault::Fault;
use crate::value::{json, values};

/// The last numbers after so many more events; as with one, the row of a parent is the lock.
const NEXT: &str = "INSERT INTO @streams AS s (parent, last_seq) SELECT * FROM given WHERE 1 = 1 \
    ON CONFLICT (parent) DO UPDATE SET last_seq = s.last_seq + excluded.last_seq RETURNING parent, last_seq";

impl<S: Session> Cursor<'_, S> {
    /// Records events under the next numbers of their parents, in order.
    pub(super) async fn append_all(&mut self, events: &[&NewEvent]) -> Result<Vec<Event>, Fault> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let mut counts: BTreeMap<Uuid, u64> = BTreeMap::new();
        for event in events {
            *counts.entry(event.parent).or_default() += 1;
        }
        let rows = counts.iter().map(|(parent, count)| values![*parent, *count]).collect();
        let mut next: BTreeMap<Uuid, u64> = BTreeMap::new();
        for mut row in self.with_rows("(parent, last_seq)", rows, NEXT).await? {
            let (parent, last) = (row.id()?, row.count()?);
            next.insert(parent, last - counts.get(&parent).copied().unwrap_or(last));
        }
        let mut numbered = Vec::with_capacity(events.len());
        let mut rows = Vec::with_capacity(events.len());
        for event in events {
            let seq = next.get_mut(&event.parent).ok_or(Fault::Again(None))?;
            *seq += 1;
            rows.push(values![event.parent, *seq, event.at, event.kind.as_str(), json(&event.data)?]);
            numbered.push((*event).clone().numbered(*seq));
        }
        self.insert_rows(EVENTS, rows).await?;
        Ok(numbered)
    }
}
