//! A bad network between us and a real Engine.
#![expect(clippy::unwrap_used, clippy::panic, reason = "what is not there fails the test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use workspace_core::model::ServerSpec;

use crate::common::plain_spec;

const PASS: u8 = 0;
const FREEZE: u8 = 1;
const CUT: u8 = 2;

/// Passes bytes on until it is told otherwise.
#[derive(Clone)]
pub(crate) struct Proxy {
    mode: Arc<AtomicU8>,
    connections: Arc<AtomicUsize>,
    /// The connections up to this number pass nothing on.
    forgotten: Arc<AtomicUsize>,
    address: std::net::SocketAddr,
}

impl Proxy {
    /// In front of the plain server.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Self {
            mode: Arc::default(),
            connections: Arc::default(),
            forgotten: Arc::default(),
            address: listener.local_addr().unwrap(),
        };
        let engine = plain_spec().endpoint.strip_prefix("http://").unwrap().to_owned();
        let passing = proxy.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let number = passing.connections.fetch_add(1, Ordering::SeqCst) + 1;
                let server = TcpStream::connect(&engine).await.unwrap_or_else(|error| panic!("{engine}: {error}"));
                let (client_read, client_write) = client.into_split();
                let (server_read, server_write) = server.into_split();
                tokio::spawn(passing.clone().pass(number, client_read, server_write, false));
                tokio::spawn(passing.clone().pass(number, server_read, client_write, true));
            }
        });
        proxy
    }

    /// The record of the server behind it.
    pub(crate) fn spec(&self) -> ServerSpec {
        ServerSpec { endpoint: format!("http://{}", self.address), ..plain_spec() }
    }

    /// Accepts everything and answers nothing, like a stopped daemon.
    pub(crate) fn freeze(&self) {
        self.mode.store(FREEZE, Ordering::SeqCst);
    }

    pub(crate) fn thaw(&self) {
        self.mode.store(PASS, Ordering::SeqCst);
    }

    /// Cuts the connection instead of giving the next answer.
    pub(crate) fn cut_next_answer(&self) {
        self.mode.store(CUT, Ordering::SeqCst);
    }

    /// Nothing comes any more on the connections that there are; new ones are as good as ever.
    pub(crate) fn forget_connections(&self) {
        self.forgotten.store(self.connections(), Ordering::SeqCst);
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    async fn pass(
        self,
        number: usize,
        mut from: tokio::net::tcp::OwnedReadHalf,
        mut to: tokio::net::tcp::OwnedWriteHalf,
        answers: bool,
    ) {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(read @ 1..) = from.read(&mut buffer).await {
            let stuck =
                || self.mode.load(Ordering::SeqCst) == FREEZE || number <= self.forgotten.load(Ordering::SeqCst);
            while stuck() {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
            if answers && self.mode.compare_exchange(CUT, PASS, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
                return;
            }
            if to.write_all(&buffer[..read]).await.is_err() {
                return;
            }
        }
    }
}
