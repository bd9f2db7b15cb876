//! The OpenAPI document and the page of errors.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;
use workspace_http::CODES;

use crate::rig::Rig;

/// Codes that only appear in the `error` of a workspace or an execution.
const OF_WORKSPACES: [&str; 4] = ["out_of_memory", "exited", "container_missing", "agent_failed"];

#[tokio::test(start_paused = true)]
async fn the_checked_in_document_is_the_served_one() {
    let rig = Rig::empty().await;
    let served = rig.get("/api/v1/openapi.json").anonymous().send().await.expect(200);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    if std::env::var_os("BLESS_OPENAPI").is_some() {
        fs::write(&file, format!("{}\n", served.text())).unwrap();
    }
    let checked_in = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        checked_in.trim_end() == served.text(),
        "openapi.json is out of date: run this test with BLESS_OPENAPI=1 and look at the difference"
    );
}

#[tokio::test(start_paused = true)]
async fn the_document_is_complete() {
    let rig = Rig::empty().await;
    let document = rig.get("/api/v1/openapi.json").anonymous().send().await.expect(200).json();
    assert_eq!(document["openapi"], "3.1.0");
    assert!(document["paths"]["/api/v1/workspaces/{id}/files/{path}"]["put"].is_object());
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = format!("{method} {path}");
            assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{name}");
            let problem = &operation["responses"]["default"]["content"]["application/problem+json"]["schema"]["$ref"];
            assert_eq!(problem, "#/components/schemas/Problem", "{name}");
            assert!(ids.insert(operation["operationId"].to_string()), "two operations {}", operation["operationId"]);
        }
    }
    let mut missing = Vec::new();
    references(&document, &mut |name| {
        if document.pointer(&name[1..]).is_none() {
            missing.push(name.to_owned());
        }
    });
    assert_eq!(missing, Vec::<String>::new());
}

fn references(value: &Value, found: &mut impl FnMut(&str)) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(target) if name == "$ref" => found(target),
                    member => references(member, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[tokio::test(start_paused = true)]
async fn there_is_a_page_for_people() {
    let rig = Rig::empty().await;
    let page = rig.get("/api/docs").anonymous().send().await.expect(200);
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(!page.text().contains("https://"), "nothing comes from elsewhere");
}

#[test]
fn every_code_is_explained() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let page = fs::read_to_string(root.join("docs/errors.md")).unwrap();
    for code in CODES {
        let heading = format!("### {}\n\n{} ", code.name, code.status.as_u16());
        assert!(page.contains(&heading), "docs/errors.md lacks a section that begins {heading:?}");
    }
    for code in OF_WORKSPACES {
        assert!(page.contains(&format!("### {code}\n")), "docs/errors.md lacks {code}");
    }
    let known = CODES.iter().map(|code| code.name).chain(OF_WORKSPACES).collect::<BTreeSet<_>>();
    for heading in page.lines().filter_map(|line| line.strip_prefix("### ")) {
        assert!(known.contains(heading), "docs/errors.md explains {heading}, which does not exist");
    }
}

#[test]
fn every_kind_of_error_has_a_status() {
    let source = include_str!("../../../workspace-core/src/error.rs");
    let kinds = source.lines().filter_map(|line| line.trim().strip_prefix("Self::")?.split_once(" => \""));
    let names: Vec<_> = kinds.map(|(_, name)| name.trim_end_matches("\",")).collect();
    assert!(names.len() > 20, "{names:?}");
    for name in names {
        assert!(CODES.iter().any(|code| code.name == name), "{name} has no status");
    }
}
