//! One connection: reads requests and sends responses, partial responses or errors.

use std::error::Error;
use std::io;
use std::sync::Arc;

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request as HttpRequest, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_rustls::server::TlsStream;

use super::body::Sent;
use super::request::{Answer, Reply, Request};
use super::server::Shared;

/// A connection that can be closed with a reset.
pub(super) trait Abort {
    fn abort(self) -> io::Result<()>;
}

impl Abort for TcpStream {
    fn abort(self) -> io::Result<()> {
        self.set_zero_linger()
    }
}

impl Abort for TlsStream<TcpStream> {
    fn abort(self) -> io::Result<()> {
        self.into_inner().0.abort()
    }
}

/// How the connection ends instead of a response.
enum End {
    Reset,
    Close,
}

/// Serves one connection until it ends.
pub(super) async fn speak<S>(stream: S, shared: Arc<Shared>, number: usize)
where
    S: Abort + AsyncRead + AsyncWrite + Unpin,
{
    let (ends, mut ended) = mpsc::unbounded_channel();
    let service = service_fn(|request| answer(request, &shared, number, &ends));
    let mut http = http1::Builder::new();
    let mut connection = http
        .auto_date_header(false)
        .serve_connection(TokioIo::new(stream), service);
    let end = tokio::select! {
        // A client may disconnect in the middle of a response.
        _ = &mut connection => return,
        Some(end) = ended.recv() => end,
    };
    let stream = connection.into_parts().io.into_inner();
    match end {
        // If this fails, the client has already disconnected.
        End::Reset => drop(stream.abort()),
        End::Close => drop(stream),
    }
}

async fn answer(
    request: HttpRequest<Incoming>,
    shared: &Shared,
    number: usize,
    ends: &mpsc::UnboundedSender<End>,
) -> Result<Response<Sent>, Box<dyn Error + Send + Sync>> {
    let request = read(request, number).await?;
    let end = match shared.answer(&request) {
        Answer::Http(reply) => return respond(&reply, Sent::whole(&reply.body)),
        Answer::Late(after, reply) => {
            tokio::time::sleep(after).await;
            return respond(&reply, Sent::whole(&reply.body));
        }
        Answer::StallMidBody(reply) => return respond(&reply, Sent::stalling(&reply.body)),
        Answer::Truncated(reply) => return respond(&reply, Sent::breaking(&reply.body)),
        Answer::Huge(reply, left, taken) => return respond(&reply, Sent::Huge { left, taken }),
        Answer::Reset => Some(End::Reset),
        Answer::Close => Some(End::Close),
        Answer::Stall => None,
    };
    // The connection receives this message and drops itself and this future.
    let _ = end.map(|end| ends.send(end));
    std::future::pending().await
}

async fn read(request: HttpRequest<Incoming>, number: usize) -> Result<Request, hyper::Error> {
    let received = Some((Instant::now().into_std(), number));
    let (head, body) = request.into_parts();
    let target = head.uri.path_and_query().map_or("/", |it| it.as_str());
    let mut read = Request::new(head.method.as_str(), target);
    for (name, value) in &head.headers {
        read = read.with_header(name.as_str(), &String::from_utf8_lossy(value.as_bytes()));
    }
    read.body = body.collect().await?.to_bytes().into();
    Ok(Request { received, ..read })
}

fn respond(reply: &Reply, body: Sent) -> Result<Response<Sent>, Box<dyn Error + Send + Sync>> {
    let mut response = Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        response = response.header(name, value);
    }
    Ok(response.body(body)?)
}
