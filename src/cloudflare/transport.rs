//! The wire: sends one request and brings back one answer, whatever it is.
//!
//! Invariants: the token goes to the configured base URL and nowhere else; no
//! redirect is followed; nothing is sent twice, but for a connection that
//! failed on an unknown issuer, before anything was sent.

use std::cell::OnceCell;
use std::error::Error;
use std::io;
use std::mem;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{NoProxy, Proxy, Response, redirect, retry};
use rustls::{CertificateError, ClientConfig, RootCertStore};
use rustls_native_certs::load_native_certs;
use secrecy::{ExposeSecret as _, SecretString};

use super::certificates;
use super::error::BoxError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// For a build log as a whole; it may also not stand still for longer than
/// [`REQUEST_TIMEOUT`].
const LOG_TIMEOUT: Duration = Duration::from_mins(5);

/// Sends a request to the API; [`Http`] for real, a fake one in tests.
pub trait Transport {
    type Body: Body;

    /// Sends it once, and comes back when the head of an answer is there.
    async fn send(&self, request: &Request) -> Result<Answer<Self::Body>, SendError>;
}

/// The body of an answer, not read yet. Dropped, it is read no further.
pub trait Body {
    /// The next piece; `None` at the end.
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, SendError>;
}

#[derive(Clone, Debug)]
pub struct Request {
    pub method: Method,
    /// Below the base URL, with a leading slash.
    pub path: String,
    /// A build log may take five minutes, every other response 30 seconds.
    pub is_log: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    /// With `{}` as its body, which both the old and the new form of the
    /// API's specification accept.
    Post,
}

impl Method {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

pub struct Answer<B> {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: B,
}

#[derive(Debug)]
pub enum SendError {
    /// Nothing of the request has left.
    NotSent(BoxError),
    /// Nothing has left, since whoever answered is not who we look for.
    Untrusted(BoxError),
    /// Nothing has left: the proxy wants to know who asks.
    ProxyRejected,
    /// It left, and no whole answer came.
    NoAnswer(BoxError),
}

/// How to prove who we are.
#[derive(Clone, Debug)]
pub enum Credentials {
    Token(SecretString),
    Key { email: String, key: SecretString },
}

/// Where and how to reach the API.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// With `/client/v4`, without a slash at its end.
    pub base_url: String,
    pub https_proxy: Option<String>,
    pub no_proxy: Option<String>,
    /// A company's own certificate authorities, beside the built-in roots.
    pub ssl_cert_file: Option<PathBuf>,
    pub ssl_cert_dir: Option<PathBuf>,
}

pub struct Http {
    base_url: String,
    client: reqwest::Client,
    endpoint: Endpoint,
    credentials: Credentials,
    /// Made when the built-in roots do not know who signed the API's
    /// certificate: parsing the system's roots costs 40 ms of CPU.
    with_system_roots: OnceCell<reqwest::Client>,
    warnings: Vec<String>,
}

impl Http {
    pub fn new(endpoint: Endpoint, credentials: Credentials) -> Result<Self> {
        let mut roots = bundled_roots();
        let mut warnings = Vec::new();
        // Plain HTTP, to a loopback address, needs no certificate.
        if endpoint.base_url.starts_with("https:") {
            let own = certificates::read(
                endpoint.ssl_cert_file.as_deref(),
                endpoint.ssl_cert_dir.as_deref(),
            );
            let (_, unusable) = roots.add_parsable_certificates(own.certificates);
            warnings = own.warnings;
            if 0 < unusable {
                warnings.push(format!(
                    "`SSL_CERT_FILE` and `SSL_CERT_DIR` hold {unusable} certificates that cannot be used; the others are trusted"
                ));
            }
        }
        Ok(Self {
            base_url: endpoint.base_url.clone(),
            client: client(&endpoint, &credentials, roots)?,
            endpoint,
            credentials,
            with_system_roots: OnceCell::new(),
            warnings,
        })
    }

    /// What is odd about the certificate authorities, but need not matter.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The client that trusts the system's roots too, if it can be made.
    fn trusting_the_system(&self) -> Option<&reqwest::Client> {
        let is_named =
            self.endpoint.ssl_cert_file.is_some() || self.endpoint.ssl_cert_dir.is_some();
        if is_named {
            // They take the place of the system's roots.
            return None;
        }
        if self.with_system_roots.get().is_none() {
            let mut roots = bundled_roots();
            roots.add_parsable_certificates(load_native_certs().certs);
            let client = client(&self.endpoint, &self.credentials, roots).ok()?;
            // Only this method fills the cell, and it was empty.
            let _ = self.with_system_roots.set(client);
        }
        self.with_system_roots.get()
    }

    async fn send_with(
        &self,
        client: &reqwest::Client,
        request: &Request,
    ) -> Result<Answer<Response>, reqwest::Error> {
        let url = format!("{}{}", self.base_url, request.path);
        let is_log = request.is_log;
        let request = match request.method {
            Method::Get => client.get(url),
            Method::Post => client
                .post(url)
                .header(CONTENT_TYPE, "application/json")
                .body("{}"),
        };
        let timeout = if is_log { LOG_TIMEOUT } else { REQUEST_TIMEOUT };
        let request = request.timeout(timeout);
        let mut response = request.send().await?;
        Ok(Answer {
            status: response.status().as_u16(),
            headers: mem::take(response.headers_mut()),
            body: response,
        })
    }
}

impl Transport for Http {
    type Body = Response;

    async fn send(&self, request: &Request) -> Result<Answer<Response>, SendError> {
        let client = self.with_system_roots.get().unwrap_or(&self.client);
        let mut result = self.send_with(client, request).await;
        if let Err(error) = &result
            && self.with_system_roots.get().is_none()
            && is_unknown_issuer(error)
            && let Some(client) = self.trusting_the_system()
        {
            result = self.send_with(client, request).await;
        }
        result.map_err(SendError::from)
    }
}

impl Body for Response {
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, SendError> {
        let chunk = Response::chunk(self).await?;
        Ok(chunk.map(|it| it.to_vec()))
    }
}

impl From<reqwest::Error> for SendError {
    fn from(error: reqwest::Error) -> Self {
        // With its URL the text would name the account.
        let error = error.without_url();
        if certificate_error(&error).is_some() {
            Self::Untrusted(error.into())
        } else if error.is_connect() && is_proxy_authentication(&error) {
            Self::ProxyRejected
        } else if error.is_connect() {
            Self::NotSent(error.into())
        } else {
            Self::NoAnswer(error.into())
        }
    }
}

fn bundled_roots() -> RootCertStore {
    let roots = webpki_roots::TLS_SERVER_ROOTS.iter().cloned();
    roots.collect()
}

#[expect(clippy::disallowed_methods, reason = "the only client of the API")]
fn client(
    endpoint: &Endpoint,
    credentials: &Credentials,
    roots: RootCertStore,
) -> Result<reqwest::Client> {
    let provider = rustls::crypto::ring::default_provider();
    let tls = ClientConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent(concat!("pages-retry/", env!("CARGO_PKG_VERSION")))
        .default_headers(authentication(credentials)?)
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(REQUEST_TIMEOUT)
        .no_proxy();
    let no_proxy = endpoint.no_proxy.as_deref().and_then(NoProxy::from_string);
    // None for plain HTTP: that goes to a loopback address alone, and a proxy
    // would see the token.
    if let Some(url) = &endpoint.https_proxy {
        builder = builder.proxy(Proxy::https(url)?.no_proxy(no_proxy));
    }
    builder.build().context("failed to set up the HTTP client")
}

/// The only place that reads the secrets to send them.
fn authentication(credentials: &Credentials) -> Result<HeaderMap> {
    let secret = |text: String| -> Result<HeaderValue> {
        let mut value = HeaderValue::from_str(&text)?;
        value.set_sensitive(true);
        Ok(value)
    };
    let mut headers = HeaderMap::new();
    match credentials {
        Credentials::Token(token) => {
            let bearer = format!("Bearer {}", token.expose_secret());
            headers.insert(AUTHORIZATION, secret(bearer)?);
        }
        Credentials::Key { email, key } => {
            headers.insert("x-auth-email", HeaderValue::from_str(email)?);
            headers.insert("x-auth-key", secret(key.expose_secret().to_owned())?);
        }
    }
    Ok(headers)
}

/// Whether the proxy answered 407; the library has no type for it.
fn is_proxy_authentication(error: &reqwest::Error) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    while let Some(error) = cause {
        if error.to_string().contains("proxy authorization required") {
            return true;
        }
        cause = error.source();
    }
    false
}

fn is_unknown_issuer(error: &reqwest::Error) -> bool {
    matches!(
        certificate_error(error),
        Some(CertificateError::UnknownIssuer)
    )
}

/// Why the other side's certificate was refused, if it was.
fn certificate_error(error: &reqwest::Error) -> Option<&CertificateError> {
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
