//! Accepts connections within limits: in total, per address, and in time to send a request's head.

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

/// The open files limit of the process: all connections, plus room for Postgres and the site's files.
pub const MAX_OPEN_FILES: u64 = 8_192;
/// The limits of a request's head: number of headers, and size in bytes.
const MAX_HEADERS_AND_BYTES: (usize, usize) = (100, 32 * 1024);
/// The time that open requests get to finish when the server stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
/// The pause after a failed accept, which means that the system has run out of a resource.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);
/// The time that a rejected client gets to read the response.
const LINGER_TIMEOUT: Duration = Duration::from_secs(1);
/// The response to an address with too many connections.
const TOO_MANY_CONNECTIONS_RESPONSE: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 2\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// Connection limits.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The maximum number of connections. Further ones wait in the system's accept queue.
    pub connections: usize,
    /// The maximum number of connections per address. Trusted proxies are exempt, as they serve many clients.
    pub per_address: usize,
    /// The timeout for a request's head, including the idle time before it on an open connection.
    pub head: Duration,
    /// The trusted proxies in front of the server.
    pub proxies: TrustedProxies,
}

impl Limits {
    /// Returns the limits for a public server behind `proxies`.
    pub fn new(proxies: TrustedProxies) -> Self {
        Self { connections: 4_096, per_address: 1_024, head: Duration::from_secs(15), proxies }
    }
}

/// A connection's permits, released when it ends.
type Permits = (OwnedSemaphorePermit, Option<ConcurrencyPermit<std::net::IpAddr>>);

/// Serves until `shutdown`, then waits up to `DRAIN_TIMEOUT` for open requests, so that a stalled client can't keep the
/// server up.
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
        let trusted = limits.proxies.contains(peer.ip());
        let address_permit = if trusted { None } else { concurrency_limit.try_acquire(peer.ip(), limits.per_address) };
        if address_permit.is_none() && !trusted {
            tokio::spawn(reject(stream, permit));
            continue;
        }
        let connection = connection(stream, peer, site.clone(), limits.head);
        spawn(graceful.watch(connection), (permit, address_permit));
    }
    drop(listener);
    if timeout(DRAIN_TIMEOUT, graceful.shutdown()).await.is_err() {
        tracing::warn!("some connections did not end in time");
    }
}

/// Responds to an address with too many connections. Reads the request first: otherwise the client's system may reset
/// the connection and drop the response.
async fn reject(mut stream: TcpStream, permit: OwnedSemaphorePermit) {
    let answer = async {
        stream.write_all(TOO_MANY_CONNECTIONS_RESPONSE).await?;
        stream.shutdown().await?;
        copy(&mut stream.take(MAX_HEADERS_AND_BYTES.1 as u64), &mut sink()).await
    };
    // Disconnect clients that don't close the connection in time.
    let _ = timeout(LINGER_TIMEOUT, answer).await;
    drop(permit);
}

/// Serves requests on one connection.
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

/// Runs a connection in its own task until it ends.
fn spawn(connection: impl Future<Output = Result<(), hyper::Error>> + Send + 'static, permits: Permits) {
    tokio::spawn(async move {
        // Clients that disconnect early or are too slow are normal.
        if let Err(error) = connection.await {
            tracing::debug!(error = &error as &dyn std::error::Error, "a connection ended early");
        }
        drop(permits);
    });
}
