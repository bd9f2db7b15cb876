//! How long the certificates of a record are good.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use workspace_core::clock::Timestamp;
use workspace_core::model::TlsMaterial;
use x509_parser::parse_x509_certificate;

/// When the first of a record's certificates ends, ours or the authority's: none after it is trusted. What cannot be
/// read is refused elsewhere.
pub(crate) fn first_end(material: &TlsMaterial) -> Option<Timestamp> {
    [&material.cert, &material.ca].into_iter().flat_map(|pem| ends(pem)).min()
}

fn ends(pem: &str) -> Vec<Timestamp> {
    let found = CertificateDer::pem_slice_iter(pem.as_bytes()).filter_map(Result::ok);
    found.filter_map(|certificate| end(&certificate)).collect()
}

/// When one in DER ends; `None` when it cannot be read.
pub(crate) fn end(certificate: &[u8]) -> Option<Timestamp> {
    let (_, certificate) = parse_x509_certificate(certificate).ok()?;
    Some(Timestamp::from_micros(certificate.validity().not_after.timestamp().saturating_mul(1_000_000)))
}

#[cfg(test)]
mod tests {
    use workspace_core::secret::Secret;

    use super::*;

    const FIXTURE: &str = "\
-----BEGIN CERTIFICATE-----
MIIBejCCAR+gAwIBAgIUYDs2W4Rorjff8vCH23cweAXSmOcwCgYIKoZIzj0EAwIw
EjEQMA4GA1UEAwwHZml4dHVyZTAeFw0yNjExMjEyMjQwNTJaFw0yNjEyMDEyMjQw
NTJaMBIxEDAOBgNVBAMMB2ZpeHR1cmUwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
AAQje6fmmPQ3+12OOlxAoNyUcvTycRmjtuDM4qYr3MZeczQmf2yzhg/fXqNrKc2k
PXJ6rMLP9rTkDdBOgWN+eVxio1MwUTAdBgNVHQ4EFgQUbezE5uZGowu6kOX4wcLH
zKostl8wHwYDVR0jBBgwFoAUbezE5uZGowu6kOX4wcLHzKostl8wDwYDVR0TAQH/
BAUwAwEB/zAKBggqhkjOPQQDAgNJADBGAiEA7eGQwpIbL0B4xDGm9SokCYOODZgo
djqWN9GnQsqhTtkCIQCO0PoLPDRNoQ0bsdVTzJmKGZao/ZTFkorarNikzOhoSA==
-----END CERTIFICATE-----
";
    const ENDS: &str = "2026-12-01T22:40:52Z";

    fn material(cert: &str, ca: &str) -> TlsMaterial {
        TlsMaterial { ca: ca.to_owned(), cert: cert.to_owned(), key: Secret::new("") }
    }

    #[test]
    fn the_end_is_the_certificates_own() {
        let ends = Timestamp::parse(ENDS).unwrap();
        assert_eq!(first_end(&material(FIXTURE, "")), Some(ends));
        assert_eq!(first_end(&material("nonsense", FIXTURE)), Some(ends), "the authority's counts too");
        assert_eq!(first_end(&material("nonsense", "")), None);
    }
}
