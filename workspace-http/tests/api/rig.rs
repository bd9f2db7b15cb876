//! A fleet of two simulated servers behind the router, and a client for it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower_service::Service;
use workspace_core::memory::MemoryStore;
use workspace_core::orchestrator::{Config, Orchestrator, Template};
use workspace_core::resources::Resources;
use workspace_core::secret::Secret;
use workspace_core::testing::sim::{FaultPlan, SimPool, World};
use workspace_http::{HttpConfig, router};

/// The configured admin token.
pub(crate) const ADMIN: &str = "test-admin-token";

/// A fleet behind its API.
pub(crate) struct Rig {
    pub(crate) world: Arc<World>,
    pub(crate) orchestrator: Orchestrator,
    pub(crate) app: Router,
}

impl Rig {
    /// Without servers.
    pub(crate) async fn empty() -> Self {
        let world = World::new(1, FaultPlan::default());
        let totals = Resources { cpu_millis: 4_000, memory_mib: 4_096, disk_gib: 100, slots: 20, gpus: 0 };
        for name in ["ws-1", "ws-2"] {
            world.add_server(name, totals, &["workspace-base"], &["from-registry"]);
        }
        let template = Template {
            image: "workspace-base".to_owned(),
            command: vec!["sleep".to_owned(), "infinity".to_owned()],
            ..Template::default()
        };
        let config = Config {
            templates: [("small".to_owned(), template)].into(),
            keep_events: Duration::from_hours(1),
            ..Config::default()
        };
        let environment = world.environment();
        let orchestrator = Orchestrator::builder(SimPool::new(&world))
            .store(MemoryStore::new(environment.clone()))
            .environment(environment)
            .config(config)
            .start()
            .await
            .unwrap();
        let app = router(orchestrator.clone(), HttpConfig::default().admin_token(Secret::new(ADMIN)));
        Self { world, orchestrator, app }
    }

    /// With both servers registered.
    pub(crate) async fn new() -> Self {
        let rig = Self::empty().await;
        for (name, region) in [("ws-1", "eu"), ("ws-2", "us")] {
            let body = json!({"name": name, "endpoint": format!("sim://{name}"), "labels": {"region": region}});
            rig.post("/api/v1/admin/servers").json(&body).send().await.expect(201);
        }
        rig
    }

    pub(crate) fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str) -> Call {
        self.call(Method::POST, path)
    }

    pub(crate) fn patch(&self, path: &str) -> Call {
        self.call(Method::PATCH, path)
    }

    pub(crate) fn put(&self, path: &str) -> Call {
        self.call(Method::PUT, path)
    }

    pub(crate) fn delete(&self, path: &str) -> Call {
        self.call(Method::DELETE, path)
    }

    pub(crate) fn call(&self, method: Method, path: &str) -> Call {
        let headers = HeaderMap::from_iter([(http::header::AUTHORIZATION, format!("Bearer {ADMIN}").parse().unwrap())]);
        Call { app: self.app.clone(), method, path: path.to_owned(), headers, body: Body::empty() }
    }

    /// The id of a server.
    pub(crate) async fn server(&self, name: &str) -> String {
        let list = self.get("/api/v1/admin/servers").send().await.expect(200).json();
        let found = list["items"].as_array().unwrap().iter().find(|server| server["name"] == name).unwrap().clone();
        found["id"].as_str().unwrap().to_owned()
    }

    /// A running workspace of the admin's; its path.
    pub(crate) async fn workspace(&self, name: &str) -> String {
        let answer = self.post("/api/v1/workspaces?wait=60").json(&sleeper(name)).send().await.expect(201).json();
        assert_eq!(answer["status"], "running", "{answer}");
        format!("/api/v1/workspaces/{}", answer["id"].as_str().unwrap())
    }

    /// A token.
    pub(crate) async fn token(&self, owner: &str, scopes: &[&str]) -> (String, String) {
        let body = json!({"owner": owner, "scopes": scopes});
        let answer = self.post("/api/v1/tokens").json(&body).send().await.expect(201).json();
        (answer["id"].as_str().unwrap().to_owned(), answer["token"].as_str().unwrap().to_owned())
    }
}

/// The body of a workspace that sleeps.
pub(crate) fn sleeper(name: &str) -> Value {
    json!({"name": name, "image": "workspace-base", "command": ["sleep", "infinity"],
           "resources": {"cpu_millis": 100, "memory_mib": 64, "disk_gib": 1}})
}

/// A request that is being put together.
pub(crate) struct Call {
    app: Router,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Body,
}

impl Call {
    pub(crate) fn token(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn anonymous(mut self) -> Self {
        self.headers.remove(http::header::AUTHORIZATION);
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(name, value.parse().unwrap());
        self
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    pub(crate) fn body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }

    /// The answer as soon as it begins.
    pub(crate) async fn open(mut self) -> http::Response<Body> {
        let mut request = Request::builder().method(self.method).uri(self.path).body(self.body).unwrap();
        *request.headers_mut() = self.headers;
        self.app.call(request).await.unwrap()
    }

    /// The whole answer.
    pub(crate) async fn send(self) -> Answer {
        let what = format!("{} {}", self.method, self.path);
        let (parts, body) = self.open().await.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { what, status: parts.status, headers: parts.headers, body }
    }
}

/// A whole answer.
pub(crate) struct Answer {
    what: String,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// Demands a status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}: {}", self.what, self.text());
        self
    }

    /// Demands a problem document of this code.
    #[track_caller]
    pub(crate) fn problem(self, status: u16, code: &str) -> Value {
        let answer = self.expect(status);
        assert_eq!(answer.header("content-type"), "application/problem+json", "{}", answer.what);
        let problem = answer.json();
        assert_eq!(problem["code"], code, "{}: {problem}", answer.what);
        assert_eq!(problem["status"], status, "{problem}");
        for text in ["type", "title", "detail", "hint"] {
            assert!(problem[text].as_str().is_some_and(|text| !text.is_empty()), "{text} of {problem}");
        }
        assert!(problem["retryable"].is_boolean() && problem["rejections"].is_array(), "{problem}");
        problem
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{}: {error}: {}", self.what, self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}
