//! The ledger: no role can change its entries, and the audit detects changes made around the guards.

mod audit;
mod tampering;

use brightmeter::{
    command::Command,
    ids::OrgId,
    ledger::{
        audit::LogAudit,
        entry::{EntryHash, EntryKind},
    },
};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::support::{APP_ROLE, TestServer, capture, held, hold, member, release, service, spend, usage, with_server};

/// Creates an organization with the ledger entries of a typical month, and an open hold.
async fn active_org(server: &TestServer, slug: &str) -> OrgId {
    let org = server.org(slug, "pro").await;
    let robin = member(server.member(org, &format!("robin@{slug}.test")).await);
    let spent = server.submit_as(org, "spend", spend("quest_generation")).await.unwrap();
    let transaction = spent.outcome.transaction;
    let refund = Command::Refund { caller: service(), transaction, reason: "by mistake".into() };
    server.submit_as(org, "refund", refund).await.unwrap();
    server.submit(org, Command::Spend(usage(robin, "ping"))).await.unwrap();
    let charged = held(&server.submit(org, hold("lead_generation", 600)).await.unwrap());
    server.submit(org, capture(charged, Some(3))).await.unwrap();
    let abandoned = held(&server.submit(org, hold("lead_generation", 600)).await.unwrap());
    server.submit(org, release(abandoned)).await.unwrap();
    server.submit(org, crate::support::adjust(-4, "taken back")).await.unwrap();
    server.submit(org, hold("ping", 600)).await.unwrap();
    org
}

#[test]
fn no_role_can_change_the_ledger() {
    with_server(async |server| {
        let org = active_org(server, "bright-audio").await;
        let log = server.log(org).await;
        let writer = format!("{APP_ROLE}_writer");
        for role in [None, Some(APP_ROLE), Some(writer.as_str())] {
            let options = role.map_or(server.owner.clone(), |role| server.owner.clone().username(role));
            for sql in [
                "update ai_token_usage_log set note = 'changed'",
                "update ai_token_usage_log set amount = amount where seq = 1",
                "delete from ai_token_usage_log where seq = (select max(seq) from ai_token_usage_log)",
                "truncate ai_token_usage_log",
                "truncate ai_token_accounts cascade",
                "delete from ai_token_accounts",
                "insert into ai_token_usage_log select * from ai_token_usage_log
                     on conflict (org_id, seq) do update set note = 'changed'",
            ] {
                let mut conn = PgConnection::connect_with(&options).await.unwrap();
                let setting = sqlx::query("select set_config('app.org_id', $1, false)").bind(org.to_string());
                setting.execute(&mut conn).await.unwrap();
                let error = sqlx::query(AssertSqlSafe(sql)).execute(&mut conn).await.unwrap_err();
                let error = error.into_database_error().unwrap();
                assert_eq!(error.code().as_deref(), Some("42501"), "{role:?}: {sql}: {error}");
                if role.is_none() {
                    assert!(error.message().contains("append-only"), "{sql}: {error}");
                }
            }
        }
        assert_eq!(server.log(org).await, log);
    });
}

#[test]
fn entries_are_numbered_without_gaps_and_each_hash_covers_the_one_before() {
    with_server(async |server| {
        let (org, other) = (active_org(server, "bright-audio").await, active_org(server, "stagecraft").await);
        for org in [org, other] {
            let log = server.log(org).await;
            let numbers: Vec<i64> = log.iter().map(|(entry, _)| entry.seq).collect();
            assert_eq!(numbers, (1..=i64::try_from(log.len()).unwrap()).collect::<Vec<_>>());
            let mut head = EntryHash::genesis(org);
            for (entry, hash) in &log {
                assert_eq!(entry.hash(head), *hash, "entry {}", entry.seq);
                head = *hash;
            }
            assert_eq!(server.account(org).await.head.hash, head);
            for kind in
                [EntryKind::Granted, EntryKind::Spent, EntryKind::Refunded, EntryKind::Captured, EntryKind::Released]
            {
                assert!(log.iter().any(|(entry, _)| entry.kind == kind), "{kind:?}");
            }
            assert!(
                LogAudit::new(org).verify(&log[1].0, log[1].1).is_err(),
                "a log without its first entry is invalid"
            );
        }
        let heads = [server.account(org).await.head.hash, server.account(other).await.head.hash];
        assert_ne!(heads[0], heads[1], "each chain starts with its organization's id");
    });
}
