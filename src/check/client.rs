//! Requests the addresses of a deployment.
//!
//! Invariants: this client knows no credentials of the API. Each request has
//! a connection and a look-up of the name of its own. Redirects are followed
//! one by one, as [`read_head`] allows. A body is read up to [`MAX_BODY`]
//! bytes and never decompressed. The service token goes to the hosts of the
//! checked addresses only.

use std::error::Error;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{ACCEPT_ENCODING, CACHE_CONTROL, HeaderMap, HeaderValue};
use secrecy::ExposeSecret as _;
use tokio::task::spawn_blocking;
use url::{Origin, Url};

use super::address::Address;
use super::options::{Options, ServiceToken};
use super::response::{Answer, Head, MAX_BODY, read_head, read_page};
use crate::cloudflare::connection::{Clients, Connection};
use crate::cloudflare::error::error_chain;
use crate::text::inline;

/// For each request, with its body; each redirect is a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// A client for one check.
pub(super) struct CheckClient {
    clients: Clients,
    text: Option<String>,
    /// The service token, and where it may be sent.
    token: Option<(HeaderMap, Vec<Origin>)>,
}

/// One answer, and what the log of requests shows of it.
pub(super) struct Exchange {
    pub(super) answer: Answer,
    /// The status of the last response; `None` when none came.
    pub(super) status: Option<u16>,
    pub(super) cf_ray: Option<String>,
}

impl CheckClient {
    /// Prepares to request `addresses`; `connection` says which proxies and
    /// certificate authorities to use.
    ///
    /// # Errors
    ///
    /// Fails if the proxy is not a URL.
    pub(super) fn new(
        connection: Connection,
        options: &Options,
        addresses: &[Address],
    ) -> Result<Self> {
        let mut common = HeaderMap::new();
        common.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        common.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let clients = Clients::new(connection, move |builder| {
            builder
                .gzip(false)
                .pool_max_idle_per_host(0)
                .dns_resolver(Arc::new(Resolver))
                .default_headers(common.clone())
        })?;
        let token = match &options.access {
            Some(token) => {
                let origins = addresses.iter().map(|it| it.url.origin()).collect();
                Some((headers(token)?, origins))
            }
            None => None,
        };
        Ok(Self {
            clients,
            text: options.text.clone(),
            token,
        })
    }

    /// Requests a URL once, and follows its redirects.
    pub(super) async fn get(&self, mut url: Url) -> Exchange {
        let mut exchange = Exchange {
            answer: Answer::NoResponse(String::new()),
            status: None,
            cf_ray: None,
        };
        for hops in 0.. {
            match self.hop(&url, hops, &mut exchange).await {
                Ok(Some(next)) => url = next,
                Ok(None) => break,
                Err(error) => {
                    exchange.answer = no_answer(error);
                    break;
                }
            }
        }
        exchange
    }

    /// Sends one request. Returns where it redirects to; otherwise the answer
    /// is in `exchange`.
    async fn hop(
        &self,
        url: &Url,
        hops: usize,
        exchange: &mut Exchange,
    ) -> Result<Option<Url>, reqwest::Error> {
        let mut response = self
            .clients
            .send(|client| {
                let request = client.get(url.clone()).timeout(REQUEST_TIMEOUT);
                match &self.token {
                    Some((token, origins)) if origins.contains(&url.origin()) => {
                        request.headers(token.clone())
                    }
                    Some(_) | None => request,
                }
            })
            .await?;
        let status = response.status().as_u16();
        let cf_ray = response.headers().get("cf-ray");
        exchange.cf_ray = cf_ray.map(|it| String::from_utf8_lossy(it.as_bytes()).into_owned());
        exchange.status = Some(status);
        match read_head(url, hops, status, response.headers()) {
            Head::Follow(next) => return Ok(Some(next)),
            Head::Known(answer) => exchange.answer = answer,
            Head::Read => {
                let mut body = Vec::new();
                while body.len() < MAX_BODY
                    && let Some(chunk) = response.chunk().await?
                {
                    let room = MAX_BODY - body.len();
                    body.extend_from_slice(&chunk[..chunk.len().min(room)]);
                }
                let text = self.text.as_deref();
                let page = read_page(status, response.headers(), &body, text);
                exchange.answer = Answer::Page(page);
            }
        }
        Ok(None)
    }
}

/// The only place that reads the service token to send it.
fn headers(token: &ServiceToken) -> Result<HeaderMap> {
    let mut secret = HeaderValue::from_str(token.client_secret.expose_secret())?;
    secret.set_sensitive(true);
    let mut headers = HeaderMap::new();
    headers.insert(
        "cf-access-client-id",
        HeaderValue::from_str(&token.client_id)?,
    );
    headers.insert("cf-access-client-secret", secret);
    Ok(headers)
}

fn no_answer(error: reqwest::Error) -> Answer {
    let error = error.without_url();
    if error.is_timeout() {
        let seconds = REQUEST_TIMEOUT.as_secs();
        return Answer::NoResponse(format!("no whole response within {seconds}s"));
    }
    let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
    while let Some(error) = cause {
        if error.is::<NameError>() {
            return Answer::NotResolved(inline(&error_chain(error)));
        }
        cause = error.source();
    }
    Answer::NoResponse(inline(&error_chain(&error)))
}

/// Looks a name up for each connection, with an error that can be recognized.
struct Resolver;

#[derive(Debug, thiserror::Error)]
#[error("no address for `{name}`")]
struct NameError {
    name: String,
    source: io::Error,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let name = name.as_str().to_owned();
            let asked = name.clone();
            let resolved = spawn_blocking(move || {
                let found = (asked.as_str(), 0).to_socket_addrs()?;
                Ok(found.collect::<Vec<SocketAddr>>())
            });
            let resolved = resolved.await.unwrap_or_else(|error| Err(error.into()));
            match resolved {
                Ok(addresses) => Ok(Box::new(addresses.into_iter()) as Addrs),
                Err(source) => Err(NameError { name, source }.into()),
            }
        })
    }
}
