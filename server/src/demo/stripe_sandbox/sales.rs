//! Completed checkouts: what the customer entered, and the invoice of a one-time payment.

use std::collections::BTreeMap;

use super::{
    billing_details::Address,
    billing_records::{BillingReason, Interval, Invoice, InvoiceLine, InvoiceStatus, Item, Price, Purpose, Span},
    ids::new_id,
    plans::signed,
    records::{Customer, Sale, Session, SessionMode},
    state::State,
};

impl State {
    /// Records the billing details that the customer enters on a session's page.
    pub(super) fn enter_billing_details(&mut self, session: &str) {
        let Some(session) = self.sessions.get_mut(session) else { return };
        let currency = session.currency().to_owned();
        let customer = session.customer().map(ToOwned::to_owned);
        let customer = customer.and_then(|id| self.customers.get_mut(&id));
        let mut details = customer.as_deref().map(Customer::billing_details).unwrap_or_default();
        let options = &session.options;
        if options.requires_address || options.automatic_tax {
            details.address.get_or_insert_with(|| Address::entered(&currency));
        }
        if options.collects_tax_id && currency == "eur" {
            details.tax_id.get_or_insert_with(|| ("eu_vat".into(), "DE123456789".into()));
        }
        if let Some(customer) = customer {
            if options.updates_address {
                customer.address.clone_from(&details.address);
            }
            customer.tax_id.clone_from(&details.tax_id);
        }
        session.details = Some(details);
    }

    /// Issues the paid invoice of a one-time payment, if the session creates one.
    pub(super) fn invoice_sale(&mut self, session: &str, payment_intent: Option<String>, now: i64) {
        let Some(session) = self.sessions.get(session).cloned() else { return };
        let (Some(metadata), SessionMode::Payment(sale)) = (&session.options.invoice_metadata, &session.mode) else {
            return;
        };
        let (id, totals) = (new_id("in_"), session.totals());
        let span = Span { start: now, end: now };
        let item = sale_item(sale, now);
        let line = item.line_of(sale.item.clone(), signed(sale.amount_cents), span);
        let invoice = Invoice {
            id: id.clone(),
            number: self.next_number(),
            created: now,
            customer: sale.customer.clone().unwrap_or_default(),
            subscription: String::new(),
            metadata: metadata.clone(),
            reason: BillingReason::Manual,
            item: sale.item.clone(),
            lines: vec![InvoiceLine { item: Some(item), ..line }],
            amount_cents: totals.due_cents(),
            currency: sale.currency.clone(),
            period: span,
            attempts: u32::from(payment_intent.is_some()),
            status: InvoiceStatus::Paid { at: now, payment_intent },
            awaits_confirmation: false,
            purpose: Purpose::Period,
            finalized_at: None,
            due_at: None,
            is_overdue: false,
            discount: None,
            discount_cents: totals.discount_cents,
            tax_cents: totals.tax_cents,
            details: session.details.clone().unwrap_or_default(),
        };
        self.invoices.insert(id.clone(), invoice);
        self.set_session_invoice(&session, &id);
        self.emit_invoice("invoice.paid", &id, now);
        self.emit_invoice("invoice.payment_succeeded", &id, now);
    }

    pub(super) fn set_session_invoice(&mut self, session: &Session, invoice: &str) {
        if let Some(session) = self.sessions.get_mut(&session.id) {
            session.invoice = Some(invoice.to_owned());
        }
    }
}

/// Returns a sale as an item, for its invoice's line.
fn sale_item(sale: &Sale, now: i64) -> Item {
    let price = Price {
        id: new_id("price_"),
        created: now,
        product: new_id("prod_"),
        name: sale.item.clone(),
        lookup_key: String::new(),
        unit_cents: sale.amount_cents / sale.quantity.max(1),
        currency: sale.currency.clone(),
        interval: Interval::Month,
        metered: false,
        metadata: BTreeMap::new(),
    };
    Item { quantity: sale.quantity, ..Item::new(price, now) }
}
