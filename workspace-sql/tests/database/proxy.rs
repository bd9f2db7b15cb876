//! A way to the database that can be cut.

use std::net::SocketAddr;
use std::str::FromStr;

use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Forwards a port of this machine to the database.
pub(crate) struct Proxy {
    /// The database's address through this.
    pub(crate) url: String,
    address: SocketAddr,
    target: (String, u16),
    tasks: JoinSet<()>,
}

impl Proxy {
    pub(crate) async fn start(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let options = PgConnectOptions::from_str(url).unwrap();
        let target = (options.get_host().to_owned(), options.get_port());
        let host = address.ip().to_string();
        let url = options.host(&host).port(address.port()).to_url_lossy().to_string();
        let mut proxy = Self { url, address, target, tasks: JoinSet::new() };
        proxy.serve(listener);
        proxy
    }

    fn serve(&mut self, listener: TcpListener) {
        let target = self.target.clone();
        self.tasks.spawn(async move {
            let mut streams = JoinSet::new();
            while let Ok((mut from, _)) = listener.accept().await {
                let target = target.clone();
                streams.spawn(async move {
                    if let Ok(mut to) = TcpStream::connect(target).await {
                        let _ = tokio::io::copy_bidirectional(&mut from, &mut to).await;
                    }
                });
            }
        });
    }

    /// Ends every connection and takes no new ones.
    pub(crate) async fn cut(&mut self) {
        self.tasks.shutdown().await;
    }

    /// Takes connections again.
    pub(crate) fn mend(&mut self) {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(self.address).unwrap();
        self.serve(socket.listen(64).unwrap());
    }
}
