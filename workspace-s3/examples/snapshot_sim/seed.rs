//! One seed from beginning to end.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use object_store::memory::InMemory;
use uuid::Uuid;
use workspace_core::id::ProjectId;
use workspace_core::port::SyncBackend;
use workspace_core::testing::sim::Dice;
use workspace_s3::{RestoreOptions, SnapshotOptions, SnapshotSync, Storage};

use crate::fate::Fates;
use crate::storage::Line;
use crate::tree::{Picture, change, picture};

/// What came of a seed.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) snapshots: u64,
    pub(crate) requests: u64,
    pub(crate) faults: u64,
    pub(crate) violation: Option<String>,
}

/// A project, its storage, and what is known of it.
struct World {
    place: tempfile::TempDir,
    objects: Arc<InMemory>,
    project: ProjectId,
    /// What each snapshot that was seen was taken of.
    known: BTreeMap<String, Picture>,
    /// Those that a client was told of and that nobody deleted since. Two may be told of the same.
    acknowledged: BTreeSet<String>,
}

/// Runs a seed.
///
/// # Errors
/// Only of the machine that it runs on.
pub(crate) async fn run_seed(seed: u64) -> Result<Report, Box<dyn Error>> {
    let dice = Dice::new(seed);
    let mut world = World {
        place: tempfile::tempdir()?,
        objects: Arc::new(InMemory::new()),
        project: ProjectId::from_uuid(Uuid::from_u64_pair(seed, 1)),
        known: BTreeMap::new(),
        acknowledged: BTreeSet::new(),
    };
    std::fs::create_dir(world.tree())?;
    let mut report = Report::default();
    for generation in 0..4 + dice.below(4) {
        change(&world.tree(), &dice)?;
        // One client, or a second one that nobody told that it was replaced.
        let clients = 1 + u64::from(dice.chance(200));
        let lines: Vec<_> = (0..clients).map(|_| Line::new(&world.objects, Fates::new(&dice))).collect();
        let attempts = lines.iter().map(|line| world.take(line, dice.chance(500), generation));
        let answers = futures::future::join_all(attempts).await;
        for (line, told) in lines.iter().zip(answers) {
            (report.requests, report.faults) = (report.requests + line.requests(), report.faults + line.faults());
            world.acknowledged.extend(told.filter(|_| !line.is_dead()));
        }
        if let Some(violation) = world.check(&mut report).await? {
            report.violation = Some(violation);
            return Ok(report);
        }
        if dice.chance(200)
            && let Some(gone) = world.acknowledged.pop_first()
        {
            world.sync(&Line::new(&world.objects, Fates::NONE))?.delete(&gone).await?;
        }
    }
    Ok(report)
}

impl World {
    fn tree(&self) -> PathBuf {
        self.place.path().join("tree")
    }

    fn sync(&self, line: &Line) -> Result<SnapshotSync, Box<dyn Error>> {
        let storage = Storage::custom(Arc::new(line.clone()), "simulated", "")?;
        Ok(SnapshotSync::new(&storage, self.project))
    }

    /// The version that the client was told, if it was.
    async fn take(&self, line: &Line, cached: bool, generation: u64) -> Option<String> {
        let mut sync = self.sync(line).ok()?;
        if cached {
            sync = sync.cache(self.place.path().join("cache"));
        }
        let options = SnapshotOptions { data_generation: 1, message: generation.to_string(), ..Default::default() };
        Some(sync.snapshot(&self.tree(), &options).await.ok()?.version)
    }

    /// What is wrong, if anything is.
    async fn check(&mut self, report: &mut Report) -> Result<Option<String>, Box<dyn Error>> {
        let sync = self.sync(&Line::new(&self.objects, Fates::NONE))?;
        let versions: Vec<String> = sync.versions(1_000).await?.into_iter().map(|version| version.version).collect();
        if let Some(lost) = self.acknowledged.iter().find(|version| !versions.contains(*version)) {
            return Ok(Some(format!("snapshot {lost} was acknowledged and is not there")));
        }
        let now = picture(&self.tree())?;
        for version in versions {
            if let Err(error) = sync.verify(Some(&version)).await {
                return Ok(Some(format!("snapshot {version} is there and not whole: {}", error.chain())));
            }
            let new = !self.known.contains_key(&version);
            let expected = self.known.entry(version.clone()).or_insert_with(|| now.clone());
            report.snapshots += u64::from(new);
            if new && restored(&sync, self.place.path(), &version).await? != *expected {
                return Ok(Some(format!("snapshot {version} restores something else")));
            }
        }
        Ok(None)
    }
}

async fn restored(sync: &SnapshotSync, place: &Path, version: &str) -> Result<Picture, Box<dyn Error>> {
    let target = place.join("restored");
    sync.restore(&target, &RestoreOptions { version: Some(version.to_owned()), ..Default::default() }).await?;
    let picture = picture(&target)?;
    std::fs::remove_dir_all(target)?;
    Ok(picture)
}
