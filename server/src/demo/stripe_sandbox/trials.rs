//! Ends of trials: by an update, or paused for lack of a card and resumed.

use super::{
    Sandbox,
    billing_records::{BillingReason, Item, Purpose, Span, SubscriptionStatus},
    collection::{Card, Collection},
    error::{ApiError, SandboxError},
    proration::charge,
    state::State,
};

impl Sandbox {
    /// Resumes a paused subscription: a new period starts now.
    pub fn resume_subscription(&self, subscription: &str) -> Result<(), SandboxError> {
        self.change(|state, now| {
            state.resume(subscription, true, now).map_err(|error| SandboxError::Refused(error.message))
        })
    }
}

impl State {
    /// Pauses a subscription whose trial ends without a card.
    pub(super) fn pause(&mut self, id: &str, now: i64) {
        if let Some(it) = self.subscriptions.get_mut(id) {
            it.status = SubscriptionStatus::Paused;
        }
        self.emit_subscription("customer.subscription.paused", id, now);
        self.emit_subscription("customer.subscription.updated", id, now);
    }

    /// Invoices a paused subscription. It is active once the invoice is paid. With `restarts`, a new period starts now;
    /// otherwise the current one is paid in part.
    pub(super) fn resume(&mut self, id: &str, restarts: bool, now: i64) -> Result<(), ApiError> {
        let it = self.subscriptions.get(id).ok_or_else(|| ApiError::missing("subscription", "subscription", id))?;
        if it.status != SubscriptionStatus::Paused {
            let status = it.status.name();
            return Err(ApiError::invalid(format!("Only paused subscriptions can be resumed; this one is {status}.")));
        }
        let mut it = it.clone();
        let anchor = if restarts { now } else { it.anchor };
        it.period = Span::around(anchor, now, it.interval());
        let licensed = it.items.iter().filter(|item| !item.price.metered);
        let line = |item: &Item| if restarts { item.line(it.period) } else { charge(item, it.period, now) };
        let lines: Vec<_> = licensed.map(line).collect();
        if self.collection(&it, it.totals(&lines).due_cents()) == Collection::Card(Card::None) {
            return Err(ApiError::no_card());
        }
        let invoice = self.issue(&mut it, BillingReason::Update, lines, now);
        if let Some(invoice) = self.invoices.get_mut(&invoice) {
            invoice.purpose = Purpose::Resumption;
        }
        self.subscriptions.insert(id.to_owned(), it);
        self.collect(&invoice, now);
        Ok(())
    }

    /// Activates a paused subscription: the invoice for `period` is being paid.
    pub(super) fn end_pause(&mut self, id: &str, period: Span, now: i64) {
        let Some(it) = self.subscriptions.get_mut(id).filter(|it| it.status == SubscriptionStatus::Paused) else {
            return;
        };
        (it.status, it.period) = (SubscriptionStatus::Active, period);
        if Span::around(it.anchor, period.start, it.interval()) != period {
            it.anchor = period.start;
        }
        self.emit_subscription("customer.subscription.resumed", id, now);
        self.emit_subscription("customer.subscription.updated", id, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::stripe_sandbox::{
        plans::DAY_SECONDS,
        testing::{MAY, check, emitted, on_pro, subscription},
    };

    /// A state whose trial ended without a card on 15 May.
    fn paused() -> State {
        let mut state = on_pro(Some(14));
        state.set_card("cus_1", Card::None).unwrap();
        state.advance(MAY + 60 * DAY_SECONDS);
        check(&mut state, &[(14, "customer.subscription.paused"), (14, "customer.subscription.updated")]);
        assert_eq!((subscription(&state).status.name(), state.invoices_of("cus_1").len()), ("paused", 1));
        state
    }

    #[test]
    fn a_paused_subscription_resumes_with_a_new_period() {
        let (mut state, now) = (paused(), MAY + 20 * DAY_SECONDS);
        let id = subscription(&state).id;
        let error = state.resume(&id, true, now).unwrap_err();
        assert_eq!((error.status.as_u16(), &error.body()["error"]["code"]), (400, &"resource_missing".into()));
        assert_eq!(state.invoices_of("cus_1").len(), 1);
        state.set_card("cus_1", Card::Works).unwrap();
        state.resume(&id, true, now).unwrap();
        let it = subscription(&state);
        assert_eq!(
            (it.status.name(), it.anchor, it.period),
            ("active", now, Span { start: now, end: now + 31 * DAY_SECONDS })
        );
        assert_eq!(state.invoices_of("cus_1")[1].amount_cents, 14_900);
        let expected = [
            "customer.subscription.resumed",
            "customer.subscription.updated",
            "charge.succeeded",
            "invoice.paid",
            "invoice.payment_succeeded",
        ];
        assert_eq!(emitted(&mut state), expected);
        assert!(state.resume(&id, true, now).is_err());
    }

    #[test]
    fn a_paused_subscription_resumes_in_its_period_and_only_when_paid() {
        let (mut state, now) = (paused(), MAY + 14 * DAY_SECONDS + 31 * DAY_SECONDS / 2);
        let id = subscription(&state).id;
        state.set_card("cus_1", Card::Declined).unwrap();
        state.resume(&id, false, now).unwrap();
        assert_eq!(subscription(&state).status.name(), "paused");
        assert_eq!(emitted(&mut state), ["invoice.payment_failed"]);
        state.pay_invoice(&subscription(&state).latest_invoice.unwrap(), now).unwrap();
        let (it, anchor) = (subscription(&state), MAY + 14 * DAY_SECONDS);
        assert_eq!((it.status.name(), it.anchor, it.period.start), ("active", anchor, anchor));
        assert_eq!(state.invoices_of("cus_1")[1].amount_cents, 7_450);
    }
}
