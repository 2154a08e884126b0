//! The network: certificates, proxies, redirects, connections.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::step::{ORIGINAL, Step};
use test_support::fake::{
    Api, Authority, Deployment, Fake, Fault, Life, Listen, Record, Reply, Route, When,
};

fn api() -> Api {
    let life = Life::success()
        .takes("initialize", std::time::Duration::ZERO)
        .takes("build", std::time::Duration::ZERO);
    Api::new()
        .clock(test_support::fake::Clock::PerRequest(
            std::time::Duration::from_secs(20),
        ))
        .deployment(Deployment::failed(ORIGINAL))
        .retries_to(life)
}

fn trusting(step: Step, authority: &Authority) -> (Step, tempfile::NamedTempFile) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(authority.pem().as_bytes()).unwrap();
    let path = file.path().to_str().unwrap().to_owned();
    (step.var("SSL_CERT_FILE", &path), file)
}

#[test]
fn a_private_certificate_authority_is_trusted_if_it_is_configured() {
    for is_old in [false, true] {
        let authority = Authority::create();
        let server = if is_old {
            authority.server_with_tls12()
        } else {
            authority.server()
        };
        let fake = Fake::listen(api(), Listen::default().tls(server));
        let (step, _file) = trusting(Step::new(&fake), &authority);
        let done = step.run();
        assert_eq!(done.code, 0, "{}", done.log);
        assert_eq!(fake.handshakes(), 1, "one connection serves a whole run");
    }
}

#[test]
fn a_certificate_of_an_unknown_authority_ends_the_run_at_once() {
    let authority = Authority::create();
    let fake = Fake::listen(Api::new(), Listen::default().tls(authority.server()));
    let done = Step::new(&fake).run();
    assert_eq!(done.code, 3, "{}", done.log);
    assert!(done.log.contains("SSL_CERT_FILE"), "{}", done.log);
    assert_eq!(fake.records().len(), 0);
}

#[test]
fn an_authority_file_that_is_not_there_is_a_warning_where_it_is_needed() {
    let missing = |step: Step| step.var("SSL_CERT_FILE", "/nowhere/ca.pem");
    let fake = Fake::start(api());
    let done = missing(Step::new(&fake)).run();
    assert_eq!(done.code, 0, "{}", done.log);
    assert!(!done.log.contains("SSL_CERT"), "{}", done.log);
    // Over TLS it is said, and what the folder holds counts.
    let authority = Authority::create();
    let fake = Fake::listen(api(), Listen::default().tls(authority.server()));
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("company.pem"), authority.pem()).unwrap();
    std::fs::write(folder.path().join("other.pem"), "nothing").unwrap();
    let path = folder.path().to_str().unwrap().to_owned();
    let done = missing(Step::new(&fake)).var("SSL_CERT_DIR", &path).run();
    assert_eq!(done.code, 0, "{}", done.log);
    let warning = "warning: `SSL_CERT_FILE` (`/nowhere/ca.pem`) cannot be read: ";
    assert!(done.log.starts_with(warning), "{}", done.log);
}

#[test]
fn a_folder_that_never_ends_holds_up_no_run() {
    let authority = Authority::create();
    let fake = Fake::listen(Api::new(), Listen::default().tls(authority.server()));
    let began = std::time::Instant::now();
    let done = Step::new(&fake).var("SSL_CERT_DIR", "/proc:/dev").run();
    assert_eq!(done.code, 3, "{}", done.log);
    assert!(
        done.log.contains("`SSL_CERT_DIR` (`/proc`) "),
        "{}",
        done.log
    );
    assert!(began.elapsed() < std::time::Duration::from_secs(20));
}

#[test]
fn a_proxy_that_cannot_be_used_is_bad_input() {
    for (name, url) in [
        ("HTTPS_PROXY", "socks5://u:a-password@127.0.0.1:1"),
        ("https_proxy", "ftp://u:a-password@127.0.0.1:1"),
        ("ALL_PROXY", "http://u:a-password@127.0.0.1:port"),
    ] {
        let fake = Fake::start(Api::new());
        let done = Step::new(&fake).var(name, url).run();
        done.ends(2, "status=error");
        let problem = format!("variable `{name}` ");
        assert!(done.log.contains(&problem), "{}", done.log);
        assert!(!done.log.contains("a-password"), "{}", done.log);
        assert_eq!(fake.connections(), 0);
    }
}

#[test]
fn a_proxy_that_wants_a_password_ends_the_run_and_says_where_to_put_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for client in listener.incoming() {
            let client = client.unwrap();
            let mut lines = BufReader::new(&client).lines();
            while lines.next().is_some_and(|it| !it.unwrap().is_empty()) {}
            let response = b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n";
            (&client).write_all(response).unwrap();
        }
    });
    let authority = Authority::create();
    let fake = Fake::listen(Api::new(), Listen::default().tls(authority.server()));
    let done = Step::new(&fake).var("HTTPS_PROXY", &url).run();
    done.ends(3, "status=error");
    let hint = "hint: put the proxy's user name and password into `HTTPS_PROXY`";
    assert!(done.log.contains(hint), "{}", done.log);
}

#[test]
fn a_variable_of_harness_takes_no_outputs_from_the_host() {
    let fake = Fake::start(api());
    let step = Step::new(&fake).var("HARNESS_API_KEY", "x");
    let folder = step.folder().join("builder");
    std::fs::create_dir(&folder).unwrap();
    let step = step.var("BUILDER_OUTPUT", folder.to_str().unwrap());
    let done = step.run();
    assert_eq!(done.code, 0, "{}", done.log);
    assert_eq!(
        std::fs::read_dir(&folder).unwrap().count(),
        1,
        "{}",
        done.log
    );
}

#[test]
fn the_api_is_reached_over_ipv6() {
    let fake = Fake::listen(api(), Listen::default().ipv6());
    assert_eq!(Step::new(&fake).run().code, 0);
    assert_eq!(fake.connections(), 1, "one connection serves a whole run");
}

#[test]
fn a_stalled_handshake_does_not_count_as_a_post() {
    let authority = Authority::create();
    let listen = Listen::default()
        .tls(authority.server())
        .stall_connections();
    let fake = Fake::listen(Api::new(), listen);
    let (step, _file) = trusting(Step::new(&fake).with("timeout", "15s"), &authority);
    let done = step.run();
    assert_eq!(done.code, 4, "{}", done.log);
    assert!(
        done.log.contains("failed to connect to the Pages API: "),
        "{}",
        done.log
    );
    assert!(
        done.log.ends_with(
            "Timed out after 15s: the Pages API never responded; nothing was triggered\nhint: check the network, `HTTPS_PROXY` and `api_base_url`\n"
        ),
        "{}",
        done.log
    );
}

#[test]
fn a_redirect_is_not_followed() {
    let other = Fake::start(Api::new());
    let elsewhere = Reply::text(307, "").header("location", &other.url());
    let api = Api::new()
        .deployment(Deployment::failed(ORIGINAL))
        .fault(When::next(Route::Get), Fault::from(elsewhere));
    let fake = Fake::start(api);
    let done = Step::new(&fake).run();
    assert_eq!(done.code, 3);
    assert!(done.log.contains("check `api_base_url`"), "{}", done.log);
    assert_eq!(other.connections(), 0);
}

/// Starts a tunneling proxy; returns its URL and the number of its tunnels.
fn proxy() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let tunnels = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&tunnels);
    thread::spawn(move || {
        for client in listener.incoming() {
            let client = client.unwrap();
            let mut lines = BufReader::new(client.try_clone().unwrap()).lines();
            let request = lines.next().unwrap().unwrap();
            let Some(target) = request.strip_prefix("CONNECT ") else {
                continue;
            };
            while lines.next().is_some_and(|it| !it.unwrap().is_empty()) {}
            count.fetch_add(1, Ordering::SeqCst);
            let address = target.split(' ').next().unwrap();
            let server = TcpStream::connect(address).unwrap();
            (&client).write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            thread::spawn(move || copy(from, to));
            thread::spawn(move || copy(server, client));
        }
    });
    (url, tunnels)
}

fn copy(mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = [0; 4096];
    while let Ok(read) = from.read(&mut buffer) {
        if read == 0 || to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
}

#[test]
fn a_proxy_is_used_as_a_tunnel_unless_no_proxy_says_otherwise() {
    for (no_proxy, expected) in [("", 1), ("127.0.0.1", 0)] {
        let (url, tunnels) = proxy();
        let authority = Authority::create();
        let fake = Fake::listen(api(), Listen::default().tls(authority.server()));
        let step = Step::new(&fake)
            .var("HTTPS_PROXY", &url)
            .var("NO_PROXY", no_proxy);
        let (step, _file) = trusting(step, &authority);
        let done = step.run();
        assert_eq!(done.code, 0, "{}", done.log);
        assert_eq!(tunnels.load(Ordering::SeqCst), expected);
    }
}

#[test]
fn each_request_has_a_user_agent_and_the_retry_an_empty_object() {
    let fake = Fake::start(api());
    assert_eq!(Step::new(&fake).run().code, 0);
    let agent = concat!("pages-retry/", env!("CARGO_PKG_VERSION"));
    for record in fake.records() {
        assert_eq!(record.request.header("user-agent"), Some(agent));
    }
    let [post] = &fake.posts()[..] else {
        panic!("one request to retry");
    };
    assert_eq!(post.request.body, b"{}");
    assert_eq!(
        post.request.header("content-type"),
        Some("application/json")
    );
}

#[test]
fn a_request_is_small_and_accepts_a_compressed_response() {
    let fake = Fake::start(api());
    assert_eq!(Step::new(&fake).run().code, 0);
    for Record { request, .. } in fake.records() {
        assert_eq!(request.header("accept-encoding"), Some("gzip"));
        let line = request.method.len() + request.path.len() + request.query.len();
        let headers = request
            .headers
            .iter()
            .map(|(name, value)| name.len() + value.len() + 4);
        let bytes = line + headers.sum::<usize>() + request.body.len();
        assert!(bytes < 400, "{bytes} bytes: {request:?}");
    }
}

#[test]
fn requests_to_a_loopback_address_bypass_the_proxy() {
    let fake = Fake::start(api());
    let proxy = Fake::start(Api::new());
    let step = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"]
        .iter()
        .fold(Step::new(&fake), |step, name| {
            step.var(name, &format!("http://{}", proxy.address()))
        });
    let done = step.run();
    assert_eq!(done.code, 0, "{}", done.log);
    assert_eq!(proxy.connections(), 0);
}

#[test]
fn a_folder_of_authorities_is_read_too() {
    let authority = Authority::create();
    let fake = Fake::listen(api(), Listen::default().tls(authority.server()));
    let folder = tempfile::tempdir().unwrap();
    // OpenSSL's rehash command creates names of this form.
    std::fs::write(folder.path().join("0a1b2c3d.0"), authority.pem()).unwrap();
    let path = folder.path().to_str().unwrap().to_owned();
    let done = Step::new(&fake).var("SSL_CERT_DIR", &path).run();
    assert_eq!(done.code, 0, "{}", done.log);
}

#[test]
fn messages_of_a_successful_response_are_shown() {
    let message = serde_json::json!({"code": 1, "message": "Builds are slow today"});
    let fake = Fake::start(api().message(message));
    let done = Step::new(&fake).with("wait", "false").run();
    assert!(
        done.log.contains("Builds are slow today (code 1)\n"),
        "{}",
        done.log
    );
}

#[test]
fn the_remaining_rate_limit_is_not_exhausted() {
    let limit = "\"burst\";r=900;t=60, \"default\";r=1;t=3;new=?1";
    let fake = Fake::start(api().header("RateLimit", limit));
    let done = Step::new(&fake).run();
    assert_eq!(done.code, 0, "{}", done.log);
    let longest = fake.gaps().into_iter().max().unwrap();
    assert!(std::time::Duration::from_secs(3) <= longest, "{longest:?}");
}
