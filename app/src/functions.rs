//! Server functions that islands call. They only read; mutations are forms.

use leptos::prelude::server;

#[cfg(feature = "ssr")]
use crate::backend::answer;
use crate::{
    error::AppError,
    views::{BalancesView, JobView},
};

/// Returns the committed balances, for Refresh.
#[server(prefix = "/ui", endpoint = "balances")]
pub async fn balances() -> Result<BalancesView, AppError> {
    answer(|backend, who| async move { backend.balances(&who).await }).await
}

/// Returns a job with its current state.
#[server(prefix = "/ui", endpoint = "job")]
pub async fn job(
    /// The job's id.
    id: String,
) -> Result<JobView, AppError> {
    answer(|backend, who| async move { backend.job(&who, id).await }).await
}
