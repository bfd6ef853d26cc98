//! What time brings to subscriptions: trials end, months are renewed, cards are tried again.

use super::{
    plans::{Reason, Span, Status},
    state::State,
};

/// How much happens at one call. What is left happens at the next one.
const MAX_STEPS: usize = 1_000;

/// What is due, in the order in which it happens where the instant is the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// The period of the subscription of this number and id ends.
    Turn(u64, String),
    /// The card is tried again for the invoice of this number and id.
    Retry(u64, String),
}

impl State {
    /// Lets everything happen that is due by `now`, each at its own instant. Whether anything did.
    pub(super) fn advance(&mut self, now: i64) -> bool {
        for done in 0..MAX_STEPS {
            let Some((at, step)) = self.next_step().filter(|(at, _)| *at <= now) else { return done > 0 };
            match step {
                Step::Turn(_, subscription) => self.turn(&subscription, at),
                Step::Retry(_, invoice) => self.retry(&invoice, at),
            }
        }
        true
    }

    /// What is due next, and when.
    fn next_step(&self) -> Option<(i64, Step)> {
        let live = self.subscriptions.values().filter(|it| it.is_live());
        let turns = live.map(|it| (it.period.end, Step::Turn(it.number, it.id.clone())));
        // For what has ended nothing is collected any more.
        let collects = |subscription: &str| self.subscriptions.get(subscription).is_some_and(|it| it.is_live());
        let owed = self.invoices.values().filter(|it| collects(&it.subscription));
        let retries = owed.filter_map(|it| Some((it.next_try()?, Step::Retry(it.number, it.id.clone()))));
        turns.chain(retries).min()
    }

    /// The end of a trial or of a month.
    fn turn(&mut self, id: &str, at: i64) {
        let Some(mut it) = self.subscriptions.get(id).cloned() else { return };
        if it.cancel_asked_at.is_some() {
            it.status = Status::Canceled { at };
            self.subscriptions.insert(id.to_owned(), it);
            self.emit_subscription("customer.subscription.deleted", id, at);
            return;
        }
        if it.status == Status::Trialing {
            (it.status, it.anchor) = (Status::Active, at);
        }
        it.period = Span::month(it.anchor, at);
        let line = it.line();
        let invoice = self.issue(&mut it, Reason::Cycle, vec![line], at);
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
    use std::collections::BTreeMap;

    use serde_json::Value;

    use super::*;
    use crate::demo::stripe_sandbox::{
        plans::{DAY, Price},
        sessions::Signup,
        state::Customer,
    };

    /// 1 May 2026, 0:00 UTC.
    const MAY: i64 = 1_777_593_600;

    /// One customer on Pro since 1 May.
    fn on_pro(trial_days: Option<u32>) -> State {
        let mut state = State::default();
        let customer = Customer {
            id: "cus_1".into(),
            created: MAY,
            name: None,
            email: None,
            metadata: BTreeMap::new(),
            card_fails: false,
        };
        state.customers.insert("cus_1".into(), customer);
        let price = Price {
            id: "price_1".into(),
            created: MAY,
            product: "prod_1".into(),
            name: "Pro".into(),
            lookup_key: "pro".into(),
            unit_cents: 14_900,
            metadata: BTreeMap::new(),
        };
        let subscription_metadata = BTreeMap::new();
        state.subscribe(&Signup { customer: "cus_1".into(), price, trial_days, subscription_metadata }, true, MAY);
        state.events.clear();
        state
    }

    /// What was told since, and on which day after 1 May.
    #[track_caller]
    fn check(state: &mut State, expected: &[(i64, &str)]) {
        let told: Vec<(i64, String)> = state
            .events
            .drain(..)
            .map(|event| {
                let payload: Value = serde_json::from_str(&event.payload).unwrap();
                ((payload["created"].as_i64().unwrap() - MAY) / DAY, event.kind)
            })
            .collect();
        let told: Vec<(i64, &str)> = told.iter().map(|(day, kind)| (*day, kind.as_str())).collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn a_card_that_fails_is_tried_three_more_times_each_at_its_own_instant() {
        let mut state = on_pro(None);
        state.set_card("cus_1", false).unwrap();
        assert!(state.advance(MAY + 40 * DAY));
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
        assert!(!state.advance(MAY + 40 * DAY));
    }

    #[test]
    fn a_card_that_works_by_then_pays_and_the_subscription_is_active_again() {
        let mut state = on_pro(None);
        state.set_card("cus_1", false).unwrap();
        state.advance(MAY + 31 * DAY);
        state.events.clear();
        state.set_card("cus_1", true).unwrap();
        state.advance(MAY + 40 * DAY);
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
    fn months_are_counted_from_the_end_of_the_trial() {
        let mut state = on_pro(Some(14));
        state.advance(MAY + 50 * DAY);
        let month = ["charge.succeeded", "invoice.paid", "invoice.payment_succeeded", "customer.subscription.updated"];
        let expected: Vec<(i64, &str)> = [14, 45].into_iter().flat_map(|day| month.map(|kind| (day, kind))).collect();
        check(&mut state, &expected);
    }

    #[test]
    fn what_is_to_end_with_its_period_is_not_renewed() {
        let mut state = on_pro(None);
        let id = state.subscriptions_of("cus_1")[0].id.clone();
        state.cancel_later(&id, MAY).unwrap();
        state.advance(MAY + 100 * DAY);
        check(&mut state, &[(0, "customer.subscription.updated"), (31, "customer.subscription.deleted")]);
    }
}
