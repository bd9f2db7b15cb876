//! Rules of running intervals.

use std::time::Duration;

use super::rig::{LONG, Rig};
use crate::clock::Timestamp;
use crate::id::{OwnerId, ServerId, WorkspaceId};
use crate::model::{Fence, Observed, Problem, Running, Status, UsageEnd, UsageInterval, Workspace};
use crate::port::{Change, Refused, StateStore, UsageFilter, Write};
use crate::resources::Resources;

/// So much is counted for every workspace here.
const AMOUNT: Resources = Resources { cpu_millis: 500, memory_mib: 256, disk_gib: 1, slots: 0, gpus: 2 };

/// A moment of these rules.
const fn second(second: i64) -> Timestamp {
    Timestamp::from_micros(1_795_262_400_000_000 + second * 1_000_000)
}

/// A workspace with its driver.
struct Subject<'a> {
    rig: Rig<'a>,
    fence: Fence,
    row: Workspace,
}

impl<'a> Subject<'a> {
    async fn new(store: &'a dyn StateStore, owner: &str) -> Self {
        let rig = Rig::new(store);
        let fence = rig.lease(&rig.name(), LONG).await;
        let mut row = rig.workspace_row(owner, &rig.name(), &fence);
        row.desired.server = Some(ServerId::from_uuid(rig.env.uuid()));
        row.desired.claimed.resources = AMOUNT;
        rig.insert(&row).await;
        Self { rig, fence, row }
    }

    fn observation(&self, observed: Observed, at: Timestamp) -> Write {
        Write::ObserveWorkspace { id: self.row.id, expected: self.row.revision, observed, at }
    }

    async fn observe(&self, observed: Observed, at: Timestamp) {
        self.rig.commit(Change::by(&self.fence).with(self.observation(observed, at))).await;
    }

    async fn decide(&mut self, status: Status, at: Timestamp) {
        let (id, expected, desired) = (self.row.id, self.row.revision, Box::new(self.row.desired.clone()));
        let decision = Write::DecideWorkspace { id, expected, desired, status: Some(status), driver: None, at };
        self.rig.commit(Change::default().with(decision)).await;
        self.row.revision += 1;
    }

    async fn usage(&self) -> Vec<UsageInterval> {
        of(self.rig.store, self.row.id).await
    }
}

fn running(generation: u64) -> Observed {
    Observed { generation, ..Observed::new(Status::Running) }
}

async fn of(store: &dyn StateStore, workspace: WorkspaceId) -> Vec<UsageInterval> {
    let filter = UsageFilter { workspace: Some(workspace), ..UsageFilter::default() };
    store.usage(&filter, None, 1_000).await.expect("the store answers")
}

/// An interval begins with the row that says running and ends with the one that says something else, and says how.
pub async fn intervals_follow_the_row(store: &dyn StateStore) {
    let mut one = Subject::new(store, "o").await;
    one.observe(Observed::new(Status::Starting), second(0)).await;
    assert_eq!(one.usage().await, [], "what starts is not counted");
    one.observe(running(1), second(1)).await;
    one.observe(running(1), second(2)).await;
    let server = one.row.desired.server.expect("it has one");
    let open = UsageInterval {
        workspace: one.row.id,
        seq: 1,
        owner: OwnerId::new("o"),
        running: Running { server, generation: 1, resources: AMOUNT },
        began: second(1),
        ended: None,
    };
    assert_eq!(one.usage().await, [open], "one interval, from the first row that said running");
    one.observe(Observed { generation: 1, ..Observed::new(Status::Lost) }, second(3)).await;
    one.observe(running(1), second(4)).await;
    one.decide(Status::Starting, second(5)).await;
    one.observe(running(2), second(6)).await;
    one.observe(running(3), second(7)).await;
    let exited = Problem { code: "exited".to_owned(), message: String::new(), hint: None };
    one.observe(Observed { error: Some(exited), ..Observed::new(Status::Stopping) }, second(8)).await;
    one.observe(running(3), second(9)).await;
    one.decide(Status::Stopping, second(10)).await;
    one.observe(Observed::new(Status::Stopped), second(11)).await;
    one.observe(running(4), second(12)).await;
    one.decide(Status::Deleting, second(13)).await;
    one.observe(Observed::new(Status::Deleted), second(14)).await;
    let told = one.usage().await.into_iter().map(|one| (one.seq, one.running.generation, one.began, one.ended));
    let expected = [
        (1, 1, second(1), Some((second(3), UsageEnd::Lost))),
        (2, 1, second(4), Some((second(5), UsageEnd::Restarted))),
        (3, 2, second(6), Some((second(7), UsageEnd::Restarted))),
        (4, 3, second(7), Some((second(8), UsageEnd::Failed))),
        (5, 3, second(9), Some((second(10), UsageEnd::Stopped))),
        (6, 4, second(12), Some((second(13), UsageEnd::Deleted))),
    ];
    assert_eq!(told.collect::<Vec<_>>(), expected, "the intervals of a life, which outlive it");
}

/// Whatever clocks say, an interval does not end before it began, nor begin before the last ended.
pub async fn intervals_never_overlap(store: &dyn StateStore) {
    let one = Subject::new(store, "o").await;
    one.observe(running(1), second(10)).await;
    one.observe(Observed::new(Status::Lost), second(9)).await;
    one.observe(running(1), second(8)).await;
    one.observe(Observed::new(Status::Lost), second(12)).await;
    let told: Vec<_> = one.usage().await.into_iter().map(|one| (one.began, one.ended.map(|ended| ended.0))).collect();
    assert_eq!(told, [(second(10), Some(second(10))), (second(10), Some(second(12)))]);
}

/// A refused change neither begins nor ends an interval.
pub async fn refusals_leave_intervals_alone(store: &dyn StateStore) {
    let one = Subject::new(store, "o").await;
    let bad = Write::RemoveServer(ServerId::from_uuid(one.rig.env.uuid()));
    let begins = Change::by(&one.fence).with(one.observation(running(1), second(1))).with(bad.clone());
    assert_eq!(one.rig.try_commit(begins).await, Err(Refused::NotFound));
    assert_eq!(one.usage().await, [], "nothing began");
    one.observe(running(1), second(2)).await;
    let before = one.usage().await;
    let moves = Change::by(&one.fence)
        .with(one.observation(Observed::new(Status::Lost), second(3)))
        .with(one.observation(running(2), second(4)))
        .with(bad);
    assert_eq!(one.rig.try_commit(moves).await, Err(Refused::NotFound));
    assert_eq!(one.usage().await, before, "nothing ended");
    one.observe(Observed::new(Status::Lost), second(5)).await;
    assert_eq!(one.usage().await.len(), 1, "and what is open can end");
}

/// A row that is written as running is counted from then on.
pub async fn rows_that_begin_running_are_counted(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let fence = rig.lease("m", LONG).await;
    let row = |number: i64| {
        let mut row = rig.workspace_row("o", &rig.name(), &fence);
        row.desired.server = Some(ServerId::from_uuid(rig.env.uuid()));
        row.observed = running(1);
        row.updated_at = second(number);
        row
    };
    let rows: Vec<_> = (0..3).map(row).collect();
    let changes = rows.iter().map(|row| Change::default().with(Write::InsertWorkspace(Box::new(row.clone()))));
    let answers = store.commit(&changes.collect::<Vec<_>>()).await.expect("the store answers");
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    for (row, number) in rows.iter().zip(0..) {
        let began: Vec<_> = of(store, row.id).await.into_iter().map(|one| one.began).collect();
        assert_eq!(began, [second(number)], "also among others in one commit");
    }
}

/// Intervals are read by owner and by when, and page by page.
pub async fn intervals_are_found(store: &dyn StateStore) {
    let mine = Subject::new(store, "me").await;
    let other = Subject::new(store, "you").await;
    for (begin, end) in [(10, 20), (30, 40)] {
        for one in [&mine, &other] {
            one.observe(running(1), second(begin)).await;
            one.observe(Observed::new(Status::Lost), second(end)).await;
        }
    }
    mine.observe(running(1), second(50)).await;
    let found = async |owner: Option<&str>, from: Option<i64>, to: Option<i64>| {
        let owner = owner.map(OwnerId::new);
        let filter = UsageFilter { owner, from: from.map(second), to: to.map(second), workspace: None };
        let found = store.usage(&filter, None, 100).await.expect("the store answers");
        found.into_iter().map(|one| (one.owner.as_str().to_owned(), one.seq)).collect::<Vec<_>>()
    };
    let me = |seq| ("me".to_owned(), seq);
    assert_eq!(found(Some("me"), None, None).await, [me(1), me(2), me(3)], "an owner's");
    assert_eq!(found(None, None, None).await.len(), 5, "everybody's");
    assert_eq!(found(Some("me"), Some(20), Some(50)).await, [me(2)], "the edges are outside");
    assert_eq!(found(Some("me"), Some(19), Some(51)).await, [me(1), me(2), me(3)]);
    assert_eq!(found(Some("me"), Some(1_000), None).await, [me(3)], "what is open has not ended");
    assert_eq!(found(Some("nobody"), None, None).await, []);
    let (mut paged, mut after) = (Vec::new(), None);
    loop {
        let page = store.usage(&UsageFilter::default(), after, 2).await.expect("the store answers");
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 2, "no more than asked for");
        after = Some((last.workspace, last.seq));
        paged.extend(page);
    }
    let all = store.usage(&UsageFilter::default(), None, 100).await.expect("the store answers");
    assert_eq!(paged, all, "page by page is all at once");
    assert!(all.is_sorted_by_key(|one| (one.workspace, one.seq)), "in the order of workspaces and numbers");
    let length = all.iter().filter_map(|one| Some(one.ended?.0.since(one.began))).sum::<Duration>();
    assert_eq!(length, Duration::from_secs(40));
}
