//! TLS: who is trusted, and what is said when somebody is not.
//!
//! A server is trusted when the system's certificate authorities vouch for it, or
//! when its certificate is the very one a person has accepted, named by its
//! SHA-256 fingerprint. In every other case the handshake fails before anything
//! of the conversation is sent, and the error carries the fingerprint seen.

use std::io;
use std::sync::{Arc, OnceLock};

use ring::digest;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Why a TLS connection was not made. Nothing of the conversation was sent.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The server's certificate is not trusted.
    #[error("the certificate is not trusted: {reason}")]
    Certificate {
        /// The fingerprint of the certificate the server showed.
        fingerprint: Fingerprint,
        /// What is wrong with it.
        reason: String,
    },
    /// The fingerprint to trust is not 32 bytes in hexadecimal.
    #[error("the fingerprint to trust is not a SHA-256 fingerprint")]
    BadFingerprint,
    /// The host can be neither a DNS name nor an address.
    #[error("{0:?} cannot be the name of a server")]
    BadName(String),
    /// The two sides found no common ground, or the other side does not speak TLS.
    #[error("the TLS handshake failed: {0}")]
    Handshake(#[source] io::Error),
}

/// The SHA-256 of a certificate in DER form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of a certificate.
    pub fn of(certificate: &CertificateDer<'_>) -> Self {
        let digest = digest::digest(&digest::SHA256, certificate);
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest.as_ref());
        Self(bytes)
    }

    /// Reads a fingerprint as people write it: hexadecimal, in any case, with or
    /// without colons or spaces between the bytes.
    pub fn parse(text: &str) -> Option<Self> {
        let digits: Vec<u8> = text
            .chars()
            .filter(|c| !matches!(c, ':' | ' '))
            .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
            .collect::<Option<_>>()?;
        let (pairs, []) = digits.as_chunks::<2>() else {
            return None;
        };
        let bytes: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
        Some(Self(bytes.try_into().ok()?))
    }
}

/// Upper-case hexadecimal with colons, as `openssl x509 -fingerprint -sha256` prints it.
impl std::fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { ":" };
            write!(formatter, "{separator}{byte:02X}")?;
        }
        Ok(())
    }
}

/// Makes a TLS connection over `tcp` to the server called `host`.
///
/// # Errors
///
/// [`TlsError`]; in every case nothing but the handshake was sent.
pub async fn handshake(
    tcp: TcpStream,
    host: &str,
    pinned: Option<&str>,
) -> Result<TlsStream<TcpStream>, TlsError> {
    let pinned = match pinned {
        Some(text) => Some(Fingerprint::parse(text).ok_or(TlsError::BadFingerprint)?),
        None => None,
    };
    let name = ServerName::try_from(host.to_owned()).map_err(|_| TlsError::BadName(host.to_owned()))?;
    let verifier = Arc::new(Verifier::new(pinned)?);
    let provider = Arc::clone(&verifier.provider);
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError::Handshake(io::Error::other(error)))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&verifier) as Arc<dyn ServerCertVerifier>)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config)).connect(name, tcp).await.map_err(|error| verifier.explain(error))
}

/// Asks the authorities, or compares with the one accepted certificate, and keeps
/// the fingerprint of a certificate it turned down.
#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    trust: Trust,
    refused: OnceLock<(Fingerprint, String)>,
}

#[derive(Debug)]
enum Trust {
    Pinned(Fingerprint),
    Authorities(Arc<WebPkiServerVerifier>),
    /// The system has no certificate authorities to ask, so nobody is trusted.
    Nobody,
}

impl Verifier {
    fn new(pinned: Option<Fingerprint>) -> Result<Self, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let trust = match pinned {
            Some(fingerprint) => Trust::Pinned(fingerprint),
            None => {
                let mut roots = RootCertStore::empty();
                // Single unreadable entries of the system's store are passed over.
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
                if roots.is_empty() {
                    Trust::Nobody
                } else {
                    let verifier =
                        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                            .build()
                            .map_err(|error| TlsError::Handshake(io::Error::other(error)))?;
                    Trust::Authorities(verifier)
                }
            }
        };
        Ok(Self { provider, trust, refused: OnceLock::new() })
    }

    fn explain(&self, error: io::Error) -> TlsError {
        match self.refused.get() {
            Some((fingerprint, reason)) => {
                TlsError::Certificate { fingerprint: *fingerprint, reason: reason.clone() }
            }
            None => TlsError::Handshake(error),
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let seen = Fingerprint::of(end_entity);
        let verdict = match &self.trust {
            Trust::Pinned(fingerprint) if *fingerprint == seen => Ok(ServerCertVerified::assertion()),
            Trust::Pinned(_) => Err((
                CertificateError::ApplicationVerificationFailure.into(),
                "it is not the certificate that was accepted before".to_owned(),
            )),
            Trust::Nobody => Err((
                CertificateError::UnknownIssuer.into(),
                "this system has no certificate authorities".to_owned(),
            )),
            Trust::Authorities(verifier) => verifier
                .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
                .map_err(|error| {
                    let reason = error.to_string();
                    (error, reason)
                }),
        };
        verdict.map_err(|(error, reason): (rustls::Error, String)| {
            // The first refusal is the one that ends the handshake.
            let _ = self.refused.set((seen, reason));
            error
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_reads_back_what_it_prints() {
        let fingerprint = Fingerprint::of(&CertificateDer::from(b"certificate".to_vec()));
        let printed = fingerprint.to_string();
        assert_eq!(printed.len(), 32 * 3 - 1);
        assert_eq!(Fingerprint::parse(&printed), Some(fingerprint));
        let bare = printed.replace(':', "").to_lowercase();
        assert_eq!(Fingerprint::parse(&bare), Some(fingerprint));
    }

    #[test]
    fn what_is_not_a_fingerprint_is_refused() {
        for text in ["", "AB", &"0".repeat(63), &"0".repeat(66), &"g".repeat(64), "perché"] {
            assert_eq!(Fingerprint::parse(text), None, "{text:?}");
        }
    }
}
