//! Rules of projects.

use super::rig::{LONG, Rig};
use crate::id::{OwnerId, ServerId};
use crate::model::{GitAccess, GitSource, Project, ProjectCopy, ProjectSource, SshKey};
use crate::port::{Refused, StateStore, Write};
use crate::secret::Secret;

/// The name of a project is unique per owner, by exact case; projects without a name never meet.
pub async fn project_names_are_unique_per_owner(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let rule = "a project's name is unique per owner";
    let first = rig.project_row("anna", Some("site"));
    rig.write(Write::InsertProject(first.clone())).await;
    let second = rig.project_row("anna", Some("site"));
    rig.refuse(rule, None, Write::InsertProject(second), Refused::NameTaken).await;
    for other in [rig.project_row("bert", Some("site")), rig.project_row("anna", Some("Site"))] {
        rig.write(Write::InsertProject(other)).await;
    }
    for _ in 0..2 {
        rig.write(Write::InsertProject(rig.project_row("anna", None))).await;
    }
    let other = rig.project_row("anna", Some("other"));
    rig.write(Write::InsertProject(other.clone())).await;
    let renamed = Project { name: Some("site".to_owned()), ..other };
    rig.refuse(rule, None, Write::UpdateProject { project: renamed, expected: 1 }, Refused::NameTaken).await;
    rig.write(Write::RemoveProject(first.id)).await;
    rig.write(Write::InsertProject(rig.project_row("anna", Some("site")))).await;
}

/// An edit of a project names the revision that it was made against, and counts it up.
pub async fn project_edits_are_guarded_by_revision(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let project = rig.project_row("o", Some("p"));
    rig.write(Write::InsertProject(project.clone())).await;
    let copy =
        ProjectCopy { server: ServerId::from_uuid(rig.env.uuid()), data_generation: 3, filled: true, filled_by: None };
    let edited = Project { copy: Some(copy), ..project.clone() };
    rig.write(Write::UpdateProject { project: edited.clone(), expected: 1 }).await;
    let read = store.project(project.id).await.expect("the store answers");
    assert_eq!(read, Some(Project { revision: 2, ..edited }), "an edit replaces the project");
    let stale = Write::UpdateProject { project: project.clone(), expected: 1 };
    rig.refuse("an edit against an older revision is stale", None, stale, Refused::Stale { current: 2 }).await;
    let missing = Write::UpdateProject { project: rig.project_row("o", None), expected: 1 };
    rig.refuse("a missing project is not edited", None, missing, Refused::NotFound).await;
}

/// A project is forgotten only when no workspace has it; a missing one is forgotten already.
pub async fn projects_in_use_stay(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let fence = rig.lease("m", LONG).await;
    let project = rig.project_row("o", None);
    let mut row = rig.workspace_row("o", "w", &fence);
    row.desired.project = project.id;
    rig.write(Write::InsertProject(project.clone())).await;
    rig.insert(&row).await;
    let remove = || Write::RemoveProject(project.id);
    rig.refuse("a project that a workspace has is not removed", None, remove(), Refused::InUse).await;
    rig.bury(&row).await;
    rig.write(remove()).await;
    assert!(store.project(project.id).await.expect("the store answers").is_none(), "a removed project is gone");
    rig.write(remove()).await;
}

/// What a store seals comes back as it was.
pub async fn secrets_of_projects_come_back(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let key = SshKey {
        private_key: Secret::new("-----BEGIN KEY-----\n"),
        passphrase: Some(Secret::new("open")),
        host_keys: vec!["host ssh-ed25519 AAAA".to_owned()],
    };
    let mut written = Vec::new();
    for (name, access) in [("p", GitAccess::Token(Secret::new("token"))), ("q", GitAccess::SshKey(key))] {
        let (url, branch) = ("https://example.org/a.git".to_owned(), Some("main".to_owned()));
        let source = Some(ProjectSource::Git(GitSource { url, branch, submodules: true, access: Some(access) }));
        let project = Project { source, ..rig.project_row("o", Some(name)) };
        rig.write(Write::InsertProject(project.clone())).await;
        let read = store.project(project.id).await.expect("the store answers");
        assert_eq!(read.as_ref(), Some(&project), "what lets in to git comes back");
        written.push(project);
    }
    let listed = store.projects(Some(&OwnerId::new("o")), crate::port::PageRequest::default()).await;
    let mut listed = listed.expect("the store answers").items;
    listed.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(listed, written, "what lets in to git comes back in a list");
}
