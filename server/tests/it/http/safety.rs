//! Security headers and connection limits.

use std::time::Duration;

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use futures::future::join_all;
use server::{http::Limits, proxies::TrustedProxies};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    time::timeout,
};

use super::browser::{Page, Site, with_site};
use crate::support::with_server;

const ALWAYS: [&str; 6] = [
    "x-content-type-options",
    "x-frame-options",
    "referrer-policy",
    "permissions-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
];

/// The sources that the Content-Security-Policy allows for a directive.
fn allowed<'p>(page: &'p Page, directive: &str) -> Vec<&'p str> {
    let policy = page.header("content-security-policy").unwrap();
    let rule = policy.split(';').map(str::trim).find(|rule| rule.split(' ').next() == Some(directive));
    rule.map(|rule| rule.split(' ').skip(1).collect()).unwrap_or_default()
}

#[test]
fn every_response_has_the_security_headers() {
    with_site(async |server, site| {
        let org = server.org("bright-audio", "pro").await;
        server.member(org, "robin@bright-audio.test").await;
        let mut robin = site.signed_in("robin@bright-audio.test").await;
        let mut pages = Vec::new();
        for path in ["/", "/signin", "/dashboard", "/nowhere", "/healthz", "/readyz", "/pkg/none.js", "/activity.csv"] {
            pages.push((path, site.browser().get(path).await));
            pages.push((path, robin.get(path).await));
        }
        for path in ["/quests", "/billing", "/activity", "/account", "/quests/none"] {
            pages.push((path, robin.get(path).await));
        }
        pages.push(("a form from elsewhere", {
            let request = Request::post("/signout").header("sec-fetch-site", "cross-site");
            robin.send(request, Body::empty()).await
        }));
        pages.push(("an unsupported method", site.browser().send(Request::delete("/signin"), Body::empty()).await));
        pages.push(("a malformed form", robin.send(Request::post("/quests"), Body::from("{")).await));
        for (path, page) in pages {
            for name in ALWAYS {
                assert!(page.header(name).is_some(), "{path} ({}) lacks {name}", page.status);
            }
            assert_eq!(allowed(&page, "default-src"), ["'none'"], "{path}");
            assert_eq!(allowed(&page, "frame-ancestors"), ["'none'"], "{path}");
            assert_eq!(allowed(&page, "base-uri"), ["'none'"], "{path}");
            let policy = page.header("content-security-policy").unwrap();
            assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"), "{path}: {policy}");
            assert!(page.header("strict-transport-security").is_none(), "{path}: not over plain HTTP");
        }
        let https = Site::new(server, true);
        for path in ["/signin", "/nowhere", "/healthz"] {
            let page = https.browser().get(path).await;
            assert!(page.header("strict-transport-security").unwrap().starts_with("max-age=63072000"), "{path}");
        }
    });
}

#[test]
fn a_page_runs_only_scripts_with_its_nonce() {
    with_site(async |_, site| {
        let mut seen = std::collections::BTreeSet::new();
        for path in ["/signin", "/", "/nowhere", "/signin"] {
            let page = site.browser().get(path).await;
            let scripts = allowed(&page, "script-src");
            let nonce = scripts.iter().find_map(|source| source.strip_prefix("'nonce-")?.strip_suffix('\'')).unwrap();
            assert!(nonce.len() >= 22 && seen.insert(nonce.to_owned()), "{path}: {nonce} was used before");
            assert!(scripts.contains(&"'strict-dynamic'"), "{scripts:?}");
            for tag in page.body.split("<script").skip(1) {
                let tag = &tag[..tag.find('>').unwrap()];
                assert!(tag.contains(&format!("nonce=\"{nonce}\"")), "{path}: <script{tag}>");
            }
            assert!(!page.body.contains(" style=") && !page.body.contains(" onclick="), "{path}");
        }
    });
}

/// A server on its own socket.
struct Listening {
    address: std::net::SocketAddr,
    stop: oneshot::Sender<()>,
    ended: tokio::task::JoinHandle<()>,
}

async fn listen(site: &Site, limits: Limits) -> Listening {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let ended = tokio::spawn(server::http::serve(listener, site.0.clone(), limits, async {
        let _ = stopped.await;
    }));
    Listening { address, stop, ended }
}

impl Listening {
    async fn connect(&self, send: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(send.as_bytes()).await.unwrap();
        stream
    }

    /// Sends a complete request and returns the response's status line.
    async fn get(&self, path: &str) -> String {
        let request = format!("GET {path} HTTP/1.1\r\nhost: tokens.example.com\r\nconnection: close\r\n\r\n");
        read(&mut self.connect(&request).await).await
    }
}

/// Reads until the connection ends and returns the first line.
async fn read(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned()
}

const HALF: &str = "GET /healthz HTTP/1.1\r\nhost: tokens.example.com\r\nx-slow: ";

#[test]
fn five_hundred_stalled_clients_do_not_block_others() {
    with_server(async |server| {
        let site = Site::new(server, false);
        // Their timeouts are long: the response can only come because other connections have room.
        let limits = Limits { head: Duration::from_secs(3_600), ..Limits::new(TrustedProxies::default()) };
        let server = listen(&site, limits).await;
        let half_open = join_all((0..500).map(|_| server.connect(HALF))).await;
        let answer = timeout(Duration::from_secs(30), server.get("/signin")).await.unwrap();
        assert_eq!(answer, "HTTP/1.1 200 OK");
        drop(half_open);
    });
}

#[test]
fn a_client_that_sends_its_request_too_slowly_is_disconnected() {
    with_server(async |server| {
        let site = Site::new(server, false);
        let limits = Limits { head: Duration::from_millis(50), ..Limits::new(TrustedProxies::default()) };
        let server = listen(&site, limits).await;
        for start in [HALF, "", "GET /healthz HTTP/1.1\r\nhost: a\r\n\r\nGET /heal"] {
            let mut stream = server.connect(start).await;
            let line = timeout(Duration::from_secs(10), read(&mut stream)).await.unwrap();
            assert!(["", "HTTP/1.1 408 Request Timeout", "HTTP/1.1 200 OK"].contains(&line.as_str()), "{line}");
        }
    });
}

/// The start of a form whose body has one of 50 bytes.
const WITHOUT_BODY: &str = "POST /signin HTTP/1.1\r\nhost: tokens.example.com\r\nsec-fetch-site: same-origin\r\n\
                            content-type: application/x-www-form-urlencoded\r\ncontent-length: 50\r\n\r\ne";

#[test]
fn a_body_that_is_never_complete_is_answered_in_eight_seconds() {
    with_server(async |server| {
        let site = Site::new(server, false);
        let server = listen(&site, Limits::new(TrustedProxies::default())).await;
        let started = std::time::Instant::now();
        let webhook = WITHOUT_BODY.replace("/signin", "/api/v1/stripe/webhook");
        let function = WITHOUT_BODY.replace("/signin", "/ui/balances");
        // One never comes, one comes byte by byte, and two go to other kinds of handlers.
        let mut slow = server.connect(WITHOUT_BODY).await;
        let mut silent =
            [server.connect(WITHOUT_BODY).await, server.connect(&webhook).await, server.connect(&function).await];
        let dribble = async {
            let (mut reader, mut writer) = slow.split();
            let mut answer = Vec::new();
            let write = async {
                while writer.write_all(b"x").await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
            };
            tokio::select! {
                _ = reader.read_to_end(&mut answer) => {}
                () = write => {}
            }
            String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned()
        };
        let (dribbled, answers) = tokio::join!(dribble, join_all(silent.iter_mut().map(read)));
        for answer in answers.into_iter().chain([dribbled]) {
            assert_eq!(answer, "HTTP/1.1 408 Request Timeout");
        }
        assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    });
}

#[test]
fn connections_are_limited_per_address_except_for_trusted_proxies() {
    with_server(async |server| {
        let site = Site::new(server, false);
        let limits = |proxies: &str| Limits { per_address: 2, ..Limits::new(TrustedProxies::parse(proxies).unwrap()) };
        let alone = listen(&site, limits("")).await;
        let mut taken = vec![alone.connect(HALF).await, alone.connect(HALF).await];
        // The server accepts in order: both are open before the third.
        assert_eq!(alone.get("/healthz").await, "HTTP/1.1 503 Service Unavailable");
        taken.pop();
        let is_released = async || alone.get("/healthz").await == "HTTP/1.1 200 OK";
        crate::support::waiting::until("a connection is released", is_released).await;

        let behind = listen(&site, limits("127.0.0.0/8")).await;
        let _taken = [behind.connect(HALF).await, behind.connect(HALF).await];
        assert_eq!(behind.get("/healthz").await, "HTTP/1.1 200 OK");
    });
}

#[test]
fn a_stopping_server_answers_pending_requests() {
    with_server(async |server| {
        let org = server.org("bright-audio", "pro").await;
        let site = Site::new(server, false);
        let listening = listen(&site, Limits::new(TrustedProxies::default())).await;
        // A request that waits for the database while the server shuts down.
        let mut lock = server.owner().await;
        sqlx::raw_sql("begin; lock table _sqlx_migrations").execute(&mut lock).await.unwrap();
        let pending = listening.connect("GET /readyz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
        server.until_waiting(1).await;
        let _ = listening.stop.send(());
        sqlx::raw_sql("rollback").execute(&mut lock).await.unwrap();
        let mut pending = pending;
        assert_eq!(read(&mut pending).await, "HTTP/1.1 200 OK");
        listening.ended.await.unwrap();
        assert!(TcpStream::connect(listening.address).await.is_err());
        let _ = org;
    });
}

#[test]
fn forwarded_addresses_count_only_from_trusted_proxies() {
    with_site(async |server, site| {
        let org = server.org("bright-audio", "pro").await;
        server.member(org, "robin@bright-audio.test").await;
        let subjects = async || server.query_value::<i64>("select count(*) from sign_in_failures").await;
        let mut browser = site.browser();
        for hop in ["203.0.113.1", "203.0.113.2", "203.0.113.3"] {
            let request = Request::post("/signin")
                .header("sec-fetch-site", "same-origin")
                .header("x-forwarded-for", hop)
                .header("content-type", super::browser::FORM);
            let body = super::browser::form(&[("email", "robin@bright-audio.test"), ("password", "wrong")]);
            assert_eq!(browser.send(request, body).await.status, StatusCode::UNPROCESSABLE_ENTITY);
        }
        assert_eq!(subjects().await, 3, "one account, one address, and both together, whatever the header says");
    });
}
