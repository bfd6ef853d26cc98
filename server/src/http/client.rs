//! Whose request it is: the address that limits count by.

use std::net::{IpAddr, SocketAddr};

use axum::{extract::ConnectInfo, http::Request};

use crate::proxies::TrustedProxies;

/// The address of the client, as far as it can be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Client(pub(super) IpAddr);

/// Puts the [`Client`] into the request.
pub(super) fn identify<B>(proxies: &TrustedProxies, mut request: Request<B>) -> Request<B> {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    if let Some(peer) = peer {
        let client = Client(proxies.client(peer.to_canonical(), request.headers()));
        request.extensions_mut().insert(client);
    }
    request
}
