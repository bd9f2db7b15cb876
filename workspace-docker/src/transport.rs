//! How bytes get to an Engine: pooled connections with time-outs, which bollard's own transports lack.

use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bollard::{BollardRequest, Docker};
use http::{HeaderValue, Response, StatusCode, Uri};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::UnixStream;
use tower_service::Service;
use workspace_core::error::{Error, ErrorKind, Result};

use crate::endpoint::Endpoint;

const CONNECT: Duration = Duration::from_secs(5);
/// Also ends connections that a router has forgotten.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);
const POOL_IDLE: Duration = Duration::from_mins(1);
const POOL_SIZE: usize = 16;
const VERSION: &str = "api-version";
/// bollard's own limit, which covers only the headers: out of the way of our deadlines.
const NO_LIMIT_SECONDS: u64 = 30 * 24 * 3600;

/// A client for the endpoint; nothing is connected yet.
pub(crate) fn client(endpoint: &Endpoint) -> Result<Docker> {
    match endpoint {
        Endpoint::Http(_) => docker(endpoint, tcp()),
        Endpoint::Https(_, tls, _) => docker(endpoint, HttpsConnector::from((tcp(), Arc::clone(tls)))),
        Endpoint::Unix(path) => docker(endpoint, UnixConnector(path.clone())),
    }
}

fn docker(endpoint: &Endpoint, connector: impl Connect + Clone + Send + Sync + 'static) -> Result<Docker> {
    let client = Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(POOL_IDLE)
        .pool_max_idle_per_host(POOL_SIZE)
        .build(connector);
    let send = move |mut request: BollardRequest| {
        if let Some(sent) = request.headers_mut().get_mut("x-registry-auth") {
            *sent = url_safe(sent);
        }
        let answer = client.request(request);
        async move { from_an_engine(answer.await?) }
    };
    Docker::connect_with_custom_transport(send, Some(endpoint.base()), NO_LIMIT_SECONDS, bollard::API_DEFAULT_VERSION)
        .map_err(|error| Error::new(ErrorKind::Internal, "the client cannot be set up").source(error))
}

/// Every answer of an Engine tells its version. What does not comes from something else at its address, such as a
/// gateway, whose "404" must never be read as "your container is gone".
fn from_an_engine<B>(answer: Response<B>) -> Result<Response<B>, bollard::errors::Error> {
    // An Engine that expects TLS says so without a version, and an upgraded connection has no headers to speak of.
    let excused = [StatusCode::SWITCHING_PROTOCOLS, StatusCode::BAD_REQUEST].contains(&answer.status());
    if excused || answer.headers().contains_key(VERSION) {
        return Ok(answer);
    }
    Err(bollard::errors::Error::HttpHeaderNotFoundError(VERSION.to_owned()))
}

/// The Engine reads this header as URL-safe base64 and ignores what it cannot read; bollard writes the other kind.
fn url_safe(sent: &HeaderValue) -> HeaderValue {
    let bytes: Vec<u8> = sent
        .as_bytes()
        .iter()
        .map(|byte| match byte {
            b'+' => b'-',
            b'/' => b'_',
            byte => *byte,
        })
        .collect();
    let mut header = HeaderValue::from_bytes(&bytes).unwrap_or_else(|_| sent.clone());
    header.set_sensitive(true);
    header
}

fn tcp() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(CONNECT));
    connector.set_keepalive(Some(KEEP_ALIVE));
    connector.set_keepalive_interval(Some(KEEP_ALIVE));
    connector.set_keepalive_retries(Some(3));
    #[cfg(target_os = "linux")]
    connector.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
    connector
}

/// Connects to one socket, whatever the URL says.
#[derive(Clone, Debug)]
struct UnixConnector(PathBuf);

impl Service<Uri> for UnixConnector {
    type Response = TokioIo<UnixStream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let path = self.0.clone();
        Box::pin(async move { UnixStream::connect(path).await.map(TokioIo::new) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_something_else_are_not_taken_for_the_engines() {
        let answer = |status: u16, version: Option<&str>| {
            let mut answer = Response::builder().status(status);
            if let Some(version) = version {
                answer = answer.header("Api-Version", version);
            }
            from_an_engine(answer.body(()).unwrap()).is_ok()
        };
        assert!(answer(404, Some("1.41")) && answer(101, None) && answer(400, None));
        assert!(!answer(404, None) && !answer(200, None) && !answer(503, None));
    }

    #[test]
    fn credentials_are_sent_as_the_engine_reads_them() {
        let sent = url_safe(&HeaderValue::from_static("eyJ+/w=="));
        assert_eq!(sent.as_bytes(), b"eyJ-_w==");
        assert!(sent.is_sensitive());
    }
}
