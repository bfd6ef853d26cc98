//! The owner of the database can switch off its guards. The audit finds changes made that way.

use std::collections::BTreeSet;

use brightmeter::ids::OrgId;
use server::service::audit::{AuditOptions, AuditReport, Start};

use super::active_org;
use crate::support::{TestServer, with_server, with_tampered_server};

/// Runs `sql` as the owner, with triggers and foreign keys off. `{org}` is replaced by the organization's id.
pub(super) async fn tamper(server: &TestServer, org: OrgId, sql: &str) {
    let sql = sql.replace("{org}", &format!("'{org}'"));
    server.as_owner(format!("begin; set local session_replication_role = replica; {sql}; commit")).await;
}

/// Returns the violated invariants of `org` and of the schema, and the audit's messages.
pub(super) fn violations(report: &AuditReport, org: OrgId) -> (BTreeSet<&'static str>, String) {
    let here = || report.violations.iter().filter(|finding| finding.org.is_none_or(|found| found == org));
    let words = here().map(|finding| format!("{}: {}\n", finding.invariant, finding.detail)).collect();
    (here().map(|finding| finding.invariant).collect(), words)
}

/// Checks that the audit finds each change. Each case has its own organization, and one more stays untouched.
fn check_each_is_found(cases: &[(&str, &[&'static str])]) {
    with_tampered_server(async |server| {
        let untouched = active_org(server, "untouched").await;
        let mut orgs = Vec::new();
        for number in 0..cases.len() {
            orgs.push(active_org(server, &format!("case-{number}")).await);
        }
        let before = server.audit().await;
        assert!(before.ok, "{:#?}", before.violations);
        for (org, (sql, _)) in orgs.iter().zip(cases) {
            tamper(server, *org, sql).await;
        }
        for page_size in [5_000, 3] {
            let options = AuditOptions { page_size, ..AuditOptions::new(Start::FirstEntry) };
            let report = server.audit_with(&options).await;
            assert!(!report.ok);
            for (org, (sql, expected)) in orgs.iter().zip(cases) {
                let (codes, words) = violations(&report, *org);
                assert_eq!(codes, expected.iter().copied().collect(), "pages of {page_size}: {sql}\n{words}");
            }
            assert_eq!(violations(&report, untouched).0, BTreeSet::new());
        }
    });
}

#[test]
fn changes_to_the_ledger_are_found() {
    let swap = "with pair as (select a.seq one, b.seq two, a.hash one_hash, b.hash two_hash
                    from ai_token_usage_log a join ai_token_usage_log b on b.org_id = a.org_id and b.seq = a.seq + 1
                    where a.org_id = {org} and a.seq = 3)
                update ai_token_usage_log l set hash = case l.seq when one then two_hash else one_hash end
                from pair where l.org_id = {org} and l.seq in (one, two)";
    check_each_is_found(&[
        (
            "update ai_token_usage_log set amount = amount - 1, settled_after = settled_after - 1
          where org_id = {org} and note = 'taken back'",
            &["I1", "I7"],
        ),
        ("update ai_token_usage_log set note = 'a favor' where org_id = {org} and note = 'taken back'", &["I7"]),
        (
            "update ai_token_usage_log set created_at = created_at + interval '1 hour'
          where org_id = {org} and kind = 'adjusted'",
            &["I7"],
        ),
        ("update ai_token_usage_log set kind = 'vanished' where org_id = {org} and kind = 'adjusted'", &["I7"]),
        (
            "update ai_token_usage_log set member_id = null, caller_id = null, caller_kind = 'system'
          where org_id = {org} and note = 'taken back'",
            &["I7"],
        ),
        (swap, &["I7"]),
        ("delete from ai_token_usage_log where org_id = {org} and kind = 'adjusted'", &["I1", "I7"]),
        (
            "delete from ai_token_usage_log where org_id = {org} and seq =
          (select max(seq) from ai_token_usage_log where org_id = {org})",
            &["I1", "I3", "I7"],
        ),
        ("update ai_token_accounts set seq = seq - 1 where org_id = {org}", &["I7"]),
        (
            "update ai_token_usage_log set reverses = gen_random_uuid() where org_id = {org} and kind = 'refunded'",
            &["I4", "I7"],
        ),
    ]);
}

#[test]
fn changes_to_balances_holds_idempotency_records_and_daily_figures_are_found() {
    check_each_is_found(&[
        ("update ai_tokens set settled = settled + 1 where org_id = {org} and token_type = 'ai'", &["I1"]),
        ("update ai_tokens set held = held - 1 where org_id = {org} and token_type = 'ai'", &["I1"]),
        ("update ai_tokens set debt = 5 where org_id = {org} and token_type = 'ai'", &["I1"]),
        ("delete from ai_tokens where org_id = {org} and token_type = 'deep'", &["I1"]),
        ("update ai_token_grants set remaining = remaining - 1 where org_id = {org} and token_type = 'ai'", &["I1"]),
        (
            "update ai_token_holds set state = 'released', ended_at = now() where org_id = {org} and state = 'open'",
            &["I1", "I3"],
        ),
        ("update ai_token_holds set captured = 4 where org_id = {org} and state = 'captured'", &["I3"]),
        ("delete from ai_token_holds where org_id = {org} and state = 'open'", &["I1"]),
        (
            "update ai_token_holds set expires_at = '2026-03-10T08:58:59Z' where org_id = {org} and state = 'open'",
            &["I6"],
        ),
        (
            "update ai_token_idempotency set outcome = jsonb_set(outcome::jsonb, '{transaction}', to_jsonb(gen_random_uuid()))::text
          where org_id = {org} and key = 'spend'",
            &["I5"],
        ),
        (
            "insert into ai_token_idempotency select org_id, 'again', fingerprint, outcome, created_at
          from ai_token_idempotency where org_id = {org} and key = 'spend'",
            &["I5"],
        ),
        ("update ai_token_daily set tokens = tokens + 1 where org_id = {org} and feature = 'ping'", &["I1"]),
        ("update ai_token_daily set uses = uses + 1 where org_id = {org} and feature = 'ping'", &["I1"]),
        ("delete from ai_token_daily where org_id = {org} and feature = 'lead_generation'", &["I1"]),
        ("insert into ai_token_daily values ({org}, '2026-03-09', 'ai', 'ping', gen_random_uuid(), 1, 1)", &["I1"]),
    ]);
}

#[test]
fn a_hold_that_is_overdue_by_a_minute_is_not_a_violation() {
    with_server(async |server| {
        let org = active_org(server, "bright-audio").await;
        let late =
            "update ai_token_holds set expires_at = '2026-03-10T08:59:00Z' where org_id = {org} and state = 'open'";
        tamper(server, org, late).await;
        assert!(server.audit().await.ok);
    });
}

#[test]
fn removed_database_guards_and_their_violations_are_found() {
    for (sql, expected) in [
        (
            "alter table ai_tokens drop constraint ai_tokens_never_negative, drop constraint ai_tokens_held_is_settled;
             update ai_tokens set debt = -1 where token_type = 'deep'",
            &["I2"][..],
        ),
        ("alter table quests no force row level security", &["I8"]),
        ("alter table members disable row level security", &["I8"]),
        ("create table leads (org_id uuid not null)", &["I8"]),
        ("create policy open on ai_token_grants using (true)", &["I8"]),
    ] {
        with_tampered_server(async |server| {
            let org = server.org("bright-audio", "pro").await;
            server.org("stagecraft", "pro").await;
            tamper(server, org, sql).await;
            let (codes, words) = violations(&server.audit().await, org);
            assert_eq!(codes, expected.iter().copied().collect(), "{sql}\n{words}");
        });
    }
}
