//! Notices: the state of an organization's payments for its plan, and the next change of the plan.

use crate::{
    billing::{
        invoices::{BillingReason, Invoice, InvoiceStatus, Invoices},
        standing::Standing,
        subscription::{Status, Subscriptions},
    },
    catalog::Catalog,
    names::PlanName,
    time::Instant,
};

/// Something that an organization should know, or do, about its plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice<'a> {
    /// A payment is overdue.
    Overdue {
        /// The first failure, or the due date.
        since: Instant,
        /// The invoice to pay; `None` if only the subscription's status says so.
        invoice: Option<&'a Invoice>,
    },
    /// A mailed invoice has to be paid by this time.
    Due {
        /// The due date.
        at: Instant,
        /// The invoice to pay.
        invoice: Option<&'a Invoice>,
    },
    /// An upgrade waits for the customer to confirm its payment.
    ConfirmUpgrade {
        /// When Stripe drops the upgrade.
        until: Instant,
        /// The invoice to confirm on.
        invoice: Option<&'a Invoice>,
    },
    /// The first payment is pending: a bank debit, or a payment that the customer has to confirm.
    FirstPayment {
        /// The invoice.
        invoice: Option<&'a Invoice>,
    },
    /// A bank is processing the payment of a renewal.
    InProgress {
        /// The invoice.
        invoice: &'a Invoice,
    },
    /// The trial has ended. The allowance starts with the first payment.
    AfterTrial {
        /// The invoice to pay, once there is one.
        invoice: Option<&'a Invoice>,
    },
    /// Payment collection is paused, so no further month has an allowance.
    CollectionPaused {
        /// The end of the time that is paid.
        until: Instant,
    },
    /// The subscription is paused and can be resumed.
    Paused {
        /// The plan's name at Stripe.
        plan: &'a str,
    },
    /// The free trial ends at this time, and the plan is charged.
    TrialEnds {
        /// The end of the trial.
        at: Instant,
    },
    /// The plan ends.
    Ends {
        /// When.
        at: Instant,
    },
    /// Another plan starts.
    Changes {
        /// The plan.
        plan: &'a PlanName,
        /// When it starts.
        at: Instant,
    },
}

/// Returns the notices at `now`, most urgent first.
pub fn notices<'a>(
    standing: &'a Standing<'a>,
    (record, invoices): (&'a Subscriptions, &'a Invoices),
    catalog: &Catalog,
    now: Instant,
) -> Vec<Notice<'a>> {
    let mut notices = Vec::new();
    match standing.overdue_since {
        Some(since) if since <= now => notices.push(Notice::Overdue { since, invoice: standing.due }),
        Some(at) => notices.push(Notice::Due { at, invoice: standing.due }),
        None => {}
    }
    let Some(in_force) = &standing.in_force else {
        if let Some(incomplete) = record.incomplete() {
            notices.push(Notice::FirstPayment { invoice: newest_open(invoices, &incomplete.id, |_| true) });
        }
        notices.extend(record.paused().map(|paused| Notice::Paused { plan: paused.plan_name() }));
        return notices;
    };
    let subscription = in_force.subscription;
    let open = |counts: fn(&Invoice) -> bool| newest_open(invoices, &subscription.id, counts);
    let is_update = |invoice: &Invoice| invoice.reason == Some(BillingReason::Update);
    if let Some(pending) = subscription.pending.as_ref().filter(|pending| pending.expires_at > now) {
        notices.push(Notice::ConfirmUpgrade { until: pending.expires_at, invoice: open(is_update) });
    }
    let is_in_progress = |invoice: &Invoice| {
        let is_renewal = invoice.reason != Some(BillingReason::Update) && invoice.due_at.is_none();
        is_renewal && invoice.attempted_at.is_some() && invoice.failed_at.is_none()
    };
    if let Some(invoice) = open(is_in_progress).filter(|_| subscription.status.is_good()) {
        notices.push(Notice::InProgress { invoice });
    }
    let unpaid_from = in_force.allowance_until.filter(|until| *until <= now);
    match (subscription.status, unpaid_from) {
        (Status::Paused, _) => notices.push(Notice::Paused { plan: subscription.plan_name() }),
        _ if subscription.collection_paused => {
            let until = in_force.allowance_until.unwrap_or(in_force.line.end);
            notices.push(Notice::CollectionPaused { until });
        }
        (Status::Active, Some(from)) if subscription.trial_end == Some(from) => {
            notices.push(Notice::AfterTrial { invoice: open(|_| true) });
        }
        (Status::Trialing, _) if in_force.next.is_none() => {
            notices.extend(subscription.trial_end.map(|at| Notice::TrialEnds { at }));
        }
        _ => {}
    }
    if let Some(next) = &in_force.next {
        let is_free = catalog.free_plan().is_some_and(|free| free.name == next.plan);
        notices.push(match is_free {
            true => Notice::Ends { at: next.from },
            false => Notice::Changes { plan: &next.plan, at: next.from },
        });
    }
    notices
}

/// Returns the newest open invoice of a subscription that `counts`.
fn newest_open<'a>(
    invoices: &'a Invoices,
    subscription: &str,
    counts: impl Fn(&Invoice) -> bool,
) -> Option<&'a Invoice> {
    let of = invoices.0.values().filter(|it| it.subscription.as_deref() == Some(subscription));
    of.filter(|it| it.status == InvoiceStatus::Open && counts(it)).max_by_key(|it| it.created_at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        DEFAULT_CATALOG,
        billing::{
            schedule::{Schedule, SchedulePhase},
            standing::assess,
            subscription::{PendingUpdate, Subscription, SubscriptionSnapshot},
        },
        decide::tests::world::{START, at, subscribed},
    };

    /// Checks the notices of one subscription and one invoice, by their names.
    #[track_caller]
    fn check(subscription: Subscription, invoice: Option<Invoice>, now: &str, expected: &[&str]) {
        let catalog = Catalog::parse(DEFAULT_CATALOG).unwrap();
        let mut record = Subscriptions::default();
        let id = subscription.id.clone();
        record.record(&SubscriptionSnapshot { number: 1, read_at: at(START), subscriptions: vec![subscription] }, &[]);
        let invoice = invoice.map(|invoice| ("in_1".to_owned(), Invoice { subscription: Some(id), ..invoice }));
        let invoices = Invoices(invoice.into_iter().collect());
        let standing = assess(&record, &invoices, &catalog, at(now));
        let found = notices(&standing, (&record, &invoices), &catalog, at(now));
        let names: Vec<String> =
            found.iter().map(|it| format!("{it:?}").split([' ', '{']).next().unwrap().into()).collect();
        assert_eq!(names, expected);
    }

    const LATER: &str = "2026-01-20T12:00:00Z";

    fn pro() -> Subscription {
        subscribed("sub_1", "pro", at(START))
    }

    #[test]
    fn each_state_of_a_payment_has_its_notice() {
        let open = Invoice { created_at: Some(at(START)), ..Invoice::default() };
        check(pro(), None, LATER, &[]);
        check(pro(), Some(Invoice { failed_at: Some(at(START)), ..open.clone() }), LATER, &["Overdue"]);
        check(Subscription { status: Status::PastDue, ..pro() }, None, LATER, &["Overdue"]);
        let mailed = Invoice { due_at: Some(at("2026-02-14T12:00:00Z")), ..open.clone() };
        check(pro(), Some(mailed.clone()), LATER, &["Due"]);
        check(pro(), Some(mailed), "2026-02-14T12:00:00Z", &["Overdue"]);
        check(pro(), Some(Invoice { attempted_at: Some(at(START)), ..open.clone() }), LATER, &["InProgress"]);
        check(Subscription { status: Status::Incomplete, ..pro() }, Some(open.clone()), LATER, &["FirstPayment"]);
        let pending = Subscription { pending: Some(PendingUpdate { expires_at: at("2026-01-21T00:00:00Z") }), ..pro() };
        let upgrade = Invoice { reason: Some(BillingReason::Update), failed_at: Some(at(START)), ..open };
        check(pending.clone(), Some(upgrade.clone()), LATER, &["ConfirmUpgrade"]);
        check(pending, Some(upgrade), "2026-01-21T00:00:00Z", &[]);
    }

    #[test]
    fn each_change_to_come_has_its_notice() {
        let end = Some(at("2026-02-15T12:00:00Z"));
        let trial = Subscription { status: Status::Trialing, trial_end: end, ..pro() };
        check(trial.clone(), None, LATER, &["TrialEnds"]);
        check(Subscription { cancel_at: end, ..trial.clone() }, None, LATER, &["Ends"]);
        check(Subscription { status: Status::Active, ..trial.clone() }, None, "2026-02-15T12:00:00Z", &["AfterTrial"]);
        check(Subscription { status: Status::Paused, ..trial }, None, "2026-02-15T12:00:00Z", &["Paused"]);
        check(Subscription { collection_paused: true, ..pro() }, None, LATER, &["CollectionPaused"]);
        check(Subscription { cancel_at: end, ..pro() }, None, LATER, &["Ends"]);
        let phases = vec![SchedulePhase { start: at("2026-02-15T12:00:00Z"), plans: vec!["enterprise".into()] }];
        let schedule = Schedule { id: "sub_sched_1".into(), phases };
        check(Subscription { schedule: Some(schedule), ..pro() }, None, LATER, &["Changes"]);
    }
}
