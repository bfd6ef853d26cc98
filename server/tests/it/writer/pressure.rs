//! The writer with full queues, at shutdown, with canceled callers, and beside a second server.

use std::{collections::BTreeMap, pin::pin};

use brightmeter::{access::refusal::Refusal, ids::OrgId};
use futures::{future::join_all, poll};
use server::{
    service::writer::{Submission, SubmitError},
    storage::pools,
};

use crate::support::{TestServer, adjust, spend, waiting::until, with_server};

/// Creates an organization that shares the writer of `org`.
async fn org_on_the_same_writer(server: &TestServer, org: OrgId) -> OrgId {
    let writer = |org: OrgId| u32::from(org.0.as_bytes()[15]) % pools::WRITERS;
    for number in 0..64 {
        let other = server.org(&format!("beside-{number}"), "pro").await;
        if writer(other) == writer(org) {
            return other;
        }
    }
    panic!("all 64 organizations are on the other writer");
}

#[test]
fn a_full_queue_returns_busy_and_its_commands_are_answered() {
    with_server(async |server| {
        let org = server.org("bright-audio", "pro").await;
        let other = org_on_the_same_writer(server, org).await;
        server.submit(org, adjust(9_800, "to the full ten thousand")).await.unwrap();
        let lock = server.lock(org).await;
        let mut first = pin!(server.submit(org, spend("ping")));
        assert!(poll!(first.as_mut()).is_pending());
        server.until_waiting(1).await;
        let mut rest = pin!(join_all((0..5_000).map(|_| server.submit(org, spend("ping")))));
        assert!(poll!(rest.as_mut()).is_pending());
        let mut beside = pin!(server.submit(other, spend("ping")));
        assert!(poll!(beside.as_mut()).is_pending(), "the queue has room for another organization");
        lock.release().await;
        first.await.unwrap();
        beside.await.unwrap();
        let (done, busy): (Vec<_>, Vec<_>) = rest.await.into_iter().partition(Result::is_ok);
        // The command that is being applied still counts toward the limit.
        assert_eq!((done.len(), busy.len()), (2_047, 2_953));
        assert!(busy.iter().all(|answer| matches!(answer, Err(SubmitError::Busy))), "{busy:?}");
        assert_eq!(server.available(org, "ai").await, 10_000 - 2_048);
    });
}

#[test]
fn a_shutdown_answers_all_callers_and_its_answers_are_durable() {
    with_server(async |server| {
        let org = server.org("bright-audio", "pro").await;
        server.submit(org, adjust(800, "to a thousand")).await.unwrap();
        let (writer, tasks) = server.replica();
        let lock = server.lock(org).await;
        let submit = |number| {
            let writer = writer.clone();
            let key = Some(format!("order-{number}").parse().unwrap());
            async move { writer.submit(Submission::new(org, key, spend("ping"))).await }
        };
        let mut all = pin!(join_all((0..600).map(submit)));
        assert!(poll!(all.as_mut()).is_pending());
        drop(writer);
        let finish = tokio::spawn(tasks.finish());
        server.until_waiting(1).await;
        lock.release().await;
        assert!(all.await.iter().all(Result::is_ok));
        finish.await.unwrap();
        assert_eq!(server.query_value::<i64>("select count(*) from ai_token_idempotency").await, 600);
        assert_eq!(server.available(org, "ai").await, 400);
    });
}

#[test]
fn the_command_of_a_canceled_caller_takes_effect_and_is_replayed_by_its_idempotency_key() {
    with_server(async |server| {
        let org = server.org("bright-audio", "pro").await;
        let lock = server.lock(org).await;
        {
            let mut canceled = pin!(server.submit_as(org, "order-1", spend("ping")));
            assert!(poll!(canceled.as_mut()).is_pending());
            server.until_waiting(1).await;
        }
        lock.release().await;
        until("the command is committed", async || {
            server.query_value::<i64>("select count(*) from ai_token_idempotency").await == 1
        })
        .await;
        assert!(server.submit_as(org, "order-1", spend("ping")).await.unwrap().replayed);
        assert_eq!(server.available(org, "ai").await, 199);
    });
}

#[test]
fn two_servers_apply_each_idempotency_key_once_and_spend_no_token_twice() {
    with_server(async |server| {
        let org = server.org("bright-audio", "pro").await;
        server.submit(org, adjust(-150, "to fifty")).await.unwrap();
        let (other, tasks) = server.replica();
        let submit = |number: usize| {
            let writer = if number.is_multiple_of(2) { &server.writer } else { &other };
            let key = format!("order-{}", number / 2);
            let submission = Submission::new(org, Some(key.parse().unwrap()), spend("ping"));
            async move { (key, writer.submit(submission).await) }
        };
        let mut by_key: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for (key, answer) in join_all((0..200).map(submit)).await {
            match answer {
                Ok(answer) => by_key.entry(key).or_default().push(answer),
                Err(error) => assert!(
                    matches!(error, SubmitError::Refused(Refusal::InsufficientTokens { .. })),
                    "{key}: {error:?}"
                ),
            }
        }
        assert_eq!(by_key.len(), 50, "as many commands took effect as there were tokens");
        for (key, answers) in by_key {
            assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1, "{key}: {answers:?}");
            assert!(answers.iter().all(|answer| answer.outcome == answers[0].outcome), "{key}: {answers:?}");
        }
        assert_eq!(server.query_value::<i64>("select count(*) from ai_token_usage_log where kind = 'spent'").await, 50);
        assert_eq!(server.available(org, "ai").await, 0);
        drop(other);
        tasks.finish().await;
    });
}
