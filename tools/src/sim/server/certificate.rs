//! The certificate of a simulated venue, made at start and good for this machine alone.

use std::net::IpAddr;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// Why no certificate can be made.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The key or the certificate itself.
    #[error("cannot make a certificate: {0}")]
    Make(#[from] rcgen::Error),
    /// The TLS library does not take it.
    #[error("cannot serve TLS: {0}")]
    Serve(#[from] rustls::Error),
}

/// A certificate of this machine, and the authority that signed it.
///
/// The authority exists for this one signature; its key is forgotten at once.
#[derive(Clone, Debug)]
pub struct VenueCertificate {
    /// What clients have to trust, as PEM.
    pub root_pem: String,
    /// The same as DER.
    pub root: CertificateDer<'static>,
    /// What the server shows.
    pub(super) server: Arc<ServerConfig>,
}

impl VenueCertificate {
    /// What a server of this certificate needs.
    #[must_use]
    pub fn server(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.server)
    }

    /// A certificate for `localhost`, the loopback addresses, and the address that is listened on.
    ///
    /// # Errors
    /// When the crypto library fails.
    pub fn new(listen: IpAddr) -> Result<Self, CertificateError> {
        let root = authority()?;
        let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
        let own = listen.to_string();
        if !names.contains(&own) {
            names.push(own);
        }
        let mut leaf = CertificateParams::new(names)?;
        leaf.distinguished_name.push(DnType::CommonName, "localhost");
        leaf.use_authority_key_identifier_extension = true;
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate()?;
        let certificate = leaf.signed_by(&key, &root)?;
        let chain = vec![certificate.der().clone(), root.der().clone()];
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        Ok(Self { root_pem: root.pem(), root: root.der().clone(), server: Arc::new(server) })
    }
}

/// An authority that strict clients accept: they ask for its key usages by name.
fn authority() -> Result<CertifiedIssuer<'static, KeyPair>, CertificateError> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, "dutchbook simulated venue");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?)
}
