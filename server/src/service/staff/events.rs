//! Staff list Stripe events and replay them.

use brightmeter::{billing::stripe_id::StripeId, ids::UserId};
use sqlx::PgConnection;

use super::Staff;
pub use crate::storage::stripe_events::{Cursor, Disposal, Filter, Listed, State};
use crate::storage::{Result, stripe_events};

/// The number of events per page.
pub const PAGE_SIZE: usize = 50;
/// Events of a state are counted up to this number.
pub const MAX_COUNT: i64 = 1_000;

/// Which page of a list, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// The newest events.
    #[default]
    First,
    /// The events older than this one.
    OlderThan(Cursor),
    /// The events newer than this one, next to it.
    NewerThan(Cursor),
}

/// A page of events.
#[derive(Debug)]
pub struct Page {
    /// The number of events in each state, at most [`MAX_COUNT`] + 1.
    pub counts: Vec<(State, i64)>,
    /// The events, newest first.
    pub events: Vec<Listed>,
    /// The place of the newer events, if there may be any.
    pub newer: Option<Place>,
    /// The place of the older events, if there are any.
    pub older: Option<Place>,
}

impl Staff {
    /// Returns a page of the events in `state` that pass `filter`. A page is next to the event that it starts from, so
    /// events that arrive meanwhile move nothing to another page.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn list_events(&self, state: State, filter: &Filter, place: Place) -> Result<Page> {
        let mut conn = self.purchases.pool.acquire().await?;
        let counts = stripe_events::count(&mut conn, filter, MAX_COUNT + 1).await?;
        let (ids, more_newer, more_older) = find_page(&mut conn, state, filter, place).await?;
        let events = stripe_events::load(&mut conn, &ids).await?;
        let cursor = |event: &Listed| Cursor { received_at: event.received_at, id: event.id.clone() };
        Ok(Page {
            counts: State::ALL.into_iter().zip(counts).collect(),
            newer: events.first().filter(|_| more_newer).map(|event| Place::NewerThan(cursor(event))),
            older: events.last().filter(|_| more_older).map(|event| Place::OlderThan(cursor(event))),
            events,
        })
    }

    /// Processes an event again now, and for three more days until that succeeds. Returns whether there is an event
    /// with this id that was not processed.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn replay(&self, by: UserId, id: &StripeId) -> Result<bool> {
        let mut conn = self.purchases.pool.acquire().await?;
        let found = stripe_events::replay(&mut conn, id.as_str(), self.purchases.clock.now()).await?;
        drop(conn);
        if found {
            tracing::info!(event = %id, staff = %by, "an event was replayed");
            self.purchases.new_events.notify_one();
        }
        Ok(found)
    }
}

/// Returns the ids of the events on a page, and whether newer and older ones follow.
async fn find_page(
    conn: &mut PgConnection,
    state: State,
    filter: &Filter,
    place: Place,
) -> Result<(Vec<String>, bool, bool)> {
    // One more than fits, to see whether there are more.
    let limit = PAGE_SIZE as i64 + 1;
    if let Place::NewerThan(after) = &place {
        let mut ids = stripe_events::list_newer(conn, state, filter, after, limit).await?;
        // If no newer events follow, this is the first page, which may have room for older ones.
        if ids.len() > PAGE_SIZE {
            ids.truncate(PAGE_SIZE);
            return Ok((ids, true, true));
        }
    }
    let before = match &place {
        Place::OlderThan(before) => Some(before),
        Place::First | Place::NewerThan(_) => None,
    };
    let mut ids = stripe_events::list_older(conn, state, filter, before, limit).await?;
    let more = ids.len() > PAGE_SIZE;
    ids.truncate(PAGE_SIZE);
    Ok((ids, before.is_some(), more))
}
