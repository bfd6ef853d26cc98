//! `GET /tokens/stream`: the balance, live.

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
    answers::Reads,
    balance::{BalanceBody, balances},
    gate::Who,
    problem::Problem,
};
use crate::{http::AppState, service::balance_events::BalanceFollower};

/// How long one answer to a service lasts, whose key is looked at anew before every event; then it connects again.
const STREAM_TTL: Duration = Duration::from_secs(30 * 60);
/// How long one answer to a browser lasts: whether its session has ended is only known when it connects again.
const SESSION_STREAM_TTL: Duration = Duration::from_secs(60);
/// How soon after one event the next may come.
const MIN_EVENT_INTERVAL: Duration = Duration::from_millis(200);
/// How often an idle connection is kept alive.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// What there is, as of an entry.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Live {
    /// The number of the newest entry that it counts in.
    #[schema(minimum = 0, example = 42)]
    seq: i64,
    /// The balance of every token type.
    balances: Vec<BalanceBody>,
}

/// Follow the balance
///
/// Server-sent events: one named `balances` at once, and one whenever tokens have moved, on any server. Each is committed and
/// whole, so that none needs the one before it. A client that loses the connection connects again; `id` is the entry's number, and
/// with it as `Last-Event-ID` the first event only comes if something has changed.
#[utoipa::path(
    get, path = "/tokens/stream", tag = "Tokens", operation_id = "stream",
    responses((status = 200, body = Live, content_type = "text/event-stream", description = "Events, until the client goes away."), Reads),
)]
pub(super) async fn stream(
    State(state): State<AppState>,
    who: Who,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let following = state.balance_events.follow(who.org()).await.ok_or(Problem::Busy)?;
    // The first look says whether the caller may: an error is an answer, and no stream.
    let first = look(&state, &who).await?;
    let known = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let lasts = if matches!(who, Who::Key(_)) { STREAM_TTL } else { SESSION_STREAM_TTL };
    let (told, next) = (first.seq, Some(first).filter(|first| known != Some(first.seq)));
    let follower = Follower { state, who, following, until: Instant::now() + lasts, told, next };
    let events = stream::unfold(follower, Follower::step);
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE_INTERVAL)))
}

struct Follower {
    state: AppState,
    who: Who,
    following: BalanceFollower,
    until: Instant,
    told: i64,
    next: Option<Live>,
}

impl Follower {
    async fn step(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        let live = match self.next.take() {
            Some(first) => first,
            None => self.wait().await?,
        };
        self.told = live.seq;
        let event = Event::default().event("balances").id(live.seq.to_string()).json_data(&live).ok()?;
        Some((Ok(event), self))
    }

    /// What there is once it has changed; nothing once the stream is over.
    async fn wait(&mut self) -> Option<Live> {
        loop {
            sleep(MIN_EVENT_INTERVAL).await;
            let changed = timeout_at(self.until, self.following.changed()).await.unwrap_or(false);
            if !changed {
                return None;
            }
            let live = look(&self.state, &self.who).await.ok()?;
            if live.seq != self.told {
                return Some(live);
            }
        }
    }
}

async fn look(state: &AppState, who: &Who) -> Result<Live, Problem> {
    let account = who.account(state, None).await?;
    let balances = balances(&account, &state.reader.catalog, state.clock.now());
    Ok(Live { seq: account.head.seq, balances })
}
