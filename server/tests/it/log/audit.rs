//! The audit's own behaviour: at any size, from the last verified entry, and after a cut.

use std::{sync::Arc, time::Duration};

use brightmeter::{command::Command, ids::OrgId};
use server::{
    clock::Clock,
    service::audit::{self, AuditOptions, AuditReport, Start},
};

use super::{
    active_org,
    tampering::{tamper, violations},
};
use crate::support::{TestServer, adjust, capture, held, hold, service, spend, with_server, with_tampered_server};

const INCREMENTAL: Start = Start::LastVerified;

async fn audit(server: &TestServer, start: Start) -> AuditReport {
    server.audit_with(&AuditOptions::new(start)).await
}

/// Returns the violated invariants that an audit finds.
async fn found(server: &TestServer, org: OrgId, start: Start) -> Vec<&'static str> {
    violations(&audit(server, start).await, org).0.into_iter().collect()
}

/// Spends `count` times, each with an idempotency key.
async fn spend_often(server: &TestServer, org: OrgId, count: usize) {
    server.submit(org, adjust(100_000, "for many spends")).await.unwrap();
    let keys: Vec<String> = (0..count).map(|number| format!("spend-{number}")).collect();
    for keys in keys.chunks(500) {
        let spends = keys.iter().map(|key| server.submit_as(org, key, spend("ping")));
        for answer in futures::future::join_all(spends).await {
            answer.unwrap();
        }
    }
}

#[test]
fn a_young_database_without_statistics_is_audited_in_time() {
    with_server(async |server| {
        let tables = ["ai_token_usage_log", "ai_token_idempotency", "ai_token_holds", "ai_token_daily"];
        for table in tables {
            server.as_owner(format!("alter table {table} set (autovacuum_enabled = off)")).await;
        }
        let org = server.org("bright-audio", "pro").await;
        spend_often(server, org, 3_000).await;
        for number in 0..200 {
            let hold = held(&server.submit(org, hold("ping", 600)).await.unwrap());
            if number % 2 == 0 {
                server.submit(org, capture(hold, None)).await.unwrap();
            }
            let spent = server.submit(org, spend("ping")).await.unwrap();
            let refund = Command::Refund {
                caller: service(),
                transaction: spent.outcome.transaction,
                reason: "by mistake".into(),
            };
            server.submit(org, refund).await.unwrap();
        }
        let known = format!("select count(*) from pg_stats where tablename in ('{}')", tables.join("', '"));
        assert_eq!(server.query_value::<i64>(known).await, 0, "the planner knows the tables");
        for page_size in [5_000, 100] {
            let options = AuditOptions {
                page_size,
                statement_timeout: Duration::from_secs(2),
                ..AuditOptions::new(Start::FirstEntry)
            };
            let report = server.audit_with(&options).await;
            assert!(report.ok && report.entries > 3_500, "{report:#?}");
        }
    });
}

#[test]
fn an_incremental_audit_reads_new_entries_only() {
    with_server(async |server| {
        let org = active_org(server, "bright-audio").await;
        let old = audit(server, INCREMENTAL).await;
        assert!(old.ok && old.entries > 5 && old.verified_earlier == 0, "{old:#?}");
        let again = audit(server, INCREMENTAL).await;
        assert!(again.ok && (again.entries, again.verified_earlier) == (0, old.entries), "{again:#?}");
        server.submit(org, spend("ping")).await.unwrap();
        let new = audit(server, INCREMENTAL).await;
        assert!(new.ok && (new.entries, new.verified_earlier) == (1, old.entries), "{new:#?}");
        let full = audit(server, Start::FirstEntry).await;
        assert!(full.ok && (full.entries, full.verified_earlier) == (old.entries + 1, 0), "{full:#?}");
    });
}

#[test]
fn an_incremental_audit_finds_changes_of_new_entries_every_time() {
    with_tampered_server(async |server| {
        let org = active_org(server, "bright-audio").await;
        assert!(audit(server, INCREMENTAL).await.ok);
        server.submit(org, adjust(-1, "new")).await.unwrap();
        server.submit(org, spend("ping")).await.unwrap();
        tamper(server, org, "update ai_token_usage_log set note = 'a favor' where org_id = {org} and note = 'new'")
            .await;
        assert_eq!(found(server, org, INCREMENTAL).await, ["I7"]);
        assert_eq!(found(server, org, INCREMENTAL).await, ["I7"], "it is not passed over the next time");
    });
}

#[test]
fn an_incremental_audit_finds_changes_of_balances_and_daily_figures() {
    with_tampered_server(async |server| {
        let org = active_org(server, "bright-audio").await;
        assert!(audit(server, INCREMENTAL).await.ok);
        for (change, undo, expected) in [
            (
                "update ai_tokens set settled = settled + 1 where org_id = {org} and token_type = 'ai'",
                "update ai_tokens set settled = settled - 1 where org_id = {org} and token_type = 'ai'",
                "I1",
            ),
            (
                "update ai_token_daily set tokens = tokens + 1 where org_id = {org} and feature = 'ping'",
                "update ai_token_daily set tokens = tokens - 1 where org_id = {org} and feature = 'ping'",
                "I1",
            ),
            (
                "update ai_token_holds set state = 'expired', ended_at = now() where org_id = {org} and state = 'open'",
                "update ai_token_holds set state = 'open', ended_at = null where org_id = {org} and state = 'expired'",
                "I3",
            ),
        ] {
            tamper(server, org, change).await;
            assert!(found(server, org, INCREMENTAL).await.contains(&expected), "{change}");
            tamper(server, org, undo).await;
            assert_eq!(found(server, org, INCREMENTAL).await, [""; 0], "{undo}");
        }
    });
}

#[test]
fn a_full_audit_finds_an_old_change_that_an_incremental_one_passes_over() {
    with_tampered_server(async |server| {
        let org = active_org(server, "bright-audio").await;
        assert!(audit(server, INCREMENTAL).await.ok);
        tamper(
            server,
            org,
            "update ai_token_usage_log set note = 'a favor' where org_id = {org} and note = 'taken back'",
        )
        .await;
        assert_eq!(found(server, org, INCREMENTAL).await, [""; 0]);
        assert_eq!(found(server, org, Start::Scheduled).await, [""; 0]);
        assert_eq!(found(server, org, Start::FirstEntry).await, ["I7"]);
        server.advance(8 * 24 * 60 * 60);
        server.sweeper.sweep().await.unwrap();
        let scheduled = found(server, org, Start::Scheduled).await;
        assert_eq!(scheduled, ["I7"], "the server's weekly full audit");
        let scheduled = found(server, org, Start::Scheduled).await;
        assert_eq!(scheduled, ["I7"], "a full audit that fails is repeated the next day");
    });
}

#[test]
fn a_log_that_does_not_continue_the_last_verified_entry_is_found() {
    let last = "org_id = {org} and seq = (select max(seq) from ai_token_usage_log where org_id = {org})";
    let replace_last = format!(
        "update ai_token_usage_log set hash = sha256(hash) where {last};
         update ai_token_accounts set head_hash = sha256(head_hash) where org_id = {{org}}"
    );
    // Without the earlier audit, this would be a valid log: the last entry, a hold, never happened.
    let forget_last = format!(
        "delete from ai_token_usage_log where {last};
         delete from ai_token_holds where org_id = {{org}} and state = 'open';
         delete from ai_token_idempotency where org_id = {{org}};
         update ai_tokens set held = 0 where org_id = {{org}} and token_type = 'ai';
         update ai_token_grants set held = 0 where org_id = {{org}};
         update ai_token_accounts set seq = seq - 1, head_hash = (select hash from ai_token_usage_log where {last})
         where org_id = {{org}}"
    );
    for (sql, start) in [
        (&replace_last, INCREMENTAL),
        (&replace_last, Start::FirstEntry),
        (&forget_last, INCREMENTAL),
        (&forget_last, Start::FirstEntry),
    ] {
        with_tampered_server(async |server| {
            let org = active_org(server, "bright-audio").await;
            assert!(audit(server, INCREMENTAL).await.ok);
            tamper(server, org, sql).await;
            let report = audit(server, start).await;
            let (codes, words) = violations(&report, org);
            assert!(codes.contains("I7"), "{start:?}: {sql}\n{words}");
        });
    }
}

#[test]
fn changed_progress_is_found_by_a_full_audit() {
    for change in [
        "hash = sha256(hash)",
        "seq = seq - 1",
        "seq = seq + 1",
        "balances = jsonb_set(balances, '{ai,settled}', '7')",
        "balances = '[]'",
        "holds_opened = holds_opened + 1",
        "open_holds = '{}'",
    ] {
        with_tampered_server(async |server| {
            let org = active_org(server, "bright-audio").await;
            assert!(audit(server, INCREMENTAL).await.ok);
            tamper(server, org, &format!("update ai_token_audit_progress set {change} where org_id = {{org}}")).await;
            for start in [Start::FirstEntry, INCREMENTAL, Start::FirstEntry] {
                let codes = found(server, org, start).await;
                assert!(!codes.is_empty(), "{start:?}: {change}");
            }
        });
    }
}

#[test]
fn an_audit_that_was_cut_goes_on_where_it_stopped() {
    with_server(async |server| {
        let org = server.org("bright-audio", "pro").await;
        spend_often(server, org, 2_000).await;
        let head = server.account(org).await.head.seq;
        let options = AuditOptions { page_size: 10, checkpoint_pages: 1, ..AuditOptions::new(Start::FirstEntry) };
        let clock = server.clock.clone() as Arc<dyn Clock>;
        let verified = async {
            loop {
                let seq: Option<i64> = server.query_value("select max(seq) from ai_token_audit_progress").await;
                if let Some(seq) = seq {
                    break seq;
                }
            }
        };
        tokio::select! {
            _ = audit::run_with(&server.pools, &clock, &options) => panic!("the audit ended before it was cut"),
            seq = verified => assert!(0 < seq && seq < head, "{seq} of {head}"),
        }
        let seq: i64 = server.query_value("select max(seq) from ai_token_audit_progress").await;
        let rest = audit(server, INCREMENTAL).await;
        assert!(rest.ok && rest.verified_earlier >= seq && rest.entries > 0, "{rest:#?}");
        assert_eq!(rest.entries + rest.verified_earlier, head);
    });
}

#[test]
fn an_audit_beside_commands_sees_no_violation() {
    with_server(async |server| {
        let org = active_org(server, "bright-audio").await;
        server.submit(org, adjust(100_000, "for many spends")).await.unwrap();
        let commands = async {
            for _ in 0..150 {
                let hold = held(&server.submit(org, hold("ping", 600)).await.unwrap());
                let (spent, captured) =
                    tokio::join!(server.submit(org, spend("ping")), server.submit(org, capture(hold, None)),);
                let transaction = spent.unwrap().outcome.transaction;
                captured.unwrap();
                let reason = "by mistake".to_owned();
                server.submit(org, Command::Refund { caller: service(), transaction, reason }).await.unwrap();
            }
        };
        let audits = async {
            for round in 0..12 {
                let start = if round % 2 == 0 { Start::FirstEntry } else { INCREMENTAL };
                let options = AuditOptions { page_size: 50, checkpoint_pages: 1, ..AuditOptions::new(start) };
                let report = server.audit_with(&options).await;
                assert!(report.ok, "{start:?}: {report:#?}");
            }
        };
        tokio::join!(commands, audits);
    });
}
