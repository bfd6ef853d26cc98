//! The start and the end of subscriptions.

use super::{
    billing_records::{BillingReason, InvoiceStatus, Item, Span, Subscription, SubscriptionStatus},
    collection::Card,
    discounts::Discount,
    error::SandboxError,
    ids::new_id,
    plans::DAY_SECONDS,
    records::Signup,
    state::State,
    subscription_objects,
    totals::Terms,
};

impl State {
    /// Creates a checkout's subscription. Without `by_card`, the bank debit for the first payment is pending.
    pub(super) fn subscribe(&mut self, signup: &Signup, terms: Terms, by_card: bool, now: i64) -> String {
        let trial = signup.trial_days.map(|days| Span { start: now, end: now + i64::from(days) * DAY_SECONDS });
        let anchor = trial.map_or(now, |trial| trial.end);
        let status = match (trial, by_card || terms.percent_off == 100) {
            (Some(_), _) => SubscriptionStatus::Trialing,
            (None, true) => SubscriptionStatus::Active,
            (None, false) => SubscriptionStatus::Incomplete,
        };
        let id = new_id("sub_");
        let mut it = Subscription {
            id: id.clone(),
            items: vec![Item::new(signup.price.clone(), now)],
            number: self.next_number(),
            created: now,
            customer: signup.customer.clone(),
            metadata: signup.subscription_metadata.clone(),
            anchor,
            period: trial.unwrap_or_else(|| Span::around(anchor, now, signup.price.interval)),
            trial,
            status,
            cancel_requested_at: None,
            latest_invoice: None,
            pending_update: None,
            days_until_due: None,
            pause: None,
            schedule: None,
            discount: Discount::new(terms.percent_off),
            is_taxed: terms.is_taxed,
        };
        // The card that paid becomes the customer's, unless one is saved already.
        if let Some(customer) = self.customers.get_mut(&signup.customer).filter(|it| it.card == Card::None) {
            customer.card = Card::Works;
        }
        let lines = it.first_lines();
        let invoice = self.issue(&mut it, BillingReason::Create, lines, now);
        self.subscriptions.insert(id.clone(), it);
        self.emit_subscription("customer.subscription.created", &id, now);
        if status != SubscriptionStatus::Incomplete {
            self.mark_paid(&invoice, now);
        }
        id
    }

    /// Activates a subscription: the bank debit for its first payment succeeded.
    pub(super) fn activate(&mut self, id: &str, now: i64) -> Result<(), SandboxError> {
        let it = self.subscriptions.get_mut(id).filter(|it| it.status == SubscriptionStatus::Incomplete);
        let it = it.ok_or(SandboxError::WrongState("This subscription has no pending bank debit."))?;
        it.status = SubscriptionStatus::Active;
        // If the first period is over, the subscription starts now instead.
        if it.period.end <= now {
            (it.anchor, it.period) = (now, Span::around(now, now, it.interval()));
        }
        if let Some(invoice) = it.latest_invoice.clone() {
            self.mark_paid(&invoice, now);
        }
        self.emit_subscription("customer.subscription.updated", id, now);
        Ok(())
    }

    /// Expires a subscription: the bank debit for its first payment failed.
    pub(super) fn expire_incomplete(&mut self, id: &str, now: i64) {
        let it = self.subscriptions.get_mut(id).filter(|it| it.status == SubscriptionStatus::Incomplete);
        let Some(it) = it else { return };
        it.status = SubscriptionStatus::IncompleteExpired { at: now };
        if let Some(invoice) = it.latest_invoice.clone() {
            self.record_failure(&invoice, now);
            if let Some(invoice) = self.invoices.get_mut(&invoice) {
                invoice.status = InvoiceStatus::Void { at: now };
            }
            self.emit_invoice("invoice.voided", &invoice, now);
        }
        self.emit_subscription("customer.subscription.updated", id, now);
    }

    pub(super) fn cancel(&mut self, id: &str, now: i64) -> Result<(), SandboxError> {
        self.not_ended(id)?;
        self.discard_update(id, now);
        self.cancel_schedule(id, now);
        self.not_ended(id)?.status = SubscriptionStatus::Canceled { at: now };
        self.emit_subscription("customer.subscription.deleted", id, now);
        Ok(())
    }

    pub(super) fn cancel_at_period_end(&mut self, id: &str, now: i64) -> Result<(), SandboxError> {
        let it = self.not_ended(id)?;
        if it.cancel_requested_at.is_some() {
            return Err(SandboxError::WrongState(
                "This subscription is already set to cancel at the end of the period.",
            ));
        }
        if it.schedule.is_some() {
            return Err(SandboxError::WrongState("This subscription has a schedule. Release it first."));
        }
        it.cancel_requested_at = Some(now);
        self.emit_subscription("customer.subscription.updated", id, now);
        Ok(())
    }

    pub(super) fn set_card(&mut self, customer: &str, card: Card) -> Result<(), SandboxError> {
        let found = self.customers.get_mut(customer);
        found.ok_or_else(|| SandboxError::Unknown("customer", customer.to_owned()))?.card = card;
        Ok(())
    }

    pub(super) fn emit_subscription(&mut self, kind: &str, id: &str, now: i64) {
        let Some(it) = self.subscriptions.get(id) else { return };
        let object = subscription_objects::subscription(it);
        self.emit(kind, &object, now);
    }

    pub(super) fn not_ended(&mut self, id: &str) -> Result<&mut Subscription, SandboxError> {
        let it = self.subscriptions.get_mut(id);
        let it = it.ok_or_else(|| SandboxError::Unknown("subscription", id.to_owned()))?;
        match it.ended_at() {
            None => Ok(it),
            Some(_) => Err(SandboxError::WrongState("This subscription has ended.")),
        }
    }
}
