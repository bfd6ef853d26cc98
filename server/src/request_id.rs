//! The current request's id: it is in the log, in `X-Request-Id` and in messages about internal errors.

use std::future::Future;

tokio::task_local! {
    static CURRENT: String;
}

/// Runs `future` with `id` as the current request's id.
pub async fn scope<T>(id: String, future: impl Future<Output = T>) -> T {
    CURRENT.scope(id, future).await
}

/// Returns the id of the request that this task handles, or a new id outside of a request.
pub fn current() -> String {
    CURRENT.try_with(Clone::clone).unwrap_or_else(|_| uuid::Uuid::now_v7().to_string())
}
