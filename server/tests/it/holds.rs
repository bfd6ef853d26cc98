//! Holds: each is captured, released or expired exactly once.

use std::{sync::Arc, time::Duration};

use brightmeter::{
    access::refusal::Refusal,
    command::Command,
    ids::{HoldId, OrgId},
    ledger::{grant::Source, outcome::Effect},
};
use futures::future::join_all;
use server::service::{
    sweeper::Sweeper,
    writer::{Answer, Submission, SubmitError, Writer},
};

use crate::support::{
    START, TestServer, adjust, at, capture, held, hold, release, tokens, waiting::until, with_server,
};

async fn open(server: &TestServer, org: OrgId, feature: &str, ttl_seconds: u32) -> HoldId {
    held(&server.submit(org, hold(feature, ttl_seconds)).await.unwrap())
}

async fn state(server: &TestServer, id: HoldId) -> String {
    server.query_value(format!("select state from ai_token_holds where id = '{id}'")).await
}

fn is_closed(answer: &Result<Answer, SubmitError>) -> bool {
    matches!(answer, Err(SubmitError::Refused(Refusal::HoldClosed { .. })))
}

#[test]
fn of_concurrent_captures_releases_and_expiries_exactly_one_wins() {
    with_server(async |server| {
        let org = server.org("bright-audio", "pro").await;
        let (other, tasks) = server.replica();
        let submit = async |writer: &Writer, key: &str, command: Command| {
            writer.submit(Submission::new(org, Some(key.parse().unwrap()), command)).await
        };
        let (mut charged, mut winners) = (0, [0; 4]);
        for round in 0..200 {
            let id = open(server, org, "ping", 60).await;
            let ends = [
                (&server.writer, format!("capture-{round}"), capture(id, None)),
                (&other, format!("release-{round}"), release(id)),
                (&other, format!("again-{round}"), capture(id, None)),
            ];
            let race = (0..4).map(async |runner| match (runner + round) % 4 {
                3 => {
                    // The hold expires a little earlier or later in every round.
                    tokio::time::sleep(Duration::from_millis(round % 5)).await;
                    server.advance(61);
                    server.sweeper.sweep().await.unwrap();
                    None
                }
                end => {
                    let (writer, key, command) = &ends[end as usize];
                    Some((end as usize, submit(writer, key, command.clone()).await))
                }
            });
            let answers: Vec<_> = join_all(race).await.into_iter().flatten().collect();
            let won: Vec<_> = answers.iter().filter(|(_, answer)| answer.is_ok()).collect();
            assert!(won.len() <= 1, "{won:?}");
            let expected = match won.first() {
                Some((1, _)) => "released",
                Some(_) => "captured",
                None => "expired",
            };
            assert_eq!(state(server, id).await, expected, "{answers:?}");
            for (end, answer) in &answers {
                let (_, key, command) = &ends[*end];
                let repeated = submit(&server.writer, key, command.clone()).await;
                match answer {
                    Ok(first) => {
                        let repeated = repeated.unwrap();
                        assert!(repeated.replayed && repeated.outcome == first.outcome);
                    }
                    Err(_) => assert!(is_closed(answer) && is_closed(&repeated), "{answer:?}, {repeated:?}"),
                }
            }
            charged += i64::from(expected == "captured");
            winners[won.first().map_or(3, |(end, _)| *end)] += 1;
            assert_eq!(server.available(org, "ai").await, 200 - charged, "after round {round}");
        }
        assert!(winners.iter().filter(|wins| **wins > 0).count() >= 2, "there was no race: {winners:?}");
        drop(other);
        tasks.finish().await;
    });
}

#[test]
fn a_partial_capture_charges_that_part_and_returns_the_rest() {
    with_server(async |server| {
        let org = server.org("bright-audio", "pro").await;
        let id = open(server, org, "lead_generation", 60).await;
        assert_eq!(server.available(org, "ai").await, 190);
        let too_much = server.submit(org, capture(id, Some(11))).await;
        assert!(matches!(too_much, Err(SubmitError::Refused(Refusal::CaptureExceedsHold { .. }))), "{too_much:?}");
        let answer = server.submit(org, capture(id, Some(3))).await.unwrap();
        let Effect::Captured { amount, returned, .. } = answer.outcome.effect else { panic!("{answer:?}") };
        assert_eq!((amount, returned), (tokens(3), tokens(7)));
        assert_eq!(server.available(org, "ai").await, 197);
        assert!(is_closed(&server.submit(org, capture(id, Some(7))).await), "a hold is captured once");
    });
}

#[test]
fn a_hold_of_another_organization_is_not_found() {
    with_server(async |server| {
        let (mine, other) = (server.org("bright-audio", "pro").await, server.org("stagecraft", "pro").await);
        let id = open(server, other, "ping", 60).await;
        for command in [capture(id, None), release(id)] {
            let answer = server.submit(mine, command).await;
            assert!(matches!(answer, Err(SubmitError::Refused(Refusal::HoldNotFound))), "{answer:?}");
        }
        assert_eq!(state(server, id).await, "open");
    });
}

#[test]
fn the_running_sweeper_expires_a_hold_soon_after_its_ttl() {
    with_server(async |server| {
        let org = server.org("bright-audio", "pro").await;
        let id = open(server, org, "ping", 60).await;
        let Sweeper { writer_pool, app_pool, writer, clock } = server.sweeper.clone();
        let sweeping = tokio::spawn(Sweeper { writer_pool, app_pool, writer, clock: Arc::clone(&clock) }.run());
        server.advance(59);
        assert_eq!(state(server, id).await, "open");
        server.advance(1);
        until("the hold has expired", async || state(server, id).await == "expired").await;
        assert_eq!(
            server.query_value::<i64>("select settled - held from ai_tokens where token_type = 'ai'").await,
            200
        );
        sweeping.abort();
        assert!(sweeping.await.unwrap_err().is_cancelled());
    });
}

#[test]
fn a_hold_released_after_a_reset_costs_nothing() {
    with_server(async |server| {
        let org = server.org("bright-audio", "pro").await;
        server.submit(org, adjust(-150, "to fifty")).await.unwrap();
        server.clock.set(at("2026-04-10T03:00:00Z"));
        let id = open(server, org, "lead_generation", 86_400).await;
        server.clock.set(at("2026-04-10T09:00:00Z"));
        server.sweeper.sweep().await.unwrap();
        assert_eq!(server.available(org, "ai").await, 200, "the new allowance; the unheld 40 of the old one expired");
        server.submit(org, release(id)).await.unwrap();
        let account = server.account(org).await;
        assert_eq!(server.available(org, "ai").await, 210);
        let refund: Vec<_> = account.grants.values().filter(|grant| grant.source == Source::Refund).collect();
        assert_eq!(refund.len(), 1, "{:?}", account.grants);
        assert_eq!((refund[0].remaining, refund[0].expires_at), (tokens(10), Some(at("2026-05-10T09:00:00Z"))));
    });
}

#[test]
fn a_hold_captured_after_a_reset_is_paid_from_the_old_allowance() {
    with_server(async |server| {
        let org = server.org("bright-audio", "pro").await;
        server.clock.set(at("2026-04-10T03:00:00Z"));
        let id = open(server, org, "lead_generation", 86_400).await;
        server.clock.set(at("2026-04-10T09:00:00Z"));
        server.submit(org, capture(id, Some(4))).await.unwrap();
        assert_eq!(
            server.available(org, "ai").await,
            206,
            "the new allowance, and the part of the hold that was not charged"
        );
        server.clock.set(at(START));
    });
}
