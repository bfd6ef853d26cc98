//! Notifications of Postgres: whose tokens have moved.

use brightmeter::ids::OrgId;
use sqlx::PgPool;
use uuid::Uuid;

use super::Result;

/// What they are sent on.
pub const CHANNEL: &str = "brightmeter_tokens_moved";

/// Tells whoever listens that tokens of `orgs` have moved.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn tell(pool: &PgPool, orgs: &[OrgId]) -> Result<()> {
    let orgs: Vec<Uuid> = orgs.iter().map(|org| org.0).collect();
    let told = sqlx::query!("select count(pg_notify($1, id::text)) from unnest($2::uuid[]) id", CHANNEL, &orgs);
    told.fetch_one(pool).await?;
    Ok(())
}

/// Whom a notification is about.
pub fn read(payload: &str) -> Option<OrgId> {
    payload.parse().ok()
}
