//! From a URL to the addresses that are dialled. A name is resolved once: what was checked is what is connected to.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use workspace_core::error::{Error, ErrorKind, Result};

use crate::address::{AddressRange, special_range};
use crate::url::{GitUrl, Scheme};

/// A name server that is silent this long will not answer.
const RESOLVE_LIMIT: Duration = Duration::from_secs(10);

/// What the operator allows beyond https and ssh to public addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UrlPolicy {
    /// Addresses that may be used though they are not public.
    pub allow: Vec<AddressRange>,
    /// Names of hosts that may have any address.
    pub allow_hosts: Vec<String>,
    /// Whether http without TLS is taken; a token then travels in the clear.
    pub insecure_http: bool,
}

impl UrlPolicy {
    /// Refuses what the policy forbids without asking a name server: plain http, and a literal address.
    ///
    /// # Errors
    /// `Invalid` for plain http, `AddressNotAllowed` for the address.
    pub fn check(&self, url: &GitUrl) -> Result<()> {
        if url.scheme() == Scheme::Http && !self.insecure_http {
            return Err(Error::invalid("url", "the git URL is http without TLS").hint("use https"));
        }
        url.host().parse().map_or(Ok(()), |address| self.check_address(url, address))
    }

    fn check_address(&self, url: &GitUrl, address: IpAddr) -> Result<()> {
        let allowed = || {
            self.allow.iter().any(|range| range.contains(address))
                || self.allow_hosts.iter().any(|host| host.eq_ignore_ascii_case(url.host()))
        };
        match special_range(address) {
            Some(range) if !allowed() => Err(Error::new(
                ErrorKind::AddressNotAllowed,
                format!("git host {} has an address that is not public ({range})", url.host()),
            )
            .hint("use a public host, or have the operator allow this one")),
            _ => Ok(()),
        }
    }

    /// The addresses of the URL's host. One that is not allowed spoils all: a name that points inside and outside at
    /// once has no honest use.
    pub(crate) async fn resolve(&self, url: &GitUrl) -> Result<Vec<SocketAddr>> {
        self.check(url)?;
        if let Ok(address) = url.host().parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, url.port())]);
        }
        let unreachable = |why: &str| {
            Error::new(ErrorKind::RemoteUnreachable, format!("git host {} {why}", url.host()))
                .hint("check the host's name, and that name resolution works where the project lives")
        };
        let found = tokio::time::timeout(RESOLVE_LIMIT, tokio::net::lookup_host((url.host(), url.port())))
            .await
            .map_err(|_| unreachable("cannot be resolved in time"))?
            .map_err(|error| unreachable("cannot be resolved").source(error))?;
        let addresses: Vec<_> = found.collect();
        if addresses.is_empty() {
            return Err(unreachable("has no address"));
        }
        addresses.iter().try_for_each(|address| self.check_address(url, address.ip()))?;
        Ok(addresses)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> GitUrl {
        text.parse().unwrap()
    }

    async fn refused(policy: &UrlPolicy, text: &str) -> ErrorKind {
        policy.resolve(&url(text)).await.unwrap_err().kind()
    }

    #[tokio::test]
    async fn private_addresses_need_the_operators_word() {
        let strict = UrlPolicy::default();
        for text in [
            "https://127.0.0.1/a",
            "https://localhost/a",
            "ssh://git@localhost/a",
            "https://[::ffff:169.254.169.254]/a",
            "https://169.254.169.254/latest",
            "https://[fd00::1]/a",
            "git@10.0.0.1:a",
            "https://localhost./a",
        ] {
            assert_eq!(refused(&strict, text).await, ErrorKind::AddressNotAllowed, "{text}");
        }
        let ranges = UrlPolicy { allow: vec!["127.0.0.0/8".parse().unwrap()], ..UrlPolicy::default() };
        assert_eq!(ranges.resolve(&url("https://127.0.0.1/a")).await.unwrap(), ["127.0.0.1:443".parse().unwrap()]);
        assert_eq!(refused(&ranges, "https://10.0.0.1/a").await, ErrorKind::AddressNotAllowed);
        let hosts = UrlPolicy { allow_hosts: vec!["LocalHost".into()], ..UrlPolicy::default() };
        assert!(!hosts.resolve(&url("https://localhost:8443/a")).await.unwrap().is_empty());
        assert_eq!(refused(&hosts, "https://127.0.0.1/a").await, ErrorKind::AddressNotAllowed);
    }

    #[tokio::test]
    async fn plain_http_and_unknown_names_are_refused() {
        let strict = UrlPolicy::default();
        assert_eq!(refused(&strict, "http://example.com/a").await, ErrorKind::Invalid);
        assert_eq!(refused(&strict, "https://no-such-host.invalid/a").await, ErrorKind::RemoteUnreachable);
        let plain = UrlPolicy { insecure_http: true, ..UrlPolicy::default() };
        assert_eq!(refused(&plain, "http://127.0.0.1/a").await, ErrorKind::AddressNotAllowed);
    }
}
