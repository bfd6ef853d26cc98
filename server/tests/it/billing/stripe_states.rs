//! What Stripe reports in its own shapes: add-ons, errors that name the cause, customers that are gone, other products.

use brightmeter::{
    billing::{
        license::License,
        money::{Currency, Money},
        payment::Purchase,
    },
    ids::PurchaseId,
};
use serde_json::{Value, json};
use server::{
    clock::Clock,
    service::{
        plans::{BillingFacts, Next, PlanError},
        reconcile::Difference,
    },
    storage::{purchases, tenant},
};

use super::{
    shop::reconcile_all,
    stand_in::{StandIn, error, list, with_stand_in},
};
use crate::support::at;

/// 10 March 2026, 9:00 UTC, when every test starts.
pub const T0: i64 = 1_773_133_200;
pub const MONTH: i64 = 31 * 86_400;

pub fn price(plan: &str) -> Value {
    json!({ "id": format!("price_{plan}"), "object": "price", "unit_amount": 14_900, "currency": "usd",
        "recurring": { "interval": "month", "usage_type": "licensed" }, "metadata": { "brightmeter_plan": plan } })
}

pub fn item(id: &str, price: Value) -> Value {
    json!({ "id": id, "object": "subscription_item", "current_period_start": T0, "current_period_end": T0 + MONTH,
        "quantity": 1, "price": price })
}

fn add_on() -> Value {
    let price =
        json!({ "id": "price_addon", "recurring": { "interval": "month", "usage_type": "metered" }, "metadata": {} });
    item("si_0", price)
}

pub fn subscription(items: &[Value]) -> Value {
    json!({ "id": "sub_1", "object": "subscription", "customer": "cus_1", "status": "active", "created": T0,
        "billing_cycle_anchor": T0, "cancel_at": null, "cancel_at_period_end": false, "canceled_at": null,
        "ended_at": null, "collection_method": "charge_automatically", "pause_collection": null, "metadata": {},
        "items": { "object": "list", "has_more": false, "data": items } })
}

pub fn with(object: &Value, changes: Value) -> Value {
    let mut object = object.clone();
    object.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    object
}

/// A subscription of `cus_1` to Pro.
pub fn pro() -> Value {
    subscription(&[item("si_1", price("pro"))])
}

pub fn invoice(changes: Value) -> Value {
    let base = json!({ "id": "in_2", "object": "invoice", "customer": "cus_1", "status": "open", "attempted": true,
        "billing_reason": "subscription_cycle", "amount_due": 14_900, "amount_paid": 0, "created": T0,
        "parent": { "type": "subscription_details", "subscription_details": { "subscription": "sub_1" } },
        "status_transitions": { "finalized_at": T0, "paid_at": null } });
    with(&base, changes)
}

pub async fn subscribed(stripe: &StandIn<'_>) {
    stripe.update("evt_subscribed", &[pro()]).await;
    assert_eq!(stripe.state().await, ("pro".into(), 200, License::Active));
}

pub fn prices(stripe: &StandIn) {
    stripe.answer("GET /v1/prices", 200, list(&[json!({ "id": "price_new" })]));
}

#[test]
fn an_add_on_before_the_plan_is_neither_the_plan_nor_changed_with_it() {
    with_stand_in(async |stripe| {
        let both = subscription(&[add_on(), item("si_1", price("pro"))]);
        for (n, metadata) in [json!({}), json!({ "brightmeter_plan": "pro" })].into_iter().enumerate() {
            stripe.update(&format!("evt_{n}"), &[with(&both, json!({ "metadata": metadata }))]).await;
            assert_eq!(stripe.state().await, ("pro".into(), 200, License::Active));
        }
        prices(stripe);
        stripe.answer("POST /v1/subscriptions/sub_1", 200, both);
        assert_eq!(stripe.choose("enterprise").await.unwrap(), Next::Done);
        let (_, params) = stripe.calls("POST /v1/subscriptions/sub_1").remove(0);
        assert_eq!((params["items[0][id]"].as_str(), params["items[0][price]"].as_str()), ("si_1", "price_new"));
        assert!(!params.keys().any(|param| param.starts_with("items[1]")), "{params:?}");
    });
}

#[test]
fn a_price_made_by_hand_counts_if_the_subscription_names_the_plan() {
    with_stand_in(async |stripe| {
        let by_hand =
            json!({ "id": "price_x", "unit_amount": 9_900, "recurring": { "usage_type": "licensed" }, "metadata": {} });
        let metadata = json!({ "metadata": { "brightmeter_plan": "pro" } });
        let items = [add_on(), item("si_cheap", with(&by_hand, json!({ "unit_amount": 100 }))), item("si_1", by_hand)];
        stripe.update("evt_1", &[with(&subscription(&items), metadata)]).await;
        assert_eq!(stripe.state().await.0, "pro");
        prices(stripe);
        stripe.answer("POST /v1/subscriptions/sub_1", 200, json!({}));
        stripe.choose("enterprise").await.unwrap();
        assert_eq!(stripe.calls("POST /v1/subscriptions/sub_1")[0].1["items[0][id]"], "si_1");
    });
}

#[test]
fn an_unknown_status_or_a_cut_answer_makes_the_event_wait() {
    with_stand_in(async |stripe| {
        subscribed(stripe).await;
        let frozen = with(&pro(), json!({ "status": "frozen" }));
        let more = json!({ "items": { "has_more": true, "data": pro()["items"]["data"] } });
        for (n, wrong) in
            [frozen, with(&pro(), more), with(&pro(), json!({ "billing_cycle_anchor": null }))].iter().enumerate()
        {
            let id = format!("evt_{n}");
            stripe.update(&id, std::slice::from_ref(wrong)).await;
            assert_eq!(stripe.outcome(&id).await, "waits: Stripe's response could not be read");
            assert_eq!(stripe.state().await, ("pro".into(), 200, License::Active));
        }
        stripe.answer("GET /v1/subscriptions", 200, json!({ "data": [pro()], "has_more": true }));
        stripe.deliver("evt_more", "customer.subscription.updated", &pro()).await;
        assert_eq!(stripe.outcome("evt_more").await, "waits: Stripe's response could not be read");
        // Another product's subscription may be in any state.
        let foreign = with(&subscription(&[add_on()]), json!({ "id": "sub_2", "status": "frozen" }));
        stripe.update("evt_foreign", &[pro(), foreign]).await;
        assert_eq!(stripe.outcome("evt_foreign").await, "processed: plan and license in sync with Stripe");
    });
}

#[test]
fn a_lost_failure_is_found_in_the_list_of_invoices() {
    with_stand_in(async |stripe| {
        subscribed(stripe).await;
        stripe.server.advance(60);
        stripe.invoices(&[invoice(json!({}))]);
        stripe.update("evt_1", &[with(&pro(), json!({ "status": "past_due" }))]).await;
        assert_eq!(stripe.state().await.2, License::Grace { since: at("2026-03-10T09:00:00Z") });
        // Mailed invoices count from the due date.
        let mailed = json!({ "attempted": false, "due_date": T0 + 86_400, "id": "in_3" });
        stripe.invoices(&[invoice(mailed), invoice(json!({ "status": "paid" }))]);
        stripe.update("evt_2", &[with(&pro(), json!({ "collection_method": "send_invoice" }))]).await;
        assert_eq!(stripe.state().await.2, License::Active);
        stripe.server.clock.set(at("2026-03-11T09:00:00Z"));
        assert_eq!(stripe.server.sweeper.sweep().await.unwrap(), 1);
        assert_eq!(stripe.state().await.2, License::Grace { since: at("2026-03-11T09:00:00Z") });
    });
}

#[test]
fn only_invoices_of_our_subscriptions_count() {
    with_stand_in(async |stripe| {
        subscribed(stripe).await;
        let foreign = with(&subscription(&[add_on()]), json!({ "id": "sub_other" }));
        stripe.subscriptions(&[pro(), foreign]);
        let parent = json!({ "type": "subscription_details", "subscription_details": { "subscription": "sub_other" } });
        let other = invoice(json!({ "id": "in_other", "parent": parent }));
        stripe.invoices(std::slice::from_ref(&other));
        stripe.deliver("evt_1", "invoice.payment_failed", &other).await;
        assert_eq!(stripe.state().await.2, License::Active);
        let paid = with(&other, json!({ "status": "paid", "amount_paid": 4_900 }));
        stripe.invoices(std::slice::from_ref(&paid));
        stripe.deliver("evt_2", "invoice.paid", &paid).await;
        let ours = invoice(json!({ "status": "paid", "amount_paid": 14_900 }));
        stripe.invoices(&[paid, ours.clone()]);
        stripe.deliver("evt_3", "invoice.paid", &ours).await;
        let invoices = BillingFacts::load(&stripe.server.pools.app, stripe.org).await.unwrap().invoices;
        assert_eq!(invoices.receipts().map(|it| (it.invoice, it.number)).collect::<Vec<_>>(), [("in_2".into(), 1)]);
    });
}

#[test]
fn a_customer_that_stripe_no_longer_has_is_replaced_once() {
    with_stand_in(async |stripe| {
        let missing = error("resource_missing", Some("customer"), "No such customer: 'cus_1'");
        stripe.answer("GET /v1/subscriptions", 400, missing.clone());
        stripe.answer("GET /v1/invoices", 400, missing.clone());
        let session = json!({ "id": "cs_1", "url": "https://checkout.test/cs_1" });
        stripe.answers("POST /v1/checkout/sessions", vec![(400, missing), (200, session)]);
        stripe.answer("POST /v1/customers", 200, json!({ "id": "cus_2" }));
        prices(stripe);
        assert_eq!(stripe.choose("pro").await.unwrap(), Next::Pay("https://checkout.test/cs_1".into()));
        let opened = stripe.calls("POST /v1/checkout/sessions");
        let customers: Vec<&str> = opened.iter().map(|(_, params)| params["customer"].as_str()).collect();
        assert_eq!(customers, ["cus_1", "cus_2"]);
        assert_eq!(stripe.calls("POST /v1/customers").len(), 1);
        // The new one is kept, and events of both are the organization's.
        stripe.subscriptions(&[]);
        for (id, customer) in [("evt_1", "cus_1"), ("evt_2", "cus_2")] {
            stripe.deliver(id, "customer.deleted", &json!({ "id": customer, "object": "customer" })).await;
            assert_eq!(stripe.outcome(id).await, "processed: plan and license in sync with Stripe");
        }
        assert_eq!(stripe.calls("GET /v1/subscriptions").last().unwrap().1["customer"], "cus_2");
    });
}

#[test]
fn the_portal_of_a_missing_customer_opens_for_a_new_one() {
    with_stand_in(async |stripe| {
        let missing = error("resource_missing", Some("customer"), "No such customer: 'cus_1'");
        let portal = json!({ "url": "https://portal.test/" });
        stripe.answers("POST /v1/billing_portal/sessions", vec![(400, missing), (200, portal)]);
        stripe.answer("POST /v1/customers", 200, json!({ "id": "cus_2" }));
        for expected in [&["cus_1", "cus_2"][..], &["cus_1", "cus_2", "cus_2"]] {
            assert_eq!(stripe.inbox.plans.open_portal(stripe.org).await.unwrap(), "https://portal.test/");
            let opened = stripe.calls("POST /v1/billing_portal/sessions");
            assert_eq!(opened.iter().map(|(_, params)| params["customer"].as_str()).collect::<Vec<_>>(), expected);
        }
    });
}

#[test]
fn a_missing_price_or_a_key_of_the_other_mode_makes_no_new_customer() {
    with_stand_in(async |stripe| {
        prices(stripe);
        let other_mode = "No such customer: 'cus_1'; a similar object exists in test mode, but a live mode key was used to make this request.";
        for body in [
            error("resource_missing", Some("line_items[0][price]"), "No such price: 'price_new'"),
            error("resource_missing", Some("customer"), other_mode),
        ] {
            stripe.answer("POST /v1/checkout/sessions", 400, body);
            assert!(matches!(stripe.choose("pro").await, Err(PlanError::Gateway(_))));
        }
        assert_eq!(stripe.calls("POST /v1/customers"), []);
    });
}

#[test]
fn a_deleted_customer_ends_the_plan_and_reconciliation_goes_on() {
    with_stand_in(async |stripe| {
        subscribed(stripe).await;
        stripe.server.advance(60);
        let missing = error("resource_missing", Some("customer"), "No such customer: 'cus_1'");
        stripe.answer("GET /v1/subscriptions", 400, missing.clone());
        stripe.answer("GET /v1/invoices", 400, missing);
        let (inbox, pool, now) = (&stripe.inbox, &stripe.server.pools.writer, stripe.server.clock.now());
        let report = reconcile_all(&inbox.purchases, &inbox.plans, pool, now, true).await;
        let found: Vec<_> = report.findings.iter().map(|found| (found.kind, found.fixed)).collect();
        assert_eq!(found, [(Difference::PlanDiffers, true)]);
        assert_eq!(stripe.state().await.0, "starter");
        assert_eq!(stripe.state().await.2, License::Canceled { since: now });
        stripe.server.advance(3_600);
        stripe.deliver("evt_1", "customer.deleted", &json!({ "id": "cus_1", "object": "customer" })).await;
        assert_eq!(stripe.state().await.2, License::Canceled { since: now });
    });
}

#[test]
fn one_missing_session_is_a_finding_and_stops_nothing() {
    with_stand_in(async |stripe| {
        subscribed(stripe).await;
        let (inbox, pool) = (&stripe.inbox, &stripe.server.pools.writer);
        let pack = stripe.server.catalog.packs[0].name.clone();
        let mut ids = Vec::new();
        for n in 1..=3 {
            let session = json!({ "id": format!("cs_{n}"), "url": "https://checkout.test/" });
            stripe.answer("POST /v1/checkout/sessions", 200, session);
            let id = PurchaseId(stripe.server.clock.new_id());
            inbox.purchases.order(stripe.org, stripe.owner, id, &pack, None).await.unwrap();
            ids.push(id);
            let metadata = json!({ "brightmeter_org": stripe.org.to_string(), "brightmeter_purchase": id.to_string() });
            let paid = json!({ "id": format!("cs_{n}"), "object": "checkout.session", "mode": "payment",
                "payment_status": "paid", "status": "complete", "amount_total": 2_900, "metadata": metadata });
            stripe.answer(&format!("GET /v1/checkout/sessions/cs_{n}"), 200, paid);
        }
        stripe.answer(
            "GET /v1/checkout/sessions/cs_2",
            404,
            error("resource_missing", Some("session"), "No such session"),
        );
        let since = at("2026-03-01T00:00:00Z");
        let report = reconcile_all(&inbox.purchases, &inbox.plans, pool, since, true).await;
        let kind = |id| report.findings.iter().find(|found| found.purchase == Some(id)).map(|it| (it.kind, it.fixed));
        assert_eq!(kind(ids[0]), Some((Difference::PaidNotCredited, true)));
        assert_eq!(kind(ids[1]), Some((Difference::PaymentUnreadable, false)));
        assert_eq!(kind(ids[2]), Some((Difference::PaidNotCredited, true)));
        assert_eq!(stripe.state().await.1, 200 + 2 * 500);
    });
}

#[test]
fn an_upgrade_that_the_bank_wants_confirmed_has_a_page_and_changes_nothing_before() {
    with_stand_in(async |stripe| {
        subscribed(stripe).await;
        prices(stripe);
        let refused = json!({ "error": { "type": "card_error", "code": "subscription_payment_intent_requires_action", "message": "…" } });
        let invoice = json!({ "id": "in_9", "hosted_invoice_url": "https://invoice.test/in_9" });
        let pending = json!({ "pending_update": { "expires_at": T0 + 82_800 }, "latest_invoice": invoice });
        let pending = with(&pro(), pending);
        stripe.answers("POST /v1/subscriptions/sub_1", vec![(402, refused), (200, pending.clone())]);
        stripe.answers("GET /v1/subscriptions", vec![(200, list(&[pro()])), (200, list(&[pending]))]);
        assert_eq!(stripe.choose("enterprise").await.unwrap(), Next::Confirm("https://invoice.test/in_9".into()));
        let behaviors: Vec<_> = stripe.calls("POST /v1/subscriptions/sub_1");
        let behaviors: Vec<&str> = behaviors.iter().map(|(_, params)| params["payment_behavior"].as_str()).collect();
        assert_eq!(behaviors, ["error_if_incomplete", "pending_if_incomplete"]);
        assert_eq!(stripe.state().await, ("pro".into(), 200, License::Active));
        // No second change is charged meanwhile.
        assert!(matches!(stripe.choose("enterprise").await, Err(PlanError::ConfirmationPending)));
        let confirmed = subscription(&[item("si_1", price("enterprise"))]);
        stripe.update("evt_confirmed", &[confirmed]).await;
        assert_eq!(stripe.state().await, ("enterprise".into(), 2_000, License::Active));
    });
}

#[test]
fn an_upgrade_that_cannot_be_charged_says_why() {
    with_stand_in(async |stripe| {
        subscribed(stripe).await;
        prices(stripe);
        let card_error = |code: &str, decline_code: Option<&str>| json!({ "error": { "type": "card_error", "code": code, "decline_code": decline_code, "message": "…" } });
        let no_source = "This customer has no attached payment source or default payment method. Please consider adding a default payment method.";
        let no_card = "Cannot charge a customer that has no active card";
        for (status, body, expected) in [
            (400, error("resource_missing", None, no_source), "NoPaymentMethod"),
            (402, error("missing", None, no_card), "NoPaymentMethod"),
            (402, card_error("card_declined", Some("insufficient_funds")), "Declined"),
            (402, card_error("expired_card", None), "Declined"),
            (402, card_error("authentication_required", Some("authentication_required")), "NeedsConfirmation"),
            (402, card_error("card_declined", Some("authentication_required")), "NeedsConfirmation"),
            (402, card_error("invoice_payment_intent_requires_action", None), "NeedsConfirmation"),
        ] {
            stripe.answer("POST /v1/subscriptions/sub_1", status, body.clone());
            let Err(PlanError::Gateway(refused)) = stripe.choose("enterprise").await else { panic!("{body}") };
            assert_eq!(format!("{refused:?}").split('(').next(), Some(expected), "{body}");
            assert_eq!(stripe.state().await, ("pro".into(), 200, License::Active));
        }
    });
}

#[test]
fn an_upgrade_in_a_trial_ends_it_and_is_charged() {
    with_stand_in(async |stripe| {
        let trial = json!({ "status": "trialing", "trial_end": T0 + MONTH, "billing_cycle_anchor": T0 + MONTH });
        stripe.update("evt_1", &[with(&pro(), trial)]).await;
        assert_eq!(stripe.state().await, ("pro".into(), 200, License::Active));
        prices(stripe);
        stripe.answer("POST /v1/subscriptions/sub_1", 200, json!({}));
        stripe.choose("enterprise").await.unwrap();
        let (_, params) = stripe.calls("POST /v1/subscriptions/sub_1").remove(0);
        assert_eq!((params["trial_end"].as_str(), params["payment_behavior"].as_str()), ("now", "error_if_incomplete"));
        // The preview has the same price.
        stripe.answer("POST /v1/invoices/create_preview", 200, json!({ "amount_due": 39_900 }));
        let (plan, now) = ("enterprise".parse().unwrap(), stripe.server.clock.now());
        assert_eq!(
            stripe.inbox.plans.price(stripe.org, &plan, now).await.unwrap(),
            Some(Money::new(39_900, Currency::USD))
        );
        let (_, params) = stripe.calls("POST /v1/invoices/create_preview").remove(0);
        assert_eq!(params["subscription_details[trial_end]"], "now");
    });
}

#[test]
fn while_the_first_payment_is_pending_no_second_page_is_opened() {
    with_stand_in(async |stripe| {
        stripe.update("evt_1", &[with(&pro(), json!({ "status": "incomplete" }))]).await;
        assert_eq!(stripe.state().await, ("starter".into(), 0, License::Active));
        assert!(matches!(stripe.choose("pro").await, Err(PlanError::PaymentPending)));
        assert_eq!(stripe.calls("POST /v1/checkout/sessions"), []);
    });
}

#[test]
fn a_paused_subscription_is_resumed_instead_of_a_second_one() {
    with_stand_in(async |stripe| {
        let end = json!({ "trial_end": T0 + 60, "billing_cycle_anchor": T0 + 60 });
        stripe.update("evt_1", &[with(&with(&pro(), end.clone()), json!({ "status": "trialing" }))]).await;
        stripe.server.advance(61);
        let paused = with(&with(&pro(), end), json!({ "status": "paused" }));
        stripe.update("evt_2", &[paused]).await;
        assert_eq!(stripe.state().await.0, "starter");
        assert!(matches!(stripe.choose("enterprise").await, Err(PlanError::Paused)));
        stripe.answer("POST /v1/subscriptions/sub_1/resume", 200, json!({}));
        assert_eq!(stripe.choose("pro").await.unwrap(), Next::Done);
        assert_eq!(stripe.calls("POST /v1/subscriptions/sub_1/resume").len(), 1);
        assert_eq!(stripe.calls("POST /v1/checkout/sessions"), []);
    });
}

#[test]
fn events_of_other_products_are_kept_and_never_retried() {
    with_stand_in(async |stripe| {
        let objects = [
            ("invoice.paid", invoice(json!({ "customer": "cus_other", "status": "paid" }))),
            (
                "customer.subscription.updated",
                with(&pro(), json!({ "customer": "cus_other", "items": { "data": [] } })),
            ),
            (
                "charge.refunded",
                json!({ "id": "ch_9", "object": "charge", "customer": "cus_other", "paid": true, "amount_refunded": 500, "metadata": {} }),
            ),
            (
                "checkout.session.completed",
                json!({ "id": "cs_9", "object": "checkout.session", "mode": "payment", "payment_status": "paid", "metadata": {} }),
            ),
            (
                "refund.created",
                json!({ "id": "re_9", "object": "refund", "amount": 5, "payment_intent": "pi_9", "metadata": {} }),
            ),
        ];
        stripe.answer(
            "GET /v1/payment_intents/pi_9",
            200,
            json!({ "id": "pi_9", "customer": "cus_other", "metadata": {} }),
        );
        for (n, (kind, object)) in objects.iter().enumerate() {
            let id = format!("evt_{n}");
            stripe.deliver(&id, kind, object).await;
            assert_eq!(
                stripe.outcome(&id).await,
                "not_ours: about another product on the same Stripe account",
                "{kind}"
            );
        }
        // With our metadata, a customer that is not known yet is waited for.
        let ours = with(&pro(), json!({ "customer": "cus_new" }));
        stripe
            .deliver(
                "evt_ours",
                "customer.subscription.created",
                &with(&ours, json!({ "metadata": { "brightmeter_plan": "pro" } })),
            )
            .await;
        assert_eq!(stripe.outcome("evt_ours").await, "waits: no organization has its customer's id yet");
        // A payment of ours is waited for, too: its session's event comes later.
        let metadata = json!({ "brightmeter_org": stripe.org.to_string() });
        stripe.answer(
            "GET /v1/payment_intents/pi_8",
            200,
            json!({ "id": "pi_8", "customer": "cus_1", "metadata": metadata }),
        );
        let refund = json!({ "id": "re_8", "object": "refund", "amount": 5, "payment_intent": "pi_8", "metadata": {} });
        stripe.deliver("evt_refund", "refund.created", &refund).await;
        assert_eq!(stripe.outcome("evt_refund").await, "waits: no purchase has its payment's id yet");
    });
}

#[test]
fn a_refund_of_a_plans_invoice_takes_its_months_unused_allowance() {
    with_stand_in(async |stripe| {
        let paid = invoice(json!({ "status": "paid", "amount_paid": 14_900 }));
        stripe.invoices(&[paid]);
        subscribed(stripe).await;
        let owner = json!({ "id": "pi_1", "customer": "cus_1", "metadata": {} });
        stripe.answer("GET /v1/payment_intents/pi_1", 200, owner);
        stripe.answer("GET /v1/invoice_payments", 200, list(&[json!({ "invoice": "in_2" })]));
        let refund =
            json!({ "id": "re_1", "object": "refund", "amount": 7_450, "payment_intent": "pi_1", "charge": "ch_1" });
        stripe.deliver("evt_1", "refund.created", &refund).await;
        assert_eq!(stripe.outcome("evt_1").await, "processed: the payment of a plan recorded");
        assert_eq!(stripe.state().await, ("pro".into(), 100, License::Active));
        let (_, params) = stripe.calls("GET /v1/invoice_payments").remove(0);
        assert_eq!(params["payment[payment_intent]"], "pi_1");
        // The charge's own total is not counted twice.
        let charge = json!({ "id": "ch_1", "object": "charge", "customer": "cus_1", "payment_intent": "pi_1", "paid": true,
            "amount_refunded": 7_450, "metadata": {} });
        stripe.deliver("evt_2", "charge.refunded", &charge).await;
        assert_eq!(stripe.state().await.1, 100);
        stripe.deliver("evt_3", "refund.failed", &with(&refund, json!({ "status": "failed" }))).await;
        assert_eq!(stripe.state().await.1, 200);
        assert!(stripe.server.audit().await.ok);
    });
}

#[test]
fn reconciliation_finds_refunds_and_disputes_of_plan_invoices_whose_events_were_lost() {
    with_stand_in(async |stripe| {
        let payment = json!({ "payment": { "type": "payment_intent", "payment_intent": "pi_1" } });
        let paid = json!({ "status": "paid", "amount_paid": 14_900, "payments": list(&[payment]),
            "status_transitions": { "finalized_at": T0, "paid_at": T0 } });
        stripe.invoices(&[invoice(paid)]);
        subscribed(stripe).await;
        let reconcile = async |since: &str, fix| {
            let (inbox, pool) = (&stripe.inbox, &stripe.server.pools.writer);
            let report = reconcile_all(&inbox.purchases, &inbox.plans, pool, at(since), fix).await;
            report.findings.iter().map(|found| (found.kind, found.fixed)).collect::<Vec<_>>()
        };
        let (recent, later) = ("2026-03-01T00:00:00Z", "2026-03-11T00:00:00Z");
        stripe.answer("GET /v1/disputes", 200, list(&[]));
        stripe.answer("GET /v1/refunds", 200, list(&[]));
        assert_eq!(reconcile(recent, true).await, []);
        let refund = json!({ "id": "re_1", "object": "refund", "amount": 7_450, "payment_intent": "pi_1" });
        stripe.answer("GET /v1/refunds", 200, list(std::slice::from_ref(&refund)));
        stripe.answer("GET /v1/payment_intents/pi_1", 200, json!({ "id": "pi_1", "customer": "cus_1" }));
        stripe.answer("GET /v1/invoice_payments", 200, list(&[json!({ "invoice": "in_2" })]));
        assert_eq!(reconcile(later, false).await, []);
        assert_eq!(reconcile(recent, false).await, [(Difference::PlanDiffers, false)]);
        assert_eq!(stripe.state().await.1, 200);
        assert_eq!(reconcile(recent, true).await, [(Difference::PlanDiffers, true)]);
        assert_eq!(stripe.state().await.1, 100);
        assert_eq!(reconcile(recent, true).await, []);
        let dispute = json!({ "id": "dp_1", "object": "dispute", "amount": 7_450, "payment_intent": "pi_1", "status": "under_review" });
        stripe.answer("GET /v1/disputes", 200, list(&[dispute]));
        assert_eq!(reconcile(recent, true).await, [(Difference::PlanDiffers, true)]);
        assert_eq!(stripe.state().await.1, 0);
        // Won, and the refund failed: all of it is back.
        let won =
            json!({ "id": "dp_1", "object": "dispute", "amount": 7_450, "payment_intent": "pi_1", "status": "won" });
        stripe.answer("GET /v1/disputes", 200, list(&[won]));
        assert_eq!(reconcile(recent, true).await, [(Difference::PlanDiffers, true)]);
        stripe.deliver("evt_1", "refund.failed", &with(&refund, json!({ "status": "failed" }))).await;
        assert_eq!(stripe.outcome("evt_1").await, "processed: the payment of a plan recorded");
        assert_eq!(stripe.state().await.1, 200);
        assert!(stripe.server.audit().await.ok);
    });
}

#[test]
fn reconciliation_corrects_the_currency_of_a_payment_that_was_recorded_without_one() {
    with_stand_in(async |stripe| {
        subscribed(stripe).await;
        let (inbox, pool) = (&stripe.inbox, &stripe.server.pools.writer);
        let pack = stripe.server.catalog.packs[0].name.clone();
        stripe.answer("POST /v1/checkout/sessions", 200, json!({ "id": "cs_1", "url": "https://checkout.test/" }));
        let id = PurchaseId(stripe.server.clock.new_id());
        inbox.purchases.order(stripe.org, stripe.owner, id, &pack, None).await.unwrap();
        let metadata = json!({ "brightmeter_org": stripe.org.to_string(), "brightmeter_purchase": id.to_string() });
        let session = json!({ "id": "cs_1", "object": "checkout.session", "mode": "payment", "payment_status": "paid",
            "status": "complete", "amount_total": 2_680, "metadata": metadata });
        stripe.deliver("evt_1", "checkout.session.completed", &session).await;
        let shown = async || receipt(stripe, id).await.paid().unwrap().to_string();
        assert_eq!(shown().await, "$26.80");
        stripe.answer("GET /v1/checkout/sessions/cs_1", 200, with(&session, json!({ "currency": "eur" })));
        let since = at("2026-03-01T00:00:00Z");
        for expected in [&[(Difference::AmountDiffers, true)][..], &[]] {
            let report = reconcile_all(&inbox.purchases, &inbox.plans, pool, since, true).await;
            assert_eq!(report.findings.iter().map(|it| (it.kind, it.fixed)).collect::<Vec<_>>(), expected);
            assert_eq!(shown().await, "€26.80");
        }
    });
}

/// The recorded purchase.
async fn receipt(stripe: &StandIn<'_>, id: PurchaseId) -> Purchase {
    let mut tx = tenant::begin(&stripe.server.pools.app, stripe.org).await.unwrap();
    purchases::find(&mut tx, stripe.org, id).await.unwrap().unwrap().purchase
}

#[test]
fn an_event_of_the_other_mode_is_refused_and_kept() {
    with_stand_in(async |stripe| {
        stripe.subscriptions(&[pro()]);
        let mut event: Value =
            serde_json::from_str(&super::shop::event("evt_1", "customer.subscription.created", T0, &pro())).unwrap();
        event["livemode"] = json!(true);
        super::shop::deliver_to(&stripe.inbox, stripe.server, &[event.to_string()]).await;
        assert_eq!(
            stripe.outcome("evt_1").await,
            "refused: it comes from live mode, but this server uses a test API key"
        );
        assert_eq!(stripe.state().await.0, "starter");
    });
}
