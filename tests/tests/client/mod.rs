//! A client of the API, in process.

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::BodyExt;
use serde_json::Value;
use tower_service::Service;

/// Speaks to one router with one token.
pub(crate) struct Client {
    app: Router,
    token: String,
}

impl Client {
    pub(crate) fn new(app: Router, token: &str) -> Self {
        Self { app, token: token.to_owned() }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, "*/*", Body::empty()).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, "*/*", Body::empty()).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, "application/json", Body::from(body.to_string())).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PATCH, path, "application/json", Body::from(body.to_string())).await
    }

    pub(crate) async fn put(&self, path: &str, bytes: Vec<u8>) -> Answer {
        self.send(Method::PUT, path, "*/*", Body::from(bytes)).await
    }

    /// The whole text of a stream that ends.
    pub(crate) async fn stream(&self, path: &str, body: &Value) -> String {
        self.send(Method::POST, path, "text/event-stream", Body::from(body.to_string())).await.text()
    }

    /// A stream that was begun; dropping it is what a client does that goes away.
    pub(crate) async fn open_stream(&self, path: &str, body: &Value) -> Body {
        let body = Body::from(body.to_string());
        self.begin(Method::POST, path, "text/event-stream", body).await.into_body()
    }

    async fn send(&self, method: Method, path: &str, accept: &str, body: Body) -> Answer {
        let what = format!("{method} {path}");
        let (parts, body) = self.begin(method, path, accept, body).await.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { what, status: parts.status.as_u16(), body }
    }

    async fn begin(&self, method: Method, path: &str, accept: &str, body: Body) -> http::Response<Body> {
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header("authorization", format!("Bearer {}", self.token))
            .header("accept", accept)
            .body(body)
            .unwrap();
        self.app.clone().call(request).await.unwrap()
    }
}

/// A whole answer.
pub(crate) struct Answer {
    what: String,
    pub(crate) status: u16,
    pub(crate) body: Bytes,
}

impl Answer {
    /// Demands a status; the JSON of the answer, null when it is empty.
    #[track_caller]
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}: {}", self.what, self.text());
        if self.body.is_empty() { Value::Null } else { serde_json::from_slice(&self.body).unwrap() }
    }

    /// Demands a problem document of this code.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, code: &str) -> Value {
        let problem = self.expect(status);
        assert_eq!(problem["code"], code, "{}: {problem}", self.what);
        problem
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Removes what a test made in the database.
pub(crate) async fn drop_schema(url: &str, schema: &str) {
    let mut connection = <sqlx::PgConnection as sqlx::Connection>::connect(url).await.unwrap();
    let drop = format!("DROP SCHEMA \"{schema}\" CASCADE");
    sqlx::Executor::execute(&mut connection, sqlx::AssertSqlSafe(drop)).await.unwrap();
}
