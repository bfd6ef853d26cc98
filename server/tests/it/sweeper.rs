//! The sweeper: resets, expiries and cleanup without any command.

use brightmeter::{command::Command, ids::OrgId};
use futures::future::join_all;
use server::service::sweeper::Sweeper;

use crate::support::{START, TestServer, at, spend, with_server};

const DAY: i64 = 24 * 60 * 60;

/// Returns the number of AI token allowances ever granted.
async fn allowances(server: &TestServer) -> i64 {
    server.query_value("select count(*) from ai_token_grants where source = 'plan' and token_type = 'ai'").await
}

async fn settled(server: &TestServer, org: OrgId) -> i64 {
    server.query_value(format!("select settled from ai_tokens where org_id = '{org}' and token_type = 'ai'")).await
}

#[test]
fn an_allowance_is_reset_without_any_command() {
    with_server(async |server| {
        let org = server.org("bright-audio", "pro").await;
        server.submit(org, spend("quest_generation")).await.unwrap();
        server.advance(31 * DAY - 1);
        assert_eq!(server.sweeper.sweep().await.unwrap(), 0);
        assert_eq!(settled(server, org).await, 195);
        server.advance(1);
        assert_eq!(server.sweeper.sweep().await.unwrap(), 1);
        assert_eq!((settled(server, org).await, allowances(server).await), (200, 2), "no rollover");
        assert_eq!(server.sweeper.sweep().await.unwrap(), 0, "no account is due");
    });
}

#[test]
fn missed_periods_are_skipped_to_the_current_one() {
    with_server(async |server| {
        let org = server.org("bright-audio", "pro").await;
        server.clock.set(at("2026-07-01T00:00:00Z"));
        assert_eq!(server.sweeper.sweep().await.unwrap(), 1);
        assert_eq!((settled(server, org).await, allowances(server).await), (200, 2));
        let account = server.account(org).await;
        assert_eq!(account.terms.period_start, Some(at("2026-06-10T09:00:00Z")));
    });
}

#[test]
fn concurrent_sweepers_grant_each_allowance_once() {
    with_server(async |server| {
        let (one, two) = (server.org("bright-audio", "pro").await, server.org("stagecraft", "pro").await);
        let (writer, tasks) = server.replica();
        let other = Sweeper { writer, ..server.sweeper.clone() };
        for month in 1..=3 {
            server.advance(31 * DAY);
            let swept = join_all([&server.sweeper, &other, &server.sweeper, &other].map(Sweeper::sweep)).await;
            // A late sweeper may find no due account, or one that another sweeper has just advanced.
            assert!(swept.into_iter().map(Result::unwrap).sum::<usize>() >= 2);
            assert_eq!(allowances(server).await, 2 * (1 + month));
            assert_eq!((settled(server, one).await, settled(server, two).await), (200, 200));
        }
        drop(other);
        tasks.finish().await;
    });
}

#[test]
fn a_clock_that_jumps_back_grants_nothing_twice() {
    with_server(async |server| {
        let org = server.org("bright-audio", "pro").await;
        server.submit(org, spend("quest_generation")).await.unwrap();
        for now in
            ["2026-04-10T09:00:00Z", START, "2026-04-10T09:00:00Z", "2026-04-09T09:00:00Z", "2026-04-30T00:00:00Z"]
        {
            server.clock.set(at(now));
            server.sweeper.sweep().await.unwrap();
            server.submit(org, Command::Advance).await.unwrap();
            assert_eq!((settled(server, org).await, allowances(server).await), (200, 2), "at {now}");
        }
    });
}

#[test]
fn one_sweep_covers_five_hundred_organizations() {
    with_server(async |server| {
        server
            .as_owner(
                "insert into organizations
                     select gen_random_uuid(), 'org-' || n, 'Org', 'UTC', '2026-03-10T09:00:00Z' from generate_series(1, 500) n;
                 insert into ai_token_accounts (org_id, plan, anchor_at, head_hash, due_at, created_at)
                     select id, 'pro', created_at, sha256(convert_to('brightmeter entry 1', 'UTF8') || uuid_send(id)),
                         created_at, created_at from organizations",
            )
            .await;
        assert_eq!(server.sweeper.sweep().await.unwrap(), 500, "no organization has its first allowance yet");
        assert_eq!(allowances(server).await, 500);
        server.advance(31 * DAY);
        assert_eq!(server.sweeper.sweep().await.unwrap(), 500);
        assert_eq!(allowances(server).await, 1_000);
        assert_eq!(server.sweeper.sweep().await.unwrap(), 0);
    });
}

#[test]
fn expired_sessions_and_failed_sign_ins_are_removed() {
    with_server(async |server| {
        server
            .as_owner(
                "insert into sessions values ('over', '', '2026-03-10T09:00:00Z'), ('alive', '', '2026-03-10T09:00:01Z');
                 insert into sign_in_failures values ('\\x01', 3, '2026-03-10T08:45:00Z'), ('\\x02', 3, '2026-03-10T08:45:01Z')",
            )
            .await;
        server.sweeper.sweep().await.unwrap();
        assert_eq!(server.query_value::<String>("select string_agg(id, ' ') from sessions").await, "alive");
        assert_eq!(
            server.query_value::<String>("select string_agg(subject::text, ' ') from sign_in_failures").await,
            "\\x02"
        );
    });
}

#[test]
fn idempotency_records_of_all_organizations_are_removed_after_a_week() {
    with_server(async |server| {
        let orgs = [server.org("bright-audio", "pro").await, server.org("stagecraft", "pro").await];
        for org in orgs {
            server.submit_as(org, "order-1", spend("ping")).await.unwrap();
        }
        server.advance(7 * DAY);
        for org in orgs {
            server.submit_as(org, "order-2", spend("ping")).await.unwrap();
        }
        let keys = "select coalesce(string_agg(key, ' ' order by key, org_id), '') from ai_token_idempotency";
        server.sweeper.sweep().await.unwrap();
        assert_eq!(server.query_value::<String>(keys).await, "order-1 order-1 order-2 order-2");
        assert!(server.submit_as(orgs[0], "order-1", spend("ping")).await.unwrap().replayed);
        server.advance(1);
        server.sweeper.sweep().await.unwrap();
        assert_eq!(server.query_value::<String>(keys).await, "order-2 order-2");
        assert_eq!(server.available(orgs[0], "ai").await, 198);
    });
}
