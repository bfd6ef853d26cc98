//! Pending updates: changes of a subscription that apply once their invoice is paid.

use super::{
    billing_records::{BillingReason, InvoiceLine, InvoiceStatus, PendingUpdate, Purpose},
    changes::Change,
    state::State,
};

/// The longest time that an update can be pending, in seconds.
const PENDING_SECONDS: i64 = 23 * 60 * 60;

impl State {
    /// Makes a change pending until its invoice is paid: the card failed.
    pub(super) fn hold_update(&mut self, id: &str, change: Change, lines: Vec<InvoiceLine>, now: i64) {
        self.discard_update(id, now);
        let Some(mut it) = self.subscriptions.get(id).cloned() else { return };
        let invoice = self.issue(&mut it, BillingReason::Update, lines, now);
        if let Some(invoice) = self.invoices.get_mut(&invoice) {
            invoice.purpose = Purpose::PendingUpdate;
        }
        // As at Stripe, it never outlasts the period.
        let expires_at = it.period.end.min(now + PENDING_SECONDS);
        it.pending_update = Some(PendingUpdate { change, expires_at, invoice: invoice.clone() });
        self.subscriptions.insert(id.to_owned(), it);
        self.emit_subscription("customer.subscription.updated", id, now);
        self.collect(&invoice, now);
    }

    /// Applies a pending update: its invoice is being paid.
    pub(super) fn apply_update(&mut self, id: &str, now: i64) {
        let Some(it) = self.subscriptions.get_mut(id) else { return };
        let Some(update) = it.pending_update.take() else { return };
        update.change.apply(it, now);
        self.emit_subscription("customer.subscription.pending_update_applied", id, now);
        self.emit_subscription("customer.subscription.updated", id, now);
    }

    /// Discards a pending update and voids its invoice.
    pub(super) fn discard_update(&mut self, id: &str, now: i64) {
        let Some(it) = self.subscriptions.get_mut(id) else { return };
        let Some(update) = it.pending_update.take() else { return };
        self.emit_subscription("customer.subscription.pending_update_expired", id, now);
        if let Some(invoice) = self.invoices.get_mut(&update.invoice) {
            invoice.status = InvoiceStatus::Void { at: now };
        }
        self.emit_invoice("invoice.voided", &update.invoice, now);
    }
}
