//! Where snapshots are kept: the `storage` of a job's step.

use std::path::PathBuf;

use serde::Deserialize;
use workspace_fleet::error::{Error, Result};
use workspace_fleet::s3::{S3Settings, Storage};
use workspace_fleet::secret::Secret;

/// The JSON of a storage.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Place {
    /// A bucket that speaks S3.
    S3(BucketSetting),
    /// A folder of this machine; only where servers are local.
    Directory(PathBuf),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BucketSetting {
    endpoint: String,
    bucket: String,
    region: String,
    access_key_id: String,
    secret_access_key: Secret,
    #[serde(default)]
    session_token: Option<Secret>,
    #[serde(default)]
    prefix: Option<String>,
    /// Certificate authorities to trust beside the machine's.
    #[serde(default)]
    ca_pem: Option<String>,
}

/// Reads the setting. The error says nothing of its text: secrets are in it.
pub(super) fn open(setting: &Secret) -> Result<Storage> {
    let place = serde_json::from_str(setting.reveal()).map_err(|error| {
        Error::invalid("storage", format!("the storage setting cannot be read, at column {}", error.column()))
            .hint("it is `{\"s3\": {..}}` or `{\"directory\": \"..\"}`")
    })?;
    match place {
        Place::Directory(folder) => Storage::directory(&folder),
        Place::S3(bucket) => Storage::s3(&S3Settings {
            endpoint: bucket.endpoint,
            bucket: bucket.bucket,
            region: bucket.region,
            access_key_id: bucket.access_key_id,
            secret_access_key: bucket.secret_access_key,
            session_token: bucket.session_token,
            prefix: bucket.prefix.unwrap_or_default(),
            more_authorities: bucket.ca_pem,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_and_wrong_ones_stay_secret() {
        let s3 = r#"{"s3":{"endpoint":"http://h:1","bucket":"b","region":"r","access_key_id":"a","secret_access_key":"canary"}}"#;
        open(&Secret::new(s3)).unwrap();
        for wrong in [s3.replace("\"region\"", "\"canary\""), "canary".to_owned(), "{\"canary\":1}".to_owned()] {
            let error = open(&Secret::new(wrong)).unwrap_err();
            assert_eq!(error.field(), Some("storage"));
            assert!(!error.chain().contains("canary"), "{}", error.chain());
        }
    }
}
