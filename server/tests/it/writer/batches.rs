//! Batches: commands in one batch have the same effects as commands in sequence.

use std::pin::pin;

use brightmeter::{
    command::{Caller, Command},
    ids::OrgId,
    ledger::{
        entry::{Entry, EntryHash, EntryKind},
        grant::Source,
    },
};
use chrono::TimeDelta;
use futures::{future::join_all, poll};
use server::service::writer::{Answer, SubmitError};

use crate::support::{
    START, TestServer, adjust, at, capture, held, hold, member, release, service, spend, tokens, usage, with_server,
};

type Keyed = (Option<&'static str>, Command);

/// Everything in which two ways of applying the same commands can differ.
#[derive(Debug, PartialEq)]
struct EndState {
    answers: Vec<String>,
    log: Vec<(Entry, EntryHash)>,
    account: String,
}

impl EndState {
    async fn of(server: &TestServer, org: OrgId, answers: Vec<Result<Answer, SubmitError>>) -> Self {
        let answers = answers.iter().map(|answer| format!("{answer:?}")).collect();
        Self { answers, log: server.log(org).await, account: format!("{:?}", server.account(org).await) }
    }
}

async fn submit(server: &TestServer, org: OrgId, (key, command): Keyed) -> Result<Answer, SubmitError> {
    match key {
        Some(key) => server.submit_as(org, key, command).await,
        None => server.submit(org, command).await,
    }
}

/// Submits commands of every kind in sequence, with refusals, repeats and reused idempotency keys. Later commands refer to
/// the results of earlier ones.
async fn submit_in_sequence(server: &TestServer, org: OrgId, caller: Caller) -> (Vec<Keyed>, EndState) {
    let (mut commands, mut answers) = (Vec::new(), Vec::new());
    let mut apply = async |key, command: Command| {
        let answer = submit(server, org, (key, command.clone())).await;
        commands.push((key, command));
        answers.push(answer.clone());
        answer
    };
    let spent = apply(Some("spend"), spend("quest_generation")).await.unwrap();
    assert!(apply(Some("spend"), spend("quest_generation")).await.unwrap().replayed);
    assert!(matches!(apply(Some("spend"), spend("ping")).await, Err(SubmitError::KeyReused)));
    let whole = held(&apply(None, hold("lead_generation", 600)).await.unwrap());
    let part = held(&apply(None, hold("revenue_forecast", 600)).await.unwrap());
    let abandoned = held(&apply(None, hold("strategy_analysis", 600)).await.unwrap());
    apply(Some("whole"), capture(whole, None)).await.unwrap();
    apply(Some("part"), capture(part, Some(4))).await.unwrap();
    apply(Some("release"), release(abandoned)).await.unwrap();
    apply(None, capture(abandoned, None)).await.unwrap_err();
    let transaction = spent.outcome.transaction;
    let refund = Command::Refund { caller: service(), transaction, reason: "by mistake".into() };
    apply(Some("refund"), refund.clone()).await.unwrap();
    apply(None, refund).await.unwrap_err();
    apply(None, Command::Spend(usage(caller, "ping"))).await.unwrap();
    apply(None, Command::Spend(usage(caller, "ping"))).await.unwrap_err();
    let promo = Command::Grant {
        caller: service(),
        token_type: "ai".parse().unwrap(),
        amount: tokens(7),
        source: Source::Promo,
        expires_at: Some(at("2026-03-11T00:00:00Z")),
        note: Some("welcome".into()),
    };
    apply(None, promo).await.unwrap();
    apply(None, adjust(-170, "taken back")).await.unwrap();
    apply(None, Command::Spend(usage(service(), "revenue_forecast"))).await.unwrap();
    apply(None, spend("revenue_forecast")).await.unwrap_err();
    apply(None, Command::ChangePlan { caller: service(), plan: "enterprise".parse().unwrap() }).await.unwrap();
    apply(None, spend("revenue_forecast")).await.unwrap();
    let end = EndState::of(server, org, answers).await;
    (commands, end)
}

#[test]
fn a_batch_has_the_same_effects_as_its_commands_in_sequence() {
    let (mut commands, mut apart) = (Vec::new(), None);
    with_server(async |server| {
        let org = server.org("bright-audio", "pro").await;
        let caller = member(server.member(org, "robin@bright-audio.test").await);
        let (all, end) = submit_in_sequence(server, org, caller).await;
        (commands, apart) = (all, Some(end));
    });
    // The clock does not move and ids are sequential, so the second server must produce the same ids and hashes.
    with_server(async |server| {
        let org = server.org("bright-audio", "pro").await;
        server.member(org, "robin@bright-audio.test").await;
        let lock = server.lock(org).await;
        let mut all = commands.into_iter();
        let mut first = pin!(submit(server, org, all.next().unwrap()));
        assert!(poll!(first.as_mut()).is_pending());
        server.until_waiting(1).await;
        let mut rest = pin!(join_all(all.map(|command| submit(server, org, command))));
        assert!(poll!(rest.as_mut()).is_pending(), "the others wait in the queue");
        lock.release().await;
        let mut answers = vec![first.await];
        answers.extend(rest.await);
        let together = EndState::of(server, org, answers).await;
        let transactions: i64 =
            server.query_value("select count(distinct xmin::text) from ai_token_usage_log where seq > 3").await;
        assert_eq!((together.log[2].0.kind, transactions), (EntryKind::Spent, 1), "all after the first were one batch");
        assert_eq!(Some(together), apart);
    });
}

#[test]
fn one_batch_serves_many_organizations_without_mixing_them_up() {
    with_server(async |server| {
        let mut orgs = Vec::new();
        for name in 0..40 {
            orgs.push(server.org(&format!("org-{name}"), "pro").await);
        }
        // Keep the organizations of one writer.
        let writer = |org: &OrgId| org.0.as_bytes()[15] % 2;
        let first = writer(&orgs[0]);
        orgs.retain(|org| writer(org) == first);
        orgs.truncate(20);
        let lock = server.lock(orgs[0]).await;
        let mut first = pin!(server.submit(orgs[0], Command::Advance));
        assert!(poll!(first.as_mut()).is_pending());
        server.until_waiting(1).await;
        let spends = orgs.iter().enumerate().flat_map(|(more, org)| std::iter::repeat_n(*org, more + 1));
        let mut rest = pin!(join_all(spends.map(|org| server.submit(org, spend("ping")))));
        assert!(poll!(rest.as_mut()).is_pending());
        lock.release().await;
        first.await.unwrap();
        assert!(rest.await.iter().all(Result::is_ok));
        let transactions: i64 =
            server.query_value("select count(distinct xmin::text) from ai_token_usage_log where kind = 'spent'").await;
        assert_eq!((orgs.len() >= 15, transactions), (true, 1), "it was one batch of many organizations");
        for (more, org) in orgs.into_iter().enumerate() {
            assert_eq!(server.available(org, "ai").await, 199 - i64::try_from(more).unwrap());
        }
    });
}

#[test]
fn a_batch_of_members_keeps_their_requests_apart() {
    with_server(async |server| {
        let org = server.org("bright-audio", "enterprise").await;
        let mut members = Vec::new();
        for name in ["robin", "kim", "sasha", "toni"] {
            members.push(member(server.member(org, &format!("{name}@bright-audio.test")).await));
        }
        // They have used it 0, 1, 2 and 3 times before.
        for round in 1..4 {
            server.advance(3);
            for caller in &members[round..] {
                server.submit(org, Command::Spend(usage(*caller, "ping"))).await.unwrap();
            }
        }
        server.advance(3);
        let lock = server.lock(org).await;
        let mut first = pin!(server.submit(org, Command::Advance));
        assert!(poll!(first.as_mut()).is_pending());
        server.until_waiting(1).await;
        let spends = members.iter().map(|caller| server.submit(org, Command::Spend(usage(*caller, "ping"))));
        let mut rest = pin!(join_all(spends));
        assert!(poll!(rest.as_mut()).is_pending());
        lock.release().await;
        first.await.unwrap();
        assert!(rest.await.iter().all(Result::is_ok));
        for (earlier, caller) in (0..).zip(members) {
            let guard = server.guard(org, caller).await;
            let rounds = (1..=earlier).chain([4]);
            let times: Vec<_> = rounds.map(|round| at(START) + TimeDelta::seconds(3 * round)).collect();
            assert_eq!((guard.requests, guard.last_admitted_at), (times.clone(), times.last().copied()));
        }
    });
}

#[test]
fn a_command_that_the_database_rejects_fails_alone() {
    with_server(async |server| {
        let org = server.org("bright-audio", "pro").await;
        server
            .as_owner("alter table ai_token_usage_log add constraint test check (note is distinct from 'poison')")
            .await;
        let lock = server.lock(org).await;
        let mut first = pin!(server.submit(org, spend("ping")));
        assert!(poll!(first.as_mut()).is_pending());
        server.until_waiting(1).await;
        let notes = ["one", "two", "poison", "three"];
        let mut rest = pin!(join_all(notes.map(|note| server.submit_as(org, note, adjust(-1, note)))));
        assert!(poll!(rest.as_mut()).is_pending());
        lock.release().await;
        first.await.unwrap();
        let answers = rest.await;
        for (note, answer) in notes.into_iter().zip(answers) {
            match note {
                "poison" => assert!(matches!(answer, Err(SubmitError::Storage(_))), "{answer:?}"),
                _ => assert!(answer.is_ok(), "{note}: {answer:?}"),
            }
        }
        assert_eq!(server.available(org, "ai").await, 196);
        server.as_owner("alter table ai_token_usage_log drop constraint test").await;
        let again = server.submit_as(org, "poison", adjust(-1, "poison")).await.unwrap();
        assert!(!again.replayed, "a failed command has no idempotency record");
    });
}
