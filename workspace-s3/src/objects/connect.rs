//! How a storage is reached.

use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{BackoffConfig, ObjectStore, RetryConfig};
use workspace_core::error::{Error, ErrorKind, Result};
use workspace_core::secret::Secret;

use crate::objects::Traffic;
use crate::objects::http::Connector;
use crate::objects::tls::tls;

/// How to reach a bucket that speaks S3.
#[derive(Clone, Debug)]
pub struct S3Settings {
    /// Such as `https://s3.eu-central-1.amazonaws.com` or `http://10.97.1.1:8333`.
    pub endpoint: String,
    /// The bucket; it must exist.
    pub bucket: String,
    /// The region that signatures name; `us-east-1` where there are none.
    pub region: String,
    /// The access key's id.
    pub access_key_id: String,
    /// The access key.
    pub secret_access_key: Secret,
    /// For credentials that expire.
    pub session_token: Option<Secret>,
    /// What all keys begin with; may be empty.
    pub prefix: String,
    /// Certificate authorities to trust beside the machine's, in PEM form: those of the operator's own storage.
    pub more_authorities: Option<String>,
}

/// Where snapshots are kept. Cheap to clone; clones share connections and counts.
#[derive(Clone, Debug)]
pub struct Storage {
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) prefix: Path,
    pub(super) traffic: Traffic,
    /// Endpoint and bucket, or the directory.
    pub(super) place: String,
}

impl Storage {
    /// A bucket that speaks S3. Makes no request.
    ///
    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid) when the endpoint is no `http` or `https` URL, a name is empty, or the
    /// certificates cannot be read.
    pub fn s3(settings: &S3Settings) -> Result<Self> {
        let tls = match settings.endpoint.split_once("://") {
            // Reading the machine's certificates takes longer than a small snapshot: only where they are needed.
            Some(("https", host)) if !host.is_empty() => Some(tls(settings.more_authorities.as_deref())?),
            Some(("http", host)) if !host.is_empty() => None,
            _ => {
                return Err(Error::invalid("endpoint", "the endpoint is no http or https URL")
                    .hint("give it like https://s3.eu-central-1.amazonaws.com"));
            }
        };
        if settings.bucket.is_empty() {
            return Err(Error::invalid("bucket", "the bucket has no name"));
        }
        let traffic = Traffic::default();
        let store = open_bucket(settings, Connector { traffic: traffic.clone(), tls })
            .map_err(|error| Error::invalid("endpoint", "the storage settings make no sense").source(error))?;
        let place = format!("{}/{}", settings.endpoint.trim_end_matches('/'), settings.bucket);
        Ok(Self { store: Arc::new(store), prefix: prefix(&settings.prefix)?, traffic, place })
    }

    /// A directory of this machine, made when it is missing; for `workspace-local`.
    pub fn directory(path: &FilePath) -> Result<Self> {
        let fails = |error: Box<dyn std::error::Error + Send + Sync>| {
            Error::new(ErrorKind::StorageUnreachable, "the directory for snapshots cannot be used")
                .hint("look at its permissions")
                .source(error)
        };
        std::fs::create_dir_all(path).map_err(|error| fails(error.into()))?;
        let store = LocalFileSystem::new_with_prefix(path).map_err(|error| fails(error.into()))?;
        let place = path.display().to_string();
        Ok(Self { store: Arc::new(store), prefix: Path::default(), traffic: Traffic::default(), place })
    }

    /// Any other object store, such as another provider's. `place` tells it from all others: caches of different
    /// places must not mix. [`traffic`](Self::traffic) counts nothing of it.
    ///
    /// A `put` must be whole or not there, and be seen by every `get` and `list` that begins after it.
    ///
    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid) when what keys begin with is no path.
    pub fn custom(store: Arc<dyn ObjectStore>, place: &str, prefix: &str) -> Result<Self> {
        let (prefix, place) = (self::prefix(prefix)?, place.to_owned());
        Ok(Self { store, prefix, traffic: Traffic::default(), place })
    }

    /// What went over the wire so far.
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }
}

fn open_bucket(settings: &S3Settings, connector: Connector) -> object_store::Result<AmazonS3> {
    let backoff = BackoffConfig { init_backoff: Duration::from_millis(100), ..BackoffConfig::default() };
    // Only for a connection that broke: steps that failed are repeated by who runs them.
    let retry = RetryConfig { backoff, max_retries: 2, retry_timeout: Duration::from_secs(20) };
    let mut builder = AmazonS3Builder::new()
        .with_endpoint(&settings.endpoint)
        .with_allow_http(connector.tls.is_none())
        .with_bucket_name(&settings.bucket)
        .with_region(&settings.region)
        .with_access_key_id(&settings.access_key_id)
        .with_secret_access_key(settings.secret_access_key.reveal())
        .with_retry(retry)
        .with_http_connector(connector);
    if let Some(token) = &settings.session_token {
        builder = builder.with_token(token.reveal());
    }
    builder.build()
}

fn prefix(text: &str) -> Result<Path> {
    Path::parse(text).map_err(|error| Error::invalid("prefix", "the prefix is no path of keys").source(error))
}
