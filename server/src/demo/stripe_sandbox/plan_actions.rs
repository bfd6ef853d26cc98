//! What people and banks do about subscriptions and their invoices, for the desk and for tests.

use super::{Sandbox, SandboxError};
use crate::stripe::webhook_facts::ORG;

impl Sandbox {
    /// Lets everything happen that time has brought: trials end, months are renewed, cards are tried again.
    pub fn tick(&self) {
        let mut state = self.state();
        if state.advance(self.now()) {
            self.keep(&state);
            self.0.bell.notify_one();
        }
    }

    /// Sets whether a customer's card works from now on, when a plan is to be paid.
    ///
    /// # Errors
    /// [`SandboxError`].
    pub fn set_card(&self, customer: &str, works: bool) -> Result<(), SandboxError> {
        self.change(|state, _| state.set_card(customer, works))
    }

    /// Pays an open invoice, with another card than the customer's.
    ///
    /// # Errors
    /// [`SandboxError`].
    pub fn pay_invoice(&self, invoice: &str) -> Result<(), SandboxError> {
        self.change(|state, now| state.pay_invoice(invoice, now))
    }

    /// Voids an open invoice.
    ///
    /// # Errors
    /// [`SandboxError`].
    pub fn void_invoice(&self, invoice: &str) -> Result<(), SandboxError> {
        self.change(|state, now| state.void_invoice(invoice, now))
    }

    /// Marks an open invoice as one that nobody will pay.
    ///
    /// # Errors
    /// [`SandboxError`].
    pub fn give_up_invoice(&self, invoice: &str) -> Result<(), SandboxError> {
        self.change(|state, now| state.give_up_invoice(invoice, now))
    }

    /// Ends a subscription at once.
    ///
    /// # Errors
    /// [`SandboxError`].
    pub fn cancel_subscription(&self, subscription: &str) -> Result<(), SandboxError> {
        self.change(|state, now| state.cancel(subscription, now))
    }

    /// Ends a subscription with its period.
    ///
    /// # Errors
    /// [`SandboxError`].
    pub fn cancel_later(&self, subscription: &str) -> Result<(), SandboxError> {
        self.change(|state, now| state.cancel_later(subscription, now))
    }

    /// The ids of a customer's subscriptions, newest first.
    pub fn subscriptions(&self, customer: &str) -> Vec<String> {
        self.tick();
        self.state().subscriptions_of(customer).into_iter().map(|it| it.id.clone()).collect()
    }

    /// The ids of a customer's invoices that somebody can pay, oldest first.
    pub fn unpaid_invoices(&self, customer: &str) -> Vec<String> {
        self.tick();
        let state = self.state();
        state.invoices_of(customer).into_iter().filter(|it| state.is_payable(it)).map(|it| it.id.clone()).collect()
    }

    /// All customers, by id, and which organization each one is, as far as it is known.
    pub fn customers(&self) -> Vec<(String, String)> {
        let state = self.state();
        let all = state.customers.values();
        all.map(|it| (it.id.clone(), it.metadata.get(ORG).cloned().unwrap_or_default())).collect()
    }
}
