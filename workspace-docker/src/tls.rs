//! Mutual TLS from the PEM text of a server's record; nothing touches a disk.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use workspace_core::error::{Error, Result};
use workspace_core::model::TlsMaterial;

use crate::peer::{PeerEnd, Remembering};

/// A client that trusts only the record's authority and shows the record's certificate, and when the server's own ends.
/// TLS 1.3, which every Engine
/// since 19.03 speaks.
pub(crate) fn client_config(material: &TlsMaterial) -> Result<(ClientConfig, PeerEnd)> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates("tls.ca", &material.ca)? {
        roots.add(certificate).map_err(|error| bad("tls.ca", "the certificate cannot be used").source(error))?;
    }
    let chain = certificates("tls.cert", &material.cert)?;
    let key = PrivateKeyDer::from_pem_slice(material.key.reveal().as_bytes())
        .map_err(|error| bad("tls.key", "this is no private key in PEM").source(error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build();
    let verifier = verifier.map_err(|error| bad("tls.ca", "the certificate cannot be used").source(error))?;
    let (verifier, peer_end) = Remembering::new(verifier);
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| bad("tls", "TLS cannot be set up").source(error))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_client_auth_cert(chain, key)
        .map_err(|error| bad("tls.key", "the key does not belong to tls.cert").source(error))?;
    Ok((config, peer_end))
}

fn certificates(field: &str, pem: &str) -> Result<Vec<CertificateDer<'static>>> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|error| bad(field, "this is no certificate in PEM").source(error))?;
    if found.is_empty() {
        return Err(bad(field, "there is no certificate in it"));
    }
    Ok(found)
}

fn bad(field: &str, message: &str) -> Error {
    Error::invalid(field, message).hint("give the PEM text itself, with its BEGIN and END lines, not a file name")
}
