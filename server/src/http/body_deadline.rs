//! The time that a client has to send the whole body of a request. Without it a body that never comes would end at the
//! request's own timeout, whose response says that the outcome is unknown.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};

use axum::{
    body::{Body, HttpBody},
    extract::Request,
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::deadlines::BODY;

/// The response outside of the API.
const MESSAGE: &str = "The request's body didn't arrive in time, so nothing was done. Send it again.\n";

/// Runs the request, and responds 408 if its body isn't complete in time. Handlers read a body before they do anything, so
/// a late one has had no effect.
pub(super) async fn run(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let is_late = Arc::new(AtomicBool::new(false));
    let deadline = Instant::now() + BODY;
    let request =
        request.map(|inner| Body::new(TimedBody { inner, deadline, timer: None, is_late: Arc::clone(&is_late) }));
    let response = next.run(request).await;
    if is_late.load(Ordering::Relaxed) { (StatusCode::REQUEST_TIMEOUT, MESSAGE).into_response() } else { response }
}

/// A body that fails at its deadline.
struct TimedBody {
    inner: Body,
    deadline: Instant,
    /// Set when the body is first waited for: most are complete before.
    timer: Option<Pin<Box<Sleep>>>,
    /// Whether the deadline has passed.
    is_late: Arc<AtomicBool>,
}

/// The error of a late body.
#[derive(Debug, thiserror::Error)]
#[error("the body did not arrive in time")]
struct TooLate;

impl HttpBody for TimedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(context) {
            return Poll::Ready(frame);
        }
        let deadline = self.deadline;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        ready!(timer.as_mut().poll(context));
        self.is_late.store(true, Ordering::Relaxed);
        Poll::Ready(Some(Err(axum::Error::new(TooLate))))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
