//! `GET /tokens/stream`: the live balance as server-sent events.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    http::HeaderMap,
    response::sse::{Event, KeepAlive, Sse},
};
use futures::{Stream, stream};
use serde::Serialize;
use tokio::time::{Instant, sleep, timeout_at};
use utoipa::ToSchema;

use super::{
    authorize::ApiCaller,
    balances::{BalanceBody, balances},
    extract::{NoParameters, Query},
    responses::{QueryError, ReadErrors},
};
use crate::{
    http::{problem::Problem, state::AppState},
    service::balance_events::BalanceFollower,
};

/// The longest stream to a service, which then reconnects. Its API key is checked again before every event.
const STREAM_TTL: Duration = Duration::from_secs(30 * 60);
/// The longest stream to a browser. It is short because the session is only checked when the browser connects.
const SESSION_STREAM_TTL: Duration = Duration::from_secs(60);
/// The shortest time between two events.
const MIN_EVENT_INTERVAL: Duration = Duration::from_millis(200);
/// The time between two keep-alive comments on an idle connection.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// The balances as of a ledger entry.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Live {
    /// The number of the newest entry that the balances include.
    #[schema(minimum = 0, example = 42)]
    seq: i64,
    /// The balance of every token type.
    balances: Vec<BalanceBody>,
}

/// Follow the balance
///
/// Streams server-sent events named `balances`: one immediately, and one whenever tokens have moved, on any server.
/// Each event has the complete, committed balances. Reconnect when the connection is lost. An event's `id` is the
/// entry's number; send it as `Last-Event-ID` to get the first event only if something has changed.
#[utoipa::path(
    get, path = "/tokens/stream", tag = "Tokens", operation_id = "stream",
    responses((status = 200, body = Live, content_type = "text/event-stream", description = "The events, until the client disconnects."), ReadErrors, QueryError),
)]
pub(super) async fn stream(
    State(state): State<AppState>,
    caller: ApiCaller,
    Query(NoParameters {}): Query<NoParameters>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let following = state.balance_events.follow(caller.org()).await.ok_or(Problem::Busy)?;
    // Loaded before the stream starts, so that an unauthorized caller gets an error status.
    let first = load(&state, &caller).await?;
    let last_seen = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let ttl = if matches!(caller, ApiCaller::ApiKey(_)) { STREAM_TTL } else { SESSION_STREAM_TTL };
    let (last_sent, next) = (first.seq, Some(first).filter(|first| last_seen != Some(first.seq)));
    let follower = Follower { state, caller, following, until: Instant::now() + ttl, last_sent, next };
    let events = stream::unfold(follower, Follower::step);
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE_INTERVAL)))
}

struct Follower {
    state: AppState,
    caller: ApiCaller,
    following: BalanceFollower,
    until: Instant,
    /// The entry number of the last event.
    last_sent: i64,
    /// The event to send first, if any.
    next: Option<Live>,
}

impl Follower {
    async fn step(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        let live = match self.next.take() {
            Some(first) => first,
            None => self.wait().await?,
        };
        self.last_sent = live.seq;
        let event = Event::default().event("balances").id(live.seq.to_string()).json_data(&live).ok()?;
        Some((Ok(event), self))
    }

    /// Waits for a change. Returns `None` if the stream is over.
    async fn wait(&mut self) -> Option<Live> {
        loop {
            sleep(MIN_EVENT_INTERVAL).await;
            let changed = timeout_at(self.until, self.following.changed()).await.unwrap_or(false);
            if !changed {
                return None;
            }
            let live = load(&self.state, &self.caller).await.ok()?;
            if live.seq != self.last_sent {
                return Some(live);
            }
        }
    }
}

async fn load(state: &AppState, caller: &ApiCaller) -> Result<Live, Problem> {
    let account = caller.load_account(state, None).await?;
    let balances = balances(&account, &state.reader.catalog, state.clock.now());
    Ok(Live { seq: account.head.seq, balances })
}
