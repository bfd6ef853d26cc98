//! The passage of time: ends of trials, renewals, and payment retries.

use super::{
    billing_records::{BillingReason, Span, SubscriptionStatus},
    collection::{Card, Collection},
    state::State,
};

/// The most steps that one call applies. The rest follow at the next call.
const MAX_STEPS_PER_CALL: usize = 1_000;

/// A due step. The order of the variants decides between steps of the same instant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// The end of a pause of collection, by the subscription's number and id.
    PauseEnd(u64, String),
    /// The expiry of a pending update, by the subscription's number and id.
    UpdateExpiry(u64, String),
    /// The end of a subscription's period, by the subscription's number and id.
    PeriodEnd(u64, String),
    /// The due date of a mailed invoice, by the invoice's number and id.
    Overdue(u64, String),
    /// A payment retry, by the invoice's number and id.
    Retry(u64, String),
}

impl State {
    /// Applies all steps due by `now`, each at its own instant. Returns whether there were any.
    pub(super) fn advance(&mut self, now: i64) -> bool {
        for done in 0..MAX_STEPS_PER_CALL {
            let Some((at, step)) = self.next_step().filter(|(at, _)| *at <= now) else { return done > 0 };
            match step {
                Step::PauseEnd(_, subscription) => self.end_collection_pause(&subscription, at),
                Step::UpdateExpiry(_, subscription) => self.discard_update(&subscription, at),
                Step::PeriodEnd(_, subscription) => self.end_period(&subscription, at),
                Step::Overdue(_, invoice) => self.mark_overdue(&invoice, at),
                Step::Retry(_, invoice) => self.retry(&invoice, at),
            }
        }
        true
    }

    /// Returns the next step and its instant.
    fn next_step(&self) -> Option<(i64, Step)> {
        let live = self.subscriptions.values().filter(|it| it.is_live());
        let period_ends = live.map(|it| (it.period.end, Step::PeriodEnd(it.number, it.id.clone())));
        // The open invoices of an ended subscription are not retried.
        let is_live = |subscription: &str| self.subscriptions.get(subscription).is_some_and(|it| it.is_live());
        let collected = self.invoices.values().filter(|it| is_live(&it.subscription));
        let retries = collected.filter_map(|it| Some((it.next_attempt_at()?, Step::Retry(it.number, it.id.clone()))));
        let updates = self.subscriptions.values().filter_map(|it| {
            it.pending_update.as_ref().map(|update| (update.expires_at, Step::UpdateExpiry(it.number, it.id.clone())))
        });
        let mailed = self.invoices.values().filter(|it| it.is_open() && !it.is_overdue);
        let due = mailed.filter_map(|it| Some((it.due_at?, Step::Overdue(it.number, it.id.clone()))));
        let pauses = self.subscriptions.values().filter(|it| it.ended_at().is_none());
        let pauses = pauses.filter_map(|it| Some((it.pause?.resumes_at?, Step::PauseEnd(it.number, it.id.clone()))));
        updates.chain(pauses).chain(period_ends).chain(due).chain(retries).min()
    }

    /// Ends a trial or a billing period: cancels or renews the subscription.
    fn end_period(&mut self, id: &str, at: i64) {
        let Some(mut it) = self.subscriptions.get(id).cloned() else { return };
        if it.cancel_requested_at.is_some() {
            self.cancel_schedule(id, at);
            (it.status, it.schedule) = (SubscriptionStatus::Canceled { at }, None);
            self.subscriptions.insert(id.to_owned(), it);
            self.emit_subscription("customer.subscription.deleted", id, at);
            return;
        }
        if it.status == SubscriptionStatus::Trialing && self.collection(&it, 1) == Collection::Card(Card::None) {
            self.pause(id, at);
            return;
        }
        if it.status == SubscriptionStatus::Trialing {
            (it.status, it.anchor) = (SubscriptionStatus::Active, at);
        }
        self.advance_schedule(&mut it, at);
        let previous = it.period;
        it.period = Span::around(it.anchor, at, it.interval());
        let lines = it.renewal_lines(previous);
        let invoice = self.issue(&mut it, BillingReason::Cycle, lines, at);
        self.subscriptions.insert(id.to_owned(), it);
        self.collect(&invoice, at);
        self.emit_subscription("customer.subscription.updated", id, at);
    }

    fn retry(&mut self, id: &str, at: i64) {
        self.collect(id, at);
        let Some(invoice) = self.invoices.get(id) else { return };
        let subscription = invoice.subscription.clone();
        self.recover(&subscription, at);
    }
}

#[cfg(test)]
mod tests {
    use crate::demo::stripe_sandbox::{
        collection::Card,
        plans::DAY_SECONDS,
        testing::{MAY, check, on_pro},
    };

    #[test]
    fn a_failing_card_is_retried_three_times_each_at_its_own_instant() {
        let mut state = on_pro(None);
        state.set_card("cus_1", Card::Declined).unwrap();
        assert!(state.advance(MAY + 40 * DAY_SECONDS));
        check(
            &mut state,
            &[
                (31, "invoice.payment_failed"),
                (31, "customer.subscription.updated"),
                (34, "invoice.payment_failed"),
                (36, "invoice.payment_failed"),
                (38, "invoice.payment_failed"),
            ],
        );
        assert!(!state.advance(MAY + 40 * DAY_SECONDS));
    }

    #[test]
    fn a_renewal_that_needs_confirmation_stays_open_until_it_is_confirmed() {
        let mut state = on_pro(None);
        state.set_card("cus_1", Card::NeedsConfirmation).unwrap();
        state.advance(MAY + 31 * DAY_SECONDS);
        check(
            &mut state,
            &[
                (31, "invoice.payment_action_required"),
                (31, "invoice.payment_failed"),
                (31, "customer.subscription.updated"),
            ],
        );
        let invoice = state.invoices_of("cus_1")[1].clone();
        assert!(invoice.awaits_confirmation && invoice.is_open());
        state.pay_invoice(&invoice.id, MAY + 32 * DAY_SECONDS).unwrap();
        check(
            &mut state,
            &[
                (32, "charge.succeeded"),
                (32, "invoice.paid"),
                (32, "invoice.payment_succeeded"),
                (32, "customer.subscription.updated"),
            ],
        );
    }

    #[test]
    fn a_retry_that_succeeds_reactivates_the_subscription() {
        let mut state = on_pro(None);
        state.set_card("cus_1", Card::Declined).unwrap();
        state.advance(MAY + 31 * DAY_SECONDS);
        state.events.clear();
        state.set_card("cus_1", Card::Works).unwrap();
        state.advance(MAY + 40 * DAY_SECONDS);
        check(
            &mut state,
            &[
                (34, "charge.succeeded"),
                (34, "invoice.paid"),
                (34, "invoice.payment_succeeded"),
                (34, "customer.subscription.updated"),
            ],
        );
    }

    #[test]
    fn billing_periods_start_at_the_end_of_the_trial() {
        let mut state = on_pro(Some(14));
        state.advance(MAY + 50 * DAY_SECONDS);
        let month = ["charge.succeeded", "invoice.paid", "invoice.payment_succeeded", "customer.subscription.updated"];
        let expected: Vec<(i64, &str)> = [14, 45].into_iter().flat_map(|day| month.map(|kind| (day, kind))).collect();
        check(&mut state, &expected);
    }

    #[test]
    fn a_subscription_set_to_cancel_is_not_renewed() {
        let mut state = on_pro(None);
        let id = state.subscriptions_of("cus_1")[0].id.clone();
        state.cancel_at_period_end(&id, MAY).unwrap();
        state.advance(MAY + 100 * DAY_SECONDS);
        check(&mut state, &[(0, "customer.subscription.updated"), (31, "customer.subscription.deleted")]);
    }
}
