//! `stripe_events`: the webhook inbox.
//!
//! All functions return [`StorageError`](super::StorageError) if the database fails.

mod listing;

use brightmeter::time::Instant;
use sqlx::PgConnection;

use super::{Result, expect_rows};
use crate::stripe::event::Event;

pub use self::listing::{Cursor, Filter, Listed, State, count, list_newer, list_older, load};

/// An event leased for processing.
#[derive(Debug)]
pub struct Taken {
    /// The event.
    pub event: Event,
    /// The number of attempts, including this one.
    pub attempts: i32,
    /// When the attempts began: when it arrived, or when it was last replayed.
    pub tried_since: Instant,
    /// When the lease ends.
    pub lease_until: Instant,
}

/// Stores an event. Returns whether it is new: Stripe sends some events more than once.
#[tracing::instrument(level = "trace", skip_all)]
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

/// Leases at most `limit` due events until `lease_until`, longest due first. After that, any process may lease them
/// again: the first one may have crashed.
#[tracing::instrument(level = "trace", skip_all)]
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

/// The reason why an event needs no further attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposal {
    /// It was processed, or says nothing that Brightmeter uses.
    Processed,
    /// It is about another product on the same Stripe account.
    NotOurs,
    /// It was refused.
    Refused,
}

impl Disposal {
    /// The name in the database and in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Processed => "processed",
            Self::NotOurs => "not_ours",
            Self::Refused => "refused",
        }
    }
}

/// Records that an event needs no further attempt, unless one of the Stripe ids in `waits_for` is recorded later.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn finish(
    conn: &mut PgConnection,
    id: &str,
    (disposal, outcome): (Disposal, &str),
    waits_for: &[String],
    now: Instant,
) -> Result<()> {
    let done = sqlx::query!(
        "update stripe_events set done_at = $2, outcome = $3, disposal = $4, due_at = null, waits_for = nullif($5::text[], '{}')
         where id = $1",
        id,
        now,
        outcome,
        disposal.as_str(),
        waits_for
    );
    expect_rows(done.execute(conn).await?, 1, "stripe_events", id)
}

/// Records a failed attempt: the reason, the next attempt (`None`: the event needs attention), and the Stripe ids that
/// the event waits for. Returns false and records nothing if the event was woken or leased again meanwhile.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn record_failure(
    conn: &mut PgConnection,
    taken: &Taken,
    why: &str,
    due_at: Option<Instant>,
    waits_for: &[String],
) -> Result<bool> {
    let done = sqlx::query!(
        "update stripe_events set outcome = $2, due_at = $3, waits_for = $4
         where id = $1 and done_at is null and due_at = $5",
        taken.event.id,
        why,
        due_at,
        waits_for,
        taken.lease_until
    );
    Ok(done.execute(conn).await?.rows_affected() == 1)
}

/// Makes the events due that wait for one of `stripe_ids`. Returns their number.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn wake(conn: &mut PgConnection, stripe_ids: &[String], now: Instant) -> Result<u64> {
    let done = sqlx::query!(
        "update stripe_events set due_at = $2, waits_for = null, done_at = null, disposal = null where waits_for && $1",
        stripe_ids,
        now
    );
    Ok(done.execute(conn).await?.rows_affected())
}

/// Makes an event due, as if it had arrived now, unless it was processed. Returns whether there is such an event.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn replay(conn: &mut PgConnection, id: &str, now: Instant) -> Result<bool> {
    let done = sqlx::query!(
        "update stripe_events
         set due_at = $2, replayed_at = $2, attempts = 0, waits_for = null, done_at = null, disposal = null
         where id = $1 and state <> 'processed'",
        id,
        now
    );
    Ok(done.execute(conn).await?.rows_affected() > 0)
}

/// Deletes at most `limit` events that were processed, or arrived and need attention, before `since`. Returns their
/// number.
#[tracing::instrument(level = "trace", skip_all)]
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
