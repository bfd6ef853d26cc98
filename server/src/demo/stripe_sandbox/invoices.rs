//! Invoices of subscriptions: how they are drawn up, paid, or not.

use std::collections::BTreeMap;

use super::{
    SandboxError, objects,
    plans::{Invoice, Line, Reason, Settlement, Status, Subscription},
    state::{Payment, State, new_id},
};

impl State {
    /// Somebody pays an open invoice, with whatever card.
    pub(super) fn pay_invoice(&mut self, id: &str, now: i64) -> Result<(), SandboxError> {
        let subscription = self.open_invoice(id)?.subscription.clone();
        self.paid(id, now);
        self.recover(&subscription, now);
        Ok(())
    }

    pub(super) fn void_invoice(&mut self, id: &str, now: i64) -> Result<(), SandboxError> {
        self.close_invoice(id, Settlement::Void { at: now }, "invoice.voided", now)
    }

    pub(super) fn give_up_invoice(&mut self, id: &str, now: i64) -> Result<(), SandboxError> {
        self.close_invoice(id, Settlement::Uncollectible { at: now }, "invoice.marked_uncollectible", now)
    }

    /// An invoice that somebody can pay: not one that the bank was asked to pay.
    fn open_invoice(&self, id: &str) -> Result<&Invoice, SandboxError> {
        let invoice = self.invoices.get(id).ok_or_else(|| SandboxError::Unknown("invoice", id.to_owned()))?;
        if !invoice.is_open() {
            return Err(SandboxError::WrongState("This invoice is no longer open."));
        }
        if !self.is_payable(invoice) {
            return Err(SandboxError::WrongState("The bank has been asked to pay this invoice."));
        }
        Ok(invoice)
    }

    /// Whether an invoice waits for somebody to pay it.
    pub(super) fn is_payable(&self, invoice: &Invoice) -> bool {
        let subscription = self.subscriptions.get(&invoice.subscription);
        invoice.is_open() && subscription.is_none_or(|it| it.status != Status::Incomplete)
    }

    /// Draws up an invoice for `lines`, the latest one of a subscription. Nothing is told of it yet.
    pub(super) fn issue(&mut self, of: &mut Subscription, reason: Reason, lines: Vec<Line>, now: i64) -> String {
        let id = new_id("in_");
        let name = &of.price.name;
        let item = if reason == Reason::Update { format!("Change to {name}") } else { name.clone() };
        let total_cents: i64 = lines.iter().map(|line| line.cents).sum();
        let invoice = Invoice {
            id: id.clone(),
            number: self.number(),
            created: now,
            customer: of.customer.clone(),
            subscription: of.id.clone(),
            metadata: of.metadata.clone(),
            reason,
            item,
            lines,
            amount_cents: u64::try_from(total_cents).unwrap_or_default(),
            period: of.period,
            attempts: 0,
            settlement: Settlement::Open { failed_at: None },
        };
        of.latest_invoice = Some(id.clone());
        self.invoices.insert(id.clone(), invoice);
        id
    }

    /// Takes an open invoice's money from the customer's card, if that works.
    pub(super) fn collect(&mut self, id: &str, now: i64) {
        let Some(invoice) = self.invoices.get(id) else { return };
        if self.card_works(&invoice.customer) {
            self.paid(id, now);
        } else {
            self.failed(id, now);
        }
    }

    /// The money for an invoice is there.
    pub(super) fn paid(&mut self, id: &str, now: i64) {
        let Some(invoice) = self.invoices.get_mut(id) else { return };
        let payment = (invoice.amount_cents > 0).then(|| Payment {
            id: new_id("pi_"),
            customer: Some(invoice.customer.clone()),
            item: invoice.item.clone(),
            amount_cents: invoice.amount_cents,
            metadata: BTreeMap::new(),
            charge: None,
        });
        invoice.attempts = invoice.attempts.saturating_add(u32::from(payment.is_some()));
        let payment_intent = payment.as_ref().map(|payment| payment.id.clone());
        invoice.settlement = Settlement::Paid { at: now, payment_intent };
        if let Some(payment) = payment {
            let payment_intent = payment.id.clone();
            self.payments.insert(payment_intent.clone(), payment);
            self.charge(&payment_intent, now);
        }
        self.emit_invoice("invoice.paid", id, now);
        self.emit_invoice("invoice.payment_succeeded", id, now);
    }

    /// A payment of an invoice failed.
    pub(super) fn failed(&mut self, id: &str, now: i64) {
        let Some(invoice) = self.invoices.get_mut(id) else { return };
        invoice.attempts = invoice.attempts.saturating_add(1);
        if let Settlement::Open { failed_at } = &mut invoice.settlement {
            failed_at.get_or_insert(now);
        }
        if let Some(it) = self.subscriptions.get_mut(&invoice.subscription)
            && it.is_live()
        {
            it.status = Status::PastDue;
        }
        self.emit_invoice("invoice.payment_failed", id, now);
    }

    /// A subscription that was past due is active again once nothing is left to pay.
    pub(super) fn recover(&mut self, subscription: &str, now: i64) {
        if self.invoices.values().any(|it| it.subscription == subscription && it.is_open()) {
            return;
        }
        let Some(it) = self.subscriptions.get_mut(subscription) else { return };
        if it.status == Status::PastDue {
            it.status = Status::Active;
            self.emit_subscription("customer.subscription.updated", subscription, now);
        }
    }

    pub(super) fn emit_invoice(&mut self, kind: &str, id: &str, now: i64) {
        let Some(invoice) = self.invoices.get(id) else { return };
        let object = objects::invoice(invoice, &self.base);
        self.emit(kind, &object, now);
    }

    fn close_invoice(&mut self, id: &str, how: Settlement, kind: &str, now: i64) -> Result<(), SandboxError> {
        let subscription = self.open_invoice(id)?.subscription.clone();
        if let Some(invoice) = self.invoices.get_mut(id) {
            invoice.settlement = how;
        }
        self.emit_invoice(kind, id, now);
        self.recover(&subscription, now);
        Ok(())
    }
}
