//! `stripe_events`: what Stripe told, as it came.

use brightmeter::time::Instant;
use sqlx::PgConnection;

use super::Result;
use crate::stripe::event::Event;

/// Keeps an event. Answers whether it is new: Stripe sends some more than once.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn insert(conn: &mut PgConnection, event: &Event, now: Instant) -> Result<bool> {
    let done = sqlx::query!(
        "insert into stripe_events (id, kind, api_version, created_at, received_at, payload)
         values ($1, $2, $3, $4, $5, $6) on conflict (id) do nothing",
        event.id,
        event.kind,
        event.api_version,
        event.created_at,
        now,
        event.payload
    );
    Ok(done.execute(conn).await?.rows_affected() > 0)
}
