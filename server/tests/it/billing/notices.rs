//! The pages name what is due, until when, and where to pay; and each change to come.

use serde_json::{Value, json};

use super::{
    stand_in::{StandIn, with_stand_in},
    stripe_states::{MONTH, T0, invoice, pro, with},
};
use crate::http::browser::Site;

/// Checks that `/billing` and `/license` show these texts to the owner.
async fn check(stripe: &StandIn<'_>, subscription: &Value, invoices: &[Value], texts: &[&str]) {
    stripe.invoices(invoices);
    let id = format!("evt_{}", stripe.calls("GET /v1/subscriptions").len());
    stripe.update(&id, std::slice::from_ref(subscription)).await;
    assert_eq!(stripe.outcome(&id).await, "processed: plan and license in sync with Stripe");
    let site = Site::new(stripe.server, false);
    let mut owner = site.signed_in("owner@acme.test").await;
    for path in ["/billing", "/license"] {
        let page = owner.get(path).await;
        for text in texts {
            assert!(page.body.contains(text), "{text} on {path}: {}", page.text());
        }
    }
}

const PAGE: &str = "https://invoice.test/in_2";

fn open(changes: Value) -> Value {
    with(&invoice(json!({ "amount_remaining": 14_900, "hosted_invoice_url": PAGE })), changes)
}

#[test]
fn an_overdue_invoice_is_named_with_its_amount_and_a_link_to_pay_on_every_page() {
    with_stand_in(async |stripe| {
        let past_due = with(&pro(), json!({ "status": "past_due" }));
        let texts = ["An invoice of $149 is unpaid", PAGE, "Pay now"];
        check(stripe, &past_due, &[open(json!({}))], &texts).await;
        let site = Site::new(stripe.server, false);
        let mut owner = site.signed_in("owner@acme.test").await;
        let dashboard = owner.get("/dashboard").await;
        assert!(texts.iter().all(|text| dashboard.body.contains(text)), "{}", dashboard.text());
        // Members see the amount, but only owners and admins pay.
        stripe.server.member(stripe.org, "member@acme.test").await;
        let mut member = site.signed_in("member@acme.test").await;
        for path in ["/dashboard", "/billing", "/license"] {
            let page = member.get(path).await;
            assert!(page.body.contains("An invoice of $149 is unpaid") && !page.body.contains(PAGE), "{path}");
        }
    });
}

#[test]
fn a_mailed_invoice_is_named_with_its_due_date_before_and_after() {
    with_stand_in(async |stripe| {
        let mailed = with(&pro(), json!({ "collection_method": "send_invoice" }));
        let due = open(json!({ "attempted": false, "due_date": T0 + 86_400 }));
        check(stripe, &mailed, std::slice::from_ref(&due), &["An invoice of $149 is due on 11 Mar 2026", PAGE]).await;
        stripe.server.advance(2 * 86_400);
        check(stripe, &with(&mailed, json!({ "status": "past_due" })), &[due], &["11 Mar 2026", "is unpaid", PAGE])
            .await;
    });
}

#[test]
fn each_state_of_a_subscription_has_its_words_and_its_way_on() {
    with_stand_in(async |stripe| {
        let trial = json!({ "status": "trialing", "trial_end": T0 + MONTH });
        check(stripe, &with(&pro(), trial), &[], &["Your free trial ends on 10 Apr 2026"]).await;
        let pending = json!({ "pending_update": { "expires_at": T0 + 82_800 } });
        let upgrade = open(json!({ "billing_reason": "subscription_update", "id": "in_3" }));
        let texts = ["Confirm the payment for your upgrade", "Confirm the payment", PAGE];
        check(stripe, &with(&pro(), pending), &[upgrade], &texts).await;
        let paused = json!({ "pause_collection": { "behavior": "void" } });
        check(stripe, &with(&pro(), paused), &[], &["Your payments are paused"]).await;
        let ends = json!({ "cancel_at": T0 + 100 * 86_400 });
        check(stripe, &with(&pro(), ends), &[], &["Your plan ends on 18 June 2026"]).await;
        let debit = open(json!({ "id": "in_4" }));
        check(stripe, &pro(), &[debit], &["Your bank is processing your payment of $149"]).await;
    });
}

#[test]
fn a_pending_first_payment_and_a_paused_subscription_have_their_words() {
    with_stand_in(async |stripe| {
        let first = open(json!({ "billing_reason": "subscription_create" }));
        let incomplete = with(&pro(), json!({ "status": "incomplete" }));
        let texts = ["Your first payment isn't confirmed yet", "Confirm the payment", PAGE];
        check(stripe, &incomplete, &[first], &texts).await;
        let paused = with(&pro(), json!({ "status": "paused", "trial_end": T0 }));
        check(stripe, &paused, &[], &["Your subscription is paused", "/billing/plan?to=pro", "Resume Pro"]).await;
    });
}
