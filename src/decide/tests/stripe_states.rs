//! The states that Stripe can bill in: each grants the plan and the months that are paid for, and no others.

use chrono::{Months, TimeDelta};

use super::world::{START, World, at, canceled, plan_line, subscribed, sync};
use crate::{
    billing::{
        invoices::{BillingReason, Invoice, InvoiceStatus, Invoices},
        license::{License, SuspensionCause},
        payment::{Dispute, DisputeStatus, Payment, Refund},
        schedule::{Schedule, SchedulePhase},
        standing::{Problem, assess},
        subscription::{PlanLine, Status, Subscription, SubscriptionSnapshot},
    },
    command::Command,
    ledger::grant::Source,
    time::Instant,
};

const DAY: i64 = 86_400;

fn start() -> Instant {
    at(START)
}

fn month(n: u32) -> Instant {
    start() + Months::new(n)
}

fn pro() -> Subscription {
    subscribed("sub_1", "pro", start())
}

fn with_status(status: Status, of: Subscription) -> Subscription {
    Subscription { status, ..of }
}

/// The subscription in its billing period from `start` on.
fn renewed(of: &Subscription, start: Instant) -> Subscription {
    Subscription { lines: vec![plan_line(&of.lines[0].plan, start)], ..of.clone() }
}

/// A renewal's invoice of `sub_1`, issued at `created_at`.
fn issued(created_at: Instant) -> Invoice {
    Invoice {
        subscription: Some("sub_1".into()),
        reason: Some(BillingReason::Cycle),
        created_at: Some(created_at),
        ..Invoice::default()
    }
}

fn failed(created_at: Instant) -> Invoice {
    Invoice { failed_at: Some(created_at), ..issued(created_at) }
}

fn paid(created_at: Instant) -> Invoice {
    Invoice { status: InvoiceStatus::Paid, paid_at: Some(created_at), ..issued(created_at) }
}

fn mailed(created_at: Instant, days_until_due: i64) -> Invoice {
    Invoice { due_at: Some(created_at + TimeDelta::days(days_until_due)), ..issued(created_at) }
}

/// The facts of one invoice. Its id is the time when it was issued.
fn facts(invoice: Invoice) -> Invoices {
    Invoices([(format!("in_{}", invoice.created_at.unwrap().timestamp()), invoice)].into())
}

/// Reads the subscriptions and an invoice from Stripe.
fn read(world: &mut World, subscriptions: &[Subscription], invoice: Option<Invoice>) {
    let number = world.account.subscriptions.number + 1;
    let snapshot = SubscriptionSnapshot { number, read_at: world.now, subscriptions: subscriptions.to_vec() };
    let invoices = invoice.map(facts).unwrap_or_default();
    world.run(Command::SyncSubscriptions { snapshot, reported: Vec::new(), invoices }).unwrap();
}

/// Records facts of an invoice alone.
fn record(world: &mut World, invoice: Invoice) {
    world.run(Command::RecordInvoices { facts: facts(invoice) }).unwrap();
}

fn go_to(world: &mut World, instant: Instant) {
    world.now = instant;
    world.advance();
}

/// Checks the plan, the AI grants and the license.
#[track_caller]
fn check(world: &World, plan: &str, lots: &str, license: &str) {
    let terms = &world.account.terms;
    assert_eq!((terms.plan.as_str(), &*world.lots(), terms.license.state()), (plan, lots, license), "at {}", world.now);
}

fn problems(world: &World) -> Vec<Problem> {
    let account = &world.account;
    assess(&account.subscriptions, &account.invoices, &world.catalog, world.now).problems
}

fn subscriber(subscriptions: &[Subscription]) -> World {
    let mut world = World::on("starter");
    read(&mut world, subscriptions, None);
    world
}

// Several plans at once.

#[test]
fn of_two_plan_lines_the_larger_counts_and_staff_are_notified() {
    for plans in [["pro", "enterprise"], ["enterprise", "pro"]] {
        let both = Subscription { lines: plans.map(|plan| plan_line(plan, start())).into(), ..pro() };
        let world = subscriber(&[both]);
        check(&world, "enterprise", "plan 2,000", "active");
        assert_eq!(problems(&world), [Problem::SeveralPlans]);
    }
}

#[test]
fn of_two_paid_subscriptions_the_larger_counts_whichever_is_newer() {
    let enterprise = subscribed("sub_2", "enterprise", start() - TimeDelta::days(5));
    let mut world = subscriber(std::slice::from_ref(&enterprise));
    let lots = world.lots();
    read(&mut world, &[enterprise.clone(), pro()], None);
    check(&world, "enterprise", &lots, "active");
    assert_eq!(problems(&world), [Problem::SeveralPlans]);
    read(&mut world, &[canceled(&enterprise, start()), pro()], None);
    check(&world, "pro", "plan 200", "active");
    assert_eq!(problems(&world), []);
}

#[test]
fn a_paid_plan_counts_before_a_larger_one_that_is_not_paid() {
    for status in [Status::PastDue, Status::Unpaid, Status::Paused, Status::Incomplete, Status::IncompleteExpired] {
        let mut world = subscriber(&[pro()]);
        world.wait(60);
        let larger = with_status(status, subscribed("sub_2", "enterprise", start()));
        // An invoice of the other subscription does not restrict the paid plan.
        let invoice = Invoice { subscription: Some("sub_2".into()), ..failed(start()) };
        read(&mut world, &[pro(), larger], Some(invoice));
        world.wait(40 * DAY);
        check(&world, "pro", "plan 200", "active");
    }
}

#[test]
fn an_incomplete_subscription_grants_nothing() {
    for status in [Status::Incomplete, Status::IncompleteExpired] {
        let world = subscriber(&[with_status(status, pro())]);
        check(&world, "starter", "", "active");
        assert!(!world.account.subscriptions.had_any());
    }
}

// An end in the future.

#[test]
fn a_plan_that_ends_in_a_year_is_paid_month_by_month_until_then() {
    let ends = Subscription { cancel_at: Some(month(12)), ..pro() };
    let mut world = subscriber(std::slice::from_ref(&ends));
    for n in 1..12 {
        go_to(&mut world, month(n));
        check(&world, "pro", "plan 200", "active");
        // Only some renewals are reported.
        if n % 3 == 0 {
            read(&mut world, &[renewed(&ends, month(n))], Some(paid(month(n))));
            check(&world, "pro", "plan 200", "active");
        }
    }
    go_to(&mut world, month(12));
    check(&world, "starter", "", "active");
    read(&mut world, &[canceled(&ends, month(12))], None);
    check(&world, "starter", "", "canceled");
}

#[test]
fn a_plan_that_ends_within_a_month_ends_at_that_instant() {
    let ends = Subscription { cancel_at: Some(start() + TimeDelta::days(10)), ..pro() };
    let mut world = subscriber(&[ends]);
    world.give(Source::Pack, 500, "");
    go_to(&mut world, start() + TimeDelta::days(10) - TimeDelta::seconds(1));
    check(&world, "pro", "plan 200, pack 500", "active");
    go_to(&mut world, start() + TimeDelta::days(10));
    assert_eq!(world.account.terms.plan.as_str(), "starter");
}

fn yearly(plan: &str) -> Subscription {
    let line = PlanLine { end: month(12), ..plan_line(plan, start()) };
    Subscription { lines: vec![line], ..subscribed("sub_1", plan, start()) }
}

#[test]
fn a_yearly_plan_has_a_monthly_allowance_and_ends_with_the_year() {
    let ends = Subscription { cancel_at: Some(month(12)), ..yearly("pro") };
    let mut world = subscriber(&[ends]);
    for n in 1..12 {
        world.spend(50);
        go_to(&mut world, month(n));
        check(&world, "pro", "plan 200", "active");
    }
    go_to(&mut world, month(12));
    check(&world, "starter", "", "active");
}

#[test]
fn a_downgrade_of_a_yearly_plan_waits_for_the_end_of_the_year() {
    let mut world = subscriber(&[yearly("enterprise")]);
    go_to(&mut world, month(3));
    read(&mut world, &[yearly("pro")], None);
    for n in 4..12 {
        go_to(&mut world, month(n));
        check(&world, "enterprise", "plan 2,000", "active");
    }
    go_to(&mut world, month(12));
    check(&world, "pro", "plan 200", "active");
}

// Mailed invoices.

fn by_mail() -> Subscription {
    Subscription { is_mailed: true, ..pro() }
}

#[test]
fn the_ladder_of_a_mailed_invoice_counts_from_its_due_date_without_any_event() {
    let mut world = World::on("starter");
    read(&mut world, &[by_mail()], Some(mailed(start(), 30)));
    go_to(&mut world, start() + TimeDelta::days(30) - TimeDelta::seconds(1));
    check(&world, "pro", "plan 200", "active");
    let due = start() + TimeDelta::days(30);
    go_to(&mut world, due);
    assert_eq!(world.account.terms.license, License::Grace { since: due });
    go_to(&mut world, due + TimeDelta::days(13));
    assert_eq!(world.account.terms.license, License::Grace { since: due });
    let end = due + TimeDelta::days(14);
    go_to(&mut world, end);
    let suspended = License::Suspended { since: end, cause: SuspensionCause::NonPayment };
    assert_eq!(world.account.terms.license, suspended);
    // No month is granted while it is suspended; a payment grants the present one.
    go_to(&mut world, month(2));
    check(&world, "pro", "", "suspended");
    let paid_at = Some(world.now);
    record(&mut world, Invoice { status: InvoiceStatus::Paid, paid_at, ..mailed(start(), 30) });
    check(&world, "pro", "plan 200", "active");
}

#[test]
fn a_first_mailed_invoice_that_is_never_paid_suspends() {
    let first = Invoice { reason: Some(BillingReason::Create), ..mailed(start(), 7) };
    let mut world = World::on("starter");
    read(&mut world, &[by_mail()], Some(first));
    go_to(&mut world, start() + TimeDelta::days(21));
    check(&world, "pro", "plan 200", "suspended");
}

#[test]
fn an_overdue_mailed_invoice_counts_even_if_it_was_never_attempted() {
    let mut world = subscriber(&[by_mail()]);
    world.wait(31 * DAY);
    let due = world.now - TimeDelta::days(1);
    let overdue = Invoice { due_at: Some(due), ..issued(start()) };
    read(&mut world, &[with_status(Status::PastDue, by_mail())], Some(overdue));
    assert_eq!(world.account.terms.license, License::Grace { since: due });
}

#[test]
fn a_declined_card_before_the_due_date_is_not_overdue() {
    let mut world = subscriber(&[by_mail()]);
    record(&mut world, Invoice { failed_at: Some(start()), attempted_at: Some(start()), ..mailed(start(), 30) });
    go_to(&mut world, start() + TimeDelta::days(29));
    check(&world, "pro", "plan 200", "active");
}

#[test]
fn a_past_due_status_counts_if_the_failure_was_not_reported() {
    // The list of invoices shows that it was attempted.
    let mut world = subscriber(&[pro()]);
    go_to(&mut world, month(1));
    let attempted = Invoice { attempted_at: Some(month(1)), ..issued(month(1)) };
    world.wait(60);
    read(&mut world, &[renewed(&with_status(Status::PastDue, pro()), month(1))], Some(attempted));
    assert_eq!(world.account.terms.license, License::Grace { since: month(1) });
    // No invoice is known: it counts from the first time that Stripe said so.
    let mut world = subscriber(&[pro()]);
    world.wait(60);
    let since = world.now;
    for _ in 0..3 {
        read(&mut world, &[with_status(Status::PastDue, pro())], None);
        assert_eq!(world.account.terms.license, License::Grace { since });
        world.wait(DAY);
    }
}

#[test]
fn a_bank_debit_in_progress_is_not_overdue() {
    let mut world = subscriber(&[pro()]);
    go_to(&mut world, month(1));
    let attempted = Invoice { attempted_at: Some(month(1)), ..issued(month(1)) };
    read(&mut world, &[renewed(&pro(), month(1))], Some(attempted));
    world.wait(10 * DAY);
    check(&world, "pro", "plan 200", "active");
}

// Voided and written off.

/// A subscriber whose renewal failed 15 days ago.
fn suspended() -> World {
    let mut world = subscriber(&[pro()]);
    go_to(&mut world, month(1));
    read(&mut world, &[renewed(&with_status(Status::PastDue, pro()), month(1))], Some(failed(month(1))));
    go_to(&mut world, month(1) + TimeDelta::days(15));
    read(&mut world, &[renewed(&with_status(Status::Unpaid, pro()), month(1))], None);
    check(&world, "pro", "plan 200", "suspended");
    world
}

#[test]
fn an_invoice_that_was_voided_or_written_off_has_not_been_paid() {
    for status in [InvoiceStatus::Void, InvoiceStatus::Uncollectible] {
        let mut world = suspended();
        record(&mut world, Invoice { status, ..failed(month(1)) });
        check(&world, "pro", "plan 200", "suspended");
        // The next month's invoice is a draft.
        go_to(&mut world, month(2));
        read(&mut world, &[renewed(&with_status(Status::Unpaid, pro()), month(2))], None);
        check(&world, "pro", "", "suspended");
        // Only the subscription's status or a payment restores it.
        let mut active = world.clone();
        read(&mut active, &[renewed(&pro(), month(2))], None);
        check(&active, "pro", "plan 200", "active");
        record(&mut world, paid(month(2)));
        check(&world, "pro", "plan 200", "active");
    }
}

#[test]
fn a_payment_restores_everything_and_grants_the_present_month() {
    let mut world = suspended();
    go_to(&mut world, month(2));
    check(&world, "pro", "", "suspended");
    let paid_at = Some(world.now);
    record(&mut world, Invoice { status: InvoiceStatus::Paid, paid_at, ..failed(month(1)) });
    check(&world, "pro", "plan 200", "active");
}

#[test]
fn an_invoice_voided_a_year_ago_does_not_suspend_at_the_next_failure() {
    let mut world = suspended();
    record(&mut world, Invoice { status: InvoiceStatus::Void, ..failed(month(1)) });
    go_to(&mut world, month(2));
    record(&mut world, paid(month(2)));
    read(&mut world, &[renewed(&pro(), month(2))], None);
    go_to(&mut world, month(13));
    record(&mut world, failed(month(13)));
    read(&mut world, &[renewed(&with_status(Status::PastDue, pro()), month(13))], None);
    assert_eq!(world.account.terms.license, License::Grace { since: month(13) });
}

// Trials.

fn trial(status: Status) -> Subscription {
    let end = start() + TimeDelta::days(14);
    let line = PlanLine { end, ..plan_line("pro", start()) };
    Subscription {
        status,
        trial_end: Some(end),
        anchor: crate::billing::period::Anchor(end),
        lines: vec![line],
        ..pro()
    }
}

#[test]
fn after_a_trial_nothing_is_granted_before_the_first_payment() {
    let end = start() + TimeDelta::days(14);
    let mut world = subscriber(&[trial(Status::Trialing)]);
    check(&world, "pro", "plan 200", "active");
    world.spend(200);
    go_to(&mut world, end);
    check(&world, "pro", "", "active");
    // Stripe moved on, but the first invoice is a draft for an hour.
    let started = renewed(&trial(Status::Active), end);
    read(&mut world, std::slice::from_ref(&started), None);
    check(&world, "pro", "", "active");
    let mut declined = world.clone();
    record(&mut declined, failed(end));
    read(&mut declined, &[Subscription { status: Status::PastDue, ..started.clone() }], None);
    check(&declined, "pro", "", "grace");
    go_to(&mut declined, end + Months::new(1));
    check(&declined, "pro", "", "suspended");
    record(&mut world, paid(end));
    check(&world, "pro", "plan 200", "active");
    go_to(&mut world, end + Months::new(1));
    check(&world, "pro", "plan 200", "active");
}

#[test]
fn an_unspent_trial_allowance_ends_with_the_trial() {
    let mut world = subscriber(&[trial(Status::Trialing)]);
    world.give(Source::Pack, 500, "");
    go_to(&mut world, start() + TimeDelta::days(14));
    check(&world, "pro", "pack 500", "active");
}

#[test]
fn a_trial_that_ends_without_a_card_ends_the_plan_until_it_is_resumed() {
    let end = start() + TimeDelta::days(14);
    let mut world = subscriber(&[trial(Status::Trialing)]);
    go_to(&mut world, end);
    read(&mut world, &[trial(Status::Paused)], None);
    check(&world, "starter", "", "active");
    assert!(world.account.subscriptions.paused().is_some() && world.account.subscriptions.had_any());
    world.wait(3 * DAY);
    let resumed = Subscription {
        anchor: crate::billing::period::Anchor(world.now),
        ..renewed(&trial(Status::Active), world.now)
    };
    let now = world.now;
    read(&mut world, std::slice::from_ref(&resumed), Some(paid(now)));
    check(&world, "pro", "plan 200", "active");
}

#[test]
fn a_subscription_paused_in_a_paid_month_keeps_that_month() {
    let mut world = World::on("starter");
    read(&mut world, &[pro()], Some(paid(start())));
    world.wait(DAY);
    read(&mut world, &[with_status(Status::Paused, pro())], None);
    check(&world, "pro", "plan 200", "active");
    go_to(&mut world, month(1));
    check(&world, "starter", "", "active");
}

// Paused collection.

#[test]
fn while_collection_is_paused_the_paid_month_stays_and_no_other_is_granted() {
    let mut world = World::on("starter");
    read(&mut world, &[pro()], Some(paid(start())));
    let paused = Subscription { collection_paused: true, ..pro() };
    read(&mut world, std::slice::from_ref(&paused), None);
    check(&world, "pro", "plan 200", "active");
    for n in 1..4 {
        go_to(&mut world, month(n));
        read(&mut world, &[renewed(&paused, month(n))], None);
        check(&world, "pro", "", "active");
    }
    // A month that is paid in the meantime is granted.
    let mut settled = world.clone();
    read(&mut settled, &[renewed(&paused, month(3))], Some(paid(month(3))));
    check(&settled, "pro", "plan 200", "active");
    read(&mut world, &[renewed(&pro(), month(3))], None);
    check(&world, "pro", "plan 200", "active");
}

// A month that began on what was last known.

#[test]
fn a_month_that_renewed_as_a_smaller_plan_has_only_that_plans_allowance() {
    let enterprise = subscribed("sub_1", "enterprise", start());
    for (spent, left) in [(0, "plan 200"), (100, "plan 100"), (300, "")] {
        let mut world = subscriber(std::slice::from_ref(&enterprise));
        go_to(&mut world, month(1));
        check(&world, "enterprise", "plan 2,000", "active");
        if spent > 0 {
            world.spend(spent);
        }
        world.wait(5);
        for _ in 0..2 {
            read(&mut world, &[renewed(&pro(), month(1))], Some(paid(month(1))));
            check(&world, "pro", left, "active");
        }
        // A later upgrade does not grant again what was spent.
        let larger = renewed(&enterprise, month(1));
        read(&mut world, &[larger], None);
        assert_eq!(world.balance().0, 2_000 - i64::from(spent));
    }
}

/// The subscription with a schedule of these plans, by their starts.
fn scheduled(of: &Subscription, phases: &[(Instant, &[&str])]) -> Subscription {
    let phase = |(start, plans): &(Instant, &[&str])| SchedulePhase {
        start: *start,
        plans: plans.iter().map(|plan| (*plan).to_owned()).collect(),
    };
    let schedule = Schedule { id: "sub_sched_1".into(), phases: phases.iter().map(phase).collect() };
    Subscription { schedule: Some(schedule), ..of.clone() }
}

/// The next plan and when it starts, in days from the start of the test.
fn next_plan(world: &World) -> Option<(String, i64)> {
    let next = world.account.terms.next_plan.as_ref()?;
    Some((next.plan.to_string(), (next.from - start()).num_days()))
}

#[test]
fn a_scheduled_change_is_the_next_plan() {
    let enterprise = subscribed("sub_1", "enterprise", start());
    let middle = start() + TimeDelta::days(10);
    let is_next = |of: &Subscription, phases: &[(Instant, &[&str])], expected: Option<(&str, i64)>| {
        let world = subscriber(&[scheduled(of, phases)]);
        assert_eq!(next_plan(&world), expected.map(|(plan, day)| (plan.to_owned(), day)), "{phases:?}");
    };
    is_next(&enterprise, &[(start(), &["enterprise"]), (month(1), &["pro"])], Some(("pro", 31)));
    is_next(&enterprise, &[(start(), &["enterprise"]), (month(1), &["enterprise"])], None);
    is_next(&enterprise, &[(month(1), &["enterprise"]), (month(2), &["pro"]), (month(3), &[])], Some(("pro", 59)));
    // A smaller plan waits for the end of the paid month, a larger one does not.
    is_next(&enterprise, &[(start(), &["enterprise"]), (middle, &["pro"])], Some(("pro", 31)));
    is_next(&pro(), &[(start(), &["pro"]), (middle, &["enterprise"])], Some(("enterprise", 10)));
    // Of several plans the larger one counts, without a plan the free one; unknown plans are ignored.
    is_next(&pro(), &[(month(1), &["pro", "enterprise"])], Some(("enterprise", 31)));
    is_next(&pro(), &[(month(1), &[])], Some(("starter", 31)));
    is_next(&pro(), &[(month(1), &["gold"])], None);
    let ends = Subscription { cancel_at: Some(month(1)), ..enterprise };
    is_next(&ends, &[(month(2), &["pro"])], Some(("starter", 31)));
}

#[test]
fn a_scheduled_downgrade_counts_from_its_renewal_without_any_event() {
    let enterprise = subscribed("sub_1", "enterprise", start());
    let mut world = subscriber(&[scheduled(&enterprise, &[(start(), &["enterprise"]), (month(1), &["pro"])])]);
    go_to(&mut world, month(1));
    check(&world, "pro", "plan 200", "active");
    read(&mut world, &[scheduled(&renewed(&pro(), month(1)), &[(month(1), &["pro"])])], Some(paid(month(1))));
    check(&world, "pro", "plan 200", "active");
}

#[test]
fn a_scheduled_upgrade_grants_its_allowance_when_stripe_reports_it() {
    let mut world = subscriber(&[scheduled(&pro(), &[(start(), &["pro"]), (month(1), &["enterprise"])])]);
    go_to(&mut world, month(1));
    check(&world, "pro", "plan 200", "active");
    assert_eq!(next_plan(&world), None);
    let enterprise = renewed(&subscribed("sub_1", "enterprise", start()), month(1));
    read(&mut world, &[enterprise], Some(paid(month(1))));
    check(&world, "enterprise", "plan 2,000", "active");
}

#[test]
fn a_released_schedule_changes_nothing() {
    let enterprise = subscribed("sub_1", "enterprise", start());
    let mut world = subscriber(&[scheduled(&enterprise, &[(start(), &["enterprise"]), (month(1), &["pro"])])]);
    read(&mut world, std::slice::from_ref(&enterprise), None);
    assert_eq!(next_plan(&world), None);
    go_to(&mut world, month(1));
    check(&world, "enterprise", "plan 2,000", "active");
}

#[test]
fn an_upgrade_that_only_an_event_reports_counts_for_its_month() {
    let mut world = subscriber(&[pro()]);
    world.wait(60);
    // Upgraded and paid, then scheduled down again, before anything was read.
    let reported = vec![subscribed("sub_1", "enterprise", start())];
    let snapshot = SubscriptionSnapshot { number: 2, read_at: world.now, subscriptions: vec![pro()] };
    let command = Command::SyncSubscriptions { snapshot, reported, invoices: Invoices::default() };
    world.run(command).unwrap();
    check(&world, "enterprise", "plan 2,000", "active");
    assert_eq!(world.account.terms.next_plan.as_ref().map(|next| next.from), Some(month(1)));
    go_to(&mut world, month(1));
    check(&world, "pro", "plan 200", "active");
}

#[test]
fn an_upgrade_that_is_not_paid_grants_nothing_more() {
    let mut world = subscriber(&[pro()]);
    world.wait(60);
    let upgrade = Invoice { reason: Some(BillingReason::Update), ..failed(world.now) };
    // As a change that waits for its payment: the plan goes on.
    let pending = Subscription {
        pending: Some(crate::billing::subscription::PendingUpdate { expires_at: world.now + TimeDelta::days(1) }),
        ..pro()
    };
    read(&mut world, &[pending], Some(upgrade.clone()));
    check(&world, "pro", "plan 200", "active");
    // As a change made by hand that was not paid.
    let past_due = with_status(Status::PastDue, subscribed("sub_1", "enterprise", start()));
    read(&mut world, &[past_due], Some(upgrade));
    check(&world, "pro", "plan 200", "grace");
}

// Refunds and disputes of what was paid for the plan.

/// The facts of a paid invoice of 10,000, of which this much went back or is disputed.
fn returned(created_at: Instant, minor: u64, dispute: Option<DisputeStatus>) -> Invoice {
    let mut payment = Payment { paid_minor: Some(10_000), ..Payment::default() };
    match dispute {
        Some(status) => drop(payment.disputes.insert("dp_1".into(), Dispute { minor, currency: None, status })),
        None => drop(payment.refunds.insert("re_1".into(), Refund { minor, failed: false })),
    }
    Invoice { payment, ..paid(created_at) }
}

#[test]
fn a_refund_of_the_months_invoice_takes_the_same_share_of_the_allowance() {
    for (spent, minor, left) in [
        (0, 10_000, ""),
        (50, 10_000, ""),
        (50, 5_000, "plan 50"),
        (150, 5_000, ""),
        (0, 1, "plan 200"),
        (0, 2_500, "plan 150"),
    ] {
        let mut world = World::on("starter");
        read(&mut world, &[pro()], Some(paid(start())));
        if spent > 0 {
            world.spend(spent);
        }
        for _ in 0..2 {
            record(&mut world, returned(start(), minor, None));
            check(&world, "pro", left, "active");
        }
        // The next month has a payment of its own.
        go_to(&mut world, month(1));
        read(&mut world, &[renewed(&pro(), month(1))], Some(paid(month(1))));
        check(&world, "pro", "plan 200", "active");
    }
}

#[test]
fn a_refund_that_fails_returns_the_allowance() {
    let mut world = World::on("starter");
    read(&mut world, &[pro()], Some(paid(start())));
    world.spend(50);
    record(&mut world, returned(start(), 10_000, None));
    check(&world, "pro", "", "active");
    let mut failed = returned(start(), 10_000, None);
    failed.payment.refunds.get_mut("re_1").unwrap().failed = true;
    record(&mut world, failed);
    check(&world, "pro", "plan 150", "active");
}

#[test]
fn a_disputed_month_is_set_aside_until_it_is_decided() {
    let closed = |lost| DisputeStatus::Closed { reported_at: 1, lost };
    for (decision, left) in [(closed(false), "plan 200"), (closed(true), "")] {
        let mut world = World::on("starter");
        read(&mut world, &[pro()], Some(paid(start())));
        record(&mut world, returned(start(), 10_000, Some(DisputeStatus::Inquiry)));
        check(&world, "pro", "plan 200", "active");
        record(&mut world, returned(start(), 10_000, Some(DisputeStatus::Open)));
        check(&world, "pro", "", "active");
        record(&mut world, returned(start(), 10_000, Some(decision)));
        check(&world, "pro", left, "active");
    }
}

#[test]
fn a_refunded_year_grants_no_further_month() {
    let mut world = World::on("starter");
    read(&mut world, &[yearly("pro")], Some(paid(start())));
    go_to(&mut world, month(2));
    world.spend(50);
    record(&mut world, returned(start(), 10_000, None));
    check(&world, "pro", "", "active");
    go_to(&mut world, month(3));
    check(&world, "pro", "", "active");
}

// A customer that Stripe no longer has; names that we do not know.

#[test]
fn a_plan_ends_when_stripe_no_longer_has_its_subscription() {
    let mut world = subscriber(&[pro()]);
    world.wait(DAY);
    let since = world.now;
    for _ in 0..2 {
        read(&mut world, &[], None);
        assert_eq!(world.account.terms.license, License::Canceled { since });
        world.wait(DAY);
    }
    assert_eq!(world.account.terms.plan.as_str(), "starter");
    assert!(world.account.subscriptions.had_any(), "no second trial");
    go_to(&mut world, month(1));
    check(&world, "starter", "", "canceled");
}

#[test]
fn with_an_unknown_plan_the_last_known_one_holds_and_staff_are_notified() {
    let gold = subscribed("sub_1", "gold", start());
    let mut world = subscriber(&[pro()]);
    read(&mut world, std::slice::from_ref(&gold), None);
    check(&world, "pro", "plan 200", "active");
    assert_eq!(problems(&world), [Problem::UnknownPlan("gold".into())]);
    go_to(&mut world, month(1));
    read(&mut world, &[renewed(&gold, month(1))], None);
    check(&world, "pro", "plan 200", "active");
    check(&subscriber(&[gold]), "starter", "", "active");
}

#[test]
fn a_stale_read_after_a_renewal_keeps_the_plan() {
    let mut world = subscriber(&[pro()]);
    go_to(&mut world, month(2));
    world.run(sync(9, world.now, vec![pro()])).unwrap();
    check(&world, "pro", "plan 200", "active");
}
