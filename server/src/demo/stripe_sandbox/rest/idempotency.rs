//! Idempotency keys: the first response is stored and replayed for the same request.

use axum::{
    Json,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::demo::stripe_sandbox::{Sandbox, error::ApiError, params::Params, records::StoredResponse, state::State};

/// A response, and whether it was replayed.
struct Reply {
    status: StatusCode,
    body: Value,
    replayed: bool,
}

/// Executes a request, or replays the response stored for its idempotency key.
pub(super) fn idempotent(
    sandbox: &Sandbox,
    headers: &HeaderMap,
    path: &str,
    body: &[u8],
    execute: impl FnOnce(&mut State, Params, i64) -> Result<Value, ApiError>,
) -> Response {
    let key = match headers.get("idempotency-key").map(HeaderValue::to_str) {
        None => None,
        Some(Ok(key)) if (1..=255).contains(&key.len()) => Some(key.to_owned()),
        Some(_) => return ApiError::invalid("An idempotency key has 1 to 255 characters.").into_response(),
    };
    let fingerprint = fingerprint(path, body);
    // A replay is an `Err`, so that `change` doesn't write the unchanged state to the file.
    let reply = sandbox.change(|state, now| {
        if let Some(stored) = key.as_ref().and_then(|key| state.responses.get(key)) {
            return Err(replay(stored, &fingerprint));
        }
        let (status, body) = match Params::parse(body).and_then(|params| execute(state, params, now)) {
            Ok(object) => (StatusCode::OK, object),
            Err(error) => (error.status, error.body()),
        };
        if let Some(key) = key {
            state.responses.insert(key, StoredResponse { fingerprint, status: status.as_u16(), body: body.clone() });
        }
        Ok(Reply { status, body, replayed: false })
    });
    let (Ok(reply) | Err(reply)) = reply;
    let mut response = (reply.status, Json(reply.body)).into_response();
    if reply.replayed {
        let name = HeaderName::from_static("idempotent-replayed");
        response.headers_mut().insert(name, HeaderValue::from_static("true"));
    }
    response
}

/// Hashes a request's path and parameters, in any order of the parameters.
fn fingerprint(path: &str, body: &[u8]) -> String {
    let mut params: Vec<&[u8]> = body.split(|byte| *byte == b'&').collect();
    params.sort_unstable();
    let hash = Sha256::new().chain_update(path).chain_update([0]).chain_update(params.join(&b'&'));
    hex::encode(hash.finalize())
}

fn replay(stored: &StoredResponse, fingerprint: &str) -> Reply {
    if stored.fingerprint != fingerprint {
        let message = "An idempotency key can only be used with the parameters that it was first used with.";
        let error = ApiError::new(StatusCode::BAD_REQUEST, "idempotency_error", message);
        return Reply { status: error.status, body: error.body(), replayed: false };
    }
    let status = StatusCode::from_u16(stored.status).unwrap_or_default();
    Reply { status, body: stored.body.clone(), replayed: true }
}
