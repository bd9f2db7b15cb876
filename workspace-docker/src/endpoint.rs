//! Where an Engine is: what a server's record says, checked.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use http::Uri;
use http::uri::Authority;
use workspace_core::clock::Timestamp;
use workspace_core::error::{Error, Result};
use workspace_core::model::ServerSpec;

use crate::peer::PeerEnd;
use crate::tls;

/// Where an Engine is and how to talk to it.
#[derive(Clone, Debug)]
pub(crate) enum Endpoint {
    /// Plain HTTP over TCP.
    Http(Authority),
    /// HTTP over mutual TLS.
    Https(Authority, Arc<rustls::ClientConfig>, PeerEnd),
    /// HTTP over a socket of this machine.
    Unix(PathBuf),
}

impl Endpoint {
    /// Reads a record; fails on one that can never work.
    pub(crate) fn from_spec(spec: &ServerSpec) -> Result<Self> {
        if let Some(path) = spec.endpoint.strip_prefix("unix://") {
            if !path.starts_with('/') {
                return Err(invalid("the socket's path must be absolute").hint("write unix:///run/docker.sock"));
            }
            return Ok(Self::Unix(path.into()));
        }
        let uri: Uri = spec.endpoint.parse().map_err(|error| invalid("the endpoint is no URL").source(error))?;
        if uri.path() != "/" || uri.query().is_some() {
            return Err(invalid("the endpoint has a path").hint("write only scheme, host and port"));
        }
        match uri.scheme_str() {
            Some("https") => {
                let Some(material) = &spec.tls else {
                    return Err(Error::invalid("tls", "an https endpoint needs certificates")
                        .hint("give tls with ca, cert and key as PEM text"));
                };
                let (config, peer_end) = tls::client_config(material)?;
                Ok(Self::Https(authority(&uri, 2376)?, Arc::new(config), peer_end))
            }
            Some("http") => {
                let authority = authority(&uri, 2375)?;
                if spec.tls.is_some() {
                    return Err(invalid("certificates are given, but the endpoint is plain HTTP")
                        .hint("write it as https://, or leave tls out"));
                }
                if !spec.allow_insecure && !is_loopback(host(&authority)) {
                    return Err(invalid("plain HTTP to another machine lets anybody between take the server over")
                        .hint("use https:// with tls; or set allow_insecure on a network that is yours alone"));
                }
                Ok(Self::Http(authority))
            }
            _ => Err(invalid("the endpoint's scheme is not known").hint("use https://, http:// or unix://")),
        }
    }

    /// The base URL of calls; the host of a unix socket is a placeholder.
    pub(crate) fn base(&self) -> String {
        match self {
            Self::Http(authority) => format!("http://{authority}"),
            Self::Https(authority, ..) => format!("https://{authority}"),
            Self::Unix(_) => "http://docker".to_owned(),
        }
    }

    /// When the certificate ends that the server showed last; `None` without TLS, or before a connection.
    pub(crate) fn peer_end(&self) -> Option<Timestamp> {
        match self {
            Self::Https(_, _, end) => end.get(),
            Self::Http(_) | Self::Unix(_) => None,
        }
    }

    /// The server's own address, on which ports are published.
    pub(crate) async fn address(&self) -> Result<IpAddr> {
        let authority = match self {
            Self::Http(authority) | Self::Https(authority, ..) => authority,
            Self::Unix(_) => return Ok(IpAddr::from([127, 0, 0, 1])),
        };
        let host = host(authority);
        if let Ok(address) = host.parse() {
            return Ok(address);
        }
        let unknown = || {
            Error::new(workspace_core::error::ErrorKind::Unreachable, format!("the host name {host} is not known"))
                .hint("check the server's endpoint and the name service")
        };
        let mut found = tokio::net::lookup_host((host, 0)).await.map_err(|error| unknown().source(error))?;
        found.next().map(|address| address.ip()).ok_or_else(unknown)
    }
}

fn invalid(message: &str) -> Error {
    Error::invalid("endpoint", message)
}

/// Host and port, the port filled in.
fn authority(uri: &Uri, port: u16) -> Result<Authority> {
    let authority = uri.authority().ok_or_else(|| invalid("the endpoint has no host"))?;
    if authority.as_str().contains('@') {
        return Err(invalid("the endpoint has a user name").hint("identify with tls"));
    }
    if authority.port().is_some() {
        return Ok(authority.clone());
    }
    format!("{authority}:{port}").parse().map_err(|error| invalid("the endpoint's port makes no sense").source(error))
}

/// The host without the brackets of an IPv6 address.
fn host(authority: &Authority) -> &str {
    authority.host().trim_start_matches('[').trim_end_matches(']')
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field_of(endpoint: &str) -> Option<String> {
        let error = Endpoint::from_spec(&ServerSpec::new("s", endpoint)).err()?;
        assert!(error.next_step().is_some() || error.field().is_some());
        error.field().map(str::to_owned)
    }

    #[test]
    fn records_that_can_never_work_are_refused_by_field() {
        for endpoint in ["", "10.0.0.1", "tcp://10.0.0.1", "http://10.0.0.1:2375", "http://a@127.0.0.1", "unix://x"] {
            assert_eq!(field_of(endpoint).as_deref(), Some("endpoint"), "{endpoint}");
        }
        assert_eq!(field_of("https://10.0.0.1:2376").as_deref(), Some("tls"));
        assert_eq!(field_of("http://127.0.0.1:2375/v1.41").as_deref(), Some("endpoint"));
    }

    #[test]
    fn loopback_sockets_and_permission_are_fine() {
        for endpoint in ["http://127.0.0.1", "http://[::1]:2375", "http://localhost:1", "unix:///run/docker.sock"] {
            assert_eq!(field_of(endpoint), None, "{endpoint}");
        }
        let spec = ServerSpec { allow_insecure: true, ..ServerSpec::new("s", "http://10.0.0.1") };
        assert_eq!(Endpoint::from_spec(&spec).unwrap().base(), "http://10.0.0.1:2375");
    }
}
