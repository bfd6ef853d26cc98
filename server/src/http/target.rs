//! Request targets that no handler can take.

use axum::{
    http::{StatusCode, Uri},
    response::{IntoResponse, Response},
};

/// The longest path, in bytes: the longest name of a file. No route and no file of ours comes near it.
const MAX_PATH_BYTES: usize = 255;

/// Returns the response to a target that isn't a path (`CONNECT x:443`, `OPTIONS *`) or whose path is too long, otherwise
/// `None`.
pub(super) fn refusal(target: &Uri) -> Option<Response> {
    let path = target.path();
    if !path.starts_with('/') {
        return Some((StatusCode::BAD_REQUEST, "The request's target must be a path.\n").into_response());
    }
    let too_long = path.len() > MAX_PATH_BYTES;
    too_long.then(|| (StatusCode::URI_TOO_LONG, "The path is too long.\n").into_response())
}
