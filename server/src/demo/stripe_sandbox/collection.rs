//! Collecting invoices: by the customer's card, which may be declined or need confirmation.

use serde::{Deserialize, Serialize};

use super::{
    billing_records::{Invoice, InvoiceStatus, Purpose, Subscription, SubscriptionStatus},
    pauses::PauseBehavior,
    state::State,
};

/// The behavior of a customer's saved card when an invoice is due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Card {
    /// The customer has no card.
    None,
    /// Payments succeed.
    #[default]
    Works,
    /// Payments are declined.
    Declined,
    /// The customer must confirm each payment with the bank, on the invoice's page.
    NeedsConfirmation,
}

impl From<bool> for Card {
    fn from(works: bool) -> Self {
        if works { Self::Works } else { Self::Declined }
    }
}

/// The way an invoice of a subscription is collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Collection {
    /// The amount is zero.
    Free,
    /// By the customer's card.
    Card(Card),
    /// The invoice is mailed, and due after this number of days.
    Mailed(u32),
    /// Collection is paused.
    Paused(PauseBehavior),
}

impl Collection {
    /// Whether an attempt now would fail.
    pub(super) fn fails(self) -> bool {
        matches!(self, Self::Card(Card::None | Card::Declined | Card::NeedsConfirmation))
    }
}

impl State {
    /// Returns how an invoice of `cents` would be collected now.
    pub(super) fn collection(&self, of: &Subscription, cents: u64) -> Collection {
        match (of.pause, of.days_until_due) {
            _ if cents == 0 => Collection::Free,
            (Some(pause), _) => Collection::Paused(pause.behavior),
            (None, Some(days)) => Collection::Mailed(days),
            (None, None) => Collection::Card(self.card(&of.customer)),
        }
    }

    pub(super) fn card(&self, customer: &str) -> Card {
        self.customers.get(customer).map_or(Card::None, |customer| customer.card)
    }

    /// Collects an open invoice.
    pub(super) fn collect(&mut self, id: &str, now: i64) {
        let Some(invoice) = self.invoices.get(id) else { return };
        let Some(subscription) = self.subscriptions.get(&invoice.subscription) else { return };
        match self.collection(subscription, invoice.amount_cents) {
            Collection::Free | Collection::Card(Card::Works) => self.settle(id, now),
            Collection::Card(Card::NeedsConfirmation) => self.require_confirmation(id, now),
            Collection::Card(Card::None | Card::Declined) => self.record_failure(id, now),
            Collection::Paused(behavior) => self.set_aside(id, behavior, now),
            Collection::Mailed(days) => self.send_invoice(id, days, now),
        }
    }

    /// Records that an invoice's payment failed because the bank wants a confirmation.
    fn require_confirmation(&mut self, id: &str, now: i64) {
        if let Some(invoice) = self.invoices.get_mut(id) {
            invoice.awaits_confirmation = true;
            record_attempt(invoice, now);
        }
        self.mark_past_due(id);
        self.emit_invoice("invoice.payment_action_required", id, now);
        self.emit_invoice("invoice.payment_failed", id, now);
    }

    /// Records a failed payment of an invoice.
    pub(super) fn record_failure(&mut self, id: &str, now: i64) {
        if let Some(invoice) = self.invoices.get_mut(id) {
            invoice.awaits_confirmation = false;
            record_attempt(invoice, now);
        }
        self.mark_past_due(id);
        self.emit_invoice("invoice.payment_failed", id, now);
    }

    /// Marks a subscription past due if it owes this invoice. Returns whether that changed its status.
    pub(super) fn mark_past_due(&mut self, invoice: &str) -> bool {
        let Some(invoice) = self.invoices.get(invoice).filter(|invoice| invoice.is_owed()) else { return false };
        let subscription = self.subscriptions.get_mut(&invoice.subscription).filter(|it| it.is_live());
        let Some(it) = subscription.filter(|it| it.status != SubscriptionStatus::PastDue) else { return false };
        it.status = SubscriptionStatus::PastDue;
        true
    }

    /// Reactivates a past-due subscription that owes nothing more.
    pub(super) fn recover(&mut self, subscription: &str, now: i64) {
        if self.invoices.values().any(|it| it.subscription == subscription && it.is_owed()) {
            return;
        }
        let Some(it) = self.subscriptions.get_mut(subscription) else { return };
        if it.status == SubscriptionStatus::PastDue {
            it.status = SubscriptionStatus::Active;
            self.emit_subscription("customer.subscription.updated", subscription, now);
        }
    }
}

impl Invoice {
    /// Whether its payment has failed or is overdue. The invoice of a pending update or resumption is only an offer.
    fn is_owed(&self) -> bool {
        let failed = matches!(self.status, InvoiceStatus::Open { failed_at: Some(_) });
        let is_due = if self.due_at.is_some() { self.is_overdue && self.is_open() } else { failed };
        is_due && self.purpose == Purpose::Period
    }
}

fn record_attempt(invoice: &mut Invoice, now: i64) {
    invoice.attempts = invoice.attempts.saturating_add(1);
    if let InvoiceStatus::Open { failed_at } = &mut invoice.status {
        failed_at.get_or_insert(now);
    }
}
