//! A database that goes away while it commits.

use brightmeter::ids::OrgId;
use server::service::writer::{Answer, Submission, SubmitError, Writer};

use crate::support::{
    TestServer, adjust,
    proxy::{Cut, Proxy},
    spend, with_server,
};

/// A writer behind a proxy that breaks the connection once, as `cut` says.
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

/// Breaks the connection at `cut`; the answer to the broken command, and to its repeat with the same key.
fn broken_and_repeated(cut: Cut, check: impl FnOnce(Result<Answer, SubmitError>, Result<Answer, SubmitError>)) {
    with_proxied_writer(cut, async |server, writer, proxy| {
        let org = server.org("bright-audio", "pro").await;
        // Once without a fault, so that the connection is there and only the fault differs.
        writer.submit(Submission::new(org, None, adjust(-100, "to a hundred"))).await.unwrap();
        proxy.arm();
        let broken = writer.submit(order(org)).await;
        assert!(proxy.has_cut());
        let repeated = writer.submit(order(org)).await;
        check(broken, repeated);
        let spent: i64 = server.ask("select count(*) from ai_token_usage_log where kind = 'spent'").await;
        assert_eq!((spent, server.available(org, "ai").await), (1, 99), "one effect, not none and not two");
    });
}

#[test]
fn a_commit_that_went_through_unseen_is_unknown_and_its_repeat_finds_it_done() {
    broken_and_repeated(Cut { at: b"COMMIT", delivered: true }, |broken, repeated| {
        assert!(matches!(broken, Err(SubmitError::OutcomeUnknown)), "{broken:?}");
        assert!(repeated.unwrap().replayed);
    });
}

#[test]
fn a_commit_that_never_arrived_is_unknown_and_its_repeat_does_it() {
    broken_and_repeated(Cut { at: b"COMMIT", delivered: false }, |broken, repeated| {
        assert!(matches!(broken, Err(SubmitError::OutcomeUnknown)), "{broken:?}");
        assert!(!repeated.unwrap().replayed);
    });
}

#[test]
fn what_was_lost_before_the_commit_is_known_not_to_have_happened() {
    broken_and_repeated(Cut { at: b"insert into ai_token_receipts", delivered: true }, |broken, repeated| {
        assert!(matches!(broken, Err(SubmitError::Storage(_))), "{broken:?}");
        assert!(!repeated.unwrap().replayed);
    });
}
