//! TLS for every outgoing connection: WebSocket and HTTP alike check the venue's certificate against
//! the public roots and the extra roots of the configuration, and nothing else.
//!
//! One [`TlsRoots`] is read at start and shared: its `ClientConfig` carries the session cache, so that
//! a second connection to a venue resumes instead of shaking hands anew.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, InvalidDnsNameError, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Why TLS cannot be set up. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// An extra root certificate cannot be read.
    #[error("cannot read the root certificates {path} ({source}): check tls_extra_roots")]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the reader says.
        source: rustls::pki_types::pem::Error,
    },
    /// A file holds no certificate.
    #[error("{path} holds no PEM certificate: check tls_extra_roots")]
    Empty {
        /// Which file.
        path: PathBuf,
    },
    /// A certificate is none, or the provider lacks the protocol versions.
    #[error("TLS cannot be set up: {0}")]
    Rustls(#[from] rustls::Error),
    /// A host is no name that a certificate can bear.
    #[error("{host} is no host name: {source}")]
    Name {
        /// Which host.
        host: String,
        /// Why it is none.
        source: InvalidDnsNameError,
    },
}

/// Whom we trust, and the connections' shared session cache.
#[derive(Clone, Debug)]
pub struct TlsRoots {
    config: Arc<ClientConfig>,
}

impl TlsRoots {
    /// The public roots alone.
    ///
    /// # Errors
    /// When the crypto provider cannot serve TLS 1.2 and 1.3, which a good build excludes.
    pub fn public() -> Result<Self, TlsError> {
        Self::with_certificates([])
    }

    /// The public roots and the certificates of these PEM files.
    ///
    /// # Errors
    /// When a file cannot be read or holds no certificate.
    pub fn with_files<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Result<Self, TlsError> {
        let mut extra = Vec::new();
        for path in paths {
            let read = |source| TlsError::Read { path: path.to_owned(), source };
            let before = extra.len();
            for certificate in CertificateDer::pem_file_iter(path).map_err(read)? {
                extra.push(certificate.map_err(read)?);
            }
            if extra.len() == before {
                return Err(TlsError::Empty { path: path.to_owned() });
            }
        }
        Self::with_certificates(extra)
    }

    /// The public roots and these certificates.
    ///
    /// # Errors
    /// When one of them is no certificate.
    pub fn with_certificates(
        extra: impl IntoIterator<Item = CertificateDer<'static>>,
    ) -> Result<Self, TlsError> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        for certificate in extra {
            roots.add(certificate)?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { config: Arc::new(config) })
    }

    /// The configuration, for whoever wraps sockets by itself.
    #[must_use]
    pub fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.config)
    }

    /// Shakes hands on an open socket with the host of this name.
    ///
    /// # Errors
    /// When the host is no name, its certificate is not trusted, or the socket fails.
    pub async fn connect(
        &self,
        host: &str,
        socket: TcpStream,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|source| TlsError::Name { host: host.to_owned(), source })
            .map_err(std::io::Error::other)?;
        TlsConnector::from(self.config()).connect(name, socket).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_roots_are_there() {
        assert!(TlsRoots::public().is_ok());
    }

    #[test]
    fn a_file_without_a_certificate_is_refused_by_its_name() {
        let folder = std::env::temp_dir();
        let path = folder.join(format!("dutchbook-no-root-{}.pem", std::process::id()));
        std::fs::write(&path, "no certificate here\n").unwrap();
        let error = TlsRoots::with_files([path.as_path()]).unwrap_err();
        std::fs::remove_file(&path).unwrap();
        assert!(error.to_string().contains("holds no PEM certificate"), "{error}");
        let error = TlsRoots::with_files([path.as_path()]).unwrap_err();
        assert!(error.to_string().contains("check tls_extra_roots"), "{error}");
    }

    #[test]
    fn bytes_that_are_no_certificate_are_refused() {
        let junk = CertificateDer::from(vec![1, 2, 3]);
        assert!(matches!(TlsRoots::with_certificates([junk]), Err(TlsError::Rustls(_))));
    }
}
