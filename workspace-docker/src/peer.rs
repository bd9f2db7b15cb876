//! When the certificate that a server shows of itself ends.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};
use workspace_core::clock::Timestamp;

use crate::certificate;

/// When the certificate ends that the server showed last.
#[derive(Clone, Debug, Default)]
pub(crate) struct PeerEnd(Arc<Mutex<Option<Timestamp>>>);

impl PeerEnd {
    /// `None` before the first handshake.
    pub(crate) fn get(&self) -> Option<Timestamp> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, end: Option<Timestamp>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = end;
    }
}

/// Verifies as rustls does by itself, and remembers when what was good ends.
#[derive(Debug)]
pub(crate) struct Remembering {
    verifier: Arc<WebPkiServerVerifier>,
    end: PeerEnd,
}

impl Remembering {
    pub(crate) fn new(verifier: Arc<WebPkiServerVerifier>) -> (Arc<Self>, PeerEnd) {
        let end = PeerEnd::default();
        (Arc::new(Self { verifier, end: end.clone() }), end)
    }
}

impl ServerCertVerifier for Remembering {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let good = self.verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)?;
        self.end.set(certificate::end(end_entity));
        Ok(good)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}
