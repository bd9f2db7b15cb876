//! Whom we trust to name an https server.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};
use rustls::{ClientConfig, RootCertStore};
use workspace_core::error::{Error, ErrorKind, Result};

use crate::remote::GitSettings;

/// TLS that trusts the authorities of the settings.
pub(super) fn client_config(settings: &GitSettings) -> Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let mut authorities = match &settings.ca_file {
        Some(path) => CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect)
            .map_err(|error| unreadable("ca_file", &error))?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    if let Some(text) = &settings.more_authorities {
        let more: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
        authorities.extend(more.map_err(|error| unreadable("more_authorities", &error))?);
    }
    let (added, _) = roots.add_parsable_certificates(authorities);
    if added == 0 {
        return Err(Error::new(ErrorKind::TlsRefused, "there is no certificate authority to trust")
            .hint("install the machine's ca-certificates, or name a file with authorities"));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::new(ErrorKind::Internal, "no TLS version is left").source(error))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

fn unreadable(field: &str, error: &pem::Error) -> Error {
    Error::invalid(field, "cannot read the certificate authorities")
        .hint("give certificates in PEM form")
        .source(error.to_string())
}
