//! Whom a storage behind https is to be.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};
use rustls::{ClientConfig, RootCertStore};
use workspace_core::error::{Error, ErrorKind, Result};

/// TLS that trusts the machine's authorities and these.
pub(super) fn tls(more: Option<&str>) -> Result<ClientConfig> {
    let more: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(more.unwrap_or_default().as_bytes()).collect();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    for authority in more.map_err(|error: pem::Error| unreadable(error.to_string()))? {
        roots.add(authority).map_err(|error| unreadable(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(Error::new(ErrorKind::TlsRefused, "there is no certificate authority to trust")
            .hint("install the machine's ca-certificates, or give those of the storage"));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::new(ErrorKind::Internal, "no TLS version is left").source(error))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

fn unreadable(error: String) -> Error {
    Error::invalid("more_authorities", "cannot read the certificate authorities")
        .hint("give certificates in PEM form")
        .source(error)
}
