//! `GET /tokens/stream`.

use std::time::Duration;

use brightmeter::access::api_key::Scope;
use futures::{Stream, StreamExt};
use server::{
    ai::built_in::BuiltIn,
    service::balance_events::{BalanceEvents, ChangedAccounts},
};
use tokio::time::timeout;

use super::client::with_api;
use crate::{
    http::browser::Site,
    support::{spend, with_server},
};

/// The longest wait for an event. Only a failing test reaches it.
const EVENT_TIMEOUT: Duration = Duration::from_secs(15);

/// Returns the next event with data, or `None` if the stream has ended.
async fn next_event(stream: &mut (impl Stream<Item = String> + Unpin)) -> Option<String> {
    loop {
        let text = timeout(EVENT_TIMEOUT, stream.next()).await.expect("no event came")?;
        if text.contains("data:") {
            return Some(text);
        }
    }
}

fn available(event: &str) -> i64 {
    let data = event.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    let json: serde_json::Value = serde_json::from_str(data).unwrap();
    json["balances"][0]["available"].as_i64().unwrap()
}

#[test]
fn a_balance_that_moves_on_any_replica_reaches_the_stream() {
    with_api(async |server, api, org| {
        let (other, tasks) = server.replica();
        let elsewhere = Site::with(server, other, std::sync::Arc::new(BuiltIn { faults: false }), false);
        let mut events = api.events("/tokens/stream").await;
        let first = next_event(&mut events).await.unwrap();
        assert!(first.contains("event: balances") && first.contains("id: 2"), "{first}");
        assert_eq!(available(&first), 200);
        let there = api.at_replica(&elsewhere);
        assert_eq!(there.post("/tokens/deduct", "order-1", r#"{"feature":"quest_generation"}"#).await.status, 200);
        assert_eq!(available(&next_event(&mut events).await.unwrap()), 195);
        server.submit(org, spend("ping")).await.unwrap();
        assert_eq!(available(&next_event(&mut events).await.unwrap()), 194);
        drop((elsewhere, there));
        drop(tasks);
    });
}

#[test]
fn a_client_that_reconnects_gets_only_what_it_missed() {
    with_api(async |server, api, org| {
        let mut events = api.events_after("/tokens/stream", Some("2")).await;
        // The first event is about the spend. An event before it would have the id 2.
        server.submit(org, spend("ping")).await.unwrap();
        assert!(next_event(&mut events).await.unwrap().contains("id: 3"));
        let mut events = api.events_after("/tokens/stream", Some("2")).await;
        assert!(next_event(&mut events).await.unwrap().contains("id: 3"), "a missed event arrives immediately");
    });
}

#[test]
fn a_stream_ends_when_its_api_key_is_revoked() {
    with_api(async |server, api, org| {
        let (id, secret) = server.key(org, Scope::Read).await;
        let mut events = api.with_secret(&secret).events("/tokens/stream").await;
        next_event(&mut events).await.unwrap();
        server.api_keys.revoke(org, id).await.unwrap();
        server.submit(org, spend("ping")).await.unwrap();
        assert_eq!(next_event(&mut events).await, None);
        assert_eq!(api.with_secret(&secret).get("/tokens/stream").await.problem().0, 401);
    });
}

#[test]
fn a_change_wakes_only_the_followers_of_its_organization() {
    with_server(async |server| {
        let (mine, other) = (server.org("bright-audio", "pro").await, server.org("stagecraft", "pro").await);
        let changed_accounts = ChangedAccounts::default();
        let balance_events = BalanceEvents::start(server.pools.app.clone(), changed_accounts.clone());
        let mut following = [balance_events.follow(mine).await.unwrap(), balance_events.follow(other).await.unwrap()];
        for each in &mut following {
            assert!(timeout(EVENT_TIMEOUT, each.changed()).await.unwrap(), "woken once when it starts to listen");
        }
        changed_accounts.mark_changed([other]);
        assert!(timeout(EVENT_TIMEOUT, following[1].changed()).await.unwrap());
        balance_events.stop();
        assert!(!timeout(EVENT_TIMEOUT, following[0].changed()).await.unwrap(), "woken by another organization");
    });
}
