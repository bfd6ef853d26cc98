//! Pages of `stripe_events` for staff, without the payloads, which may contain personal data.
//!
//! Payloads are never searched. Without a Stripe id, a statement reads the index of one state from its place in the list,
//! and stops when the page is full. The index includes the type, so a type that no event has costs a scan of that index:
//! 0.1 s for 300,000 events. With a Stripe id, it reads the index of the Stripe ids that Postgres extracted when the event
//! arrived. An id is in the events of one customer, so few are found; `offset 0` makes Postgres find them first. Of the
//! two branches of a statement, Postgres runs only the one whose condition on the parameter is true. Counts stop at their
//! limit. The statement timeout ends everything else.

use std::{fmt, str::FromStr};

use brightmeter::{
    billing::stripe_id::StripeId,
    time::{Instant, RequestedInstant},
};
use sqlx::PgConnection;

use super::{super::Result, Disposal};

/// The state of an event. Every event has exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Its retries have ended, or it cannot be read.
    NeedsAttention,
    /// It is due, or waits for its next attempt.
    Waiting,
    /// It needs no further attempt, for this reason.
    Disposed(Disposal),
}

impl State {
    /// All states.
    pub const ALL: [Self; 5] = [
        Self::NeedsAttention,
        Self::Waiting,
        Self::Disposed(Disposal::Processed),
        Self::Disposed(Disposal::NotOurs),
        Self::Disposed(Disposal::Refused),
    ];

    /// The name in the database and in URLs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NeedsAttention => "needs_attention",
            Self::Waiting => "waiting",
            Self::Disposed(disposal) => disposal.as_str(),
        }
    }
}

/// Selects events. All conditions apply.
#[derive(Clone, Debug)]
pub struct Filter {
    /// The start of the type, such as `invoice.`; empty for all types.
    pub kind: String,
    /// The event's own Stripe id, or one in its payload.
    pub stripe_id: Option<StripeId>,
}

/// A place in a list of events: next to this event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// When the event arrived.
    pub received_at: Instant,
    /// The event's Stripe id.
    pub id: String,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.received_at.timestamp_micros(), self.id)
    }
}

/// The text is not a cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidCursor;

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> std::result::Result<Self, InvalidCursor> {
        let (micros, id) = text.split_once('-').ok_or(InvalidCursor)?;
        let micros = micros.parse().map_err(|_| InvalidCursor)?;
        let received_at = Instant::from_timestamp_micros(micros).ok_or(InvalidCursor)?;
        let received_at = RequestedInstant::try_from(received_at).map_err(|_| InvalidCursor)?.get();
        let id: StripeId = id.parse().map_err(|_| InvalidCursor)?;
        Ok(Self { received_at, id: id.to_string() })
    }
}

/// An event, without its payload.
#[derive(Debug)]
pub struct Listed {
    /// The event's Stripe id.
    pub id: String,
    /// The type, for example `refund.created`.
    pub kind: String,
    /// When it arrived.
    pub received_at: Instant,
    /// The number of attempts since it arrived or was last replayed.
    pub attempts: i32,
    /// The result of the last attempt. `None` before the first one.
    pub outcome: Option<String>,
    /// The next attempt. `None` if it is due now, or no attempt follows.
    pub due_at: Option<Instant>,
    /// When it was last replayed.
    pub replayed_at: Option<Instant>,
}

/// Returns the ids of the newest events, or of those older than `before`. Newest first.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn list_older(
    conn: &mut PgConnection,
    state: State,
    filter: &Filter,
    before: Option<&Cursor>,
    limit: i64,
) -> Result<Vec<String>> {
    let ids = sqlx::query_scalar!(
        r#"select id as "id!" from (
             (select id, received_at from stripe_events
              where $5::text is null and state = $1 and starts_with(kind, $2)
                  and (received_at, id) < (coalesce($3::timestamptz, 'infinity'), $4)
              order by received_at desc, id desc limit $6)
             union all
             (select id, received_at from (
                  select id, received_at, state, kind from stripe_events
                  where $5::text is not null and (id = $5 or stripe_ids @> array[$5]) offset 0
              ) with_stripe_id
              where state = $1 and starts_with(kind, $2) and (received_at, id) < (coalesce($3::timestamptz, 'infinity'), $4)
              order by received_at desc, id desc limit $6)
         ) page order by received_at desc, id desc"#,
        state.as_str(),
        filter.kind,
        before.map(|cursor| cursor.received_at),
        before.map_or("", |cursor| &cursor.id),
        filter.stripe_id.as_ref().map(StripeId::as_str),
        limit
    );
    Ok(ids.fetch_all(conn).await?)
}

/// Returns the ids of the events that follow `after` towards the newest. Oldest first.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn list_newer(
    conn: &mut PgConnection,
    state: State,
    filter: &Filter,
    after: &Cursor,
    limit: i64,
) -> Result<Vec<String>> {
    let ids = sqlx::query_scalar!(
        r#"select id as "id!" from (
             (select id, received_at from stripe_events
              where $5::text is null and state = $1 and starts_with(kind, $2) and (received_at, id) > ($3, $4)
              order by received_at, id limit $6)
             union all
             (select id, received_at from (
                  select id, received_at, state, kind from stripe_events
                  where $5::text is not null and (id = $5 or stripe_ids @> array[$5]) offset 0
              ) with_stripe_id
              where state = $1 and starts_with(kind, $2) and (received_at, id) > ($3, $4)
              order by received_at, id limit $6)
         ) page order by received_at, id"#,
        state.as_str(),
        filter.kind,
        after.received_at,
        after.id,
        filter.stripe_id.as_ref().map(StripeId::as_str),
        limit
    );
    Ok(ids.fetch_all(conn).await?)
}

/// Returns the events with these ids, newest first.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn load(conn: &mut PgConnection, ids: &[String]) -> Result<Vec<Listed>> {
    let rows = sqlx::query_as!(
        Listed,
        "select id, kind, received_at, attempts, outcome, case when isfinite(due_at) then due_at end as due_at, replayed_at
         from stripe_events where id = any($1) order by received_at desc, id desc",
        ids
    );
    Ok(rows.fetch_all(conn).await?)
}

/// Counts the events of each state, in the order of [`State::ALL`]. Counts up to `limit`.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn count(conn: &mut PgConnection, filter: &Filter, limit: i64) -> Result<Vec<i64>> {
    let states = State::ALL.map(|state| state.as_str().to_owned());
    let counts = sqlx::query_scalar!(
        r#"select (select count(*) from (
             (select from stripe_events
              where $3::text is null and state = wanted.state and starts_with(kind, $2) limit $4)
             union all
             (select from (
                  select state, kind from stripe_events
                  where $3::text is not null and (id = $3 or stripe_ids @> array[$3]) offset 0
              ) with_stripe_id
              where state = wanted.state and starts_with(kind, $2) limit $4)
         ) found) as "count!"
         from unnest($1::text[]) with ordinality wanted (state, number) order by number"#,
        &states,
        filter.kind,
        filter.stripe_id.as_ref().map(StripeId::as_str),
        limit
    );
    Ok(counts.fetch_all(conn).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_a_url() {
        let received_at = "2026-03-10T09:00:00.123456Z".parse().unwrap();
        for id in ["evt_1", "a-b!c", "1-2"] {
            let cursor = Cursor { received_at, id: id.into() };
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
        for text in
            ["", "-", "1", "1-", "x-evt_1", "-1-evt_1", "9223372036854775807-evt_1", "7258118400000000-evt_1", "1-\0"]
        {
            assert_eq!(text.parse::<Cursor>(), Err(InvalidCursor), "{text}");
        }
    }
}
