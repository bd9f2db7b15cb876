//! libgit2's plain HTTP on loopback, carried on to an http or https remote.
//!
//! Protocol: git's smart HTTP, gitprotocol-http(5). Three kinds of requests pass, everything else is answered 404.

use std::future::Ready;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use base64::Engine as _;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HOST, LOCATION, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;
use workspace_core::error::{Error, ErrorKind, Result};

use super::traffic::{Traffic, Waiting};
use super::{CONNECT_LIMIT, Password, answer, tls};
use crate::credentials::Credentials;
use crate::remote::{GitRemote, GitSettings};
use crate::url::{GitUrl, Scheme};

/// A request and an answer may follow each other on one connection; later the server may have closed it.
const KEEP_ALIVE: Duration = Duration::from_secs(2);
/// A repository that was renamed redirects once, some hosts add `.git` by another.
const MOST_REDIRECTS: usize = 3;

type Body = BoxBody<Bytes, hyper::Error>;
type Upstream = Client<HttpsConnector<HttpConnector<Checked>>, Body>;

/// The way to one http or https remote.
pub(super) struct Gateway {
    url: GitUrl,
    /// The path of the repository: the URL's own, or where the host says it has moved to.
    path: Mutex<String>,
    authorization: Option<HeaderValue>,
    upstream: Upstream,
    password: Password,
    traffic: Arc<Traffic>,
}

impl Gateway {
    pub(super) fn new(
        remote: &GitRemote,
        settings: &GitSettings,
        addresses: Vec<SocketAddr>,
        password: Password,
        traffic: Arc<Traffic>,
    ) -> Result<Self> {
        let mut dial = HttpConnector::new_with_resolver(Checked(addresses));
        dial.enforce_http(false);
        dial.set_connect_timeout(Some(CONNECT_LIMIT));
        dial.set_nodelay(true);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls::client_config(settings)?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(dial);
        let mut upstream = Client::builder(TokioExecutor::new());
        upstream.pool_timer(TokioTimer::new()).pool_idle_timeout(KEEP_ALIVE);
        Ok(Self {
            url: remote.url.clone(),
            path: Mutex::new(remote.url.path().to_owned()),
            authorization: authorization(&remote.credentials)?,
            upstream: upstream.build(connector),
            password,
            traffic,
        })
    }

    /// Answers what libgit2 asks on one connection.
    pub(super) async fn carry(self: Arc<Self>, stream: TcpStream) {
        let service = service_fn(|request| {
            let gateway = Arc::clone(&self);
            async move { Ok::<_, hyper::Error>(gateway.answer(request).await) }
        });
        // libgit2 sees for itself when the connection breaks.
        let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let Some(rest) = self.password.strip(request.uri().path()).and_then(|rest| known_request(&request, rest))
        else {
            return empty(StatusCode::NOT_FOUND);
        };
        let answered = if request.method() == Method::GET {
            self.discover(&rest, request.headers()).await
        } else {
            let path = format!("{}{rest}", self.current_path());
            let (parts, body) = request.into_parts();
            self.ask(Method::POST, &path, &parts.headers, self.counted(body)).await
        };
        match answered.and_then(|response| self.judge(response)) {
            Ok(response) => response,
            Err(error) => {
                self.traffic.found(error);
                empty(StatusCode::BAD_GATEWAY)
            }
        }
    }

    /// The first request: it finds out where the repository is. Only ever on the same host, by the same scheme.
    async fn discover(&self, rest: &str, headers: &HeaderMap) -> Result<Response<Incoming>> {
        for _ in 0..=MOST_REDIRECTS {
            let path = format!("{}{rest}", self.current_path());
            let response = self.ask(Method::GET, &path, headers, nothing()).await?;
            if !response.status().is_redirection() {
                return Ok(response);
            }
            let moved = self.moved_to(response.headers().get(LOCATION), rest)?;
            *self.path.lock().unwrap_or_else(PoisonError::into_inner) = moved;
        }
        Err(Error::new(ErrorKind::RemoteRefused, format!("git host {} redirects in circles", self.url.host()))
            .hint("use the repository's final URL"))
    }

    fn current_path(&self) -> String {
        self.path.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn moved_to(&self, location: Option<&HeaderValue>, rest: &str) -> Result<String> {
        let elsewhere = || {
            Error::new(ErrorKind::RemoteRefused, format!("git host {} redirects to another place", self.url.host()))
                .hint("use the repository's final URL; credentials are never sent along a redirect to another host")
        };
        let location = location.and_then(|location| location.to_str().ok()).ok_or_else(elsewhere)?;
        let target = if location.starts_with('/') && !location.starts_with("//") {
            self.origin() + location
        } else {
            location.to_owned()
        };
        let repository = target.strip_suffix(rest).ok_or_else(elsewhere)?;
        let target: GitUrl = repository.parse().map_err(|_| elsewhere())?;
        let same = |url: &GitUrl| (url.scheme(), url.host().to_owned(), url.port());
        if same(&target) == same(&self.url) { Ok(target.path().to_owned()) } else { Err(elsewhere()) }
    }

    fn origin(&self) -> String {
        let scheme = if self.url.scheme() == Scheme::Http { "http" } else { "https" };
        format!("{scheme}://{}", self.url.authority())
    }

    async fn ask(&self, method: Method, path: &str, headers: &HeaderMap, body: Body) -> Result<Response<Incoming>> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.origin()));
        for name in [ACCEPT, CONTENT_TYPE, CONTENT_ENCODING, USER_AGENT, http::HeaderName::from_static("git-protocol")]
        {
            if let Some(value) = headers.get(&name) {
                request = request.header(name, value);
            }
        }
        request = request.header(HOST, self.url.authority());
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let request =
            request.body(body).map_err(|error| Error::invalid("url", "the git URL makes no request").source(error))?;
        let _waiting = self.traffic.wait();
        self.upstream.request(request).await.map_err(|error| answer::no_connection(self.url.host(), error))
    }

    fn judge(&self, response: Response<Incoming>) -> Result<Response<Body>> {
        if response.status() != StatusCode::OK {
            return Err(answer::refused(self.url.host(), response.status(), self.authorization.is_some()));
        }
        let (parts, body) = response.into_parts();
        let kind = parts.headers.get(CONTENT_TYPE).cloned().unwrap_or(HeaderValue::from_static(""));
        if !kind.as_bytes().starts_with(b"application/x-git-") {
            return Err(answer::no_git(self.url.host()));
        }
        let mut answer = Response::new(self.counted(body));
        answer.headers_mut().insert(CONTENT_TYPE, kind);
        Ok(answer)
    }

    /// The same body; the remote is waited for until it ends.
    fn counted(&self, body: Incoming) -> Body {
        Counted { body, traffic: Arc::clone(&self.traffic), _waiting: self.traffic.wait() }.boxed()
    }
}

/// A body on its way. It keeps its length: not every server takes requests without one.
struct Counted {
    body: Incoming,
    traffic: Arc<Traffic>,
    _waiting: Waiting,
}

impl hyper::body::Body for Counted {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let Some(Ok(frame)) = &frame {
            self.traffic.count(frame.data_ref().map_or(0, Bytes::len));
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The path below the repository, and its query, of a request that smart HTTP knows.
fn known_request(request: &Request<Incoming>, rest: &str) -> Option<String> {
    let query = request.uri().query();
    match (request.method(), rest, query) {
        (&Method::GET, "/info/refs", Some("service=git-upload-pack" | "service=git-receive-pack")) => {
            Some(format!("{rest}?{}", query.unwrap_or_default()))
        }
        (&Method::POST, "/git-upload-pack" | "/git-receive-pack", None) => Some(rest.to_owned()),
        _ => None,
    }
}

fn authorization(credentials: &Credentials) -> Result<Option<HeaderValue>> {
    let (username, token) = match credentials {
        Credentials::None => return Ok(None),
        Credentials::Token { username, token } => (username, token),
        Credentials::SshKey { .. } => {
            return Err(Error::invalid("credentials", "an ssh key opens no https remote").hint("give a token"));
        }
    };
    let text = base64::engine::general_purpose::STANDARD.encode(format!("{username}:{}", token.reveal()));
    let mut value = HeaderValue::from_str(&format!("Basic {text}"))
        .map_err(|_| Error::invalid("credentials", "the token makes no header"))?;
    value.set_sensitive(true);
    Ok(Some(value))
}

fn nothing() -> Body {
    Empty::new().map_err(|never| match never {}).boxed()
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(nothing());
    *response.status_mut() = status;
    response
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").field("url", &self.url).finish_non_exhaustive()
    }
}

/// Answers every name with the addresses that were checked: there is one name, and it was resolved before.
#[derive(Clone, Debug)]
struct Checked(Vec<SocketAddr>);

impl tower_service::Service<Name> for Checked {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = std::convert::Infallible;
    type Future = Ready<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Name) -> Self::Future {
        std::future::ready(Ok(self.0.clone().into_iter()))
    }
}
