//! The one way to write: changes, each atomic by itself.

use uuid::Uuid;

use crate::clock::Timestamp;
use crate::event::{Event, NewEvent};
use crate::id::{JobId, ProjectId, ServerId, SessionId, SnapshotId, TokenId, WorkspaceId};
use crate::model::{
    AuditEntry, Desired, Fence, IdempotencyRecord, Job, Observed, Project, ReservationPart, ServerObservation,
    ServerRecord, Session, Snapshot, Status, Token, Workspace,
};
use crate::resources::{Dimension, Resources};

/// What happens together or not at all: its writes, in order.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// The master that writes; refused with [`Refused::Fenced`] unless this is its current epoch.
    pub fence: Option<Fence>,
    /// What to write.
    pub writes: Vec<Write>,
}

impl Change {
    /// A change by a master.
    pub fn by(fence: &Fence) -> Self {
        Self { fence: Some(fence.clone()), writes: Vec::new() }
    }

    /// Adds a write.
    #[must_use]
    pub fn with(mut self, write: Write) -> Self {
        self.writes.push(write);
        self
    }

    /// Adds several writes.
    #[must_use]
    pub fn with_all(mut self, writes: impl IntoIterator<Item = Write>) -> Self {
        self.writes.extend(writes);
        self
    }
}

/// One write. Each says when it is refused; a refusal undoes the whole change.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Write {
    /// Registers a server. Refused: [`Refused::NameTaken`].
    InsertServer(ServerRecord),
    /// Replaces a server's record and counts its revision up. Refused: `NotFound`, `Stale`, `NameTaken`.
    UpdateServer {
        /// The new record; its `revision` is ignored.
        record: ServerRecord,
        /// The revision that the edit was made against.
        expected: u64,
    },
    /// Records what a probe told. Refused: `NotFound`.
    ObserveServer {
        /// The server.
        id: ServerId,
        /// What was seen.
        observation: ServerObservation,
    },
    /// Forgets a server. Refused: `NotFound`; `InUse` unless it is cordoned (or draining) and has neither live
    /// reservations nor workspaces.
    RemoveServer(ServerId),
    /// Records a project. Refused: `NameTaken`.
    InsertProject(Project),
    /// Replaces a project and counts its revision up. Refused: `NotFound`, `Stale`, `NameTaken`.
    UpdateProject {
        /// The new row; its `revision` is ignored.
        project: Project,
        /// The revision that the edit was made against.
        expected: u64,
    },
    /// Forgets a project; a missing one is forgotten already. Refused: `InUse` while a workspace that is not deleted
    /// has it, or a job that is not finished works on it.
    RemoveProject(ProjectId),
    /// Records a workspace, without a network number: only [`Write::AllotNetwork`] gives one. Refused: `NameTaken`;
    /// `ProjectTaken` when another workspace that is not deleted has the project.
    InsertWorkspace(Box<Workspace>),
    /// Replaces what is wanted of a workspace, but for its network number, and counts its revision up. Refused:
    /// `NotFound` (also for a tombstone), `Stale`, `NameTaken`, `ProjectTaken`.
    DecideWorkspace {
        /// The workspace.
        id: WorkspaceId,
        /// The revision that the decision was made against.
        expected: u64,
        /// What is wanted.
        desired: Box<Desired>,
        /// The transient status to show from now on; `None` leaves it. It clears `error` and `waiting`.
        status: Option<Status>,
        /// Takes the workspace over from its driver, if it is at rest ([`Status::is_settled`]) or its driver's lease
        /// has ended.
        driver: Option<Fence>,
        /// When.
        at: Timestamp,
    },
    /// Replaces what was seen of a workspace. Refused: `NotFound`, also when it would bring a tombstone back; `Fenced`
    /// unless the change's fence is the workspace's driver; `Stale` when the revision is not the one that the driver
    /// looked at.
    ObserveWorkspace {
        /// The workspace.
        id: WorkspaceId,
        /// The revision that the driver looked at.
        expected: u64,
        /// What was seen.
        observed: Observed,
        /// When.
        at: Timestamp,
    },
    /// Makes the change's fence the driver of a workspace. Refused: `NotFound`; `Fenced` while another master's
    /// lease, or a later epoch of this one, holds it.
    AdoptWorkspace(WorkspaceId),
    /// Holds capacity. A holder that has the part on this server already keeps what it has: a repeated claim is one
    /// claim. Refused: `InUse` when the holder has the part on another server; `ServerClosed` unless the server's
    /// scheduling is active (a forced claim skips this) and when there is no such server; `Capacity`.
    Reserve {
        /// Where.
        server: ServerId,
        /// For whom.
        holder: Uuid,
        /// For what.
        part: ReservationPart,
        /// How much.
        resources: Resources,
        /// Whether a cordoned server will do: what has its data there must start there.
        even_if_cordoned: bool,
    },
    /// Gives back what a holder holds of a part; nothing held is nothing done.
    Release {
        /// For whom it was held.
        holder: Uuid,
        /// For what.
        part: ReservationPart,
    },
    /// Gives a workspace the first free number of the server's network range from `from` on, beginning anew at 0 after
    /// the last ([`Outcome::network_slot`]), and writes it into the workspace's row without counting its revision up; a
    /// workspace that has one on this server keeps it, one on another server is given back. Refused: `NotFound` (also
    /// for a tombstone); `Capacity` without a dimension when the 4,096 numbers are used up.
    AllotNetwork {
        /// Where.
        server: ServerId,
        /// For whom.
        workspace: WorkspaceId,
        /// Where to begin to look: numbers before it may be in use by others than this fleet.
        from: u32,
    },
    /// Gives a workspace's network number back; none held is nothing done.
    FreeNetwork(WorkspaceId),
    /// Records an event under the next number of its parent.
    Append(NewEvent),
    /// Records an entry of the audit log; one whose id is known is recorded already.
    Audit(AuditEntry),
    /// Records a job. Refused: `ProjectBusy` when it writes and another writing job of the project is not finished;
    /// `InUse` when its session has a job that is not finished; `NameTaken` when the id is known.
    InsertJob(Box<Job>),
    /// Replaces a job but for its `cancel`, which stays once it is set, and counts its revision up. Refused:
    /// `NotFound`; `Stale`; `Fenced` unless the change's fence is the job's driver.
    UpdateJob {
        /// The new row; its `revision` is ignored.
        job: Box<Job>,
        /// The revision that the driver looked at.
        expected: u64,
    },
    /// Wants a job ended and counts its revision up; a finished one is ended already. Refused: `NotFound`.
    CancelJob(JobId),
    /// Makes the change's fence the driver of a job. Refused as [`Write::AdoptWorkspace`].
    AdoptJob(JobId),
    /// Records a session.
    InsertSession(Session),
    /// Forgets a session with its events; a missing one is forgotten already. Refused: `InUse` while a job of it is
    /// not finished.
    RemoveSession(SessionId),
    /// Records a snapshot, or replaces its row.
    PutSnapshot(Box<Snapshot>),
    /// Forgets a snapshot; a missing one is forgotten already.
    RemoveSnapshot(SnapshotId),
    /// Records a token.
    InsertToken(Token),
    /// Revokes a token; a revoked one is revoked already. Refused: `NotFound`.
    RevokeToken {
        /// Which.
        id: TokenId,
        /// When.
        at: Timestamp,
    },
    /// Remembers the answer to a request. Refused: [`Refused::Remembered`] when the key is known.
    Remember(IdempotencyRecord),
    /// Forgets what is past the horizon.
    Prune(Horizon),
}

/// What need not be known any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Horizon {
    /// Events from before, oldest first: the numbers of those that stay have no holes. The last event of a parent
    /// stays, and those of sessions, which go with their session.
    pub events: Timestamp,
    /// Entries of the audit log from before.
    pub audit: Timestamp,
    /// Remembered answers from before.
    pub answers: Timestamp,
    /// Reservations that were released so many changes of their server's ledger ago: what was held after any of the
    /// changes since can still be added up.
    pub ledger_changes: u64,
}

impl Horizon {
    /// Before everything.
    pub const NOTHING: Self = Self {
        events: Timestamp::from_micros(0),
        audit: Timestamp::from_micros(0),
        answers: Timestamp::from_micros(0),
        ledger_changes: u64::MAX,
    };
}

/// What a change gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// The recorded events with their numbers, in order.
    pub events: Vec<Event>,
    /// The number that [`Write::AllotNetwork`] gave.
    pub network_slot: Option<u32>,
}

/// Why a change was refused. Nothing of it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// The row does not exist.
    NotFound,
    /// The name is taken.
    NameTaken,
    /// The project belongs to another workspace.
    ProjectTaken,
    /// The edit was made against another revision.
    Stale {
        /// The revision that the row has.
        current: u64,
    },
    /// Another writing job works on the project.
    ProjectBusy,
    /// Another epoch or master holds the right to this.
    Fenced,
    /// The server takes no new work.
    ServerClosed,
    /// The server has no room.
    Capacity {
        /// In which dimension first; `None` when it is out of network numbers.
        dimension: Option<Dimension>,
    },
    /// Something still holds on to it.
    InUse,
    /// The idempotency key is known.
    Remembered(IdempotencyRecord),
}
