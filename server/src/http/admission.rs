//! What a request must be before a handler gets it. One middleware for all of it, because each one costs every request.

use axum::{extract::Request, middleware::Next, response::Response};

use super::{body_deadline, target};

/// Middleware that refuses impossible targets, and bodies that are too slow.
pub(super) async fn admit(request: Request, next: Next) -> Response {
    match target::refusal(request.uri()) {
        Some(refusal) => refusal,
        None => body_deadline::run(request, next).await,
    }
}
