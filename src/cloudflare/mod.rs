//! The Cloudflare Pages API: the only code that sends requests to it.
//!
//! It says what the API responded and whether an error is temporary. It decides
//! nothing and repeats nothing.

mod certificates;
pub mod connection;
pub mod deployment;
mod envelope;
pub mod error;
mod headers;
mod lenient;
mod log;
mod lossy;
pub mod page;
pub mod project;
mod projects;
pub mod transport;

use chrono::{DateTime, Utc};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::HeaderMap;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::cloudflare::deployment::Deployment;
use crate::cloudflare::envelope::Envelope;
use crate::cloudflare::error::{ClientError, ErrorResponse};
use crate::cloudflare::headers::Limit;
use crate::cloudflare::log::LogReader;
use crate::cloudflare::page::{Page, ResultInfo};
use crate::cloudflare::project::Project;
use crate::cloudflare::transport::{Answer, Body, Method, Request, SendError, Transport};
use crate::text;

/// More per page is refused with code 8000024.
const PER_PAGE: usize = 25;

const MAX_RESPONSE: usize = 8 << 20;
const MAX_LOG: usize = 256 << 20;

/// The deployments of one project.
pub struct Client<T> {
    transport: T,
    /// The path of the project.
    project: String,
}

/// What one request came to.
pub struct Exchange<A> {
    pub meta: ResponseMeta,
    pub result: Result<A, ClientError>,
    /// The `messages` of a success.
    pub messages: Vec<String>,
    /// What a list says of itself.
    result_info: ResultInfo,
}

/// One request and what the head of its answer said.
#[derive(Clone, Debug)]
pub struct ResponseMeta {
    pub method: &'static str,
    /// The path below the project's deployments.
    pub route: String,
    /// `None` when no answer came.
    pub status: Option<u16>,
    pub cf_ray: Option<String>,
    /// The API's time.
    pub date: Option<DateTime<Utc>>,
    /// What is left of the rate limit.
    pub limit: Option<Limit>,
}

impl<T: Transport> Client<T> {
    pub fn new(transport: T, account_id: &str, project_name: &str) -> Self {
        let (account, project) = (segment(account_id), segment(project_name));
        Self {
            transport,
            project: format!("/accounts/{account}/pages/projects/{project}"),
        }
    }

    /// `GET …/deployments/{id}`.
    pub async fn deployment(&self, id: &str) -> Exchange<Deployment> {
        self.ask(Method::Get, format!("/{}", segment(id))).await
    }

    /// `GET …/deployments`: one page. Pages count from 1.
    pub async fn deployments(&self, environment: Option<&str>, page: usize) -> Exchange<Page> {
        let environment = environment.map(|it| format!("&env={}", segment(it)));
        let environment = environment.unwrap_or_default();
        let route = format!("?page={page}&per_page={PER_PAGE}{environment}");
        let exchange: Exchange<Vec<Value>> = self.ask(Method::Get, route).await;
        let info = exchange.result_info;
        Exchange {
            meta: exchange.meta,
            result: exchange.result.map(|rows| Page::new(rows, info, page)),
            messages: exchange.messages,
            result_info: info,
        }
    }

    /// `POST …/deployments/{id}/retry`, once.
    pub async fn retry(&self, id: &str) -> Exchange<Deployment> {
        self.ask(Method::Post, format!("/{}/retry", segment(id)))
            .await
    }

    /// `GET …/deployments/{id}/history/logs`: gives `show` each line but the
    /// first `skip` as they arrive. Results in the number of lines met.
    pub async fn log(&self, id: &str, skip: usize, show: &mut dyn FnMut(&str)) -> Exchange<usize> {
        // `size` is not documented; without it the API gives a page.
        let route = format!("/{}/history/logs?size=10000000", segment(id));
        let mut request = self.request(Method::Get, &route);
        request.is_log = true;
        let (meta, answer) = self.send(request, route).await;
        let result = match answer {
            Ok(answer) if is_success(answer.status) => read_log(answer, skip, show).await,
            Ok(answer) => read::<Value, _>(answer).await.map(|_| 0),
            Err(error) => Err(error),
        };
        Exchange {
            meta,
            result,
            messages: Vec::new(),
            result_info: ResultInfo::default(),
        }
    }

    /// `GET …/pages/projects/{name}`: the project itself.
    pub async fn project(&self) -> Exchange<Project> {
        let request = Request {
            method: Method::Get,
            path: self.project.clone(),
            is_log: false,
        };
        let exchange = self.exchange::<Value>(request, String::new()).await;
        Exchange {
            meta: exchange.meta,
            result: exchange.result.map(|it| Project::from(&it)),
            messages: exchange.messages,
            result_info: exchange.result_info,
        }
    }

    async fn ask<A: DeserializeOwned>(&self, method: Method, route: String) -> Exchange<A> {
        self.exchange(self.request(method, &route), route).await
    }

    async fn exchange<A: DeserializeOwned>(&self, request: Request, route: String) -> Exchange<A> {
        let (meta, answer) = self.send(request, route).await;
        let read = match answer {
            Ok(answer) => read(answer).await,
            Err(error) => Err(error),
        };
        let (result, messages, result_info) = match read {
            Ok((result, envelope)) => {
                let messages = envelope.messages.iter().map(ToString::to_string);
                (Ok(result), messages.collect(), envelope.result_info)
            }
            Err(error) => (Err(error), Vec::new(), ResultInfo::default()),
        };
        Exchange {
            meta,
            result,
            messages,
            result_info,
        }
    }

    fn request(&self, method: Method, route: &str) -> Request {
        Request {
            method,
            path: format!("{}/deployments{route}", self.project),
            is_log: false,
        }
    }

    async fn send(
        &self,
        request: Request,
        route: String,
    ) -> (ResponseMeta, Result<Answer<T::Body>, ClientError>) {
        let answer = self.transport.send(&request).await;
        let none = HeaderMap::new();
        let headers = answer.as_ref().map_or(&none, |it| &it.headers);
        let meta = ResponseMeta {
            method: request.method.as_str(),
            route,
            status: answer.as_ref().map(|it| it.status).ok(),
            cf_ray: headers::cf_ray(headers),
            date: headers::date(headers),
            limit: headers::limit(headers),
        };
        (meta, answer.map_err(ClientError::from))
    }
}

impl From<SendError> for ClientError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::NotSent(cause) => Self::NotSent(cause),
            SendError::Untrusted(cause) => Self::Untrusted(cause),
            SendError::ProxyRejected => Self::ProxyRejected,
            SendError::NoAnswer(cause) => Self::NoAnswer(cause),
        }
    }
}

/// Reads a response as the result of a success and what came with it, or as
/// why there is none.
async fn read<A, B>(mut answer: Answer<B>) -> Result<(A, Envelope), ClientError>
where
    A: DeserializeOwned,
    B: Body,
{
    let mut body = Vec::new();
    while body.len() <= MAX_RESPONSE {
        match answer.body.chunk().await {
            Ok(Some(chunk)) => body.extend(chunk),
            Err(error) if is_success(answer.status) => return Err(error.into()),
            // The status stands, whatever broke the body off: a 429 is a rate
            // limit even without the rest of its body.
            Ok(None) | Err(_) => break,
        }
    }
    let envelope = Envelope::read(&body);
    let items = match envelope {
        Some(envelope) if is_success(answer.status) && envelope.success != Some(false) => {
            if let Ok(result) = A::deserialize(&envelope.result) {
                return Ok((result, envelope));
            }
            envelope.errors
        }
        Some(envelope) => envelope.errors,
        None => Vec::new(),
    };
    let excerpt = items.is_empty().then(|| excerpt(&body));
    Err(error_response(&answer, items, excerpt))
}

async fn read_log<B: Body>(
    mut answer: Answer<B>,
    skip: usize,
    show: &mut dyn FnMut(&str),
) -> Result<usize, ClientError> {
    let mut reader = LogReader::new(skip, show);
    let mut read = 0;
    while read <= MAX_LOG
        && !reader.is_broken()
        && let Some(chunk) = answer.body.chunk().await?
    {
        read += chunk.len();
        reader.push(&chunk);
    }
    if MAX_LOG < read {
        reader.stop();
    }
    let lines = reader.lines();
    lines.ok_or_else(|| error_response(&answer, Vec::new(), Some(String::new())))
}

fn error_response<B>(
    answer: &Answer<B>,
    items: Vec<envelope::Item>,
    excerpt: Option<String>,
) -> ClientError {
    ClientError::from_refusal(ErrorResponse {
        status: answer.status,
        items,
        excerpt,
        cf_ray: headers::cf_ray(&answer.headers),
        retry_after: headers::retry_after(&answer.headers),
        is_challenge: headers::is_challenge(&answer.headers),
    })
}

fn is_success(status: u16) -> bool {
    (200..300).contains(&status)
}

/// One path segment, whatever is in it.
fn segment(text: &str) -> String {
    const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');
    utf8_percent_encode(text, ENCODED).to_string()
}

/// The beginning of a body that could not be read. JSON is never shown: a
/// deployment holds the plain values of its variables.
fn excerpt(body: &[u8]) -> String {
    const MAX_LENGTH: usize = 200;
    let text = String::from_utf8_lossy(&body[..body.len().min(4 * MAX_LENGTH)]);
    if text.trim_start().starts_with(['{', '[', '"']) {
        return String::new();
    }
    let text = text::inline(&text);
    let mut excerpt: String = text.chars().take(MAX_LENGTH).collect();
    if excerpt.len() < text.len() || 4 * MAX_LENGTH < body.len() {
        excerpt.push_str(text::CUT);
    }
    excerpt
}

#[cfg(test)]
mod tests {
    use std::iter;

    use super::*;
    use crate::cloudflare::transport::SendError;

    /// A body in pieces.
    struct Pieces<I>(I);

    impl<I: Iterator<Item = Vec<u8>>> Body for Pieces<I> {
        async fn chunk(&mut self) -> Result<Option<Vec<u8>>, SendError> {
            Ok(self.0.next())
        }
    }

    fn answer<B>(body: B) -> Answer<B> {
        Answer {
            status: 200,
            headers: HeaderMap::new(),
            body,
        }
    }

    #[tokio::test]
    async fn a_body_without_end_is_left_after_its_most() {
        let mut pieces = iter::repeat_n(vec![b' '; 1 << 20], 99);
        let read = read::<Value, _>(answer(Pieces(&mut pieces))).await;
        assert!(matches!(read, Err(ClientError::Unavailable(_))));
        assert_eq!(99 - pieces.count(), 9);
    }

    #[tokio::test]
    async fn a_log_is_read_to_its_end_and_no_further_than_it_is_one() {
        let lines = vec![r#"{"line":""}"#; 9_000].join(",");
        let whole = format!(r#"{{"result":{{"data":[{lines}]}}}}"#);
        let pieces = whole.as_bytes().chunks(4_096).map(<[u8]>::to_vec);
        let mut count = 0;
        let read = read_log(answer(Pieces(pieces)), 0, &mut |_| count += 1).await;
        assert_eq!((read.unwrap(), count), (9_000, 9_000));
        let mut pieces = iter::repeat_n(b"<html>".to_vec(), 9);
        let read = read_log(answer(Pieces(&mut pieces)), 0, &mut |_| {}).await;
        assert!(read.is_err());
        assert_eq!(pieces.count(), 8);
    }

    /// A body that breaks off.
    struct Broken;

    impl Body for Broken {
        async fn chunk(&mut self) -> Result<Option<Vec<u8>>, SendError> {
            Err(SendError::NoAnswer("reset".into()))
        }
    }

    #[tokio::test]
    async fn a_rate_limit_is_one_on_every_route_whatever_becomes_of_its_body() {
        struct Limiting;
        impl Transport for Limiting {
            type Body = Broken;

            async fn send(&self, _: &Request) -> Result<Answer<Broken>, SendError> {
                let mut headers = HeaderMap::new();
                headers.insert("retry-after", "300".parse().unwrap());
                Ok(Answer {
                    status: 429,
                    headers,
                    body: Broken,
                })
            }
        }
        let client = Client::new(Limiting, "account", "site");
        let errors = [
            client.deployment("id").await.result.unwrap_err(),
            client.deployments(None, 1).await.result.unwrap_err(),
            client.retry("id").await.result.unwrap_err(),
            client.log("id", 0, &mut |_| {}).await.result.unwrap_err(),
        ];
        for error in errors {
            assert!(error.is_rate_limit(), "{error}");
            assert_eq!(error.retry_after(), Some(std::time::Duration::from_mins(5)));
        }
        let read = read::<Value, _>(answer(Broken)).await;
        assert!(matches!(read, Err(ClientError::NoAnswer(_))));
    }

    #[tokio::test]
    async fn a_refusal_of_a_log_is_told_as_the_api_told_it() {
        struct Refusing;
        impl Transport for Refusing {
            type Body = Pieces<iter::Once<Vec<u8>>>;

            async fn send(&self, _: &Request) -> Result<Answer<Self::Body>, SendError> {
                let body = br#"{"errors":[{"code":10000,"message":"No"}],"result":{"data":[]}}"#;
                let mut answer = answer(Pieces(iter::once(body.to_vec())));
                answer.status = 403;
                Ok(answer)
            }
        }
        let client = Client::new(Refusing, "account", "site");
        let error = client.log("id", 0, &mut |_| {}).await.result.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the Pages API answered 403: No (code 10000)"
        );
    }

    #[test]
    fn of_a_body_that_cannot_be_read_the_beginning_is_shown_and_never_json() {
        let page = format!("<title>\n\tJust a  moment</title>{}", "x".repeat(200));
        let exactly = "y".repeat(200);
        assert_eq!(excerpt(exactly.as_bytes()), exactly);
        let spaced = format!("z{}", " ".repeat(799));
        assert_eq!(excerpt(spaced.as_bytes()), "z");
        assert_eq!(excerpt(format!("{spaced} ").as_bytes()), "z…");
        let shown = excerpt(page.as_bytes());
        assert!(shown.starts_with("<title> Just a moment</title>xxx"));
        assert!(shown.ends_with("xx…"), "{shown}");
        assert_eq!(shown.chars().count(), 201);
        assert_eq!(excerpt(b"not found"), "not found");
        let late = format!("{}late", " ".repeat(300));
        assert_eq!(excerpt(late.as_bytes()), "late");
        assert_eq!(excerpt(&[b' '; 1000]), "…");
        for json in ["{\"a\": 1}", " [1]", "\"secret\""] {
            assert_eq!(excerpt(json.as_bytes()), "");
        }
    }
}
