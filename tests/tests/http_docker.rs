//! The HTTP API on real Docker servers, with SQLite and with Postgres: what an outside client does.

#![cfg(test)]

mod client;

use std::collections::BTreeSet;

use client::Client;
use serde_json::{Value, json};
use workspace_fleet::http::{HttpConfig, router};
use workspace_fleet::port::StateStore;
use workspace_fleet::secret::Secret;
use workspace_fleet::sql::{PostgresConfig, PostgresStore, SecretKey, SqliteStore};
use workspace_fleet::{Caller, Orchestrator};
use workspace_tests::{docker_pool, eventually, objects, quick, real_part};

/// A fleet without servers behind its API.
async fn api(store: impl StateStore) -> (Orchestrator, Client) {
    let fleet = Orchestrator::builder(docker_pool()).store(store).config(quick()).start().await.unwrap();
    let token = Secret::new("an admin token for this test");
    let client = Client::new(router(fleet.clone(), HttpConfig::default().admin_token(token.clone())), token.reveal());
    (fleet, client)
}

async fn with_servers(store: impl StateStore) -> (Orchestrator, Client) {
    let (fleet, client) = api(store).await;
    let servers: Vec<Value> = serde_json::from_str(&real_part("WORKSPACE_TEST_SERVERS")).unwrap();
    for server in &servers {
        let registered = client.post("/admin/servers", server).await.expect(201);
        assert_eq!((&registered["availability"], &registered["name"]), (&json!("healthy"), &server["name"]));
        assert!(registered["capacity"]["memory_mib"].as_u64() > Some(0), "{registered}");
        assert!(!registered.to_string().contains("PRIVATE KEY"));
    }
    (fleet, client)
}

/// Removes everything through the API, and looks on the servers whether something of the fleet is left.
async fn nothing_is_left(fleet: &Orchestrator, client: &Client) {
    let list = client.get("/workspaces").await.expect(200);
    for row in list["items"].as_array().unwrap() {
        let path = format!("/workspaces/{}?wait=60", row["id"].as_str().unwrap());
        assert_eq!(client.delete(&path).await.expect(200)["status"], "deleted");
    }
    assert_eq!(objects(fleet).await, Vec::<String>::new());
    let servers = client.get("/admin/servers").await.expect(200);
    for server in servers["items"].as_array().unwrap() {
        let path = format!("/admin/servers/{}", server["id"].as_str().unwrap());
        assert_eq!(server["used"]["cpu_millis"], 0, "{server}");
        client.post(&format!("{path}/cordon"), &json!(null)).await.expect(200);
        client.delete(&path).await.expect(204);
    }
    fleet.shutdown().await;
}

fn sleeper(name: &str) -> Value {
    json!({"name": name, "image": "workspace-base", "command": ["sleep", "infinity"],
           "resources": {"cpu_millis": 100, "memory_mib": 32, "disk_gib": 1}})
}

async fn running(client: &Client, body: &Value) -> (String, Value) {
    let row = client.post("/workspaces?wait=90", body).await.expect(201);
    assert_eq!(row["status"], "running", "{row}");
    (format!("/workspaces/{}", row["id"].as_str().unwrap()), row)
}

/// What an outside client does with workspaces.
async fn a_tour(store: impl StateStore) {
    let (fleet, client) = with_servers(store).await;
    let servers: Vec<Value> = serde_json::from_str(&real_part("WORKSPACE_TEST_SERVERS")).unwrap();
    for strategy in ["spread", "best_fit", "round_robin", "affinity"] {
        let mut body = sleeper(&strategy.replace('_', "-"));
        body["placement"] = json!({"strategy": strategy});
        let (_, row) = running(&client, &body).await;
        assert_eq!(row["placement"]["strategy"], strategy);
        assert!(!row["placement"]["reason"].as_str().unwrap().is_empty());
    }
    for server in &servers {
        let name = server["name"].as_str().unwrap();
        let mut body = sleeper(&format!("labels-{name}"));
        body["placement"] = json!({"labels": server["labels"]});
        let (path, row) = running(&client, &body).await;
        assert_eq!(row["server"], server["name"]);
        programs(&client, &path).await;
        files(&client, &path).await;
        starts_and_stops(&client, &path).await;
    }
    logs(&client).await;
    let mut body = sleeper("no-image");
    body["image"] = json!("no-such-image-anywhere");
    let row = client.post("/workspaces?wait=90", &body).await.expect(201);
    assert_eq!((&row["status"], &row["error"]["code"]), (&json!("error"), &json!("image_not_found")), "{row}");
    let mut body = sleeper("too-big");
    body["resources"]["memory_mib"] = json!(60_000_000);
    let problem = client.post("/workspaces", &body).await.problem(507, "insufficient_capacity");
    assert_eq!(problem["rejections"].as_array().unwrap().len(), servers.len());
    who_asked(&client).await;
    nothing_is_left(&fleet, &client).await;
}

/// The audit log has what was granted, and not what was refused.
async fn who_asked(client: &Client) {
    let log = client.get("/admin/audit?limit=1000").await.expect(200);
    let of = |action: &str| {
        let entries = log["items"].as_array().unwrap().iter().filter(|entry| entry["action"] == action);
        entries.map(|entry| entry["name"].as_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
    };
    let names = |list: &Value| {
        let rows = list["items"].as_array().unwrap().iter();
        rows.map(|row| row["name"].as_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
    };
    assert_eq!(of("workspace.create"), names(&client.get("/workspaces").await.expect(200)), "too-big was refused");
    assert_eq!(of("server.register"), names(&client.get("/admin/servers").await.expect(200)));
    let restarted: BTreeSet<_> =
        of("workspace.create").into_iter().filter(|name| name.starts_with("labels-")).collect();
    assert_eq!((of("workspace.stop"), of("workspace.restart")), (restarted.clone(), restarted));
}

async fn programs(client: &Client, path: &str) {
    let exec = format!("{path}/exec");
    let answer = client.post(&exec, &json!({"argv": ["sh", "-c", "echo hi; echo no >&2; id -u; exit 7"]})).await;
    let answer = answer.expect(200);
    assert_eq!(
        (&answer["exit_code"], &answer["stdout"], &answer["stderr"]),
        (&json!(7), &json!("hi\n1000\n"), &json!("no\n"))
    );
    let answer =
        client.post(&format!("{path}/run"), &json!({"line": "echo $A | tr a-z A-Z", "env": {"A": "loud"}})).await;
    assert_eq!(answer.expect(200)["stdout"], "LOUD\n");
    let answer = client.post(&exec, &json!({"argv": ["no-such-program"]})).await;
    answer.problem(422, "program_not_found");
    let slow = json!({"argv": ["sh", "-c", "echo begun; sleep 60"], "timeout": "700ms"});
    assert_eq!(client.post(&exec, &slow).await.problem(408, "time_limit")["stdout"], "begun\n");
    let stream = client.stream(&format!("{path}/run"), &json!({"line": "echo one; sleep 0.2; echo two"})).await;
    assert!(stream.contains("event: stdout\ndata: {\"data\":\"one\\n\"}"), "{stream}");
    assert!(stream.contains("event: exit\n") && stream.contains("\"exit_code\":0"), "{stream}");
    // A client that goes away ends its program.
    let (line, alive) = (json!({"line": "exec sleep 4711"}), json!({"line": "ps | grep -c '[s]leep 4711'"}));
    let open = client.open_stream(&format!("{path}/run"), &line).await;
    let alive = async || client.post(&format!("{path}/run"), &alive).await.expect(200)["stdout"] == "1\n";
    eventually("the program runs", &alive).await;
    drop(open);
    eventually("the program was ended", async || !alive().await).await;
    let stats = client.get(&format!("{path}/stats")).await.expect(200);
    assert!(stats["memory_limit_bytes"].as_u64() == Some(32 << 20), "{stats}");
}

async fn files(client: &Client, path: &str) {
    let bytes: Vec<u8> = (0..=255).cycle().take(5 << 20).collect();
    let written = client.put(&format!("{path}/files/src/big.bin"), bytes.clone()).await.expect(200);
    assert_eq!(written["size"], 5 << 20);
    assert_eq!(client.get(&format!("{path}/files/src/big.bin")).await.body, bytes);
    client.put(&format!("{path}/files/notes/today"), b"remember".to_vec()).await.expect(200);
    let list = client.get(&format!("{path}/files?depth=3")).await.expect(200);
    let names: Vec<_> = list["items"].as_array().unwrap().iter().map(|item| item["path"].as_str().unwrap()).collect();
    assert_eq!(names, ["notes", "notes/today", "src", "src/big.bin"]);
    client.delete(&format!("{path}/files/src")).await.expect(204);
    client.get(&format!("{path}/files/src/big.bin")).await.problem(404, "file_not_found");
    client.get(&format!("{path}/files/../../etc/passwd")).await.problem(422, "invalid");
    client.post(&format!("{path}/exec"), &json!({"argv": ["ln", "-s", "/etc", "out"]})).await.expect(200);
    client.get(&format!("{path}/files/out/passwd")).await.problem(422, "invalid");
}

async fn starts_and_stops(client: &Client, path: &str) {
    assert_eq!(client.post(&format!("{path}/stop?wait=60"), &json!(null)).await.expect(200)["status"], "stopped");
    let exec = format!("{path}/exec");
    client.post(&exec, &json!({"argv": ["true"]})).await.problem(409, "not_running");
    let row = client.post(&format!("{path}/start?wait=60"), &json!(null)).await.expect(200);
    assert_eq!((&row["status"], &row["generation"]), (&json!("running"), &json!(2)), "{row}");
    assert_eq!(client.get(&format!("{path}/files/notes/today")).await.body, "remember");
    let row = client.patch(path, &json!({"env": {"NEW": "value"}})).await.expect(200);
    assert_eq!(row["pending_restart"], true);
    let row = client.post(&format!("{path}/restart?wait=60"), &json!(null)).await.expect(200);
    assert_eq!((&row["status"], &row["pending_restart"]), (&json!("running"), &json!(false)), "{row}");
    let answer = client.post(&exec, &json!({"argv": ["sh", "-c", "echo $NEW"]})).await.expect(200);
    assert_eq!(answer["stdout"], "value\n");
    let status = client.get(&format!("{path}/status")).await.expect(200);
    assert_eq!((&status["container"]["status"], &status["health"]), (&json!("running"), &json!("healthy")));
}

async fn logs(client: &Client) {
    let mut body = sleeper("talker");
    body["command"] = json!(["sh", "-c", "for i in 1 2 3; do echo line $i; done; echo oops >&2; exec sleep infinity"]);
    let (path, _) = running(client, &body).await;
    eventually("all lines are in the log", async || {
        let log = client.get(&format!("{path}/logs")).await.text();
        let all = log.contains("oops") && log.contains("line 3");
        assert!(!all || log.contains("line 1") && log.contains("event: stderr") && log.contains("event: end"), "{log}");
        all
    })
    .await;
    let tail = client.get(&format!("{path}/logs?tail=2")).await.text();
    assert!(!tail.contains("line 1") && tail.matches("data: {\"data\"").count() <= 2, "{tail}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tour_with_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    a_tour(SqliteStore::open(folder.path().join("fleet.db"), SecretKey::generate()).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tour_with_postgres() {
    let url = real_part("WORKSPACE_TEST_DATABASE_URL");
    let schema = format!("http_{}", workspace_fleet::environment::Environment::system().uuid().simple());
    let config = PostgresConfig { schema: schema.clone(), connections: 4 };
    a_tour(PostgresStore::open_with(&url, SecretKey::generate(), &config).await.unwrap()).await;
    client::drop_schema(&url, &schema).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_cannot_be_registered() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("fleet.db"), SecretKey::generate()).await.unwrap();
    let (fleet, client) = api(store).await;
    let servers: Vec<Value> = serde_json::from_str(&real_part("WORKSPACE_TEST_SERVERS")).unwrap();
    let tls = servers.iter().find(|server| server["endpoint"].as_str().unwrap().starts_with("https://")).unwrap();
    let certs = real_part("WORKSPACE_TEST_CERTS");
    let pem = |name: &str| json!(std::fs::read_to_string(format!("{certs}/{name}.pem")).unwrap());
    let with = |field: &str, value: Value| {
        let mut server = tls.clone();
        server[field] = value;
        server
    };
    let mut plain_to_tls = with("endpoint", json!(tls["endpoint"].as_str().unwrap().replace("https://", "http://")));
    plain_to_tls["tls"] = Value::Null;
    plain_to_tls["allow_insecure"] = json!(true);
    let mut insecure = plain_to_tls.clone();
    insecure["allow_insecure"] = json!(false);
    let mut wrong_ca = tls.clone();
    wrong_ca["tls"]["ca"] = pem("other-ca");
    let mut stranger = tls.clone();
    (stranger["tls"]["cert"], stranger["tls"]["key"]) = (pem("other-cert"), pem("other-key"));
    let mut expired = tls.clone();
    (expired["tls"]["cert"], expired["tls"]["key"]) = (pem("expired-cert"), pem("expired-key"));
    // More than once: how the server's refusal shows itself is chance.
    let refused = std::iter::repeat_n(("an expired certificate", expired, "tls_refused"), 4);
    let others = [
        ("a closed port", with("endpoint", json!("https://127.0.0.1:9")), "server_unreachable"),
        ("plain HTTP to a TLS port", plain_to_tls, "tls_refused"),
        ("plain HTTP without permission", insecure, "invalid"),
        ("a wrong CA", wrong_ca, "tls_refused"),
        ("a certificate of another authority", stranger, "tls_refused"),
        ("no scheme", with("endpoint", json!("10.0.0.1")), "invalid"),
        ("a CA that is none", with("tls", json!({"ca": "x", "cert": "y", "key": "z"})), "invalid"),
    ];
    for (what, body, code) in refused.chain(others) {
        let answer = client.post("/admin/servers", &body).await;
        assert_eq!(answer.status, 422, "{what}: {}", answer.text());
        let problem = answer.problem(422, code);
        assert!(problem["hint"].is_string() && problem["field"].is_string(), "{what}: {problem}");
    }
    assert_eq!(client.get("/admin/servers").await.expect(200)["items"], json!([]));
    client.post("/workspaces", &sleeper("nowhere")).await.problem(503, "no_healthy_servers");
    assert!(fleet.servers(&Caller::admin()).await.unwrap().is_empty());
}
