//! The certificate of the encrypted listeners: read from PEM files, or made at the first start.

use std::{
    fs,
    io::{self, Write},
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::ServerConfig;
use rustls_pki_types::{
    CertificateDer, PrivateKeyDer,
    pem::{self, PemObject},
};

use crate::config;

/// What the encrypted listeners need.
#[derive(Clone, Debug)]
pub struct Tls {
    /// For IRC over TLS.
    pub irc: Arc<ServerConfig>,
    /// For the web client over TLS; the same certificate, HTTP/1.1 agreed on by ALPN.
    pub web: Arc<ServerConfig>,
    /// The SHA-256 fingerprint of the certificate: 32 pairs of upper-case hexadecimal digits joined by colons.
    pub fingerprint: String,
    /// Whether the certificate was made here, so that clients have to be told to trust it.
    pub self_signed: bool,
}

/// Why there is no certificate to serve with.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A PEM file could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is not PEM.
    #[error("{} is not a PEM file", path.display())]
    NotPem {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: pem::Error,
    },
    /// The certificate file holds no certificate.
    #[error("{} holds no certificate (no BEGIN CERTIFICATE)", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// The key file holds no key that can be used without a password.
    #[error("{} holds no private key without a password (no BEGIN PRIVATE KEY)", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// Certificate and key are both there and do not serve.
    #[error("{} and {} do not serve together", certificate.display(), key.display())]
    Unfit {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What is wrong with them.
        source: rustls::Error,
    },
    /// The certificate made at the first start could not be kept.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No certificate could be made.
    #[error("cannot make a certificate")]
    Make(#[from] rcgen::Error),
}

impl Tls {
    /// Loads the configured certificate, or the one in `data/tls`, which is made there when it is missing.
    ///
    /// `hosts` are the addresses and names that are listened on; a certificate made here is valid for them, for
    /// `localhost`, the loopback addresses and this machine's name. It does not expire: whoever trusts it,
    /// trusts its fingerprint.
    ///
    /// # Errors
    ///
    /// [`TlsError`] when a file is missing, unreadable, not PEM or does not fit the other.
    pub fn load(config: &config::Tls, data: &Path, hosts: &[String]) -> Result<Tls, TlsError> {
        match (&config.certificate, &config.key) {
            (Some(certificate), Some(key)) => from_files(certificate, key, false),
            _ => {
                let folder = data.join("tls");
                let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
                if !(certificate.exists() && key.exists()) {
                    make(&folder, &certificate, &key, hosts)?;
                }
                from_files(&certificate, &key, true)
            }
        }
    }
}

/// The SHA-256 fingerprint of a certificate, as colon-separated hexadecimal.
pub fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, certificate);
    let pairs: Vec<String> = digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
    pairs.join(":")
}

fn from_files(certificate: &Path, key: &Path, self_signed: bool) -> Result<Tls, TlsError> {
    let chain = CertificateDer::pem_slice_iter(&read(certificate)?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|source| TlsError::NotPem { path: certificate.to_owned(), source })?;
    let Some(leaf) = chain.first() else {
        return Err(TlsError::NoCertificate { path: certificate.to_owned() });
    };
    let fingerprint = fingerprint(leaf);
    let private = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|source| match source {
        pem::Error::NoItemsFound => TlsError::NoKey { path: key.to_owned() },
        source => TlsError::NotPem { path: key.to_owned(), source },
    })?;

    let irc = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, private))
        .map_err(|source| TlsError::Unfit {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            source,
        })?;
    let mut web = irc.clone();
    web.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Tls { irc: Arc::new(irc), web: Arc::new(web), fingerprint, self_signed })
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|source| TlsError::Read { path: path.to_owned(), source })
}

fn make(folder: &Path, certificate: &Path, key: &Path, hosts: &[String]) -> Result<(), TlsError> {
    let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
    names.extend(machine_name());
    for host in hosts {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        match bare.parse::<IpAddr>() {
            // 0.0.0.0 and :: stand for every address of the machine, and no client ever asks for them.
            Ok(address) if address.is_unspecified() => {}
            _ => names.push(bare.to_owned()),
        }
    }
    names.sort();
    names.dedup();

    let pair = rcgen::KeyPair::generate()?;
    let mut params = rcgen::CertificateParams::new(names)?;
    params.distinguished_name.push(rcgen::DnType::CommonName, "Salotto");
    params.extended_key_usages.push(rcgen::ExtendedKeyUsagePurpose::ServerAuth);
    let made = params.self_signed(&pair)?;

    let failed = |path: &Path| {
        let path = path.to_owned();
        |source| TlsError::Write { path, source }
    };
    fs::create_dir_all(folder).map_err(failed(folder))?;
    // The certificate comes last: as long as it is missing, the next start makes both again.
    match fs::remove_file(certificate) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(certificate)(error)),
        _ => {}
    }
    write(key, pair.serialize_pem().as_bytes(), 0o600).map_err(failed(key))?;
    write(certificate, made.pem().as_bytes(), 0o644).map_err(failed(certificate))
}

/// Writes the file whole or not at all, with these permissions from its first moment.
fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let half = path.with_extension("new");
    match fs::remove_file(&half) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = options.open(&half)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&half, path)
}

/// The name of this machine, when it is one that a certificate can carry.
fn machine_name() -> Option<String> {
    let name = fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| std::env::var("HOSTNAME").ok())
        .or_else(|| std::env::var("COMPUTERNAME").ok())?;
    let name = name.trim();
    let fits = !name.is_empty()
        && name.len() <= 253
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.');
    fits.then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConnection};
    use rustls_pki_types::ServerName;

    use super::*;

    fn first_start(data: &Path) -> Tls {
        Tls::load(
            &config::Tls::default(),
            data,
            &["192.0.2.7".into(), "chat.example.org".into(), "::".into()],
        )
        .expect("made")
    }

    /// Shakes hands in memory and says whether the client trusted the server under this name.
    fn shakes_hands(tls: &Tls, data: &Path, name: &str) -> bool {
        let mut roots = RootCertStore::empty();
        let certificate =
            CertificateDer::from_pem_file(data.join("tls/certificate.pem")).expect("a certificate");
        roots.add(certificate).expect("a root");
        let client = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        let mut client = ClientConnection::new(Arc::new(client), name).expect("a client");
        let mut server = ServerConnection::new(tls.irc.clone()).expect("a server");
        while client.is_handshaking() || server.is_handshaking() {
            let mut bytes = Vec::new();
            client.write_tls(&mut bytes).expect("writes");
            server.read_tls(&mut bytes.as_slice()).expect("reads");
            if server.process_new_packets().is_err() {
                return false;
            }
            bytes.clear();
            server.write_tls(&mut bytes).expect("writes");
            client.read_tls(&mut bytes.as_slice()).expect("reads");
            if client.process_new_packets().is_err() {
                return false;
            }
        }
        true
    }

    #[test]
    fn the_first_start_makes_a_certificate_and_the_next_keeps_it() {
        let data = tempfile::tempdir().expect("a folder");
        let first = first_start(data.path());
        assert!(first.self_signed);
        assert_eq!(first.fingerprint.len(), 32 * 3 - 1);
        assert_eq!(first_start(data.path()).fingerprint, first.fingerprint);
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_can_read_the_key() {
        use std::os::unix::fs::PermissionsExt;
        let data = tempfile::tempdir().expect("a folder");
        first_start(data.path());
        let mode = fs::metadata(data.path().join("tls/key.pem")).expect("a key").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn the_certificate_is_valid_for_every_name_of_the_server_and_no_other() {
        let data = tempfile::tempdir().expect("a folder");
        let tls = first_start(data.path());
        for name in ["localhost", "127.0.0.1", "::1", "192.0.2.7", "chat.example.org"] {
            assert!(shakes_hands(&tls, data.path(), name), "{name}");
        }
        assert!(!shakes_hands(&tls, data.path(), "elsewhere.example.org"));
    }

    #[test]
    fn a_lost_certificate_is_made_again_with_its_key() {
        let data = tempfile::tempdir().expect("a folder");
        let first = first_start(data.path());
        fs::remove_file(data.path().join("tls/certificate.pem")).expect("removed");
        assert_ne!(first_start(data.path()).fingerprint, first.fingerprint);
        fs::remove_file(data.path().join("tls/key.pem")).expect("removed");
        first_start(data.path());
    }

    #[test]
    fn given_files_are_used_and_their_faults_named() {
        let (one, two) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let made = first_start(one.path());
        first_start(two.path());
        let file = |data: &Path, name: &str| Some(data.join("tls").join(name));
        let load = |certificate: Option<PathBuf>, key: Option<PathBuf>| {
            Tls::load(&config::Tls { certificate, key, self_signed: false }, one.path(), &[])
        };
        let (certificate, key) = (file(one.path(), "certificate.pem"), file(one.path(), "key.pem"));

        let given = load(certificate.clone(), key.clone()).expect("loads");
        assert_eq!(given.fingerprint, made.fingerprint);
        assert!(!given.self_signed);
        assert!(matches!(
            load(certificate.clone(), file(two.path(), "key.pem")),
            Err(TlsError::Unfit { .. })
        ));
        assert!(matches!(load(key.clone(), key.clone()), Err(TlsError::NoCertificate { .. })));
        assert!(matches!(load(certificate.clone(), certificate.clone()), Err(TlsError::NoKey { .. })));
        assert!(matches!(load(file(one.path(), "none.pem"), key), Err(TlsError::Read { .. })));
    }
}
