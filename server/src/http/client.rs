//! The client's IP address, which rate limits count by.

use std::net::{IpAddr, SocketAddr};

use axum::{extract::ConnectInfo, http::Request};

use crate::proxies::TrustedProxies;

/// The client's IP address: the peer's, or the one reported by a trusted proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Client(pub(super) IpAddr);

/// Adds the [`Client`] to the request's extensions.
pub(super) fn identify<B>(proxies: &TrustedProxies, mut request: Request<B>) -> Request<B> {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    if let Some(peer) = peer {
        let client = Client(proxies.client(peer.to_canonical(), request.headers()));
        request.extensions_mut().insert(client);
    }
    request
}
