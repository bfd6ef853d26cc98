//! Tests of updates.

use super::*;
use crate::demo::stripe_sandbox::{
    billing_records::Interval,
    collection::Card,
    plans::DAY_SECONDS,
    prices::NewPrice,
    testing::{MAY, emitted, on_pro, params, price, subscription},
};

fn item(state: &State, n: usize) -> String {
    subscription(state).items[n].id.clone()
}

/// Updates the subscription on 16 May, 12:00 UTC, when half of the month is left.
fn update_half(state: &mut State, fields: &[(&str, &str)]) -> Result<Value, ApiError> {
    let id = subscription(state).id;
    update(state, &id, params(fields), MAY + 31 * DAY_SECONDS / 2)
}

fn error(result: Result<Value, ApiError>) -> Value {
    result.unwrap_err().body()["error"].clone()
}

#[test]
fn an_update_names_the_item_it_changes() {
    let mut state = on_pro(None);
    let (max, seat) = (price(&mut state, "Max", 29_900).id, price(&mut state, "Seat", 1_000).id);
    let always = ("proration_behavior", "always_invoice");
    let object = update_half(&mut state, &[("items[0][price]", &seat), ("items[0][quantity]", "3"), always]).unwrap();
    let items = object["items"]["data"].as_array().unwrap();
    assert_eq!((items.len(), &items[1]["price"]["id"], &items[1]["quantity"]), (2, &seat.as_str().into(), &3.into()));
    assert_eq!(state.invoices_of("cus_1")[1].amount_cents, 1_500);

    let pro = item(&state, 0);
    let object = update_half(&mut state, &[("items[0][id]", &pro), ("items[0][price]", &max), always]).unwrap();
    let items = object["items"]["data"].as_array().unwrap();
    assert_eq!((items.len(), &items[0]["id"], &items[0]["price"]["id"]), (2, &pro.into(), &max.as_str().into()));
    assert_eq!(state.invoices_of("cus_1")[2].amount_cents, 7_500);

    let seats = item(&state, 1);
    let deleted = [("items[0][id]", seats.as_str()), ("items[0][deleted]", "true"), ("proration_behavior", "none")];
    assert_eq!(update_half(&mut state, &deleted).unwrap()["items"]["data"].as_array().unwrap().len(), 1);
    assert_eq!(state.invoices_of("cus_1").len(), 3);
}

#[test]
fn items_that_do_not_fit_are_refused() {
    let mut state = on_pro(None);
    let (pro, none) = (subscription(&state).items[0].price.id.clone(), ("proration_behavior", "none"));
    let new = |currency: &str, interval| NewPrice { name: "X".into(), cents: 500, currency: currency.into(), interval };
    let euro = state.create_price(new("eur", Interval::Month), MAY).id;
    let year = state.create_price(new("usd", Interval::Year), MAY).id;
    for (price, message) in
        [(pro, "already using"), (euro, "expected currency: `usd`"), (year, "same billing interval")]
    {
        let error = error(update_half(&mut state, &[("items[0][price]", &price), none]));
        assert!(error["message"].as_str().unwrap().contains(message), "{error}");
    }
    let error = error(update_half(&mut state, &[("items[0][id]", "si_other"), ("items[0][quantity]", "2"), none]));
    assert_eq!((&error["code"], &error["param"]), (&"resource_missing".into(), &"items[0][id]".into()));
    assert_eq!(subscription(&state).items.len(), 1);
}

#[test]
fn a_change_to_a_yearly_price_starts_a_year_now() {
    let mut state = on_pro(None);
    let yearly = NewPrice { name: "Pro".into(), cents: 149_000, currency: "usd".into(), interval: Interval::Year };
    let (yearly, pro) = (state.create_price(yearly, MAY).id, item(&state, 0));
    let now = MAY + 31 * DAY_SECONDS / 2;
    let fields =
        [("items[0][id]", pro.as_str()), ("items[0][price]", &yearly), ("proration_behavior", "always_invoice")];
    let object = update_half(&mut state, &fields).unwrap();
    assert_eq!(object["billing_cycle_anchor"], now);
    let item = &object["items"]["data"][0];
    assert_eq!(
        (&item["current_period_start"], &item["current_period_end"]),
        (&now.into(), &(now + 365 * DAY_SECONDS).into())
    );
    assert_eq!(item["price"]["recurring"]["interval"], "year");
    let invoice = state.invoices_of("cus_1")[1];
    assert_eq!(invoice.amount_cents, 149_000 - 7_450);
    assert_eq!(invoice.lines[1].description, "1 × Pro (at $1,490 / year)");
    let expected = ["customer.subscription.updated", "charge.succeeded", "invoice.paid", "invoice.payment_succeeded"];
    assert_eq!(emitted(&mut state), expected);
    assert!(!state.advance(now + 365 * DAY_SECONDS - 1));
    assert!(state.advance(now + 365 * DAY_SECONDS));
    assert_eq!(state.invoices_of("cus_1")[2].amount_cents, 149_000);
}

/// Upgrades to a price of $299 in the middle of the month: $75 are due.
fn upgrade(state: &mut State, behavior: &str) -> Result<Value, ApiError> {
    let (max, pro) = (price(state, "Max", 29_900).id, item(state, 0));
    let change = [("items[0][id]", pro.as_str()), ("items[0][price]", &max), ("proration_behavior", "always_invoice")];
    let fields = [&change[..], &[("payment_behavior", behavior), ("expand[0]", "latest_invoice")]].concat();
    update_half(state, &fields)
}

#[test]
fn an_update_that_must_be_paid_changes_nothing_if_the_card_fails() {
    for (card, status, code) in [
        (Card::None, 400, "resource_missing"),
        (Card::Declined, 402, "card_declined"),
        (Card::NeedsConfirmation, 402, "subscription_payment_intent_requires_action"),
    ] {
        let mut state = on_pro(None);
        state.set_card("cus_1", card).unwrap();
        let error = upgrade(&mut state, "error_if_incomplete").unwrap_err();
        assert_eq!((error.status.as_u16(), &error.body()["error"]["code"]), (status, &code.into()));
        assert_eq!((subscription(&state).items[0].price.unit_cents, state.invoices_of("cus_1").len()), (14_900, 1));
        assert_eq!(emitted(&mut state), [""; 0]);
    }
}

#[test]
fn an_update_that_may_be_unpaid_applies_and_is_owed() {
    let mut state = on_pro(None);
    state.set_card("cus_1", Card::NeedsConfirmation).unwrap();
    let object = upgrade(&mut state, "allow_incomplete").unwrap();
    assert_eq!((&object["status"], &object["latest_invoice"]["status"]), (&"past_due".into(), &"open".into()));
    let expected = ["invoice.payment_action_required", "invoice.payment_failed", "customer.subscription.updated"];
    assert_eq!(emitted(&mut state), expected);
    let invoice = subscription(&state).latest_invoice.unwrap();
    state.pay_invoice(&invoice, MAY + 20 * DAY_SECONDS).unwrap();
    assert_eq!(subscription(&state).status.name(), "active");
}

/// A state with a pending update.
fn pending(card: Card) -> (State, Value) {
    let mut state = on_pro(None);
    state.set_card("cus_1", card).unwrap();
    let object = upgrade(&mut state, "pending_if_incomplete").unwrap();
    (state, object)
}

#[test]
fn a_pending_update_applies_when_its_invoice_is_confirmed() {
    let (mut state, object) = pending(Card::NeedsConfirmation);
    let now = MAY + 31 * DAY_SECONDS / 2;
    assert_eq!(
        (&object["status"], &object["items"]["data"][0]["price"]["unit_amount"]),
        (&"active".into(), &14_900.into())
    );
    let update = &object["pending_update"];
    assert_eq!(update["expires_at"], now + 23 * 60 * 60);
    assert_eq!(update["subscription_items"][0]["price"]["unit_amount"], 29_900);
    let invoice = &object["latest_invoice"];
    assert_eq!((&invoice["amount_due"], &invoice["attempted"]), (&7_500.into(), &true.into()));
    let expected = ["customer.subscription.updated", "invoice.payment_action_required", "invoice.payment_failed"];
    assert_eq!(emitted(&mut state), expected);

    let invoice = subscription(&state).latest_invoice.unwrap();
    state.decline_invoice(&invoice, now + 60).unwrap();
    assert_eq!(emitted(&mut state), ["invoice.payment_failed"]);
    state.pay_invoice(&invoice, now + 120).unwrap();
    let expected = [
        "customer.subscription.pending_update_applied",
        "customer.subscription.updated",
        "charge.succeeded",
        "invoice.paid",
        "invoice.payment_succeeded",
    ];
    assert_eq!(emitted(&mut state), expected);
    let it = subscription(&state);
    assert_eq!((it.items[0].price.unit_cents, it.pending_update.is_none()), (29_900, true));
}

#[test]
fn a_pending_update_expires_after_23_hours() {
    let (mut state, _) = pending(Card::Declined);
    assert_eq!(emitted(&mut state), ["customer.subscription.updated", "invoice.payment_failed"]);
    let expiry = MAY + 31 * DAY_SECONDS / 2 + 23 * 60 * 60;
    assert!(!state.advance(expiry - 1));
    assert!(state.advance(expiry));
    assert_eq!(emitted(&mut state), ["customer.subscription.pending_update_expired", "invoice.voided"]);
    let it = subscription(&state);
    assert_eq!((it.items[0].price.unit_cents, it.status.name()), (14_900, "active"));
}

#[test]
fn another_update_replaces_the_pending_one_and_voiding_its_invoice_discards_it() {
    let (mut state, _) = pending(Card::Declined);
    emitted(&mut state);
    upgrade(&mut state, "pending_if_incomplete").unwrap();
    let expected = [
        "customer.subscription.pending_update_expired",
        "invoice.voided",
        "customer.subscription.updated",
        "invoice.payment_failed",
    ];
    assert_eq!(emitted(&mut state), expected);
    state.void_invoice(&subscription(&state).latest_invoice.unwrap(), MAY + 20 * DAY_SECONDS).unwrap();
    assert_eq!(emitted(&mut state), ["customer.subscription.pending_update_expired", "invoice.voided"]);
    assert!(subscription(&state).pending_update.is_none());
}

#[test]
fn what_costs_nothing_cannot_be_pending_and_unknown_expansions_are_refused() {
    let mut state = on_pro(None);
    for field in [("metadata[brightmeter_plan]", "max"), ("cancel_at_period_end", "false")] {
        let error = error(update_half(&mut state, &[field, ("payment_behavior", "pending_if_incomplete")]));
        assert_eq!(error["type"], "invalid_request_error", "{field:?}");
    }
    let error = error(update_half(&mut state, &[("expand[0]", "customer")]));
    assert_eq!(error["message"], "This property cannot be expanded (customer).");
}

#[test]
fn a_trial_that_ends_now_is_charged_in_full() {
    let mut state = on_pro(Some(30));
    let (max, pro) = (price(&mut state, "Max", 29_900).id, item(&state, 0));
    let now = MAY + 31 * DAY_SECONDS / 2;
    let fields = [
        ("items[0][id]", pro.as_str()),
        ("items[0][price]", &max),
        ("proration_behavior", "always_invoice"),
        ("trial_end", "now"),
        ("payment_behavior", "error_if_incomplete"),
    ];
    state.set_card("cus_1", Card::None).unwrap();
    assert_eq!(error(update_half(&mut state, &fields))["code"], "resource_missing");
    state.set_card("cus_1", Card::Works).unwrap();
    let object = update_half(&mut state, &fields).unwrap();
    assert_eq!((&object["status"], &object["billing_cycle_anchor"]), (&"active".into(), &now.into()));
    assert_eq!((&object["trial_end"], object["items"]["data"].as_array().unwrap().len()), (&now.into(), 1));
    let invoice = state.invoices_of("cus_1")[1];
    assert_eq!((invoice.amount_cents, invoice.reason.name(), invoice.lines.len()), (29_900, "subscription_update", 1));
}

#[test]
fn a_trial_that_ends_with_a_pending_update_goes_on_until_it_is_paid() {
    let mut state = on_pro(Some(30));
    state.set_card("cus_1", Card::NeedsConfirmation).unwrap();
    let fields = [("trial_end", "now"), ("payment_behavior", "pending_if_incomplete")];
    let object = update_half(&mut state, &fields).unwrap();
    let now = MAY + 31 * DAY_SECONDS / 2;
    assert_eq!((&object["status"], &object["pending_update"]["trial_end"]), (&"trialing".into(), &now.into()));
    state.pay_invoice(&subscription(&state).latest_invoice.unwrap(), now + 60).unwrap();
    let it = subscription(&state);
    assert_eq!((it.status.name(), it.anchor, it.period.start), ("active", now + 60, now + 60));
}
