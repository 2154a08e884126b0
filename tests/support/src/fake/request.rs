//! What is asked and what is answered, without a socket.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// One request, as it came over the wire or as a test made it up.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub method: String,
    /// Without the query.
    pub path: String,
    pub query: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// When and on which connection it came in; `None` where there is no socket.
    pub received: Option<(Instant, usize)>,
}

impl Request {
    /// `target` is the path under the base URL's host, with or without a query.
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

    /// The value of a query parameter, not decoded: ours are words and numbers.
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
    /// No route of the fake: another path or another method.
    Other,
}

impl Route {
    /// The route of a request and the deployment it names.
    pub fn of(request: &Request) -> (Self, Option<&str>) {
        let segments: Vec<_> = request.path.trim_start_matches('/').split('/').collect();
        let [_, _, "accounts", _, "pages", "projects", _, rest @ ..] = &*segments else {
            return (Self::Other, None);
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

/// A request that was answered, or left without an answer on purpose.
#[derive(Clone, Debug)]
pub struct Record {
    pub request: Request,
    pub route: Route,
    /// By the fake's clock, since its start.
    pub at: Duration,
    /// The status that went out, if any did.
    pub status: Option<u16>,
    /// Of a huge body: how many bytes were taken from us. The sockets' buffers
    /// count as taken, so it is a few MB more than the client has read.
    pub taken: Taken,
}

/// What becomes of a request. A test without sockets translates this into the
/// errors of its own transport.
#[derive(Clone, Debug)]
pub enum Answer {
    Http(Reply),
    /// A whole answer, but only after this much real time.
    Late(Duration, Reply),
    /// RST before a byte of an answer.
    Reset,
    /// FIN before a byte of an answer.
    Close,
    /// Never anything.
    Stall,
    /// The head and half of the body, then never anything.
    StallMidBody(Reply),
    /// The head and half of the body, then FIN.
    Truncated(Reply),
    /// The head, then this many bytes.
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

/// A count that the body's stream adds to while the record is already kept.
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

/// An HTTP answer.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Becomes a `Retry-After` date, counted from the answer's own `Date`.
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

    /// The API's envelope around one error.
    pub fn error(status: u16, code: u64, message: &str) -> Self {
        Self::errors(status, &json!([{ "code": code, "message": message }]))
    }

    /// The API's envelope around errors of any shape.
    pub fn errors(status: u16, errors: &Value) -> Self {
        let body = json!({ "result": null, "success": false, "errors": errors, "messages": [] });
        Self::json(status, &body)
    }

    /// What the client API says to one who asks too often.
    pub fn rate_limited() -> Self {
        let message = "Please wait and consider throttling your request speed";
        Self::error(429, 971, message)
    }

    /// What the firewall shows instead of the API.
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

    /// The body as JSON, for tests of the fake and of its users.
    pub fn value(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}
