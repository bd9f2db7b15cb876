//! The labels that say whose an object on a server is.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::id::FleetId;

/// What an object on a server is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    /// The container, or the network, of a workspace.
    Workspace,
    /// The volume of a project's copy, or what prepares it.
    Project,
    /// The volume of what is kept beside a copy so that its next snapshot takes less: nothing that could not go.
    Cache,
    /// The container of a job.
    Job,
    /// What carries the worker program.
    Worker,
}

impl ObjectKind {
    const ALL: [Self; 5] = [Self::Workspace, Self::Project, Self::Cache, Self::Job, Self::Worker];

    /// The value of the label `fleet.kind`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Workspace => "workspace",
            Self::Project => "project",
            Self::Cache => "cache",
            Self::Job => "job",
            Self::Worker => "worker",
        }
    }
}

/// Whose an object is: written as labels at its making and compared before it is adopted or removed.
///
/// Labels of a version that is not ours read as `None`: such an object is left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectLabels {
    /// The fleet that made it.
    pub fleet: FleetId,
    /// What it is.
    pub kind: ObjectKind,
    /// The workspace, project or job that it belongs to; nil for the worker's.
    pub subject: Uuid,
    /// The generation of the subject.
    pub generation: u64,
    /// Hash of the specification that it was made from; empty where nothing can differ.
    pub spec_hash: String,
}

/// The version of the labels below; unknown versions are never touched.
const VERSION: &str = "1";

impl ObjectLabels {
    /// The label by which a server lists what is ours.
    pub const FLEET: &'static str = "fleet.id";

    /// As they are written on the object.
    pub fn to_map(&self) -> BTreeMap<String, String> {
        BTreeMap::from([
            ("fleet.version".to_owned(), VERSION.to_owned()),
            (Self::FLEET.to_owned(), self.fleet.to_string()),
            ("fleet.kind".to_owned(), self.kind.name().to_owned()),
            ("fleet.subject".to_owned(), self.subject.to_string()),
            ("fleet.generation".to_owned(), self.generation.to_string()),
            ("fleet.spec".to_owned(), self.spec_hash.clone()),
        ])
    }

    /// As they are read from an object; `None` when they are absent, incomplete or of another version.
    pub fn from_map<'a>(label: impl Fn(&str) -> Option<&'a str>) -> Option<Self> {
        if label("fleet.version")? != VERSION {
            return None;
        }
        let kind = label("fleet.kind")?;
        Some(Self {
            fleet: label(Self::FLEET)?.parse().ok()?,
            kind: ObjectKind::ALL.into_iter().find(|known| known.name() == kind)?,
            subject: Uuid::try_parse(label("fleet.subject")?).ok()?,
            generation: label("fleet.generation")?.parse().ok()?,
            spec_hash: label("fleet.spec")?.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_and_read_back_and_strangers_left_alone() {
        let labels = ObjectLabels {
            fleet: FleetId::from_uuid(Uuid::from_u128(1)),
            kind: ObjectKind::Project,
            subject: Uuid::from_u128(2),
            generation: 3,
            spec_hash: "abc".to_owned(),
        };
        let mut map = labels.to_map();
        assert_eq!(ObjectLabels::from_map(|name| map.get(name).map(String::as_str)), Some(labels));
        map.insert("fleet.version".to_owned(), "2".to_owned());
        assert_eq!(ObjectLabels::from_map(|name| map.get(name).map(String::as_str)), None);
    }
}
