//! The one way from libgit2 to a remote.
//!
//! libgit2 is built without TLS and ssh. For each operation a relay of ours listens on loopback, and libgit2 speaks
//! plain `http://` or `git://` to it. The relay connects to the addresses that were checked, adds the credentials,
//! verifies the server, counts, and stops at once on cancel. So no token enters libgit2, a repository or an error text
//! of libgit2, names cannot be bound anew between check and use, and no redirect leads anywhere.
//!
//! Other programs on this machine can connect to the port too: the URL has a random word that only libgit2 is told.

mod answer;
mod http;
#[cfg(feature = "ssh")]
mod ssh;
mod tls;
mod traffic;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use subtle::ConstantTimeEq;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use workspace_core::error::{Error, ErrorKind, Result};

use crate::remote::{GitRemote, GitSettings};
use crate::url::Scheme;
pub(crate) use answer::words;
pub(crate) use traffic::Traffic;

/// Longer than this no handshake takes.
const CONNECT_LIMIT: Duration = Duration::from_secs(15);

/// A way to one remote, for one operation. It closes when it is dropped or cancelled.
#[derive(Debug)]
pub(crate) struct Relay {
    /// What libgit2 is to connect to.
    pub(crate) url: String,
    pub(crate) traffic: Arc<Traffic>,
    _tasks: JoinSet<()>,
}

/// The random word in the relay's URL.
#[derive(Clone)]
struct Password(String);

impl Password {
    fn new() -> Result<Self> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|error| {
            Error::new(ErrorKind::Internal, "the machine gives no random bytes").source(error.to_string())
        })?;
        Ok(Self(format!("{:032x}", u128::from_be_bytes(bytes))))
    }

    /// What follows `/<password>` in a path, when the password is right.
    fn strip<'a>(&self, path: &'a str) -> Option<&'a str> {
        let (word, rest) = path.strip_prefix('/')?.split_at_checked(self.0.len())?;
        bool::from(word.as_bytes().ct_eq(self.0.as_bytes())).then_some(rest)
    }
}

/// What a relay does with one connection of libgit2.
#[derive(Clone)]
enum Route {
    Http(Arc<http::Gateway>),
    #[cfg(feature = "ssh")]
    Ssh(Arc<ssh::Bridge>),
}

impl Route {
    async fn carry(self, stream: TcpStream) {
        match self {
            Self::Http(gateway) => gateway.carry(stream).await,
            #[cfg(feature = "ssh")]
            Self::Ssh(bridge) => bridge.carry(stream).await,
        }
    }
}

impl Relay {
    /// Checks the remote's URL and addresses and opens the way. Nothing was said to the remote yet.
    pub(crate) async fn open(remote: &GitRemote, settings: &GitSettings, cancel: CancellationToken) -> Result<Self> {
        let addresses = settings.policy.resolve(&remote.url).await?;
        let traffic = Arc::new(Traffic::default());
        let password = Password::new()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(no_loopback)?;
        let place = listener.local_addr().map_err(no_loopback)?;
        let (scheme, route) = route(remote, settings, addresses, &password, &traffic)?;
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(listener, route, Arc::clone(&traffic), settings.stall_limit, cancel));
        Ok(Self { url: format!("{scheme}://{place}/{}", password.0), traffic, _tasks: tasks })
    }
}

fn route(
    remote: &GitRemote,
    settings: &GitSettings,
    addresses: Vec<SocketAddr>,
    password: &Password,
    traffic: &Arc<Traffic>,
) -> Result<(&'static str, Route)> {
    let (password, traffic) = (password.clone(), Arc::clone(traffic));
    match remote.url.scheme() {
        Scheme::Https | Scheme::Http => {
            let gateway = http::Gateway::new(remote, settings, addresses, password, traffic)?;
            Ok(("http", Route::Http(Arc::new(gateway))))
        }
        #[cfg(feature = "ssh")]
        Scheme::Ssh => {
            let bridge = ssh::Bridge::new(remote, addresses, password, traffic)?;
            Ok(("git", Route::Ssh(Arc::new(bridge))))
        }
        #[cfg(not(feature = "ssh"))]
        Scheme::Ssh => Err(Error::new(ErrorKind::Unsupported, "this build does not know ssh")
            .hint("use https, or build workspace-git with its feature `ssh`")),
    }
}

fn no_loopback(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Internal, "cannot listen on loopback").source(error)
}

async fn serve(
    listener: TcpListener,
    route: Route,
    traffic: Arc<Traffic>,
    stall_limit: Duration,
    cancel: CancellationToken,
) {
    let mut connections = JoinSet::new();
    let accept = async {
        while let Ok((stream, _)) = listener.accept().await {
            // What ended is forgotten, so that a long operation keeps nothing.
            while connections.try_join_next().is_some() {}
            connections.spawn(route.clone().carry(stream));
        }
    };
    tokio::select! {
        () = accept => {}
        () = traffic.stalled(stall_limit) => {}
        () = cancel.cancelled() => {}
    }
}
