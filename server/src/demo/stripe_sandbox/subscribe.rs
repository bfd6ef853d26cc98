//! How subscriptions begin and end.

use super::{
    SandboxError, objects,
    plans::{DAY, Reason, Settlement, Span, Status, Subscription},
    sessions::Signup,
    state::{State, new_id},
};

impl State {
    /// Begins what a checkout sold: paid by card, or the bank was asked for the money.
    pub(super) fn subscribe(&mut self, signup: &Signup, by_card: bool, now: i64) -> String {
        let trial = signup.trial_days.map(|days| Span { start: now, end: now + i64::from(days) * DAY });
        let anchor = trial.map_or(now, |trial| trial.end);
        let status = match (trial, by_card) {
            (Some(_), _) => Status::Trialing,
            (None, true) => Status::Active,
            (None, false) => Status::Incomplete,
        };
        let id = new_id("sub_");
        let mut it = Subscription {
            id: id.clone(),
            item: new_id("si_"),
            number: self.number(),
            created: now,
            customer: signup.customer.clone(),
            price: signup.price.clone(),
            metadata: signup.subscription_metadata.clone(),
            anchor,
            period: trial.unwrap_or_else(|| Span::month(anchor, now)),
            trial,
            status,
            cancel_asked_at: None,
            latest_invoice: None,
        };
        let line = it.line();
        let invoice = self.issue(&mut it, Reason::Create, vec![line], now);
        self.subscriptions.insert(id.clone(), it);
        self.emit_subscription("customer.subscription.created", &id, now);
        if status != Status::Incomplete {
            self.paid(&invoice, now);
        }
        id
    }

    /// The bank makes the first payment.
    pub(super) fn start(&mut self, id: &str, now: i64) -> Result<(), SandboxError> {
        let it = self.subscriptions.get_mut(id).filter(|it| it.status == Status::Incomplete);
        let it = it.ok_or(SandboxError::WrongState("This subscription no longer waits for the bank."))?;
        it.status = Status::Active;
        // A month that is over is not paid for after the fact.
        if it.period.end <= now {
            (it.anchor, it.period) = (now, Span::month(now, now));
        }
        if let Some(invoice) = it.latest_invoice.clone() {
            self.paid(&invoice, now);
        }
        self.emit_subscription("customer.subscription.updated", id, now);
        Ok(())
    }

    /// The bank does not make the first payment: what waited for it is over, as if it had not begun.
    pub(super) fn give_back(&mut self, id: &str, now: i64) {
        let it = self.subscriptions.get_mut(id).filter(|it| it.status == Status::Incomplete);
        let Some(it) = it else { return };
        it.status = Status::IncompleteExpired { at: now };
        if let Some(invoice) = it.latest_invoice.clone() {
            self.failed(&invoice, now);
            if let Some(invoice) = self.invoices.get_mut(&invoice) {
                invoice.settlement = Settlement::Void { at: now };
            }
            self.emit_invoice("invoice.voided", &invoice, now);
        }
        self.emit_subscription("customer.subscription.updated", id, now);
    }

    pub(super) fn cancel(&mut self, id: &str, now: i64) -> Result<(), SandboxError> {
        self.unended(id)?.status = Status::Canceled { at: now };
        self.emit_subscription("customer.subscription.deleted", id, now);
        Ok(())
    }

    pub(super) fn cancel_later(&mut self, id: &str, now: i64) -> Result<(), SandboxError> {
        let it = self.unended(id)?;
        if it.cancel_asked_at.is_some() {
            return Err(SandboxError::WrongState("This subscription ends with its period already."));
        }
        it.cancel_asked_at = Some(now);
        self.emit_subscription("customer.subscription.updated", id, now);
        Ok(())
    }

    pub(super) fn set_card(&mut self, customer: &str, works: bool) -> Result<(), SandboxError> {
        let found = self.customers.get_mut(customer);
        found.ok_or_else(|| SandboxError::Unknown("customer", customer.to_owned()))?.card_fails = !works;
        Ok(())
    }

    pub(super) fn emit_subscription(&mut self, kind: &str, id: &str, now: i64) {
        let Some(it) = self.subscriptions.get(id) else { return };
        let object = objects::subscription(it);
        self.emit(kind, &object, now);
    }

    fn unended(&mut self, id: &str) -> Result<&mut Subscription, SandboxError> {
        let it = self.subscriptions.get_mut(id);
        let it = it.ok_or_else(|| SandboxError::Unknown("subscription", id.to_owned()))?;
        match it.ended_at() {
            None => Ok(it),
            Some(_) => Err(SandboxError::WrongState("This subscription has ended.")),
        }
    }
}
