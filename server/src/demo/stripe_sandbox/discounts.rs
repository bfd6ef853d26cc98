//! Discounts in percent, of subscriptions and of checkouts.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Sandbox, error::SandboxError, ids::new_id, state::State};

/// A discount on all invoices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Discount {
    pub(super) id: String,
    pub(super) percent: u8,
}

impl Discount {
    /// Creates a discount, or returns `None` for 0 percent.
    pub(super) fn new(percent: u8) -> Option<Self> {
        (percent > 0).then(|| Self { id: new_id("di_"), percent })
    }
}

impl Sandbox {
    /// Takes `percent` off a subscription's invoices from the next one on. 0 ends the discount.
    pub fn discount(&self, subscription: &str, percent: u8) -> Result<(), SandboxError> {
        self.change(|state, now| state.discount(subscription, percent, now))
    }

    /// Takes `percent` off an open Checkout session, as with a promotion code. A subscription keeps the discount.
    pub fn discount_session(&self, session: &str, percent: u8) -> Result<(), SandboxError> {
        self.change(|state, now| state.discount_session(session, percent, now))
    }
}

impl State {
    pub(super) fn discount(&mut self, id: &str, percent: u8, now: i64) -> Result<(), SandboxError> {
        check(percent)?;
        let it = self.not_ended(id)?;
        let (customer, old) = (it.customer.clone(), it.discount.take());
        it.discount = Discount::new(percent);
        let events = [("customer.discount.deleted", old), ("customer.discount.created", it.discount.clone())];
        for (kind, discount) in events {
            if let Some(Discount { id: discount, percent }) = discount {
                let coupon =
                    json!({ "object": "coupon", "duration": "forever", "percent_off": percent, "valid": true });
                let source = json!({ "type": "coupon", "coupon": coupon });
                let object = json!({
                    "id": discount, "object": "discount", "customer": customer, "end": null, "source": source,
                    "start": now, "subscription": id,
                });
                self.emit(kind, &object, now);
            }
        }
        self.emit_subscription("customer.subscription.updated", id, now);
        Ok(())
    }

    pub(super) fn discount_session(&mut self, id: &str, percent: u8, now: i64) -> Result<(), SandboxError> {
        check(percent)?;
        self.open_session(id, now)?;
        if let Some(session) = self.sessions.get_mut(id) {
            session.percent_off = percent;
        }
        Ok(())
    }
}

fn check(percent: u8) -> Result<(), SandboxError> {
    if percent > 100 { Err(SandboxError::WrongState("A discount is at most 100 %.")) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use crate::demo::stripe_sandbox::{
        invoice_objects,
        plans::DAY_SECONDS,
        testing::{MAY, check, on_pro, subscription},
    };

    #[test]
    fn a_discounted_invoice_has_reduced_totals_and_a_free_one_has_no_payment() {
        let mut state = on_pro(None);
        let id = subscription(&state).id;
        state.discount(&id, 25, MAY).unwrap();
        check(&mut state, &[(0, "customer.discount.created"), (0, "customer.subscription.updated")]);
        state.advance(MAY + 31 * DAY_SECONDS);
        let object = invoice_objects::invoice(state.invoices_of("cus_1")[1], "");
        assert_eq!((&object["subtotal"], &object["total"]), (&14_900.into(), &11_175.into()));
        assert_eq!(object["total_discount_amounts"][0]["amount"], 3_725);
        assert_eq!((&object["amount_paid"], &object["lines"]["data"][0]["amount"]), (&11_175.into(), &14_900.into()));

        state.discount(&id, 100, MAY + 40 * DAY_SECONDS).unwrap();
        state.events.clear();
        state.advance(MAY + 61 * DAY_SECONDS);
        check(
            &mut state,
            &[(61, "invoice.paid"), (61, "invoice.payment_succeeded"), (61, "customer.subscription.updated")],
        );
        let invoice = state.invoices_of("cus_1")[2];
        let object = invoice_objects::invoice(invoice, "");
        assert_eq!(
            (&object["status"], &object["amount_paid"], &object["total"]),
            (&"paid".into(), &0.into(), &0.into())
        );
        assert_eq!(invoice.payment_intent(), None);
    }
}
