//! Connections to the database that break during a command.

use brightmeter::command::Command;
use server::service::writer::{Answer, Submission, SubmitError, Writer};

use crate::support::{
    TestServer, adjust,
    proxy::{Cut, Proxy},
    spend, with_server,
};

/// Runs a test with a writer behind a proxy that breaks the connection once, at `cut`.
fn with_proxied_writer(cut: Cut, test: impl AsyncFnOnce(&TestServer, &Writer, &Proxy)) {
    with_server(async |server| {
        let proxy = Proxy::start(&server.owner, cut).await;
        let (writer, tasks) = server.writer_through(proxy.options(&server.owner));
        test(server, &writer, &proxy).await;
        drop(writer);
        tasks.finish().await;
    });
}

/// A command of one token under an idempotency key.
type Order = fn() -> Command;

/// A use of an account that the writer remembers: one statement, which is its own transaction.
const REMEMBERED: Order = || spend("ping");
/// A command that is always decided under the lock.
const UNDER_LOCK: Order = || adjust(-1, "one too many");

/// Breaks the connection at `cut`, then checks the answers to the broken command and to its repeat with the same
/// idempotency key.
fn broken_and_repeated(
    order: Order,
    cut: Cut,
    check: impl FnOnce(Result<Answer, SubmitError>, Result<Answer, SubmitError>),
) {
    with_proxied_writer(cut, async |server, writer, proxy| {
        let org = server.org("bright-audio", "pro").await;
        // A command without a fault, so that the connection is open and the account remembered. Its statement is prepared.
        writer.submit(Submission::new(org, None, adjust(-99, "almost to a hundred"))).await.unwrap();
        writer.submit(Submission::new(org, None, spend("ping"))).await.unwrap();
        proxy.arm();
        let submit = || writer.submit(Submission::new(org, Some("order-1".parse().unwrap()), order()));
        let broken = submit().await;
        assert!(proxy.has_cut());
        check(broken, submit().await);
        let moved: i64 = server.query_value("select count(*) from ai_token_usage_log where amount = -1").await;
        assert_eq!((moved, server.available(org, "ai").await), (2, 99), "exactly one effect");
    });
}

#[test]
fn a_batch_whose_answer_is_lost_has_an_unknown_outcome_and_its_repeat_is_replayed() {
    for (order, at) in [(REMEMBERED, &b"order-1"[..]), (UNDER_LOCK, b"COMMIT")] {
        broken_and_repeated(order, Cut { at, delivered: true }, |broken, repeated| {
            assert!(matches!(broken, Err(SubmitError::OutcomeUnknown)), "{broken:?}");
            assert!(repeated.unwrap().replayed);
        });
    }
}

#[test]
fn a_batch_that_is_lost_has_an_unknown_outcome_and_its_repeat_takes_effect() {
    for (order, at) in [(REMEMBERED, &b"order-1"[..]), (UNDER_LOCK, b"COMMIT")] {
        broken_and_repeated(order, Cut { at, delivered: false }, |broken, repeated| {
            assert!(matches!(broken, Err(SubmitError::OutcomeUnknown)), "{broken:?}");
            assert!(!repeated.unwrap().replayed);
        });
    }
}

#[test]
fn a_connection_lost_before_the_commit_means_no_effect() {
    broken_and_repeated(UNDER_LOCK, Cut { at: b"from ai_token_idempotency", delivered: true }, |broken, repeated| {
        assert!(matches!(broken, Err(SubmitError::Busy)), "{broken:?}");
        assert!(!repeated.unwrap().replayed);
    });
}
