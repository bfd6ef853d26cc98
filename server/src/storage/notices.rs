//! Postgres notifications: the organizations whose tokens have moved.
//!
//! All functions return [`StorageError`](super::StorageError) if the database fails.

use brightmeter::ids::OrgId;
use sqlx::{Executor, PgPool, postgres::PgListener};
use uuid::Uuid;

use super::Result;

/// The channel's name.
pub const CHANNEL: &str = "brightmeter_tokens_moved";

/// Notifies all listeners that the tokens of `orgs` have moved.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn notify(pool: &PgPool, orgs: &[OrgId]) -> Result<()> {
    let orgs: Vec<Uuid> = orgs.iter().map(|org| org.0).collect();
    let sent = sqlx::query!("select count(pg_notify($1, id::text)) from unnest($2::uuid[]) id", CHANNEL, &orgs);
    sent.fetch_one(pool).await?;
    Ok(())
}

/// Checks that a listener's connection is alive.
pub async fn ping(listener: &mut PgListener) -> sqlx::Result<()> {
    listener.execute("").await.map(drop)
}

/// Returns the organization in a notification's payload, or `None` if the payload isn't an id.
pub fn read(payload: &str) -> Option<OrgId> {
    payload.parse().ok()
}
