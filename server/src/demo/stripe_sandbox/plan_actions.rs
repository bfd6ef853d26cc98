//! Actions on subscriptions and their invoices, for the control panel and for tests. They return [`SandboxError`] if
//! the object is unknown or its state doesn't allow the action.

use super::{Sandbox, collection::Card, error::SandboxError};
use crate::stripe::webhook_facts::ORG;

impl Sandbox {
    /// Applies everything due by now: ends of trials, renewals, payment retries.
    pub fn tick(&self) {
        let mut state = self.state();
        if state.advance(self.now()) {
            self.save(&state);
            self.0.wake.notify_one();
        }
    }

    /// Sets how a customer's card behaves from now on. `true` means [`Card::Works`], `false` [`Card::Declined`].
    pub fn set_card(&self, customer: &str, card: impl Into<Card>) -> Result<(), SandboxError> {
        self.change(|state, _| state.set_card(customer, card.into()))
    }

    /// Pays an open invoice with another card than the customer's, or confirms its payment.
    pub fn pay_invoice(&self, invoice: &str) -> Result<(), SandboxError> {
        self.change(|state, now| state.pay_invoice(invoice, now))
    }

    /// Tries to pay an open invoice with a declined card, or fails to confirm its payment.
    pub fn decline_invoice(&self, invoice: &str) -> Result<(), SandboxError> {
        self.change(|state, now| state.decline_invoice(invoice, now))
    }

    /// Voids an open invoice.
    pub fn void_invoice(&self, invoice: &str) -> Result<(), SandboxError> {
        self.change(|state, now| state.void_invoice(invoice, now))
    }

    /// Marks an open invoice as uncollectible.
    pub fn mark_uncollectible(&self, invoice: &str) -> Result<(), SandboxError> {
        self.change(|state, now| state.mark_uncollectible(invoice, now))
    }

    /// Cancels a subscription immediately.
    pub fn cancel_subscription(&self, subscription: &str) -> Result<(), SandboxError> {
        self.change(|state, now| state.cancel(subscription, now))
    }

    /// Cancels a subscription at the end of its period.
    pub fn cancel_at_period_end(&self, subscription: &str) -> Result<(), SandboxError> {
        self.change(|state, now| state.cancel_at_period_end(subscription, now))
    }

    /// Returns the ids of a customer's subscriptions, newest first.
    pub fn subscriptions(&self, customer: &str) -> Vec<String> {
        self.tick();
        self.state().subscriptions_of(customer).into_iter().map(|it| it.id.clone()).collect()
    }

    /// Returns the ids of a customer's payable invoices, oldest first.
    pub fn unpaid_invoices(&self, customer: &str) -> Vec<String> {
        self.tick();
        let state = self.state();
        state.invoices_of(customer).into_iter().filter(|it| state.is_payable(it)).map(|it| it.id.clone()).collect()
    }

    /// Returns the ids of a customer's invoices, oldest first.
    pub fn invoices(&self, customer: &str) -> Vec<String> {
        self.tick();
        self.state().invoices_of(customer).into_iter().map(|it| it.id.clone()).collect()
    }

    /// Returns the id of the payment intent that paid an invoice. `None`: it is unpaid, or was free.
    pub fn payment_intent(&self, invoice: &str) -> Option<String> {
        self.state().invoices.get(invoice)?.payment_intent().map(ToOwned::to_owned)
    }

    /// Returns all customers that aren't deleted: their Stripe ids, and the organization ids in their metadata (empty if missing).
    pub fn customers(&self) -> Vec<(String, String)> {
        let state = self.state();
        let all = state.customers.values();
        all.map(|it| (it.id.clone(), it.metadata.get(ORG).cloned().unwrap_or_default())).collect()
    }
}
