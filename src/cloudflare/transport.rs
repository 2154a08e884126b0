//! Sends one HTTP request and returns the response, whatever its status.
//!
//! Invariants: the token goes to the configured base URL and nowhere else; no
//! redirect is followed; nothing is sent twice, but for a connection that
//! failed on an unknown issuer, before anything was sent.

use std::mem;
use std::time::Duration;

use anyhow::Result;
use reqwest::Response;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};

use super::connection::{Clients, Connection, certificate_error, is_proxy_authentication};
use super::error::BoxError;

const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// For a build log as a whole; it may also not stand still for longer than
/// [`REQUEST_TIMEOUT`].
const LOG_TIMEOUT: Duration = Duration::from_mins(5);

/// Sends a request to the API; [`Http`] for real, a fake one in tests.
pub trait Transport {
    type Body: Body;

    /// Sends the request once and returns when the response headers arrive.
    async fn send(&self, request: &Request) -> Result<Answer<Self::Body>, SendError>;
}

/// An unread response body. Dropping it stops reading.
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
    /// Nothing of the request was sent.
    NotSent(BoxError),
    /// Nothing was sent, since the certificate of the server is not trusted.
    Untrusted(BoxError),
    /// Nothing was sent, since the proxy requires authentication (407).
    ProxyRejected,
    /// It was sent, and no complete response arrived.
    NoAnswer(BoxError),
}

/// How to authenticate.
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
    pub connection: Connection,
}

pub struct Http {
    base_url: String,
    clients: Clients,
}

impl Http {
    /// # Errors
    ///
    /// Fails if the proxy is not a URL.
    pub fn new(endpoint: Endpoint, credentials: &Credentials) -> Result<Self> {
        let authentication = authentication(credentials)?;
        let mut connection = endpoint.connection;
        // Plain HTTP, to a loopback address, needs no certificate.
        if !endpoint.base_url.starts_with("https:") {
            connection.ssl_cert_file = None;
            connection.ssl_cert_dir = None;
        }
        let clients = Clients::new(connection, move |builder| {
            builder
                .default_headers(authentication.clone())
                .read_timeout(REQUEST_TIMEOUT)
        })?;
        Ok(Self {
            base_url: endpoint.base_url,
            clients,
        })
    }

    /// What is odd about the certificate authorities, but need not matter.
    pub fn warnings(&self) -> &[String] {
        &self.clients.warnings
    }
}

impl Transport for Http {
    type Body = Response;

    async fn send(&self, request: &Request) -> Result<Answer<Response>, SendError> {
        let url = format!("{}{}", self.base_url, request.path);
        let timeout = if request.is_log {
            LOG_TIMEOUT
        } else {
            REQUEST_TIMEOUT
        };
        let build = |client: &reqwest::Client| {
            let request = match request.method {
                Method::Get => client.get(&url),
                Method::Post => client
                    .post(&url)
                    .header(CONTENT_TYPE, "application/json")
                    .body("{}"),
            };
            request.timeout(timeout)
        };
        let mut response = self.clients.send(build).await?;
        Ok(Answer {
            status: response.status().as_u16(),
            headers: mem::take(response.headers_mut()),
            body: response,
        })
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
