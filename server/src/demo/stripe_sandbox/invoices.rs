//! Subscription invoices: issued, paid, closed.

use std::collections::BTreeMap;

use super::{
    billing_records::{BillingReason, Invoice, InvoiceLine, InvoiceStatus, Purpose, Subscription, SubscriptionStatus},
    error::SandboxError,
    ids::new_id,
    invoice_objects,
    records::{Customer, Payment},
    state::State,
};

impl State {
    /// Pays an open invoice with a card that works, or confirms its payment.
    pub(super) fn pay_invoice(&mut self, id: &str, now: i64) -> Result<(), SandboxError> {
        let subscription = self.payable_invoice(id)?.subscription.clone();
        self.settle(id, now);
        self.recover(&subscription, now);
        Ok(())
    }

    /// Tries to pay an open invoice with a declined card.
    pub(super) fn decline_invoice(&mut self, id: &str, now: i64) -> Result<(), SandboxError> {
        let subscription = self.payable_invoice(id)?.subscription.clone();
        let status = self.subscriptions.get(&subscription).map(|it| it.status);
        self.record_failure(id, now);
        if self.subscriptions.get(&subscription).map(|it| it.status) != status {
            self.emit_subscription("customer.subscription.updated", &subscription, now);
        }
        Ok(())
    }

    pub(super) fn void_invoice(&mut self, id: &str, now: i64) -> Result<(), SandboxError> {
        let invoice = self.payable_invoice(id)?;
        if invoice.purpose == Purpose::PendingUpdate {
            let subscription = invoice.subscription.clone();
            self.discard_update(&subscription, now);
            return Ok(());
        }
        self.close_invoice(id, InvoiceStatus::Void { at: now }, "invoice.voided", now)
    }

    pub(super) fn mark_uncollectible(&mut self, id: &str, now: i64) -> Result<(), SandboxError> {
        self.close_invoice(id, InvoiceStatus::Uncollectible { at: now }, "invoice.marked_uncollectible", now)
    }

    /// Returns an invoice that can be paid: open, and without a pending bank debit.
    fn payable_invoice(&self, id: &str) -> Result<&Invoice, SandboxError> {
        let invoice = self.invoices.get(id).ok_or_else(|| SandboxError::Unknown("invoice", id.to_owned()))?;
        if !invoice.is_open() {
            return Err(SandboxError::WrongState("This invoice is no longer open."));
        }
        if !self.is_payable(invoice) {
            return Err(SandboxError::WrongState("This invoice has a pending bank debit."));
        }
        Ok(invoice)
    }

    /// Whether an invoice is open, without a pending bank debit.
    pub(super) fn is_payable(&self, invoice: &Invoice) -> bool {
        let subscription = self.subscriptions.get(&invoice.subscription);
        invoice.is_open() && subscription.is_none_or(|it| it.status != SubscriptionStatus::Incomplete)
    }

    /// Issues a subscription's next invoice, without an event.
    pub(super) fn issue(
        &mut self,
        of: &mut Subscription,
        reason: BillingReason,
        lines: Vec<InvoiceLine>,
        now: i64,
    ) -> String {
        let id = new_id("in_");
        let name = of.plan_item().map(|item| item.price.name.clone()).unwrap_or_default();
        let item = if reason == BillingReason::Update { format!("Change to {name}") } else { name };
        let totals = of.totals(&lines);
        let details = self.customers.get(&of.customer).map(Customer::billing_details).unwrap_or_default();
        let invoice = Invoice {
            id: id.clone(),
            number: self.next_number(),
            created: now,
            customer: of.customer.clone(),
            subscription: of.id.clone(),
            metadata: of.metadata.clone(),
            reason,
            item,
            amount_cents: totals.due_cents(),
            currency: of.currency().to_owned(),
            lines,
            period: of.period,
            attempts: 0,
            status: InvoiceStatus::Open { failed_at: None },
            awaits_confirmation: false,
            purpose: Purpose::Period,
            due_at: None,
            is_overdue: false,
            finalized_at: None,
            discount: of.discount.as_ref().map(|discount| discount.id.clone()),
            discount_cents: totals.discount_cents,
            tax_cents: totals.tax_cents,
            details,
        };
        of.latest_invoice = Some(id.clone());
        self.invoices.insert(id.clone(), invoice);
        id
    }

    /// Does what an open invoice pays for, and marks it as paid.
    pub(super) fn settle(&mut self, id: &str, now: i64) {
        let Some(invoice) = self.invoices.get(id) else { return };
        let (subscription, period) = (invoice.subscription.clone(), invoice.period);
        match invoice.purpose {
            Purpose::Period => {}
            Purpose::PendingUpdate => self.apply_update(&subscription, now),
            Purpose::Resumption => self.end_pause(&subscription, period, now),
        }
        self.mark_paid(id, now);
    }

    /// Marks an invoice as paid, and creates its payment if the amount isn't zero.
    pub(super) fn mark_paid(&mut self, id: &str, now: i64) {
        let Some(invoice) = self.invoices.get_mut(id) else { return };
        let payment = (invoice.amount_cents > 0).then(|| Payment {
            id: new_id("pi_"),
            customer: Some(invoice.customer.clone()),
            item: invoice.item.clone(),
            amount_cents: invoice.amount_cents,
            currency: invoice.currency.clone(),
            metadata: BTreeMap::new(),
            charge: None,
        });
        invoice.attempts = invoice.attempts.saturating_add(u32::from(payment.is_some()));
        let payment_intent = payment.as_ref().map(|payment| payment.id.clone());
        invoice.status = InvoiceStatus::Paid { at: now, payment_intent };
        invoice.awaits_confirmation = false;
        if let Some(payment) = payment {
            let payment_intent = payment.id.clone();
            self.payments.insert(payment_intent.clone(), payment);
            self.charge(&payment_intent, now);
        }
        self.emit_invoice("invoice.paid", id, now);
        self.emit_invoice("invoice.payment_succeeded", id, now);
    }

    pub(super) fn emit_invoice(&mut self, kind: &str, id: &str, now: i64) {
        let Some(invoice) = self.invoices.get(id) else { return };
        let object = invoice_objects::invoice(invoice, &self.base);
        self.emit(kind, &object, now);
    }

    fn close_invoice(&mut self, id: &str, status: InvoiceStatus, kind: &str, now: i64) -> Result<(), SandboxError> {
        let subscription = self.payable_invoice(id)?.subscription.clone();
        if let Some(invoice) = self.invoices.get_mut(id) {
            invoice.status = status;
        }
        self.emit_invoice(kind, id, now);
        self.recover(&subscription, now);
        Ok(())
    }
}
