//! Updates of subscriptions, and previews of an update's invoice.

use serde_json::Value;

use super::items::Place;
use crate::demo::stripe_sandbox::{
    billing_objects,
    billing_records::{BillingReason, Subscription},
    changes::total,
    error::ApiError,
    params::{Params, boolean, required},
    state::State,
};

/// Updates a subscription. All checks, including the card's, come before the first change.
pub(super) fn update(state: &mut State, id: &str, mut params: Params, now: i64) -> Result<Value, ApiError> {
    let mut it =
        require_live(state.subscriptions.get(id).ok_or_else(|| ApiError::missing("id", "subscription", id))?)?.clone();
    let change = Place::Top.take(&mut params, state, &it, now)?;
    let only_if_paid = match params.take("payment_behavior").as_deref() {
        None | Some("allow_incomplete") => false,
        Some("error_if_incomplete") => true,
        Some(_) => return Err(ApiError::choices("payment_behavior", "allow_incomplete or error_if_incomplete")),
    };
    let cancels =
        params.take("cancel_at_period_end").map(|value| boolean("cancel_at_period_end", &value)).transpose()?;
    let metadata = params.take_map("metadata");
    params.finish()?;
    let card_works = state.card_works(&it.customer);
    let lines = change.as_ref().map(|change| change.lines(&it, now)).unwrap_or_default();
    let is_due = total(&lines) > 0;
    if is_due && only_if_paid && !card_works {
        return Err(ApiError::card_declined());
    }

    match cancels {
        None => {}
        Some(true) => it.cancel_requested_at = it.cancel_requested_at.or(Some(now)),
        Some(false) => it.cancel_requested_at = None,
    }
    for (name, value) in metadata {
        // As at Stripe, an empty value removes the entry.
        if value.is_empty() {
            it.metadata.remove(&name);
        } else {
            it.metadata.insert(name, value);
        }
    }
    if let Some(change) = change {
        change.apply(&mut it, now);
    }
    let invoice = is_due.then(|| state.issue(&mut it, BillingReason::Update, lines, now));
    state.subscriptions.insert(id.to_owned(), it);
    if let Some(invoice) = invoice.as_ref().filter(|_| !card_works) {
        state.record_failure(invoice, now);
    }
    state.emit_subscription("customer.subscription.updated", id, now);
    if let Some(invoice) = invoice.filter(|_| card_works) {
        state.mark_paid(&invoice, now);
    }
    let it = state.subscriptions.get(id).ok_or_else(|| ApiError::missing("id", "subscription", id))?;
    Ok(billing_objects::subscription(it))
}

/// Previews the invoice of an update.
pub(super) fn preview(state: &mut State, mut params: Params, now: i64) -> Result<Value, ApiError> {
    let [customer, subscription] = ["customer", "subscription"].map(|param| params.take(param));
    let id = required("subscription", subscription)?;
    let it = state.subscriptions.get(&id).ok_or_else(|| ApiError::missing("subscription", "subscription", &id))?;
    let it = require_live(it)?;
    if customer.is_some_and(|customer| customer != it.customer) {
        return Err(ApiError::param("customer", "parameter_invalid", "The subscription belongs to another customer."));
    }
    let change = Place::Within("subscription_details").take(&mut params, state, it, now)?;
    params.finish()?;
    let lines = change.map(|change| change.lines(it, now)).unwrap_or_default();
    Ok(billing_objects::preview(it, &lines, now))
}

fn require_live(it: &Subscription) -> Result<&Subscription, ApiError> {
    if it.is_live() {
        return Ok(it);
    }
    Err(ApiError::invalid(format!("This subscription is {} and can't be changed.", it.status.name())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::stripe_sandbox::{
        billing_records::Interval,
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
        let object =
            update_half(&mut state, &[("items[0][price]", &seat), ("items[0][quantity]", "3"), always]).unwrap();
        let items = object["items"]["data"].as_array().unwrap();
        assert_eq!(
            (items.len(), &items[1]["price"]["id"], &items[1]["quantity"]),
            (2, &seat.as_str().into(), &3.into())
        );
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
        let new =
            |currency: &str, interval| NewPrice { name: "X".into(), cents: 500, currency: currency.into(), interval };
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
        let expected =
            ["customer.subscription.updated", "charge.succeeded", "invoice.paid", "invoice.payment_succeeded"];
        assert_eq!(emitted(&mut state), expected);
        assert!(!state.advance(now + 365 * DAY_SECONDS - 1));
        assert!(state.advance(now + 365 * DAY_SECONDS));
        assert_eq!(state.invoices_of("cus_1")[2].amount_cents, 149_000);
    }
}
