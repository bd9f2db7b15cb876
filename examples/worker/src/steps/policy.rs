//! What the operator allows git: the `policy` of a job's remote.

use serde::Deserialize;
use workspace_fleet::error::{Error, Result};
use workspace_fleet::git::{AddressRange, GitSettings, UrlPolicy};

/// The JSON of a policy.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Policy {
    allow_hosts: Vec<String>,
    allow: Vec<AddressRange>,
    insecure_http: bool,
    /// Certificate authorities to trust beside the machine's.
    ca_pem: Option<String>,
}

/// Reads a policy; null is the strictest.
pub(super) fn settings(policy: &serde_json::Value) -> Result<GitSettings> {
    let policy = Option::<Policy>::deserialize(policy)
        .map_err(|error| {
            Error::invalid("policy", "the git policy makes no sense")
                .hint("it has `allow_hosts`, `allow`, `insecure_http` and `ca_pem`")
                .source(error)
        })?
        .unwrap_or_default();
    Ok(GitSettings {
        policy: UrlPolicy { allow: policy.allow, allow_hosts: policy.allow_hosts, insecure_http: policy.insecure_http },
        more_authorities: policy.ca_pem,
        ..GitSettings::default()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_policy_is_read_and_nothing_is_allowed_without_one() {
        assert_eq!(settings(&json!(null)).unwrap().policy, UrlPolicy::default());
        let policy =
            json!({"allow_hosts": ["git.local"], "allow": ["10.0.0.0/8"], "insecure_http": true, "ca_pem": "PEM"});
        let settings_now = settings(&policy).unwrap();
        assert_eq!(settings_now.policy.allow_hosts, ["git.local"]);
        assert!(settings_now.policy.insecure_http && settings_now.policy.allow.len() == 1);
        assert_eq!(settings_now.more_authorities.as_deref(), Some("PEM"));
        for wrong in [json!({"allow": ["x"]}), json!({"alow": []}), json!(3)] {
            assert_eq!(settings(&wrong).unwrap_err().field(), Some("policy"));
        }
    }
}
