//! Events of another product on the same Stripe account, and events that don't belong to this environment.

use serde_json::{Value, json};

use super::{Sandbox, error::SandboxError, ids::new_id, objects, plans::DAY_SECONDS, state::State};

impl Sandbox {
    /// Emits events of another product: its customers are unknown to us, and its objects have none of our metadata.
    pub fn emit_foreign_traffic(&self) {
        let emitted: Result<(), SandboxError> = self.change(|state, now| {
            state.emit_foreign_traffic(now);
            Ok(())
        });
        drop(emitted);
    }

    /// Gives a customer a subscription to another product, with a price of its own ($19 a month or as much in the
    /// customer's currency) and without metadata. Returns the subscription's id.
    pub fn subscribe_to_other_product(&self, customer: &str) -> Result<String, SandboxError> {
        self.change(|state, now| state.subscribe_to_other_product(customer, now))
    }

    /// Emits an event of live mode: the last event once more, under another id.
    pub fn emit_live_event(&self) -> Result<(), SandboxError> {
        self.change(|state, now| state.emit_live_event(now))
    }
}

impl State {
    fn emit_foreign_traffic(&mut self, now: i64) {
        let ids = ["cus_", "sub_", "in_", "pi_", "ch_", "re_", "cs_test_"].map(new_id);
        let [customer, subscription, invoice, intent, charge, refund, session] = ids.each_ref().map(String::as_str);
        let charge_object = |refunded: u64| {
            json!({
                "id": charge, "object": "charge", "amount": 1_900, "amount_captured": 1_900,
                "amount_refunded": refunded, "captured": true, "created": now, "currency": "usd",
                "customer": customer, "livemode": false, "metadata": {}, "paid": true, "payment_intent": intent,
                "receipt_url": format!("{}/receipts/{charge}", self.base), "refunded": refunded == 1_900,
                "status": "succeeded",
            })
        };
        let events = [
            ("charge.succeeded", charge_object(0)),
            ("invoice.paid", foreign_invoice(invoice, customer, subscription, now)),
            ("customer.subscription.updated", foreign_subscription(subscription, customer, now)),
            ("checkout.session.completed", foreign_session(session, customer, intent, now)),
            (
                "refund.created",
                json!({
                    "id": refund, "object": "refund", "amount": 900, "charge": charge, "created": now, "currency": "usd",
                    "metadata": {}, "payment_intent": intent, "reason": null, "status": "succeeded",
                }),
            ),
            ("charge.refunded", charge_object(900)),
        ];
        for (kind, object) in events {
            self.emit(kind, &object, now);
        }
    }

    fn emit_live_event(&mut self, now: i64) -> Result<(), SandboxError> {
        let last = self.events.last().ok_or(SandboxError::WrongState("The sandbox has sent no events yet."))?;
        let event: Option<Value> = serde_json::from_str(&last.payload).ok();
        let mut event = event.ok_or(SandboxError::WrongState("The last event is malformed."))?;
        let (id, kind) = (new_id("evt_"), last.kind.clone());
        (event["id"], event["created"], event["livemode"]) = (id.as_str().into(), now.into(), true.into());
        self.queue(id, &kind, &event);
        Ok(())
    }
}

fn foreign_invoice(id: &str, customer: &str, subscription: &str, now: i64) -> Value {
    let line = json!({
        "id": new_id("il_"), "object": "line_item", "amount": 1_900, "currency": "usd", "description": "1 × Widgets",
        "parent": {
            "type": "subscription_item_details",
            "subscription_item_details": { "proration": false, "subscription": subscription },
        },
        "period": { "end": now + 30 * DAY_SECONDS, "start": now },
        "pricing": {
            "type": "price_details",
            "price_details": { "price": new_id("price_"), "product": new_id("prod_") },
            "unit_amount_decimal": "1900",
        },
        "quantity": 1,
    });
    json!({
        "id": id, "object": "invoice", "amount_due": 1_900, "amount_paid": 1_900, "amount_remaining": 0,
        "attempt_count": 1, "attempted": true, "billing_reason": "subscription_cycle",
        "collection_method": "charge_automatically", "created": now, "currency": "usd", "customer": customer,
        "lines": objects::list(&format!("/v1/invoices/{id}/lines"), false, vec![line]),
        "livemode": false, "metadata": {}, "number": "WIDGETS-0001",
        "parent": {
            "type": "subscription_details",
            "subscription_details": { "metadata": {}, "subscription": subscription },
        },
        "period_end": now, "period_start": now - 30 * DAY_SECONDS, "status": "paid",
        "status_transitions": { "finalized_at": now, "paid_at": now },
        "subtotal": 1_900, "total": 1_900,
    })
}

fn foreign_subscription(id: &str, customer: &str, now: i64) -> Value {
    let price = json!({
        "id": new_id("price_"), "object": "price", "active": true, "currency": "usd", "lookup_key": null,
        "metadata": {}, "product": new_id("prod_"), "recurring": { "interval": "month", "interval_count": 1 },
        "type": "recurring", "unit_amount": 1_900,
    });
    let item = json!({
        "id": new_id("si_"), "object": "subscription_item", "current_period_end": now + 30 * DAY_SECONDS,
        "current_period_start": now, "metadata": {}, "price": price, "quantity": 1, "subscription": id,
    });
    json!({
        "id": id, "object": "subscription", "billing_cycle_anchor": now, "cancel_at": null,
        "cancel_at_period_end": false, "canceled_at": null, "collection_method": "charge_automatically",
        "created": now, "currency": "usd", "customer": customer, "ended_at": null,
        "items": objects::list(&format!("/v1/subscription_items?subscription={id}"), false, vec![item]),
        "livemode": false, "metadata": {}, "start_date": now, "status": "active",
    })
}

fn foreign_session(id: &str, customer: &str, intent: &str, now: i64) -> Value {
    json!({
        "id": id, "object": "checkout.session", "amount_subtotal": 1_900, "amount_total": 1_900,
        "client_reference_id": null, "created": now, "currency": "usd", "customer": customer, "livemode": false,
        "metadata": {}, "mode": "payment", "payment_intent": intent, "payment_status": "paid", "status": "complete",
        "subscription": null,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::stripe_sandbox::{
        collection::Card,
        testing::{MAY, check, emitted, on_pro},
    };

    #[test]
    fn events_of_another_product_are_about_unknown_customers() {
        let mut state = on_pro(None);
        state.emit_foreign_traffic(MAY);
        for event in &state.events {
            let object: Value = serde_json::from_str(&event.payload).unwrap();
            assert_ne!(object["data"]["object"]["customer"], "cus_1");
            assert!(!event.payload.contains("brightmeter"), "{}", event.payload);
        }
        let expected = [
            "charge.succeeded",
            "invoice.paid",
            "customer.subscription.updated",
            "checkout.session.completed",
            "refund.created",
            "charge.refunded",
        ];
        assert_eq!(emitted(&mut state), expected);
    }

    #[test]
    fn a_subscription_to_another_product_renews_and_fails() {
        let mut state = on_pro(None);
        let id = state.subscribe_to_other_product("cus_1", MAY + DAY_SECONDS).unwrap();
        assert_eq!(emitted(&mut state)[0], "customer.subscription.created");
        let other = &state.subscriptions[&id];
        assert!(other.metadata.is_empty() && other.items[0].price.metadata.is_empty());
        state.set_card("cus_1", Card::Declined).unwrap();
        state.advance(MAY + 32 * DAY_SECONDS);
        let failure = ["invoice.payment_failed", "customer.subscription.updated"];
        let expected: Vec<_> = [31, 32].into_iter().flat_map(|day| failure.map(|kind| (day, kind))).collect();
        check(&mut state, &expected);
    }

    #[test]
    fn an_event_of_live_mode_differs_from_the_last_one_in_its_mode() {
        let mut state = on_pro(None);
        assert!(state.emit_live_event(MAY).is_err());
        state.emit_foreign_traffic(MAY);
        state.emit_live_event(MAY).unwrap();
        let [test, live] = [6, 7].map(|n| serde_json::from_str::<Value>(&state.events[n - 1].payload).unwrap());
        assert_eq!((&test["livemode"], &live["livemode"]), (&false.into(), &true.into()));
        assert_eq!((&test["type"], &test["data"]), (&live["type"], &live["data"]));
        assert_ne!(test["id"], live["id"]);
    }
}
