//! Mailed invoices: sent to the customer, who pays until a due date.

use super::{Sandbox, error::SandboxError, plans::DAY_SECONDS, state::State};

impl Sandbox {
    /// Mails a subscription's invoices from now on, due `days` after each. `None`: charges the card again.
    pub fn mail_invoices(&self, subscription: &str, days: Option<u32>) -> Result<(), SandboxError> {
        self.change(|state, now| state.mail_invoices(subscription, days, now))
    }
}

impl State {
    fn mail_invoices(&mut self, id: &str, days: Option<u32>, now: i64) -> Result<(), SandboxError> {
        self.not_ended(id)?.days_until_due = days;
        self.emit_subscription("customer.subscription.updated", id, now);
        Ok(())
    }

    /// Sends an open invoice to the customer.
    pub(super) fn send_invoice(&mut self, id: &str, days: u32, now: i64) {
        if let Some(invoice) = self.invoices.get_mut(id) {
            invoice.due_at = Some(now + i64::from(days) * DAY_SECONDS);
        }
        self.emit_invoice("invoice.finalized", id, now);
        self.emit_invoice("invoice.sent", id, now);
    }

    /// Marks an open invoice as overdue: its due date has passed.
    pub(super) fn mark_overdue(&mut self, id: &str, now: i64) {
        let Some(invoice) = self.invoices.get_mut(id) else { return };
        invoice.is_overdue = true;
        let subscription = invoice.subscription.clone();
        self.emit_invoice("invoice.overdue", id, now);
        if self.mark_past_due(id) {
            self.emit_subscription("customer.subscription.updated", &subscription, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::stripe_sandbox::{
        invoice_objects, subscription_objects,
        testing::{MAY, check, on_pro, subscription},
    };

    #[test]
    fn a_mailed_invoice_is_overdue_after_its_due_date_and_can_be_paid() {
        let mut state = on_pro(None);
        let id = subscription(&state).id;
        state.mail_invoices(&id, Some(30), MAY).unwrap();
        let object = subscription_objects::subscription(&subscription(&state));
        assert_eq!((&object["collection_method"], &object["days_until_due"]), (&"send_invoice".into(), &30.into()));
        state.advance(MAY + 31 * DAY_SECONDS);
        check(
            &mut state,
            &[
                (0, "customer.subscription.updated"),
                (31, "invoice.finalized"),
                (31, "invoice.sent"),
                (31, "customer.subscription.updated"),
            ],
        );
        let invoice = subscription(&state).latest_invoice.unwrap();
        let object = invoice_objects::invoice(&state.invoices[&invoice], "");
        assert_eq!((&object["attempted"], &object["status"]), (&false.into(), &"open".into()));
        assert_eq!(object["due_date"], MAY + 61 * DAY_SECONDS);

        // A declined card on the invoice's page doesn't make it due earlier.
        state.decline_invoice(&invoice, MAY + 40 * DAY_SECONDS).unwrap();
        check(&mut state, &[(40, "invoice.payment_failed")]);
        assert_eq!(invoice_objects::invoice(&state.invoices[&invoice], "")["attempted"], true);
        assert_eq!(subscription(&state).status.name(), "active");

        state.advance(MAY + 61 * DAY_SECONDS);
        let renewal = [(61, "invoice.finalized"), (61, "invoice.sent"), (61, "customer.subscription.updated")];
        let overdue = [(61, "invoice.overdue"), (61, "customer.subscription.updated")];
        check(&mut state, &[&renewal[..], &overdue[..]].concat());
        assert_eq!(subscription(&state).status.name(), "past_due");
        state.pay_invoice(&invoice, MAY + 62 * DAY_SECONDS).unwrap();
        check(
            &mut state,
            &[
                (62, "charge.succeeded"),
                (62, "invoice.paid"),
                (62, "invoice.payment_succeeded"),
                (62, "customer.subscription.updated"),
            ],
        );
        assert_eq!(subscription(&state).status.name(), "active");
    }
}
