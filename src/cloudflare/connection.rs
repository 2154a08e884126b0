//! How any server is reached: TLS, certificate authorities and proxies.
//!
//! Invariants: nothing here knows a credential; no redirect is followed;
//! nothing is sent twice, except after a connection that failed on an unknown
//! issuer, before anything was sent.

#![expect(clippy::disallowed_methods, reason = "the only HTTP clients")]

use std::cell::OnceCell;
use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use reqwest::{ClientBuilder, NoProxy, Proxy, RequestBuilder, Response, redirect, retry};
use rustls::{CertificateError, ClientConfig, RootCertStore};
use rustls_native_certs::load_native_certs;

use super::certificates;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The proxies and certificate authorities of this machine.
#[derive(Clone, Debug, Default)]
pub struct Connection {
    pub https_proxy: Option<String>,
    pub no_proxy: Option<String>,
    /// A company's own certificate authorities, beside the built-in roots.
    pub ssl_cert_file: Option<PathBuf>,
    pub ssl_cert_dir: Option<PathBuf>,
}

/// One HTTP client, and a second one once it is needed.
pub struct Clients {
    client: reqwest::Client,
    connection: Connection,
    configure: Box<dyn Fn(ClientBuilder) -> ClientBuilder>,
    /// Made when the built-in roots do not know who signed a certificate:
    /// parsing the system's roots costs 40 ms of CPU.
    with_system_roots: OnceCell<Option<reqwest::Client>>,
    /// What is odd about the certificate authorities, but need not matter.
    pub(super) warnings: Vec<String>,
}

impl Clients {
    /// Sets up a client; `configure` adds what its requests have in common.
    ///
    /// # Errors
    ///
    /// Fails if the proxy is not a URL.
    pub fn new(
        connection: Connection,
        configure: impl Fn(ClientBuilder) -> ClientBuilder + 'static,
    ) -> Result<Self> {
        let own = certificates::read(
            connection.ssl_cert_file.as_deref(),
            connection.ssl_cert_dir.as_deref(),
        );
        let mut roots = bundled_roots();
        let (_, unusable) = roots.add_parsable_certificates(own.certificates);
        let mut warnings = own.warnings;
        if 0 < unusable {
            warnings.push(format!(
                "`SSL_CERT_FILE` and `SSL_CERT_DIR` hold {unusable} certificates that cannot be used; the others are trusted"
            ));
        }
        let configure: Box<dyn Fn(ClientBuilder) -> ClientBuilder> = Box::new(configure);
        let client = configure(builder(&connection, roots)?).build();
        Ok(Self {
            client: client.context("failed to set up the HTTP client")?,
            connection,
            configure,
            with_system_roots: OnceCell::new(),
            warnings,
        })
    }

    /// Sends the request that `build` makes, and returns once the head of a
    /// response has arrived.
    ///
    /// # Errors
    ///
    /// Fails if there is no connection or no response.
    pub async fn send(
        &self,
        build: impl Fn(&reqwest::Client) -> RequestBuilder,
    ) -> Result<Response, reqwest::Error> {
        let trusting = self.with_system_roots.get().and_then(Option::as_ref);
        let result = build(trusting.unwrap_or(&self.client)).send().await;
        if let Err(error) = &result
            && trusting.is_none()
            && is_unknown_issuer(error)
            && let Some(client) = self.trusting_the_system()
        {
            return build(client).send().await;
        }
        result
    }

    /// The client that trusts the system's roots too, if it can be made.
    fn trusting_the_system(&self) -> Option<&reqwest::Client> {
        if self.connection.ssl_cert_file.is_some() || self.connection.ssl_cert_dir.is_some() {
            // They take the place of the system's roots.
            return None;
        }
        let make = || {
            let mut roots = bundled_roots();
            roots.add_parsable_certificates(load_native_certs().certs);
            let builder = builder(&self.connection, roots).ok()?;
            (self.configure)(builder).build().ok()
        };
        self.with_system_roots.get_or_init(make).as_ref()
    }
}

fn bundled_roots() -> RootCertStore {
    let roots = webpki_roots::TLS_SERVER_ROOTS.iter().cloned();
    roots.collect()
}

fn builder(connection: &Connection, roots: RootCertStore) -> Result<ClientBuilder> {
    let provider = rustls::crypto::ring::default_provider();
    let tls = ClientConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent(concat!("pages-retry/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .connect_timeout(CONNECT_TIMEOUT)
        .no_proxy();
    let no_proxy = connection.no_proxy.as_deref();
    // None for plain HTTP: that goes to a loopback address alone, and a proxy
    // would see the token.
    Ok(match &connection.https_proxy {
        Some(url) => {
            builder.proxy(Proxy::https(url)?.no_proxy(no_proxy.and_then(NoProxy::from_string)))
        }
        None => builder,
    })
}

fn is_unknown_issuer(error: &reqwest::Error) -> bool {
    matches!(
        certificate_error(error),
        Some(CertificateError::UnknownIssuer)
    )
}

/// Why the server's certificate was rejected, if it was.
pub(super) fn certificate_error(error: &reqwest::Error) -> Option<&CertificateError> {
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    while let Some(error) = cause {
        // An io::Error hides what it wraps from `source`.
        let wrapped = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
            .map(|it| it as &(dyn Error + 'static));
        let tls = wrapped.unwrap_or(error).downcast_ref::<rustls::Error>();
        if let Some(rustls::Error::InvalidCertificate(why)) = tls {
            return Some(why);
        }
        cause = wrapped.or_else(|| error.source());
    }
    None
}

/// Whether the proxy returned status 407; the library has no type for it.
pub(super) fn is_proxy_authentication(error: &reqwest::Error) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    while let Some(error) = cause {
        if error.to_string().contains("proxy authorization required") {
            return true;
        }
        cause = error.source();
    }
    false
}
