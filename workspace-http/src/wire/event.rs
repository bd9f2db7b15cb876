//! Events.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use workspace_core::clock::Timestamp;
use workspace_core::event;

/// Something that happened.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Event {
    /// Its number, from 1 and without holes: the `id` of the stream.
    pub(crate) seq: u64,
    /// What kind of thing, such as `workspace.running`: the `event` of the stream.
    pub(crate) kind: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The facts.
    #[schema(value_type = Object)]
    data: Value,
}

impl Event {
    /// What the stream's `data` is: the facts, and when.
    pub(crate) fn facts(self) -> Value {
        let at = Value::String(self.at.to_string());
        match self.data {
            Value::Object(mut facts) => {
                facts.entry("at").or_insert(at);
                Value::Object(facts)
            }
            other => serde_json::json!({ "at": at, "data": other }),
        }
    }
}

impl From<event::Event> for Event {
    fn from(event: event::Event) -> Self {
        Self { seq: event.seq, kind: event.kind, at: event.at, data: event.data }
    }
}
