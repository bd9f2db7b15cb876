//! Where snapshots go, and which git remotes are allowed: what the worker is told.

use std::path::Path;

use serde_json::{Value, json};
use workspace_fleet::error::{Error, Result};
use workspace_fleet::secret::Secret;

use crate::settings::{ServerKind, variable};

/// The object storage of `S3_*`, its own certificate authorities in `S3_CA_FILE`; a folder of the data directory for
/// local servers without any.
pub(crate) fn storage(kind: ServerKind, data_dir: &Path) -> Result<Option<Secret>> {
    let Some(endpoint) = variable("S3_ENDPOINT") else {
        let folder = std::path::absolute(data_dir.join("snapshots"))
            .map_err(|error| Error::invalid("DATA_DIR", "the data directory has no place").source(error))?;
        let setting = json!({ "directory": folder }).to_string();
        return Ok((kind == ServerKind::Local).then(|| Secret::new(setting)));
    };
    let needed = |name: &str| {
        variable(name).ok_or_else(|| {
            Error::invalid(name, format!("S3_ENDPOINT is set and {name} is not")).hint("set both, or none of them")
        })
    };
    let setting = json!({ "s3": {
        "endpoint": endpoint,
        "bucket": needed("S3_BUCKET")?,
        "region": variable("S3_REGION").unwrap_or_else(|| "us-east-1".to_owned()),
        "access_key_id": needed("S3_ACCESS_KEY_ID")?,
        "secret_access_key": needed("S3_SECRET_ACCESS_KEY")?,
        "prefix": variable("S3_PREFIX").unwrap_or_default(),
        "ca_pem": certificates("S3_CA_FILE")?,
    }});
    Ok(Some(Secret::new(setting.to_string())))
}

/// What `GIT_POLICY` allows beyond public hosts over https and ssh; a file of certificates is named by `GIT_CA_FILE`.
pub(crate) fn git_policy() -> Result<Value> {
    let mut policy = match variable("GIT_POLICY") {
        None => json!({}),
        Some(text) => serde_json::from_str(&text).map_err(|error| {
            Error::invalid("GIT_POLICY", "GIT_POLICY is no JSON object")
                .hint(r#"such as {"allow_hosts": ["git.intern"], "allow": ["10.0.0.0/8"]}"#)
                .source(error)
        })?,
    };
    if let Some(pem) = certificates("GIT_CA_FILE")? {
        policy["ca_pem"] = Value::from(pem);
    }
    Ok(policy)
}

/// The certificates in the file that a variable names.
fn certificates(name: &str) -> Result<Option<String>> {
    let read = |file: String| {
        std::fs::read_to_string(&file).map_err(|error| {
            Error::invalid(name, format!("{file} cannot be read"))
                .hint("name a file of certificates in PEM form")
                .source(error)
        })
    };
    variable(name).map(read).transpose()
}
