//! Following the balance.

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

/// How long an event may take. Only a test that fails waits so long.
const PATIENCE: Duration = Duration::from_secs(15);

/// The next event with data, whole; nothing once the stream has ended.
async fn event(stream: &mut (impl Stream<Item = String> + Unpin)) -> Option<String> {
    loop {
        let text = timeout(PATIENCE, stream.next()).await.expect("no event came")?;
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
fn whoever_follows_a_balance_sees_it_move_whichever_replica_moved_it() {
    with_api(async |server, api, org| {
        let (other, tasks) = server.replica();
        let elsewhere = Site::with(server, other, std::sync::Arc::new(BuiltIn { faults: false }), false);
        let mut events = api.events("/tokens/stream").await;
        let first = event(&mut events).await.unwrap();
        assert!(first.contains("event: balances") && first.contains("id: 2"), "{first}");
        assert_eq!(available(&first), 200);
        let there = api.through(&elsewhere);
        assert_eq!(there.post("/tokens/deduct", "order-1", r#"{"feature":"quest_generation"}"#).await.status, 200);
        assert_eq!(available(&event(&mut events).await.unwrap()), 195);
        server.submit(org, spend("ping")).await.unwrap();
        assert_eq!(available(&event(&mut events).await.unwrap()), 194);
        drop((elsewhere, there));
        drop(tasks);
    });
}

#[test]
fn whoever_connects_again_is_only_told_what_is_new() {
    with_api(async |server, api, org| {
        let mut events = api.events_after("/tokens/stream", Some("2")).await;
        // The first event is of the spend: had one come before it, it would be of entry 2.
        server.submit(org, spend("ping")).await.unwrap();
        assert!(event(&mut events).await.unwrap().contains("id: 3"));
        let mut events = api.events_after("/tokens/stream", Some("2")).await;
        assert!(event(&mut events).await.unwrap().contains("id: 3"), "what was missed comes at once");
    });
}

#[test]
fn a_stream_ends_with_its_key() {
    with_api(async |server, api, org| {
        let (id, secret) = server.key(org, Scope::Read).await;
        let mut events = api.with(&secret).events("/tokens/stream").await;
        event(&mut events).await.unwrap();
        server.api_keys.revoke(org, id).await.unwrap();
        server.submit(org, spend("ping")).await.unwrap();
        assert_eq!(event(&mut events).await, None);
        assert_eq!(api.with(&secret).get("/tokens/stream").await.problem().0, 401);
    });
}

#[test]
fn nobody_hears_of_another_organization() {
    with_server(async |server| {
        let (mine, other) = (server.org("bright-audio", "pro").await, server.org("stagecraft", "pro").await);
        let changed_accounts = ChangedAccounts::default();
        let balance_events = BalanceEvents::start(server.pools.app.clone(), changed_accounts.clone());
        let mut following = [balance_events.follow(mine).await.unwrap(), balance_events.follow(other).await.unwrap()];
        for each in &mut following {
            assert!(timeout(PATIENCE, each.changed()).await.unwrap(), "woken once when the listening begins");
        }
        changed_accounts.mark([other]);
        assert!(timeout(PATIENCE, following[1].changed()).await.unwrap());
        balance_events.stop();
        assert!(!timeout(PATIENCE, following[0].changed()).await.unwrap(), "told of another's");
    });
}
