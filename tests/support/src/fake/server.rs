//! Serves the fake on a loopback socket, in its own thread.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener as StdListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use super::api::Api;
use super::connection::speak;
use super::fault::{Fault, When};
use super::request::{Answer, Record, Request, Route};

/// How the fake listens; by default with plain HTTP on 127.0.0.1.
#[derive(Clone, Debug, Default)]
pub struct Listen {
    is_ipv6: bool,
    tls: Option<Arc<ServerConfig>>,
    stalls: bool,
}

impl Listen {
    /// Listens on `::1`.
    pub fn ipv6(mut self) -> Self {
        self.is_ipv6 = true;
        self
    }

    /// Uses HTTPS; see [`super::Authority::server`].
    pub fn tls(mut self, config: Arc<ServerConfig>) -> Self {
        self.tls = Some(config);
        self
    }

    /// Accepts connections but never sends anything, so that a TLS handshake stalls.
    pub fn stall_connections(mut self) -> Self {
        self.stalls = true;
        self
    }
}

/// A running fake. Dropping it stops the fake and checks that it did not panic.
#[derive(Debug)]
pub struct Fake {
    address: SocketAddr,
    scheme: &'static str,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
pub(super) struct Shared {
    api: Mutex<Api>,
    started: Instant,
    connections: AtomicUsize,
    handshakes: AtomicUsize,
}

impl Fake {
    pub fn start(api: Api) -> Self {
        Self::listen(api, Listen::default())
    }

    pub fn listen(api: Api, listen: Listen) -> Self {
        let ip = if listen.is_ipv6 {
            Ipv6Addr::LOCALHOST.into()
        } else {
            Ipv4Addr::LOCALHOST.into()
        };
        // Bind before the thread starts, so that the first connection cannot fail.
        let listener = StdListener::bind(SocketAddr::new(ip, 0)).expect("a loopback port");
        listener.set_nonblocking(true).expect("a socket of ours");
        let address = listener.local_addr().expect("a bound socket");
        let scheme = if listen.tls.is_some() {
            "https"
        } else {
            "http"
        };
        let shared = Arc::new(Shared {
            api: Mutex::new(api),
            started: Instant::now(),
            connections: AtomicUsize::new(0),
            handshakes: AtomicUsize::new(0),
        });
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || run(listener, &listen, &shared, stopped)
        });
        Self {
            address,
            scheme,
            shared,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// The value for `api_base_url`.
    pub fn url(&self) -> String {
        format!("{}://{}/client/v4", self.scheme, self.address)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Locks the state of the fake: no request is handled while the guard is held.
    pub fn api(&self) -> MutexGuard<'_, Api> {
        self.shared.api()
    }

    pub fn advance(&self, duration: Duration) {
        self.api().advance(duration);
    }

    pub fn add(&self, when: When, fault: impl Into<Fault>) {
        self.api().add_fault(when, fault);
    }

    pub fn records(&self) -> Vec<Record> {
        self.api().records().to_vec()
    }

    pub fn posts(&self) -> Vec<Record> {
        let mut records = self.records();
        records.retain(|it| it.request.method == "POST");
        records
    }

    pub fn count(&self, route: Route) -> usize {
        self.api().count(route)
    }

    /// The full ids of the deployments that POSTs have created.
    pub fn made(&self) -> Vec<String> {
        self.api().made().to_vec()
    }

    /// The number of accepted TCP connections.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// The number of completed TLS handshakes.
    pub fn handshakes(&self) -> usize {
        self.shared.handshakes.load(Ordering::Relaxed)
    }

    /// The real time between each request and the one before it.
    pub fn gaps(&self) -> Vec<Duration> {
        self.pairs().map(|(_, gap)| gap).collect()
    }

    /// The real time from each response with this status to the next request.
    pub fn waits_after(&self, status: u16) -> Vec<Duration> {
        let pairs = self.pairs().filter(|(it, _)| *it == Some(status));
        pairs.map(|(_, gap)| gap).collect()
    }

    /// The status of each response except the last, and the real time until the next
    /// request.
    fn pairs(&self) -> impl Iterator<Item = (Option<u16>, Duration)> {
        let times = self.records().into_iter();
        let times = times.filter_map(|it| Some((it.status, it.request.received?.0)));
        let times: Vec<_> = times.collect();
        let next: Vec<_> = times.iter().skip(1).map(|(_, at)| *at).collect();
        let pairs = times.into_iter().zip(next);
        pairs.map(|((status, at), next)| (status, next - at))
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        // If the thread has panicked, the receiver no longer exists.
        let _ = self.stop.take().map(|stop| stop.send(()));
        let ended = self.thread.take().map(JoinHandle::join);
        if !std::thread::panicking() {
            let is_sound = matches!(ended, Some(Ok(()))) && !self.shared.api.is_poisoned();
            assert!(is_sound, "the fake panicked while handling a request");
        }
    }
}

impl Shared {
    /// Handles a request now; sets the fake's clock first if it follows real time.
    pub(super) fn answer(&self, request: &Request) -> Answer {
        let mut api = self.api();
        api.real_time(self.started.elapsed());
        api.answer(request)
    }

    fn api(&self) -> MutexGuard<'_, Api> {
        // A test that panicked while holding the lock has already reported why.
        self.api.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn run(
    listener: StdListener,
    listen: &Listen,
    shared: &Arc<Shared>,
    stopped: oneshot::Receiver<()>,
) {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = TcpListener::from_std(listener).expect("a listening socket");
        tokio::select! {
            _ = stopped => (),
            () = accept(&listener, listen, shared) => (),
        }
    });
}

async fn accept(listener: &TcpListener, listen: &Listen, shared: &Arc<Shared>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        // Otherwise a response waits 40 ms for the client's acknowledgement.
        let _ = stream.set_nodelay(true);
        let number = shared.connections.fetch_add(1, Ordering::Relaxed);
        let shared = Arc::clone(shared);
        let tls = listen.tls.clone().map(TlsAcceptor::from);
        if listen.stalls {
            tokio::spawn(async move {
                let _open = stream;
                std::future::pending::<()>().await;
            });
            continue;
        }
        tokio::spawn(async move {
            let Some(tls) = tls else {
                return speak(stream, shared, number).await;
            };
            // A client that does not trust the certificate may disconnect.
            if let Ok(stream) = tls.accept(stream).await {
                shared.handshakes.fetch_add(1, Ordering::Relaxed);
                speak(stream, shared, number).await;
            }
        });
    }
}
