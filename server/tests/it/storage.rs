//! The storage functions' own checks: rows that must exist, ids that must be unique, and values that can't be read.

use brightmeter::ids::PurchaseId;
use server::{
    clock::Clock,
    storage::{
        StorageError, accounts,
        purchases::{self, Checkout},
        tenant,
    },
};

use crate::{
    billing::shop::order,
    support::{TestServer, with_server, with_tampered_server},
};

fn checkout(server: &TestServer, session: &str) -> Checkout {
    Checkout { session: session.into(), url: "https://checkout.stripe.test".into(), until: server.clock.now() }
}

#[test]
fn an_update_that_finds_no_row_is_an_error() {
    with_server(async |server| {
        let org = server.org("bright-audio", "pro").await;
        let unknown = PurchaseId(server.clock.new_id());
        let mut tx = tenant::begin(&server.pools.app, org).await.unwrap();
        let error = purchases::set_checkout(&mut tx, org, unknown, &checkout(server, "cs_1")).await.unwrap_err();
        assert_eq!(error.to_string(), format!("ai_token_purchases has no row {unknown}"));
    });
}

#[test]
fn a_stripe_id_belongs_to_one_purchase_of_one_organization() {
    with_server(async |server| {
        let org = server.org("bright-audio", "pro").await;
        let member = server.member(org, "robin@bright-audio.test").await;
        let other = server.org("stagecraft", "pro").await;
        let other_member = server.member(other, "kim@stagecraft.test").await;
        let purchase = order(server, org, member).await;
        let mut tx = tenant::begin(&server.pools.app, org).await.unwrap();
        for _ in 0..2 {
            purchases::set_checkout(&mut tx, org, purchase, &checkout(server, "cs_1")).await.unwrap();
        }
        tx.commit().await.unwrap();
        for (org, id) in [(org, order(server, org, member).await), (other, order(server, other, other_member).await)] {
            let mut tx = tenant::begin(&server.pools.app, org).await.unwrap();
            let error = purchases::set_checkout(&mut tx, org, id, &checkout(server, "cs_1")).await.unwrap_err();
            assert!(matches!(error, StorageError::Corrupt(_)), "{error}");
        }
        let mut tx = tenant::begin_for_stripe_id(&server.pools.app, &"cs_1".parse().unwrap()).await.unwrap();
        assert_eq!(purchases::find_by_stripe_id(&mut tx, "cs_1").await.unwrap(), Some((org, purchase)));
    });
}

#[test]
fn a_setting_is_what_was_passed_whatever_it_contains() {
    with_server(async |server| {
        for id in ["cs_1", "it's", "';select(1);--", r"\", r"\'", r"\\';select(1);--", "$1"] {
            let mut tx = tenant::begin_for_stripe_id(&server.pools.app, &id.parse().unwrap()).await.unwrap();
            let setting = sqlx::query_scalar::<_, String>("select current_setting('app.stripe_id')");
            assert_eq!(setting.fetch_one(&mut *tx).await.unwrap(), id);
        }
    });
}

#[test]
fn an_invalid_value_is_reported_with_table_column_and_row() {
    with_tampered_server(async |server| {
        let org = server.org("bright-audio", "pro").await;
        server.as_owner("update ai_token_accounts set plan = 'No Plan'").await;
        let mut tx = tenant::begin(&server.pools.app, org).await.unwrap();
        let error = accounts::find(&mut tx, org).await.unwrap_err().to_string();
        assert!(error.contains(&format!("ai_token_accounts.plan of {org}: ")), "{error}");
    });
}
