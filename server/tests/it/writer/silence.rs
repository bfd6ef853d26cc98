//! A database that falls silent: connections stay open, but nothing passes.

use std::time::Duration;

use brightmeter::ids::OrgId;
use server::{
    deadlines::{REQUEST, SUBMIT},
    service::writer::{Answer, Submission, SubmitError},
};
use tokio::time::timeout;

use crate::support::{TestServer, proxy::Proxy, spend, waiting::until, with_server};

/// The time in which the writers work again after an outage.
const RECOVERY: Duration = Duration::from_secs(5);

/// Runs a test with an organization, a proxy, and a server that reaches the database through it.
fn with_proxied_server(test: impl AsyncFnOnce(&TestServer, &Proxy, OrgId)) {
    with_server(async |server| {
        let org = server.org("bright-audio", "pro").await;
        let proxy = Proxy::passing(&server.owner).await;
        let behind = server.behind(&proxy);
        submit(&behind, org).await.unwrap();
        test(&behind, &proxy, org).await;
        behind.stop().await;
    });
}

async fn submit(server: &TestServer, org: OrgId) -> Result<Answer, SubmitError> {
    let submitted = server.writer.submit(Submission::new(org, None, spend("ping")));
    timeout(REQUEST, submitted).await.expect("an answer before the request's deadline")
}

#[test]
fn a_silent_connection_is_given_up_and_replaced() {
    with_proxied_server(async |server, proxy, org| {
        proxy.silence_open();
        let silent = submit(server, org).await;
        assert!(matches!(silent, Err(SubmitError::Busy | SubmitError::OutcomeUnknown)), "{silent:?}");
        timeout(RECOVERY, until("the writer writes again", async || submit(server, org).await.is_ok())).await.unwrap();
    });
}

#[test]
fn while_the_database_is_silent_commands_are_refused_and_the_writers_say_so() {
    with_proxied_server(async |server, proxy, org| {
        proxy.silence_all();
        let silent = futures::future::join_all((0..8).map(|_| submit(server, org))).await;
        assert!(silent.iter().all(Result::is_err), "{silent:?}");
        // It connects anew, in vain.
        assert!(matches!(submit(server, org).await, Err(SubmitError::Busy)));
        assert!(!server.writer.is_available());
        proxy.silence_open();
        timeout(RECOVERY, until("the writer writes again", async || submit(server, org).await.is_ok())).await.unwrap();
        timeout(RECOVERY, until("all writers are back", async || server.writer.is_available())).await.unwrap();
    });
}

#[test]
fn an_idle_writer_notices_an_outage_and_its_end() {
    with_proxied_server(async |server, proxy, _| {
        proxy.silence_all();
        until("the outage is noticed", async || !server.writer.is_available()).await;
        proxy.silence_open();
        timeout(RECOVERY, until("its end is noticed", async || server.writer.is_available())).await.unwrap();
    });
}

#[test]
fn a_commit_that_is_never_answered_has_an_unknown_outcome() {
    with_server(async |server| {
        let org = server.org("bright-audio", "pro").await;
        let proxy = Proxy::passing(&server.owner).await;
        let behind = server.behind(&proxy);
        let order = || Submission::new(org, Some("order-1".parse().unwrap()), spend("ping"));
        // The commit waits for its lock until the deadline of the batch.
        server.as_owner("create function wait_for_lock() returns trigger language plpgsql as $$ begin perform pg_advisory_xact_lock(77); return null; end $$").await;
        server.as_owner("create constraint trigger slow_commit after insert on ai_token_usage_log deferrable initially deferred for each row execute function wait_for_lock()").await;
        let mut blocker = server.owner().await;
        sqlx::raw_sql("set lock_timeout = 0; select pg_advisory_lock(77)").execute(&mut blocker).await.unwrap();
        let submitted = tokio::spawn({
            let (writer, order) = (behind.writer.clone(), order());
            async move { timeout(SUBMIT, writer.submit(order)).await }
        });
        until("the commit waits", async || {
            server
                .query_value::<i64>(
                    "select count(*) from pg_locks where locktype = 'advisory' and objid = 77 and not granted",
                )
                .await
                > 0
        })
        .await;
        proxy.silence_open();
        let lost = submitted.await.unwrap().unwrap();
        assert!(matches!(lost, Err(SubmitError::OutcomeUnknown)), "{lost:?}");
        sqlx::raw_sql("select pg_advisory_unlock(77)").execute(&mut blocker).await.unwrap();
        let repeated = behind.writer.submit(order()).await;
        assert!(repeated.is_ok(), "{repeated:?}");
        let spent: i64 = server.query_value("select count(*) from ai_token_usage_log where kind = 'spent'").await;
        assert_eq!(spent, 1, "exactly one effect");
        behind.stop().await;
    });
}
