//! Accounts that the writer remembers: decisions on them count only if the transaction finds them unchanged.

use brightmeter::{
    access::{
        api_key::{Denial, Scope},
        refusal::Refusal,
    },
    command::{Caller, Command},
    ids::{ApiKeyId, OrgId},
};
use server::service::writer::{Permit, Submission, SubmitError};

use crate::support::{TestServer, adjust, at, held, hold, member, spend, usage, with_server, with_tampered_server};

/// A spend with an API key.
fn with_key(org: OrgId, api_key: ApiKeyId, caller: Caller) -> Submission {
    let permit = Some(Permit { api_key, needs: Scope::Spend });
    Submission { permit, ..Submission::new(org, None, Command::Spend(usage(caller, "ping"))) }
}

/// An organization whose account is remembered.
async fn remembered(server: &TestServer) -> OrgId {
    let org = server.org("bright-audio", "pro").await;
    for _ in 0..2 {
        server.submit(org, spend("ping")).await.unwrap();
    }
    org
}

#[test]
fn a_use_is_decided_on_the_remembered_account() {
    with_tampered_server(async |server| {
        let org = remembered(server).await;
        // Nobody can change an account unnoticed. Without the trigger that counts versions, it goes unnoticed.
        server.as_owner("alter table ai_token_accounts disable trigger ai_token_accounts_count_version").await;
        server.as_owner("update ai_token_accounts set plan = 'starter'").await;
        server.as_owner("alter table ai_token_accounts enable trigger ai_token_accounts_count_version").await;
        server.submit(org, spend("ping")).await.unwrap();
        server.as_owner("update ai_token_accounts set plan = 'starter'").await;
        let refused = server.submit(org, spend("ping")).await;
        assert!(matches!(refused, Err(SubmitError::Refused(Refusal::FeatureNotInPlan { .. }))), "{refused:?}");
    });
}

#[test]
fn a_refusal_is_not_given_on_an_old_balance() {
    with_server(async |server| {
        let org = remembered(server).await;
        server.submit(org, adjust(-198, "down to nothing")).await.unwrap();
        let refused = server.submit(org, spend("ping")).await;
        assert!(matches!(refused, Err(SubmitError::Refused(Refusal::InsufficientTokens { .. }))), "{refused:?}");
        let (other, tasks) = server.replica();
        other.submit(Submission::new(org, None, adjust(1, "one is found"))).await.unwrap();
        server.submit(org, spend("ping")).await.unwrap();
        assert_eq!(server.available(org, "ai").await, 0);
        drop(other);
        tasks.finish().await;
    });
}

#[test]
fn a_key_that_is_revoked_between_two_batches_spends_nothing_more() {
    with_server(async |server| {
        let org = remembered(server).await;
        let (key, _) = server.key(org, Scope::Spend).await;
        let caller = Caller::ApiKey { api_key: key, member: None };
        for _ in 0..2 {
            server.writer.submit(with_key(org, key, caller)).await.unwrap();
        }
        server.api_keys.revoke(org, key).await.unwrap();
        for _ in 0..2 {
            let denied = server.writer.submit(with_key(org, key, caller)).await;
            assert!(matches!(denied, Err(SubmitError::Denied(_))), "{denied:?}");
        }
        assert_eq!(server.available(org, "ai").await, 196);
    });
}

#[test]
fn a_member_who_is_gone_between_two_batches_spends_nothing_more() {
    with_server(async |server| {
        let org = remembered(server).await;
        let (key, _) = server.key(org, Scope::Spend).await;
        let robin = server.member(org, "robin@bright-audio.test").await;
        let caller = Caller::ApiKey { api_key: key, member: Some(robin) };
        for _ in 0..2 {
            server.advance(3);
            server.writer.submit(with_key(org, key, caller)).await.unwrap();
        }
        server.as_owner("delete from members").await;
        server.advance(3);
        let denied = server.writer.submit(with_key(org, key, caller)).await;
        assert!(matches!(denied, Err(SubmitError::Denied(Denial::UnknownMember))), "{denied:?}");
    });
}

#[test]
fn a_limit_is_shared_with_other_servers() {
    with_server(async |server| {
        let org = remembered(server).await;
        let robin = member(server.member(org, "robin@bright-audio.test").await);
        let submit = || Submission::new(org, None, Command::Spend(usage(robin, "ping")));
        server.writer.submit(submit()).await.unwrap();
        server.advance(3);
        server.writer.submit(submit()).await.unwrap();
        server.advance(3);
        let (other, tasks) = server.replica();
        other.submit(submit()).await.unwrap();
        let refused = server.writer.submit(submit()).await;
        assert!(matches!(refused, Err(SubmitError::Refused(Refusal::TooFrequent { .. }))), "{refused:?}");
        // A refusal that only counts in the guard is noticed, too.
        server.advance(1);
        assert!(other.submit(submit()).await.is_err());
        assert_eq!(server.guard(org, robin).await.requests.len(), 5);
        drop(other);
        tasks.finish().await;
    });
}

#[test]
fn a_reset_between_two_batches_is_booked_first() {
    with_server(async |server| {
        let org = remembered(server).await;
        server.clock.set(at("2026-04-10T09:00:00Z"));
        server.submit(org, spend("ping")).await.unwrap();
        assert_eq!(server.available(org, "ai").await, 199);
    });
}

#[test]
fn a_hold_that_expires_between_two_batches_is_booked_first() {
    with_server(async |server| {
        let org = remembered(server).await;
        let first = held(&server.submit(org, hold("revenue_forecast", 60)).await.unwrap());
        server.submit(org, spend("ping")).await.unwrap();
        assert_eq!(server.available(org, "ai").await, 182);
        server.advance(60);
        server.submit(org, spend("ping")).await.unwrap();
        // Before anything is read: that would book it, too.
        let state = format!("select state from ai_token_holds where id = '{first}'");
        assert_eq!(server.query_value::<String>(state).await, "expired");
        assert_eq!(server.available(org, "ai").await, 196);
    });
}

#[test]
fn a_repeat_on_a_remembered_account_is_replayed() {
    with_server(async |server| {
        let org = remembered(server).await;
        let first = server.submit_as(org, "order-1", spend("ping")).await.unwrap();
        server.submit(org, spend("ping")).await.unwrap();
        let again = server.submit_as(org, "order-1", spend("ping")).await.unwrap();
        assert_eq!((again.replayed, again.outcome), (true, first.outcome));
        let reused = server.submit_as(org, "order-1", spend("quest_generation")).await;
        assert!(matches!(reused, Err(SubmitError::KeyReused)), "{reused:?}");
        assert_eq!(server.available(org, "ai").await, 196);
    });
}
