//! A web site on a loopback socket, scripted request by request: what the
//! addresses of a deployment serve.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// What a site answers to one request.
#[derive(Clone, Debug)]
pub enum Page {
    Whole {
        status: u16,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
    },
    /// The answer, this much later.
    Late(Duration, Box<Page>),
    /// A body that never ends.
    Endless,
    /// Nothing, until the client leaves.
    Stall,
    /// The connection is closed without a word.
    Close,
}

impl Page {
    /// A page with a body and no header but its type.
    pub fn html(status: u16, body: &str) -> Self {
        Self::Whole {
            status,
            headers: vec![("content-type".to_owned(), "text/html".to_owned())],
            body: body.as_bytes().to_vec(),
        }
    }

    pub fn redirect(location: &str) -> Self {
        Self::html(302, "").header("location", location)
    }

    /// What Cloudflare Access answers to who has not logged in.
    pub fn access() -> Self {
        Self::redirect("https://team.cloudflareaccess.com/cdn-cgi/access/login/site?kid=1")
    }

    pub fn challenge() -> Self {
        Self::html(403, "<title>Just a moment...</title>").header("cf-mitigated", "challenge")
    }

    /// What Cloudflare serves where nothing has been deployed yet.
    pub fn placeholder() -> Self {
        let body = "<h1>There is nothing here yet</h1><p>If you expect something to be here, \
                    it may take some time.</p>";
        Self::html(200, body)
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Self::Whole { headers, .. } = &mut self {
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    pub fn etag(self, etag: &str) -> Self {
        self.header("etag", etag)
    }
}

/// The head of a request, as it came.
#[derive(Clone, Debug)]
pub struct Visit {
    /// With its query.
    pub path: String,
    pub headers: Vec<(String, String)>,
}

impl Visit {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let header = headers.find(|(it, _)| it.eq_ignore_ascii_case(name));
        header.map(|(_, value)| value.as_str())
    }
}

type Script = dyn Fn(usize, &Visit) -> Page + Send + Sync;

/// A running site; it ends with this handle.
pub struct Site {
    address: SocketAddr,
    visits: Arc<Mutex<Vec<Visit>>>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Site {
    /// Answers each request with what `script` says to its number, from 0, and
    /// its head. A connection may be kept, but a second request on it counts
    /// as a visit and gets no answer.
    pub fn start(script: impl Fn(usize, &Visit) -> Page + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
        let address = listener.local_addr().expect("a bound socket");
        let visits = Arc::new(Mutex::new(Vec::new()));
        let is_over = Arc::new(AtomicBool::new(false));
        let script: Arc<Script> = Arc::new(script);
        let thread = std::thread::spawn({
            let (visits, is_over) = (Arc::clone(&visits), Arc::clone(&is_over));
            move || {
                for stream in listener.incoming() {
                    if is_over.load(Ordering::Relaxed) {
                        return;
                    }
                    let (visits, script) = (Arc::clone(&visits), Arc::clone(&script));
                    // A client may leave whenever it likes.
                    std::thread::spawn(move || stream.and_then(|it| serve(it, &visits, &*script)));
                }
            }
        });
        Self {
            address,
            visits,
            is_over,
            thread: Some(thread),
        }
    }

    /// Always the same page.
    pub fn steady(page: Page) -> Self {
        Self::start(move |_, _| page.clone())
    }

    /// These pages in turn, the last one for ever.
    pub fn script(pages: impl IntoIterator<Item = Page>) -> Self {
        let pages: Vec<_> = pages.into_iter().collect();
        Self::start(move |n, _| pages[n.min(pages.len() - 1)].clone())
    }

    /// Host and port, as the API names a domain.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// As the API names a deployment's URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn visits(&self) -> Vec<Visit> {
        lock(&self.visits).clone()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // Wakes the thread up.
        drop(TcpStream::connect(self.address));
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn lock(visits: &Mutex<Vec<Visit>>) -> MutexGuard<'_, Vec<Visit>> {
    visits.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(mut stream: TcpStream, visits: &Mutex<Vec<Visit>>, script: &Script) -> io::Result<()> {
    let visit = read(&stream)?;
    let number = {
        let mut visits = lock(visits);
        visits.push(visit.clone());
        visits.len() - 1
    };
    answer(&mut stream, script(number, &visit))?;
    // A client that sends a second request on the connection is caught by the
    // number of its visits.
    if 0 < io::Read::read(&mut stream, &mut [0])? {
        lock(visits).push(visit);
    }
    Ok(())
}

fn read(stream: &TcpStream) -> io::Result<Visit> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines
        .next()
        .unwrap_or(Err(io::ErrorKind::UnexpectedEof.into()))?;
    let mut headers = Vec::new();
    for line in lines {
        let line = line?;
        let Some((name, value)) = line.split_once(": ") else {
            break;
        };
        headers.push((name.to_owned(), value.to_owned()));
    }
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    Ok(Visit { path, headers })
}

fn answer(stream: &mut TcpStream, page: Page) -> io::Result<()> {
    match page {
        Page::Whole {
            status,
            headers,
            body,
        } => {
            let mut head = format!("HTTP/1.1 {status} Scripted\r\n");
            for (name, value) in headers {
                head.extend([&name, ": ", &value, "\r\n"]);
            }
            stream.write_all(head.as_bytes())?;
            write!(stream, "content-length: {}\r\n\r\n", body.len())?;
            stream.write_all(&body)
        }
        Page::Late(after, page) => {
            std::thread::sleep(after);
            answer(stream, *page)
        }
        Page::Endless => {
            stream.write_all(b"HTTP/1.1 200 Scripted\r\nconnection: close\r\n\r\n")?;
            loop {
                stream.write_all(&[b'x'; 8 * 1024])?;
            }
        }
        Page::Stall => {
            let mut end = Vec::new();
            io::Read::read_to_end(stream, &mut end).map(drop)
        }
        Page::Close => stream.shutdown(Shutdown::Both),
    }
}
