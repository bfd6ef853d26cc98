//! Connections to the database that break during a command.

use brightmeter::ids::OrgId;
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

fn order(org: OrgId) -> Submission {
    Submission::new(org, Some("order-1".parse().unwrap()), spend("ping"))
}

/// Breaks the connection at `cut`, then checks the answers to the broken command and to its repeat with the same
/// idempotency key.
fn broken_and_repeated(cut: Cut, check: impl FnOnce(Result<Answer, SubmitError>, Result<Answer, SubmitError>)) {
    with_proxied_writer(cut, async |server, writer, proxy| {
        let org = server.org("bright-audio", "pro").await;
        // One command without a fault, so that the connection is already open.
        writer.submit(Submission::new(org, None, adjust(-100, "to a hundred"))).await.unwrap();
        proxy.arm();
        let broken = writer.submit(order(org)).await;
        assert!(proxy.has_cut());
        let repeated = writer.submit(order(org)).await;
        check(broken, repeated);
        let spent: i64 = server.query_value("select count(*) from ai_token_usage_log where kind = 'spent'").await;
        assert_eq!((spent, server.available(org, "ai").await), (1, 99), "exactly one effect");
    });
}

#[test]
fn a_commit_whose_answer_is_lost_has_an_unknown_outcome_and_its_repeat_is_replayed() {
    broken_and_repeated(Cut { at: b"COMMIT", delivered: true }, |broken, repeated| {
        assert!(matches!(broken, Err(SubmitError::OutcomeUnknown)), "{broken:?}");
        assert!(repeated.unwrap().replayed);
    });
}

#[test]
fn a_commit_that_is_lost_has_an_unknown_outcome_and_its_repeat_takes_effect() {
    broken_and_repeated(Cut { at: b"COMMIT", delivered: false }, |broken, repeated| {
        assert!(matches!(broken, Err(SubmitError::OutcomeUnknown)), "{broken:?}");
        assert!(!repeated.unwrap().replayed);
    });
}

#[test]
fn a_connection_lost_before_the_commit_means_no_effect() {
    broken_and_repeated(Cut { at: b"from ai_token_idempotency", delivered: true }, |broken, repeated| {
        assert!(matches!(broken, Err(SubmitError::Busy)), "{broken:?}");
        assert!(!repeated.unwrap().replayed);
    });
}
