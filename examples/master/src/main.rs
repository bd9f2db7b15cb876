//! The example server: the HTTP API over a fleet. Everything is set by environment variables; see [`settings`].

mod banner;
mod key;
mod pools;
mod remotes;
mod settings;
mod stores;

use std::io::IsTerminal;
use std::process::ExitCode;

use settings::Settings;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use workspace_fleet::error::{Error, ErrorKind, Result};
use workspace_fleet::http::{HttpConfig, router};
use workspace_fleet::{Caller, Orchestrator};

#[tokio::main]
async fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| "info,sqlx::postgres::notice=warn".into());
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr).init();
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            banner::failed(&error);
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<()> {
    let settings = Settings::from_env()?;
    // Bound first: a port that is taken should not cost a lease.
    let listener = TcpListener::bind(&settings.listen).await.map_err(|error| {
        Error::new(ErrorKind::Conflict, format!("cannot listen on {}", settings.listen))
            .hint("end what listens there, or set LISTEN to another address")
            .source(error)
    })?;
    let fleet = start(&settings).await?;
    let admin = Caller::admin();
    let seeded = fleet.seed_servers(&admin, settings.servers.clone()).await?;
    tracing::info!(seeded, "servers of the configuration registered");
    let app = router(fleet.clone(), HttpConfig::default().admin_token(settings.token.clone()));
    let address = listener.local_addr().map_err(|error| Error::new(ErrorKind::Internal, "no address").source(error))?;
    // Listened for before the program says that Ctrl-C ends it.
    let mut signals = Signals::listen()?;
    banner::ready(&address, &settings, &fleet.servers(&admin).await?);

    let (stop, stopped) = tokio::sync::watch::channel(());
    let serving = axum::serve(listener, app).with_graceful_shutdown(wait_for(stopped));
    let serving = tokio::spawn(serving.into_future());
    signals.next().await;
    banner::ending();
    // A second request ends it at once.
    tokio::spawn(async move {
        signals.next().await;
        std::process::exit(130);
    });
    stop.send_replace(());
    fleet.shutdown().await;
    // Open streams end with the fleet; whoever holds a connection open beyond is not waited for.
    let _ = tokio::time::timeout(std::time::Duration::from_secs(3), serving).await;
    Ok(())
}

async fn start(settings: &Settings) -> Result<Orchestrator> {
    let builder = Orchestrator::builder_shared(pools::open(settings)?);
    let store = stores::open(settings).await?;
    builder.shared_store(store).config(settings.fleet.clone()).start().await
}

async fn wait_for(mut stopped: tokio::sync::watch::Receiver<()>) {
    // An error means that the sender is gone, which is an end too.
    let _ = stopped.changed().await;
}

/// Requests to end: Ctrl-C and SIGTERM.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// From now on a signal is a request and no sudden end.
    fn listen() -> Result<Self> {
        let broken = |error| Error::new(ErrorKind::Internal, "signals cannot be received").source(error);
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).map_err(broken)?,
            terminate: signal(SignalKind::terminate()).map_err(broken)?,
        })
    }

    /// Waits for the next request.
    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
