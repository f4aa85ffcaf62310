//! Whether a server's certificate is the right one.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    SupportedCipherSuite,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use thiserror::Error as ThisError;

use crate::state::ConnectFailure;

/// Which certificates are trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Those that the system's roots vouch for, for the host's name.
    System,
    /// The one with this fingerprint and no other, whoever signed it and whatever its name.
    Pinned(Fingerprint),
}

/// The SHA-256 fingerprint of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

/// Why a text is no fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ThisError)]
#[error("a fingerprint has 64 hexadecimal digits, with or without colons")]
pub struct FingerprintError;

impl Fingerprint {
    /// The fingerprint of a certificate in DER.
    pub fn of(certificate: &[u8]) -> Self {
        let SupportedCipherSuite::Tls13(suite) = ring::cipher_suite::TLS13_AES_128_GCM_SHA256 else {
            unreachable!("the suite of this name is of TLS 1.3");
        };
        let mut digest = [0; 32];
        digest.copy_from_slice(suite.common.hash_provider.hash(certificate).as_ref());
        Self(digest)
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    /// Reads hexadecimal digits in either case, with colons or without, after an optional `sha256:`.
    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let text = text.trim();
        let hex = match text.get(..7) {
            Some(prefix) if prefix.eq_ignore_ascii_case("sha256:") => &text[7..],
            _ => text,
        };
        let digits: Vec<u8> = hex.bytes().filter(|b| *b != b':').collect();
        if digits.len() != 64 {
            return Err(FingerprintError);
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
            let digit = |d: u8| char::from(d).to_digit(16).ok_or(FingerprintError);
            *byte = (digit(pair[0])? * 16 + digit(pair[1])?) as u8;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            let colon = if at == 0 { "" } else { ":" };
            write!(f, "{colon}{byte:02X}")?;
        }
        Ok(())
    }
}

/// Checks the certificate, and remembers what it was when it was refused.
#[derive(Debug)]
pub(super) struct Verifier {
    pinned: Option<Fingerprint>,
    // `None` when the system has no roots: then nothing is trusted.
    system: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
    refused: Mutex<Option<(String, Fingerprint)>>,
}

impl Verifier {
    pub(super) fn new(trust: Trust) -> Result<Self, Error> {
        let provider = Arc::new(ring::default_provider());
        let (pinned, system) = match trust {
            Trust::Pinned(fingerprint) => (Some(fingerprint), None),
            Trust::System => (None, system_verifier(&provider)),
        };
        Ok(Self { pinned, system, provider, refused: Mutex::new(None) })
    }

    pub(super) fn client_config(self: &Arc<Self>) -> Result<Arc<ClientConfig>, Error> {
        let config = ClientConfig::builder_with_provider(self.provider.clone())
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(self.clone())
            .with_no_client_auth();
        Ok(Arc::new(config))
    }

    /// Takes what was wrong with the last certificate, if it was refused.
    pub(super) fn failure(&self) -> Option<ConnectFailure> {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner).take();
        refused.map(|(reason, fingerprint)| ConnectFailure::Certificate {
            reason,
            fingerprint: Some(fingerprint.to_string()),
        })
    }

    fn refuse(&self, shown: Fingerprint, error: CertificateError) -> Error {
        let reason = match &error {
            CertificateError::UnknownIssuer => "signed by nobody this system trusts".to_owned(),
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => "expired".to_owned(),
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "not valid yet".to_owned()
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "made for another name".to_owned()
            }
            CertificateError::ApplicationVerificationFailure => {
                "not the one with the given fingerprint".to_owned()
            }
            other => other.to_string(),
        };
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some((reason, shown));
        Error::InvalidCertificate(error)
    }
}

fn system_verifier(provider: &Arc<CryptoProvider>) -> Option<Arc<WebPkiServerVerifier>> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build().ok()
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let shown = Fingerprint::of(end_entity);
        if let Some(pinned) = self.pinned {
            return if shown == pinned {
                Ok(ServerCertVerified::assertion())
            } else {
                Err(self.refuse(shown, CertificateError::ApplicationVerificationFailure))
            };
        }
        let Some(system) = &self.system else {
            return Err(self.refuse(shown, CertificateError::UnknownIssuer));
        };
        system.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now).map_err(
            |error| match error {
                Error::InvalidCertificate(error) => self.refuse(shown, error),
                other => other,
            },
        )
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_in_every_form() {
        // The SHA-256 of the empty input, as FIPS 180 has it.
        let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let fingerprint: Fingerprint = hex.parse().unwrap();
        assert_eq!(fingerprint, Fingerprint::of(b""));
        assert_eq!(fingerprint.to_string().parse(), Ok(fingerprint));
        assert_eq!(format!("SHA256:{}", hex.to_uppercase()).parse(), Ok(fingerprint));
        for bad in ["", "e3", &hex[1..], &hex.replace('e', "g"), &"é".repeat(32)] {
            assert_eq!(bad.parse::<Fingerprint>(), Err(FingerprintError), "{bad}");
        }
    }
}
