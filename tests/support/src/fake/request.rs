//! Requests and responses, independent of a socket.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// One request, received over the network or created by a test.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub method: String,
    /// The path without the query.
    pub path: String,
    pub query: String,
    /// The headers, with lowercase names.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// When and on which connection it arrived; `None` without a socket.
    pub received: Option<(Instant, usize)>,
}

impl Request {
    /// `target` is the path, with or without a query.
    pub fn new(method: &str, target: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            ..Self::default()
        }
    }

    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers
            .push((name.to_ascii_lowercase(), value.to_owned()));
        self
    }

    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let (_, value) = headers.find(|(it, _)| it.eq_ignore_ascii_case(name))?;
        Some(value)
    }

    /// The value of a query parameter, not percent-decoded.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let mut pairs = self.query.split('&').filter_map(|it| it.split_once('='));
        pairs.find(|(it, _)| *it == name).map(|(_, value)| value)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    Get,
    List,
    Retry,
    Logs,
    Project,
    /// The list of the account's projects.
    Projects,
    /// Any other path or method.
    Other,
}

impl Route {
    /// The route of a request, and the id in its path.
    pub fn of(request: &Request) -> (Self, Option<&str>) {
        let segments: Vec<_> = request.path.trim_start_matches('/').split('/').collect();
        let [_, _, "accounts", _, "pages", "projects", rest @ ..] = &*segments else {
            return (Self::Other, None);
        };
        let [_, rest @ ..] = rest else {
            let is_list = request.method == "GET";
            return (if is_list { Self::Projects } else { Self::Other }, None);
        };
        match (&*request.method, rest) {
            ("GET", []) => (Self::Project, None),
            ("GET", ["deployments"]) => (Self::List, None),
            ("GET", ["deployments", id]) => (Self::Get, Some(id)),
            ("POST", ["deployments", id, "retry"]) => (Self::Retry, Some(id)),
            ("GET", ["deployments", id, "history", "logs"]) => (Self::Logs, Some(id)),
            _ => (Self::Other, None),
        }
    }
}

/// A request that the fake has handled, possibly with a fault.
#[derive(Clone, Debug)]
pub struct Record {
    pub request: Request,
    pub route: Route,
    /// The time on the fake's clock since its start.
    pub at: Duration,
    /// The status of the response, if one was sent.
    pub status: Option<u16>,
    /// How many bytes of a huge body were sent. This includes the sockets' buffers,
    /// so it is a few MB more than the client has read.
    pub taken: Taken,
}

/// What happens to a request. A test without sockets translates this into errors
/// of its own transport.
#[derive(Clone, Debug)]
pub enum Answer {
    Http(Reply),
    /// A complete response, after this much real time.
    Late(Duration, Reply),
    /// RST before any byte of a response.
    Reset,
    /// FIN before any byte of a response.
    Close,
    /// No response, and the connection stays open.
    Stall,
    /// The head and half of the body; then the connection stays open without data.
    StallMidBody(Reply),
    /// The head and half of the body, then FIN.
    Truncated(Reply),
    /// The head, then a body of this many bytes.
    Huge(Reply, u64, Taken),
}

impl Answer {
    pub(super) fn taken(&self) -> Taken {
        if let Self::Huge(_, _, taken) = self {
            return taken.clone();
        }
        Taken::default()
    }

    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Reset | Self::Close | Self::Stall => None,
            Self::Http(reply)
            | Self::Late(_, reply)
            | Self::StallMidBody(reply)
            | Self::Truncated(reply)
            | Self::Huge(reply, _, _) => Some(reply.status),
        }
    }
}

/// A byte count that the body's stream still updates after the request is recorded.
#[derive(Clone, Debug, Default)]
pub struct Taken(Arc<AtomicU64>);

impl Taken {
    pub fn add(&self, bytes: u64) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }

    pub fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// An HTTP response.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Sent as a `Retry-After` date, relative to the response's own `Date`.
    pub retry_after_date: Option<Duration>,
}

impl Reply {
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body: body.into(),
            retry_after_date: None,
        }
    }

    pub fn json(status: u16, body: &Value) -> Self {
        Self::new(status, "application/json", body.to_string())
    }

    pub fn text(status: u16, body: &str) -> Self {
        Self::new(status, "text/plain", body)
    }

    pub fn html(status: u16, body: &str) -> Self {
        Self::new(status, "text/html; charset=UTF-8", body)
    }

    pub fn empty(status: u16) -> Self {
        Self {
            headers: Vec::new(),
            ..Self::text(status, "")
        }
    }

    /// One error in the API's envelope.
    pub fn error(status: u16, code: u64, message: &str) -> Self {
        Self::errors(status, &json!([{ "code": code, "message": message }]))
    }

    /// Any JSON as the errors in the API's envelope.
    pub fn errors(status: u16, errors: &Value) -> Self {
        let body = json!({ "result": null, "success": false, "errors": errors, "messages": [] });
        Self::json(status, &body)
    }

    /// The response to a client that exceeds the rate limit.
    pub fn rate_limited() -> Self {
        let message = "Please wait and consider throttling your request speed";
        Self::error(429, 971, message)
    }

    /// The page that Cloudflare's bot protection sends instead of the API.
    pub fn challenge() -> Self {
        Self::html(403, "<!DOCTYPE html><title>Just a moment...</title>")
            .header("cf-mitigated", "challenge")
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn retry_after(self, seconds: u64) -> Self {
        self.header("retry-after", &seconds.to_string())
    }

    pub fn retry_after_date(mut self, wait: Duration) -> Self {
        self.retry_after_date = Some(wait);
        self
    }

    pub fn has_header(&self, name: &str) -> bool {
        let mut headers = self.headers.iter();
        headers.any(|(it, _)| it.eq_ignore_ascii_case(name))
    }

    /// The body as JSON, or null.
    pub fn value(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}
