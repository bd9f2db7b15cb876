//! What the operator allows git: the `policy` of a job's remote.

use std::io::Write as _;

use serde::Deserialize;
use tempfile::NamedTempFile;
use workspace_fleet::error::{Error, ErrorKind, Result};
use workspace_fleet::git::{AddressRange, GitSettings, UrlPolicy};

/// The JSON of a policy.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Policy {
    allow_hosts: Vec<String>,
    allow: Vec<AddressRange>,
    insecure_http: bool,
    /// Certificate authorities to trust instead of the machine's.
    ca_pem: Option<String>,
}

/// Settings for one step, and the file that they name.
#[derive(Debug)]
pub(super) struct Allowed {
    pub(super) settings: GitSettings,
    /// Outside of the tree; removed with this.
    _authorities: Option<NamedTempFile>,
}

/// Reads a policy; null is the strictest.
pub(super) fn allowed(policy: &serde_json::Value) -> Result<Allowed> {
    let policy = Option::<Policy>::deserialize(policy)
        .map_err(|error| {
            Error::invalid("policy", "the git policy makes no sense")
                .hint("it has `allow_hosts`, `allow`, `insecure_http` and `ca_pem`")
                .source(error)
        })?
        .unwrap_or_default();
    let authorities = policy.ca_pem.as_deref().map(authorities).transpose()?;
    let settings = GitSettings {
        policy: UrlPolicy { allow: policy.allow, allow_hosts: policy.allow_hosts, insecure_http: policy.insecure_http },
        ca_file: authorities.as_ref().map(|file| file.path().to_owned()),
        ..GitSettings::default()
    };
    Ok(Allowed { settings, _authorities: authorities })
}

fn authorities(pem: &str) -> Result<NamedTempFile> {
    let written = NamedTempFile::new().and_then(|mut file| file.write_all(pem.as_bytes()).map(|()| file));
    written.map_err(|error| {
        Error::new(ErrorKind::DiskFull, "there is no place for the certificate authorities")
            .hint("give the temporary folder of the server some room")
            .source(error)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_policy_is_read_and_nothing_is_allowed_without_one() {
        assert_eq!(allowed(&json!(null)).unwrap().settings.policy, UrlPolicy::default());
        let policy =
            json!({"allow_hosts": ["git.local"], "allow": ["10.0.0.0/8"], "insecure_http": true, "ca_pem": "PEM"});
        let allowed_now = allowed(&policy).unwrap();
        let settings = &allowed_now.settings;
        assert_eq!(settings.policy.allow_hosts, ["git.local"]);
        assert!(settings.policy.insecure_http && settings.policy.allow.len() == 1);
        let file = settings.ca_file.clone().unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "PEM");
        drop(allowed_now);
        assert!(!file.exists());
        for wrong in [json!({"allow": ["x"]}), json!({"alow": []}), json!(3)] {
            assert_eq!(allowed(&wrong).unwrap_err().field(), Some("policy"));
        }
    }
}
