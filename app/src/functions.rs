//! Server functions: what islands ask for without leaving the page. Reads only; mutations are forms.

use leptos::prelude::server;

#[cfg(feature = "ssr")]
use crate::backend::answer;
use crate::{
    error::AppError,
    views::{BalancesView, JobView},
};

/// The balances, committed ones, for Refresh.
///
/// # Errors
/// [`AppError`].
#[server(prefix = "/ui", endpoint = "balances")]
pub async fn balances() -> Result<BalancesView, AppError> {
    answer(|backend, who| async move { backend.balances(&who).await }).await
}

/// How a job stands.
///
/// # Errors
/// [`AppError`].
#[server(prefix = "/ui", endpoint = "job")]
pub async fn job(
    /// The job.
    id: String,
) -> Result<JobView, AppError> {
    answer(|backend, who| async move { backend.job(&who, id).await }).await
}
