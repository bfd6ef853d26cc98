//! The id of the request that is being answered: in its log lines, in `X-Request-Id`, and in what a person is told of a defect.

use std::future::Future;

tokio::task_local! {
    static CURRENT: String;
}

/// Answers a request under its id.
pub async fn within<T>(id: String, answer: impl Future<Output = T>) -> T {
    CURRENT.scope(id, answer).await
}

/// The id of the request that this task answers; a new one where it answers none.
pub fn current() -> String {
    CURRENT.try_with(Clone::clone).unwrap_or_else(|_| uuid::Uuid::now_v7().to_string())
}
