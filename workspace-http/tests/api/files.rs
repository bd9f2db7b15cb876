//! Files of workspaces.

use serde_json::json;

use crate::rig::Rig;

#[tokio::test(start_paused = true)]
async fn files_come_and_go() {
    let rig = Rig::new().await;
    let path = rig.workspace("hello").await;
    let bytes: Vec<u8> = (0..=255).cycle().take(3_000_000).collect();
    let written = rig.put(&format!("{path}/files/src/a%20b.bin")).body(bytes.clone()).send().await.expect(200).json();
    assert_eq!(
        (&written["path"], &written["size"], &written["kind"]),
        (&json!("src/a b.bin"), &json!(3_000_000), &json!("file"))
    );
    let read = rig.get(&format!("{path}/files/src/a%20b.bin")).send().await.expect(200);
    assert_eq!(read.body, bytes);
    assert_eq!(read.header("content-type"), "application/octet-stream");
    assert_eq!(read.header("x-content-type-options"), "nosniff");
    let list = rig.get(&format!("{path}/files?depth=2")).send().await.expect(200).json();
    let paths: Vec<_> = list["items"].as_array().unwrap().iter().map(|item| item["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["src", "src/a b.bin"]);
    let list = rig.get(&format!("{path}/files?path=src")).send().await.expect(200).json();
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    rig.delete(&format!("{path}/files/src/a%20b.bin")).send().await.expect(204);
    rig.get(&format!("{path}/files/src/a%20b.bin")).send().await.problem(404, "file_not_found");
}

#[tokio::test(start_paused = true)]
async fn paths_stay_inside() {
    let rig = Rig::new().await;
    let path = rig.workspace("hello").await;
    for bad in ["..", "../etc/passwd", "a/%2e%2e/b", "a/../../b", "a//b", "./a", "a%00b", "%FF"] {
        let problem = rig.get(&format!("{path}/files/{bad}")).send().await.problem(422, "invalid");
        assert_eq!(problem["field"], "path", "{bad}");
        rig.put(&format!("{path}/files/{bad}")).body("x").send().await.problem(422, "invalid");
        rig.delete(&format!("{path}/files/{bad}")).send().await.problem(422, "invalid");
    }
    rig.get(&format!("{path}/files?path=../etc")).send().await.problem(422, "invalid");
    let deep = rig.get(&format!("{path}/files?depth=33")).send().await.problem(422, "invalid");
    assert_eq!(deep["field"], "depth");
    rig.post(&format!("{path}/stop?wait=60")).send().await.expect(200);
    rig.get(&format!("{path}/files/a")).send().await.problem(409, "not_running");
}
