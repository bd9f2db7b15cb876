//! Whom we trust to name an https server.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use workspace_core::error::{Error, ErrorKind, Result};

/// TLS that trusts the authorities of this file, or those of the machine.
pub(super) fn client_config(ca_file: Option<&Path>) -> Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(match ca_file {
        Some(path) => from_file(path)?,
        None => rustls_native_certs::load_native_certs().certs,
    });
    if added == 0 {
        return Err(Error::new(ErrorKind::TlsRefused, "there is no certificate authority to trust")
            .hint("install the machine's ca-certificates, or name a file with authorities"));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::new(ErrorKind::Internal, "no TLS version is left").source(error))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

fn from_file(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let unreadable = |error: rustls::pki_types::pem::Error| {
        Error::invalid("ca_file", format!("cannot read certificates from {}", path.display()))
            .hint("name a file with certificates in PEM form")
            .source(error.to_string())
    };
    CertificateDer::pem_file_iter(path).map_err(unreadable)?.map(|found| found.map_err(unreadable)).collect()
}
