//! Why a server cannot take a request.

use std::fmt;

use crate::placement::may_schedule;
use crate::placement::{PlacementRequest, PlacementStrategy, Rejection, ServerView, Verdict};
use crate::resources::Dimension;

/// The first rule that refuses a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Another server is required.
    NotRequested,
    /// It takes no new work; the code of [`may_schedule`].
    Closed(&'static str),
    /// Its labels are not what the request demands.
    Labels,
    /// There is not enough of this.
    Short(Dimension),
    /// Its row in the store refused this request a moment ago.
    Excluded,
    /// A rule of a strategy refuses it; its code.
    Rule(&'static str),
}

impl Reason {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotRequested => "not_requested",
            Self::Labels => "labels",
            Self::Short(Dimension::Cpu) => "insufficient_cpu",
            Self::Short(Dimension::Memory) => "insufficient_memory",
            Self::Short(Dimension::Disk) => "insufficient_disk",
            Self::Short(Dimension::Slots) => "insufficient_slots",
            Self::Short(Dimension::Gpus) => "insufficient_gpus",
            Self::Excluded => "excluded",
            Self::Closed(code) | Self::Rule(code) => code,
        }
    }

    /// The reason with its numbers.
    pub(super) fn rejection(
        self,
        server: &ServerView<'_>,
        request: &PlacementRequest,
        strategy: &dyn PlacementStrategy,
    ) -> Rejection {
        let detail = match self {
            Self::NotRequested => "another server is required".to_owned(),
            Self::Excluded => "was filled by another request a moment ago".to_owned(),
            Self::Labels => request.labels.first_unmet(server.labels()).unwrap_or_default(),
            Self::Short(dimension) => {
                let (needs, free) = (request.resources.get(dimension), server.free().get(dimension));
                format!("{dimension}: needs {needs} {unit}, {free} free", unit = dimension.unit())
            }
            Self::Closed(_) => {
                let text =
                    may_schedule(server.availability(), server.scheduling(), false).err().map_or("", |(_, text)| text);
                match server.last_error() {
                    Some(error) => format!("{text}: {error}"),
                    None => text.to_owned(),
                }
            }
            Self::Rule(_) => match strategy.admit(*server, request) {
                Verdict::Refuse { detail, .. } => detail,
                Verdict::Admit => String::new(),
            },
        };
        Rejection { server: server.name().to_owned(), code: self.code().to_owned(), detail }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
