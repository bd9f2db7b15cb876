//! The environment variables.
//!
//! | Variable | Meaning | Default |
//! |---|---|---|
//! | `LISTEN` | address and port of the API | `127.0.0.1:8080` |
//! | `DATA_DIR` | where SQLite, keys and local servers are | `./data` |
//! | `STORE` | `sqlite`, `postgres`, `memory` | `sqlite` |
//! | `DATABASE_URL` | the Postgres of `STORE=postgres` | |
//! | `SERVERS` | `docker`, `local` | `docker` |
//! | `WORKSPACE_SERVERS` | servers for a fleet without any, as `POST /api/v1/admin/servers` takes them, in an array | |
//! | `WORKER_IMAGE` | the archive of the worker image | none: no files in workspaces |
//! | `WORKSPACE_TOKEN` | the admin token | `DATA_DIR/admin-token`, made when missing |
//! | `WORKSPACE_SECRET_KEY` | seals secrets in the store | `DATA_DIR/secret-key`, made when missing |
//! | `WORKSPACE_TYPES` | templates by name, a JSON object | none |
//! | `REGISTRIES` | logins, a JSON array of `{"registry","username","password"}` | none |
//! | `S3_ENDPOINT`, `S3_BUCKET`, `S3_ACCESS_KEY_ID`, `S3_SECRET_ACCESS_KEY`, `S3_REGION`, `S3_PREFIX` | where snapshots go | none; `DATA_DIR/snapshots` with local servers |
//! | `GIT_POLICY` | git hosts beyond public ones: `{"allow_hosts":[],"allow":[],"insecure_http":false}` | public hosts only |
//! | `GIT_CA_FILE` | certificates of git servers beyond the public ones, as PEM | none |
//! | `MASTER_ID` | the name of this master, one for each that runs | `master` |
//! | `KEEP_EVENTS_DAYS` | how long events of workspaces, servers and the fleet are kept | 30 |
//! | `KEEP_AUDIT_DAYS` | how long it is known who asked for what | 400 |

use std::path::PathBuf;
use std::time::Duration;

use workspace_fleet::error::{Error, Result};
use workspace_fleet::http::servers_from_json;
use workspace_fleet::id::MasterId;
use workspace_fleet::secret::Secret;
use workspace_fleet::sql::SecretKey;
use workspace_fleet::{Config, LocalPool, ServerSpec};

use crate::{key, remotes};

/// Where the state is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StoreKind {
    /// A file in the data directory.
    Sqlite,
    /// The database of this address.
    Postgres(Secret),
    /// Nowhere: it ends with the process.
    Memory,
}

/// What the servers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServerKind {
    /// Docker Engines.
    Docker,
    /// Directories of this machine.
    Local,
}

/// Everything that is set from outside.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Address and port of the API.
    pub(crate) listen: String,
    /// Where files are kept.
    pub(crate) data_dir: PathBuf,
    /// Where the state is kept.
    pub(crate) store: StoreKind,
    /// What the servers are.
    pub(crate) kind: ServerKind,
    /// Servers for a fleet without any.
    pub(crate) servers: Vec<ServerSpec>,
    /// The archive of the worker image.
    pub(crate) worker_image: Option<PathBuf>,
    /// The admin token.
    pub(crate) token: Secret,
    /// Seals secrets in the store.
    pub(crate) secret_key: SecretKey,
    /// How the fleet behaves.
    pub(crate) fleet: Config,
}

impl Settings {
    /// Reads the environment; makes the data directory and what is missing in it.
    pub(crate) fn from_env() -> Result<Self> {
        let data_dir = PathBuf::from(variable("DATA_DIR").unwrap_or_else(|| "./data".to_owned()));
        std::fs::create_dir_all(&data_dir)
            .map_err(|error| Error::invalid("DATA_DIR", "the data directory cannot be made").source(error))?;
        let kind = server_kind()?;
        let token = match variable("WORKSPACE_TOKEN") {
            Some(token) => {
                if token.len() < 32 {
                    tracing::warn!("WORKSPACE_TOKEN is short: whoever guesses it owns the fleet");
                }
                Secret::new(token)
            }
            None => key::kept(&data_dir.join("admin-token"), key::new_token)?,
        };
        let secret_key = match variable("WORKSPACE_SECRET_KEY") {
            Some(text) => Secret::new(text),
            None => key::kept(&data_dir.join("secret-key"), || SecretKey::generate().to_text())?,
        };
        Ok(Self {
            listen: variable("LISTEN").unwrap_or_else(|| "127.0.0.1:8080".to_owned()),
            store: store_kind()?,
            servers: servers(kind, &data_dir)?,
            kind,
            worker_image: variable("WORKER_IMAGE").map(PathBuf::from),
            token,
            secret_key: SecretKey::from_text(secret_key.reveal()).map_err(|error| {
                let hint = error.next_step().unwrap_or_default().to_owned();
                Error::invalid("WORKSPACE_SECRET_KEY", "the secret key makes no sense").hint(hint).source(error)
            })?,
            fleet: fleet(kind, &data_dir)?,
            data_dir,
        })
    }
}

/// A variable that is set and not empty.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn server_kind() -> Result<ServerKind> {
    match variable("SERVERS").as_deref() {
        None | Some("docker") => Ok(ServerKind::Docker),
        Some("local") => Ok(ServerKind::Local),
        Some(other) => Err(Error::invalid("SERVERS", format!("SERVERS={other} is unknown")).hint("docker or local")),
    }
}

fn store_kind() -> Result<StoreKind> {
    match variable("STORE").as_deref() {
        None | Some("sqlite") => Ok(StoreKind::Sqlite),
        Some("memory") => Ok(StoreKind::Memory),
        Some("postgres") => match variable("DATABASE_URL") {
            Some(url) => Ok(StoreKind::Postgres(Secret::new(url))),
            None => Err(Error::invalid("DATABASE_URL", "STORE=postgres needs DATABASE_URL")
                .hint("such as postgres://user:password@host:5432/database")),
        },
        Some(other) => {
            Err(Error::invalid("STORE", format!("STORE={other} is unknown")).hint("sqlite, postgres or memory"))
        }
    }
}

fn servers(kind: ServerKind, data_dir: &std::path::Path) -> Result<Vec<ServerSpec>> {
    match (variable("WORKSPACE_SERVERS"), kind) {
        (Some(text), _) => servers_from_json(&text).map_err(|error| {
            Error::invalid("WORKSPACE_SERVERS", "WORKSPACE_SERVERS is not as it should be")
                .hint("an array of servers as POST /api/v1/admin/servers takes them")
                .source(error)
        }),
        (None, ServerKind::Docker) => Ok(Vec::new()),
        (None, ServerKind::Local) => {
            let pool = LocalPool::new(data_dir.join("servers"))
                .map_err(|error| Error::invalid("DATA_DIR", "the data directory has no place").source(error))?;
            Ok(vec![pool.spec("local-1"), pool.spec("local-2")])
        }
    }
}

fn fleet(kind: ServerKind, data_dir: &std::path::Path) -> Result<Config> {
    let mut config = Config::default();
    if let Some(name) = variable("MASTER_ID") {
        config.master = MasterId::new(name);
    }
    for (name, keep) in [("KEEP_EVENTS_DAYS", &mut config.keep_events), ("KEEP_AUDIT_DAYS", &mut config.keep_audit)] {
        if let Some(text) = variable(name) {
            *keep = Duration::from_hours(json::<u32>(name, &text)?.into()) * 24;
        }
    }
    if let Some(text) = variable("WORKSPACE_TYPES") {
        config.templates = json("WORKSPACE_TYPES", &text)?;
    }
    if let Some(text) = variable("REGISTRIES") {
        config.registries = json("REGISTRIES", &text)?;
    }
    config.storage = remotes::storage(kind, data_dir)?;
    config.git_policy = remotes::git_policy()?;
    Ok(config)
}

fn json<T: serde::de::DeserializeOwned>(name: &str, text: &str) -> Result<T> {
    serde_json::from_str(text)
        .map_err(|error| Error::invalid(name, format!("{name} is not as it should be")).source(error))
}
