//! What workspaces had while they ran.

use std::time::Duration;

use serde_json::{Value, json};

use crate::rig::{Rig, sleeper};

#[tokio::test(start_paused = true)]
async fn what_ran_is_counted_until_it_stops() {
    let rig = Rig::new().await;
    let (_, anna) = rig.token("anna", &["workspaces:read", "workspaces:write"]).await;
    let (_, bert) = rig.token("bert", &["workspaces:read"]).await;
    let made = rig.post("/api/v1/workspaces?wait=60").token(&anna).json(&sleeper("one")).send().await.expect(201);
    let path = format!("/api/v1/workspaces/{}", made.json()["id"].as_str().unwrap());
    tokio::time::sleep(Duration::from_mins(10)).await;
    rig.post(&format!("{path}/stop?wait=60")).token(&anna).send().await.expect(200);
    tokio::time::sleep(Duration::from_mins(10)).await;
    rig.post(&format!("{path}/start?wait=60")).token(&anna).send().await.expect(200);
    tokio::time::sleep(Duration::from_secs(1)).await;

    let own = rig.get(&format!("{path}/usage")).token(&anna).send().await.expect(200).json();
    let intervals = own["intervals"].as_array().unwrap();
    let ends: Vec<_> = intervals.iter().map(|one| (&one["generation"], &one["ended_by"])).collect();
    assert_eq!(ends, [(&json!(1), &json!("stopped")), (&json!(2), &Value::Null)], "{own}");
    assert_eq!((&intervals[0]["resources"]["cpu_millis"], intervals[1]["ended"].is_null()), (&json!(100), true));
    rig.get(&format!("{path}/usage")).token(&bert).send().await.problem(404, "not_found");

    let until = intervals[0]["ended"].as_str().unwrap();
    let get = async |query: String| rig.get(&format!("/api/v1/usage?{query}")).send().await.expect(200).json();
    let all = get(format!("owner=anna&to={until}")).await;
    let (ran, cpu) = (all["running_seconds"].as_f64().unwrap(), all["cpu_seconds"].as_f64().unwrap());
    assert!((600.0..601.0).contains(&ran) && (cpu - ran / 10.0).abs() < 1e-6, "{all}");
    assert!((all["memory_gib_seconds"].as_f64().unwrap() - ran / 16.0).abs() < 1e-6, "{all}");
    assert_eq!((&all["workspaces"][0]["owner"], &all["workspaces"][1]), (&json!("anna"), &Value::Null));
    let half = get(format!("from={}&to={until}", intervals[0]["began"].as_str().unwrap())).await;
    assert_eq!(half["running_seconds"], all["running_seconds"], "everyone's is hers");
    assert_eq!(get(format!("owner=bert&to={until}")).await["cpu_seconds"], 0.0);

    rig.get("/api/v1/usage?owner=anna").token(&bert).send().await.problem(403, "forbidden");
    assert_eq!(rig.get("/api/v1/usage").token(&bert).send().await.expect(200).json()["workspaces"], json!([]));
    assert_eq!(rig.get("/api/v1/usage?from=monday").send().await.problem(422, "invalid")["field"], "from");
    let turned = format!("/api/v1/usage?from={until}&to=2000-01-01T00:00:00Z");
    assert_eq!(rig.get(&turned).send().await.problem(422, "invalid")["field"], "to");
}
