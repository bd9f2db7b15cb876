//! Rules of lists.

use uuid::Uuid;

use super::rig::{LONG, Rig, slots};
use crate::id::{OwnerId, ServerId, WorkspaceId};
use crate::model::{Intent, Status, Workspace};
use crate::port::{PageRequest, StateStore, WorkspaceFilter, Write};

async fn listed(store: &dyn StateStore, filter: WorkspaceFilter) -> Vec<WorkspaceId> {
    let page = PageRequest { after: None, limit: 1_000 };
    let page = store.workspaces(&filter, page).await.expect("the store answers");
    assert_eq!(page.next, None, "a list that ends has no next");
    page.items.iter().map(|row| row.id).collect()
}

/// Lists are in the order of ids, page by page, and the last page says so.
pub async fn lists_are_paged_in_order(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let fence = rig.lease("m", LONG).await;
    let (mut workspaces, mut projects, mut servers) = (Vec::new(), Vec::new(), Vec::new());
    for n in 0..10 {
        workspaces.push(rig.any_workspace(&fence).await.id.as_uuid());
        let project = rig.project_row(if n % 2 == 0 { "even" } else { "odd" }, None);
        projects.push(project.id.as_uuid());
        rig.write(Write::InsertProject(project)).await;
        servers.push(rig.server(slots(1)).await.id.as_uuid());
    }
    for ids in [&mut workspaces, &mut projects, &mut servers] {
        ids.sort_unstable();
    }
    for limit in [1, 3, 5, 10, 11] {
        let (mut seen, mut after) = (Vec::<Uuid>::new(), None);
        loop {
            let request = PageRequest { after, limit };
            let page = store.workspaces(&WorkspaceFilter::default(), request).await.expect("the store answers");
            assert!(page.items.len() <= limit as usize, "a page is at most {limit} long");
            seen.extend(page.items.iter().map(|row| row.id.as_uuid()));
            after = page.next;
            let Some(next) = after else { break };
            assert_eq!(Some(&next), seen.last(), "the next page begins after the last item");
        }
        assert_eq!(seen, workspaces, "pages of {limit} show every workspace once, in order");
    }
    let owner = OwnerId::new("even");
    let (mut seen, mut request) = (Vec::new(), PageRequest { after: None, limit: 2 });
    loop {
        let page = store.projects(Some(&owner), request).await.expect("the store answers");
        assert!(page.items.iter().all(|project| project.owner == owner), "an owner's list has the owner's projects");
        seen.extend(page.items.iter().map(|project| project.id.as_uuid()));
        let Some(next) = page.next else { break };
        request.after = Some(next);
    }
    assert_eq!(seen.len(), 5, "the pages of an owner's projects show all of them");
    let all = store.projects(None, PageRequest::default()).await.expect("the store answers");
    assert_eq!(all.items.iter().map(|row| row.id.as_uuid()).collect::<Vec<_>>(), projects, "projects in order");
    let all = store.servers().await.expect("the store answers");
    assert_eq!(all.iter().map(|state| state.record.id.as_uuid()).collect::<Vec<_>>(), servers, "servers in order");
}

/// Every condition of a filter that is set must hold.
pub async fn filters_combine(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let fence = rig.lease("m", LONG).await;
    let server = ServerId::from_uuid(rig.env.uuid());
    let mut rows = Vec::new();
    for n in 0..8 {
        let mut row = rig.workspace_row(if n & 1 == 0 { "anna" } else { "bert" }, &format!("w{}", n / 2), &fence);
        row.desired.server = (n & 2 == 0).then_some(server);
        row.desired.intent = if n & 4 == 0 { Intent::Running } else { Intent::Stopped };
        row.observed.status = if n & 4 == 0 { Status::Running } else { Status::Stopping };
        rig.insert(&row).await;
        rows.push(row);
    }
    let check = async |filter: WorkspaceFilter, keep: &dyn Fn(&Workspace) -> bool| {
        let mut expected: Vec<_> = rows.iter().filter(|row| keep(row)).map(|row| row.id).collect();
        expected.sort_unstable();
        assert_eq!(listed(store, filter.clone()).await, expected, "the filter {filter:?}");
    };
    let none = WorkspaceFilter::default();
    let anna = Some(OwnerId::new("anna"));
    check(none.clone(), &|_| true).await;
    check(WorkspaceFilter { owner: anna.clone(), ..none.clone() }, &|row| row.owner.as_str() == "anna").await;
    check(WorkspaceFilter { name: Some("w1".to_owned()), ..none.clone() }, &|row| row.desired.name == "w1").await;
    check(WorkspaceFilter { name: Some("W1".to_owned()), ..none.clone() }, &|_| false).await;
    check(WorkspaceFilter { server: Some(server), ..none.clone() }, &|row| row.desired.server == Some(server)).await;
    let project = rows[3].desired.project;
    check(WorkspaceFilter { project: Some(project), ..none.clone() }, &|row| row.desired.project == project).await;
    let status = Status::Stopping;
    check(WorkspaceFilter { status: Some(status), ..none.clone() }, &|row| row.observed.status == status).await;
    let intent = Intent::Running;
    check(WorkspaceFilter { intent: Some(intent), ..none.clone() }, &|row| row.desired.intent == intent).await;
    let both = WorkspaceFilter { owner: anna, server: Some(server), intent: Some(intent), ..none };
    check(both, &|row| row.id == rows[0].id).await;
}

/// What is deleted is in no list, whatever the filter.
pub async fn tombstones_are_not_listed(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let fence = rig.lease("m", LONG).await;
    let server = rig.server(slots(1)).await.id;
    let mut row = rig.workspace_row("o", "gone", &fence);
    row.desired.server = Some(server);
    rig.insert(&row).await;
    let kept = rig.any_workspace(&fence).await;
    rig.bury(&row).await;
    let none = WorkspaceFilter::default();
    assert_eq!(listed(store, none.clone()).await, [kept.id], "a tombstone is not listed");
    for filter in [
        WorkspaceFilter { status: Some(Status::Deleted), ..none.clone() },
        WorkspaceFilter { name: Some("gone".to_owned()), ..none.clone() },
        WorkspaceFilter { project: Some(row.desired.project), ..none },
    ] {
        assert!(listed(store, filter).await.is_empty(), "a tombstone is not listed by a filter either");
    }
    let state = store.server(server).await.expect("the store answers").expect("it is there");
    assert_eq!(state.workspaces, 0, "a tombstone is not counted on its server");
    let shown = store.unsettled_workspaces(&fence).await.expect("the store answers");
    assert_eq!(shown, [kept.id], "a tombstone is settled");
}
