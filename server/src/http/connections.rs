//! Connections: how many there may be, how many of one address, and how long a client may take to say what it wants.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{body::Body, extract::ConnectInfo, http::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulConnection, GracefulShutdown},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy, sink},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};
use tower::ServiceExt;

use super::Site;
use crate::{
    concurrency_limit::{ConcurrencyLimit, ConcurrencyPermit},
    proxies::TrustedProxies,
};

/// How many files may be open: every connection there may be, and room for Postgres and the site.
pub const MAX_OPEN_FILES: u64 = 8_192;
/// How many headers a request may have, and how large its head may be.
const MAX_HEADERS_AND_BYTES: (usize, usize) = (100, 32 * 1024);
/// How long open requests may take to end when the server stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to wait after a connection could not be accepted: the system is out of something.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);
/// How long an address that has too many connections may take to read that.
const LINGER_TIMEOUT: Duration = Duration::from_secs(1);
/// What an address gets that has too many connections.
const TOO_MANY_CONNECTIONS_RESPONSE: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 2\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// What clients may take of a server.
#[derive(Clone, Debug)]
pub struct Limits {
    /// How many connections there may be. Further ones wait in the system's queue.
    pub connections: usize,
    /// How many of them one address may have; a trusted proxy, which speaks for many, as many as there are.
    pub per_address: usize,
    /// How long a client may take to send the head of a request, the wait for the next one on an open connection included.
    pub head: Duration,
    /// The proxies in front.
    pub proxies: TrustedProxies,
}

impl Limits {
    /// What suits a public server behind `proxies`.
    pub fn new(proxies: TrustedProxies) -> Self {
        Self { connections: 4_096, per_address: 1_024, head: Duration::from_secs(15), proxies }
    }
}

/// A connection's places, given back when it ends.
type Places = (OwnedSemaphorePermit, Option<ConcurrencyPermit<std::net::IpAddr>>);

/// Serves until `shutdown`, then lets what is under way end, for a while: a client that stalls must not keep the server up.
pub async fn serve(listener: TcpListener, site: Site, limits: Limits, shutdown: impl Future<Output = ()>) {
    let (all, concurrency_limit) = (Arc::new(Semaphore::new(limits.connections)), ConcurrencyLimit::default());
    let graceful = GracefulShutdown::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let next = async {
            let permit = Arc::clone(&all).acquire_owned().await.map_err(io::Error::other)?;
            Ok::<_, io::Error>((permit, listener.accept().await?))
        };
        let (permit, (stream, peer)) = tokio::select! {
            next = next => match next {
                Ok(next) => next,
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "a connection could not be accepted");
                    sleep(ACCEPT_RETRY_DELAY).await;
                    continue;
                }
            },
            () = &mut shutdown => break,
        };
        let trusted = limits.proxies.trust(peer.ip());
        let place = if trusted { None } else { concurrency_limit.take(peer.ip(), limits.per_address) };
        if place.is_none() && !trusted {
            tokio::spawn(turn_away(stream, permit));
            continue;
        }
        let connection = connection(stream, peer, site.clone(), limits.head);
        attend(graceful.watch(connection), (permit, place));
    }
    drop(listener);
    if timeout(DRAIN_TIMEOUT, graceful.shutdown()).await.is_err() {
        tracing::warn!("some connections did not end in time");
    }
}

/// Answers an address that has too many connections. What it sent is read, or its system would throw the answer away.
async fn turn_away(mut stream: TcpStream, permit: OwnedSemaphorePermit) {
    let answer = async {
        stream.write_all(TOO_MANY_CONNECTIONS_RESPONSE).await?;
        stream.shutdown().await?;
        copy(&mut stream.take(MAX_HEADERS_AND_BYTES.1 as u64), &mut sink()).await
    };
    // Whoever does not hang up is hung up on.
    let _ = timeout(LINGER_TIMEOUT, answer).await;
    drop(permit);
}

/// One connection, on which requests are answered.
fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    site: Site,
    head: Duration,
) -> impl GracefulConnection<Error = hyper::Error> + Send + 'static {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        site.clone().oneshot(request)
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head)
        .max_headers(MAX_HEADERS_AND_BYTES.0)
        .max_buf_size(MAX_HEADERS_AND_BYTES.1)
        .serve_connection(TokioIo::new(stream), service)
}

/// Attends to a connection until it ends, in a task of its own.
fn attend(connection: impl Future<Output = Result<(), hyper::Error>> + Send + 'static, places: Places) {
    tokio::spawn(async move {
        // A client that breaks off, or is too slow, is no news.
        if let Err(error) = connection.await {
            tracing::debug!(error = &error as &dyn std::error::Error, "a connection ended early");
        }
        drop(places);
    });
}
