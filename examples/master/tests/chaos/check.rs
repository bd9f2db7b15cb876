//! Whether what is on the servers, what the master says and what clients were told are the same.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::engines::{Engine, Object};
use crate::rig::Rig;
use crate::verdict::Verdict;

/// Two sweep periods: the time for which an object without a row must have been seen, and two passes.
const SWEPT: Duration = Duration::from_secs(2 * 60 + 2 * 10);
/// How long deletions may take that nothing hinders.
const DELETED: Duration = Duration::from_mins(3);

/// How something is not as it should be; most of it is mended by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A start, a stop or a deletion has not ended, or not on the server.
    Unsettled,
    /// There is more than one of it.
    Duplicate,
    /// No row knows it.
    Orphan,
}

type Difference = (Kind, String);

impl Rig {
    /// The usual end of a scenario: everything ends in time, nothing is twice, too much or lost, and all of it can be
    /// deleted without a trace.
    pub(crate) fn judged(&self, healed: Instant, raw: Duration) -> Verdict {
        let mut verdict = Verdict { raw, ..Verdict::default() };
        self.settled(&mut verdict, healed);
        self.kept(&mut verdict);
        self.deleted(&mut verdict);
        verdict.timed()
    }

    /// Waits until the rows have settled and the servers agree, then until what no row knows is swept.
    pub(crate) fn settled(&self, verdict: &mut Verdict, healed: Instant) {
        let in_time = Duration::from_mins(1) + 2 * verdict.raw + Duration::from_secs(30);
        let unsettled = |difference: &Difference| difference.0 == Kind::Unsettled;
        let left = self.until_none(healed + in_time, unsettled);
        verdict.after_heal = healed.elapsed();
        let mut wrong: Vec<Difference> = left.into_iter().filter(unsettled).collect();
        let left = self.until_none(healed + in_time.max(SWEPT), |_| true);
        wrong.extend(left.into_iter().filter(|difference| !unsettled(difference)));
        let count = |kind| wrong.iter().filter(|difference| difference.0 == kind).count();
        verdict.duplicates += count(Kind::Duplicate);
        verdict.orphans += count(Kind::Orphan);
        for (kind, what) in wrong {
            verdict.wrong(format!("{kind:?}: {what}"));
        }
    }

    fn until_none(&self, deadline: Instant, counts: impl Fn(&Difference) -> bool) -> Vec<Difference> {
        loop {
            let left = self.differences();
            if !left.iter().any(&counts) || Instant::now() > deadline {
                return left;
            }
            thread::sleep(Duration::from_millis(300));
        }
    }

    /// What was acknowledged is there: rows, deletions, the content of files.
    pub(crate) fn kept(&self, verdict: &mut Verdict) {
        let rows = self.rows().expect("a master that is well");
        let known = self.client.history.known().clone();
        for (name, known) in &known {
            let Some(id) = &known.id else { continue };
            verdict.starts += 1;
            let row = rows.iter().find(|row| row["id"].as_str() == Some(id));
            let Some(row) = row else {
                if !known.may_be_gone {
                    verdict.lost += 1;
                    verdict.wrong(format!("workspace {name} was acknowledged and is not there"));
                }
                continue;
            };
            if known.must_go {
                verdict.wrong(format!("the deletion of {name} was acknowledged and it is there: {row}"));
            }
            if row["status"] != "running" {
                verdict.not_running += 1;
                continue;
            }
            for (path, file) in known.files.iter().filter(|(_, file)| file.is_there) {
                let read = self.client.api.try_get(&format!("/workspaces/{id}/files/{path}"));
                let read = read.map(|answer| answer.body);
                if !read.as_ref().is_ok_and(|read| file.texts.iter().any(|text| read == text)) {
                    verdict.lost += 1;
                    verdict.wrong(format!("file {path} of {name} says {read:?}, and should {:?}", file.texts));
                }
            }
        }
    }

    /// Deletes everything and demands that nothing stays.
    pub(crate) fn deleted(&self, verdict: &mut Verdict) {
        let names: Vec<String> = {
            let known = self.client.history.known();
            known.iter().filter(|(_, known)| known.id.is_some()).map(|(name, _)| name.clone()).collect()
        };
        for name in &names {
            self.client.delete(name);
        }
        let deadline = Instant::now() + DELETED;
        let left = loop {
            let rows = self.rows().unwrap_or_default();
            let projects = self.client.api.list("/projects").unwrap_or_default();
            if rows.is_empty() {
                for project in &projects {
                    // Refused while a job is at work on it; asked again.
                    let path = format!("/projects/{}", project["id"].as_str().unwrap());
                    let _ = self.client.api.call("DELETE", &path, b"", None);
                }
            }
            let objects = self.objects();
            let told = |what: &str, all: usize| format!("{all} {what}");
            if (rows.is_empty() && projects.is_empty() && objects.is_empty()) || Instant::now() > deadline {
                verdict.orphans += objects.len();
                let rows = rows
                    .iter()
                    .map(Value::to_string)
                    .chain((!projects.is_empty()).then(|| told("projects", projects.len())));
                break rows.chain(objects.iter().map(|object| format!("{object:?}"))).collect::<Vec<_>>();
            }
            thread::sleep(Duration::from_millis(300));
        };
        for left in left {
            verdict.wrong(format!("still there after everything was deleted: {left}"));
        }
        let books = self.client.api.get("/admin/consistency");
        verdict.demand(books["consistent"] == true, format!("the books are wrong: {books}"));
    }

    pub(crate) fn rows(&self) -> std::io::Result<Vec<Value>> {
        self.client.api.list("/workspaces")
    }

    /// Everything on the servers that was not there before: the servers are nobody else's.
    pub(crate) fn objects(&self) -> Vec<Object> {
        let new =
            |object: &Object| !self.before.iter().any(|old| (&old.server, &old.name) == (&object.server, &object.name));
        self.engines.iter().flat_map(Engine::objects).filter(new).collect()
    }

    fn differences(&self) -> Vec<Difference> {
        let objects = self.objects();
        // Read after the objects: an object is only made after its row.
        let (Ok(rows), Ok(projects)) = (self.rows(), self.client.api.list("/projects")) else {
            return vec![(Kind::Unsettled, "the master does not answer".to_owned())];
        };
        let mut found = Vec::new();
        let mut names: BTreeMap<&str, usize> = BTreeMap::new();
        for row in &rows {
            *names.entry(row["name"].as_str().unwrap()).or_default() += 1;
            found.extend(difference(row, &objects));
        }
        found.extend(
            names
                .iter()
                .filter(|(_, count)| **count > 1)
                .map(|(name, count)| (Kind::Duplicate, format!("{count} rows named {name}"))),
        );
        let ids = || {
            rows.iter()
                .flat_map(|row| [&row["id"], &row["project"]])
                .chain(projects.iter().map(|project| &project["id"]))
        };
        let orphan = |object: &&Object| !ids().filter_map(Value::as_str).any(|id| object.name.contains(id));
        found.extend(objects.iter().filter(orphan).map(|object| (Kind::Orphan, format!("{object:?}"))));
        found
    }
}

/// A row and its containers on all servers.
fn difference(row: &Value, objects: &[Object]) -> Option<Difference> {
    let (name, id, status) = (&row["name"], row["id"].as_str().unwrap(), row["status"].as_str().unwrap());
    let mine =
        |object: &&Object| object.kind == "container" && object.name.starts_with("ws-") && object.name.contains(id);
    let (all, running) =
        (objects.iter().filter(mine).count(), objects.iter().filter(mine).filter(|object| object.runs).count());
    let words =
        || format!("{name} ({id}) is {status} with {all} containers, {running} of them running; {}", row["waiting"]);
    let wanted = match status {
        "running" => 1,
        "stopped" | "error" => 0,
        _ => return Some((Kind::Unsettled, words())),
    };
    if all > 1 || running > wanted {
        return Some((Kind::Duplicate, words()));
    }
    (running < wanted).then(|| (Kind::Unsettled, words()))
}
