//! `stripe_events`: what Stripe told, as it came, until it was acted on.

use brightmeter::time::Instant;
use sqlx::PgConnection;

use super::Result;
use crate::stripe::event::Event;

/// An event that somebody has taken on.
#[derive(Debug)]
pub struct Taken {
    /// The event.
    pub event: Event,
    /// How often it was taken on, this time included.
    pub attempts: i32,
    /// Since when it is tried: since it came, or a person had it tried again.
    pub tried_since: Instant,
    /// Until when it belongs to whoever took it on.
    pub lease_until: Instant,
}

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

/// Takes on events that are due, the longest due first. Nobody else gets them before `lease_until`; then whoever comes does, as
/// the one who took them may be gone.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn take(conn: &mut PgConnection, now: Instant, lease_until: Instant, limit: i64) -> Result<Vec<Taken>> {
    let rows = sqlx::query!(
        r#"update stripe_events set due_at = $2, attempts = attempts + 1
         where id in (
             select id from stripe_events where due_at <= $1 order by due_at limit $3 for update skip locked
         )
         returning id, kind, api_version, created_at, payload, attempts, coalesce(replayed_at, received_at) as "tried_since!""#,
        now,
        lease_until,
        limit
    )
    .fetch_all(conn)
    .await?;
    let taken = rows.into_iter().map(|row| Taken {
        event: Event {
            id: row.id,
            kind: row.kind,
            api_version: row.api_version,
            created_at: row.created_at,
            payload: row.payload,
        },
        attempts: row.attempts,
        tried_since: row.tried_since,
        lease_until,
    });
    Ok(taken.collect())
}

/// Notes that an event was acted on.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn finish(conn: &mut PgConnection, id: &str, outcome: &str, now: Instant) -> Result<()> {
    let done = sqlx::query!(
        "update stripe_events set done_at = $2, outcome = $3, due_at = null, waits_for = null where id = $1",
        id,
        now,
        outcome
    );
    done.execute(conn).await?;
    Ok(())
}

/// Notes that an event could not be acted on: why, when to try again if ever, and which of Stripe's names it waits for. Nothing is
/// noted of one that was woken meanwhile: it is due.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn put_back(
    conn: &mut PgConnection,
    taken: &Taken,
    why: &str,
    due_at: Option<Instant>,
    waits_for: &[String],
) -> Result<()> {
    let done = sqlx::query!(
        "update stripe_events set outcome = $2, due_at = $3, waits_for = $4
         where id = $1 and done_at is null and due_at = $5",
        taken.event.id,
        why,
        due_at,
        waits_for,
        taken.lease_until
    );
    done.execute(conn).await?;
    Ok(())
}

/// Has those tried at once that wait for one of `names`. Answers how many do.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn wake(conn: &mut PgConnection, names: &[String], now: Instant) -> Result<u64> {
    let done = sqlx::query!(
        "update stripe_events set due_at = $2, waits_for = null where done_at is null and waits_for && $1",
        names,
        now
    );
    Ok(done.execute(conn).await?.rows_affected())
}

/// Has an event tried at once that was not acted on, as if it had come now. Answers whether there is one.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn replay(conn: &mut PgConnection, id: &str, now: Instant) -> Result<bool> {
    let done = sqlx::query!(
        "update stripe_events set due_at = $2, replayed_at = $2, attempts = 0, waits_for = null
         where id = $1 and done_at is null",
        id,
        now
    );
    Ok(done.execute(conn).await?.rows_affected() > 0)
}

/// An event that was not acted on yet, without what it tells.
#[derive(Debug)]
pub struct Unsettled {
    /// Stripe's name for it.
    pub id: String,
    /// `refund.created`.
    pub kind: String,
    /// When it came.
    pub received_at: Instant,
    /// How often it was taken on since it came, or was last replayed.
    pub attempts: i32,
    /// Why it was not acted on; nothing before the first try.
    pub outcome: Option<String>,
    /// When it is tried again, if it was tried before and is to be again.
    pub due_at: Option<Instant>,
    /// When a person last had it tried again.
    pub replayed_at: Option<Instant>,
}

/// Events that were left to a person, the newest first.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn list_left(conn: &mut PgConnection, limit: i64) -> Result<Vec<Unsettled>> {
    let rows = sqlx::query_as!(
        Unsettled,
        "select id, kind, received_at, attempts, outcome, due_at, replayed_at from stripe_events
         where due_at is null and done_at is null order by received_at desc, id limit $1",
        limit
    );
    Ok(rows.fetch_all(conn).await?)
}

/// Events that wait to be acted on, the newest first.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn list_waiting(conn: &mut PgConnection, limit: i64) -> Result<Vec<Unsettled>> {
    let rows = sqlx::query_as!(
        Unsettled,
        "select id, kind, received_at, attempts, outcome, case when isfinite(due_at) then due_at end as due_at, replayed_at
         from stripe_events where due_at is not null order by received_at desc, id limit $1",
        limit
    );
    Ok(rows.fetch_all(conn).await?)
}

/// Removes some of those that were acted on, or left to a person, before `since`.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn prune(conn: &mut PgConnection, since: Instant, limit: i64) -> Result<u64> {
    let done = sqlx::query!(
        "delete from stripe_events where id in (select id from stripe_events where done_at < $1
             union all select id from stripe_events where done_at is null and due_at is null and received_at < $1
                 and (replayed_at is null or replayed_at < $1)
             limit $2)",
        since,
        limit
    );
    Ok(done.execute(conn).await?.rows_affected())
}
