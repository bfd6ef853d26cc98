//! The writer under concurrent callers.

mod batches;
mod outages;
mod pressure;
mod remembered;
mod silence;

use std::collections::BTreeSet;

use brightmeter::{access::refusal::Refusal, ledger::outcome::Effect};
use futures::{StreamExt, stream};
use server::service::writer::SubmitError;

use crate::support::{adjust, spend, with_server};

#[test]
fn of_a_thousand_concurrent_spends_exactly_as_many_succeed_as_there_are_tokens() {
    with_server(async |server| {
        let org = server.org("bright-audio", "pro").await;
        server.submit(org, adjust(-100, "to a hundred")).await.unwrap();
        let results: Vec<_> =
            stream::iter(0..1_000).map(|_| server.submit(org, spend("ping"))).buffer_unordered(64).collect().await;
        let (done, refused): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
        assert_eq!((done.len(), refused.len()), (100, 900));
        for error in refused.into_iter().filter_map(Result::err) {
            assert!(matches!(error, SubmitError::Refused(Refusal::InsufficientTokens { .. })), "{error:?}");
        }
        let numbers: BTreeSet<i64> = done.into_iter().map(|answer| answer.unwrap().outcome.seq).collect();
        assert_eq!(numbers.len(), 100, "every spend has an entry of its own");
        assert_eq!(server.available(org, "ai").await, 0);
    });
}

#[test]
fn a_hundred_concurrent_repeats_of_one_idempotency_key_have_one_effect() {
    with_server(async |server| {
        let org = server.org("bright-audio", "pro").await;
        let repeats = (0..100).map(|_| server.submit_as(org, "order-1", spend("ping")));
        let answers: Vec<_> = futures::future::join_all(repeats).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1);
        assert!(answers.iter().all(|answer| answer.outcome == answers[0].outcome));
        assert_eq!(server.available(org, "ai").await, 199);
    });
}

#[test]
fn an_idempotency_key_belongs_to_one_request_of_one_organization() {
    with_server(async |server| {
        let (org, other) = (server.org("bright-audio", "pro").await, server.org("stagecraft", "pro").await);
        server.submit_as(org, "order-1", spend("ping")).await.unwrap();
        let reused = server.submit_as(org, "order-1", spend("quest_generation")).await;
        assert!(matches!(reused, Err(SubmitError::KeyReused)), "{reused:?}");
        assert!(!server.submit_as(other, "order-1", spend("ping")).await.unwrap().replayed);
    });
}

#[test]
fn a_refusal_is_not_stored_so_the_same_idempotency_key_succeeds_after_a_top_up() {
    with_server(async |server| {
        let org = server.org("bright-audio", "pro").await;
        server.submit(org, adjust(-200, "to zero")).await.unwrap();
        assert!(server.submit_as(org, "order-1", spend("ping")).await.is_err());
        server.submit(org, adjust(10, "topped up")).await.unwrap();
        let answer = server.submit_as(org, "order-1", spend("ping")).await.unwrap();
        assert!(matches!(answer.outcome.effect, Effect::Spent { .. }));
    });
}
