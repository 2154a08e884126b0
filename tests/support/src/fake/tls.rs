//! A certificate authority created for one test.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{ServerConfig, SupportedProtocolVersion, crypto, version};

/// Signs certificates for loopback addresses; clients must be configured to trust it.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub fn create() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new([]).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // OpenSSL considers a certificate self-signed if its issuer has the same name.
        let name = &mut params.distinguished_name;
        name.push(DnType::CommonName, "authority of the fake Pages API");
        Self {
            issuer: CertifiedIssuer::self_signed(params, key).expect("a certificate"),
        }
    }

    /// The contents of a file for `SSL_CERT_FILE`.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// The configuration of a server for `127.0.0.1`, `::1` and `localhost`, with TLS 1.2
    /// and 1.3.
    pub fn server(&self) -> Arc<ServerConfig> {
        self.server_for(&[&version::TLS12, &version::TLS13])
    }

    pub fn server_with_tls12(&self) -> Arc<ServerConfig> {
        self.server_for(&[&version::TLS12])
    }

    fn server_for(&self, versions: &[&'static SupportedProtocolVersion]) -> Arc<ServerConfig> {
        let key = KeyPair::generate().expect("a key");
        let names = ["127.0.0.1", "::1", "localhost"].map(str::to_owned);
        let params = CertificateParams::new(names).expect("names of loopback");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let chain = vec![certificate.der().clone(), self.issuer.der().clone()];
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .expect("versions that ring speaks")
            .with_no_client_auth()
            .with_single_cert(chain, key);
        Arc::new(config.expect("a key that fits"))
    }
}
