//! Subscriptions through their whole lives, in any order of events: an organization has the months that were paid, and
//! no others. What was paid is kept by a model of its own.

use chrono::{Months, TimeDelta};
use proptest::prelude::*;

use super::history::check;
use crate::{
    billing::{
        invoices::{BillingReason, Invoice, InvoiceStatus, Invoices},
        money::Currency,
        period::Anchor,
        subscription::{PlanLine, Status, Subscription, SubscriptionSnapshot},
    },
    command::Command,
    decide::tests::world::{START, World, at},
    ledger::audit,
    time::Instant,
};

/// The plans and their monthly allowance of AI tokens, smallest first.
const PLANS: [(&str, i64); 3] = [("starter", 0), ("pro", 200), ("enterprise", 2_000)];
const TRIAL_DAYS: i64 = 10;
const GRACE_DAYS: i64 = 14;

/// A step in a customer's life at Stripe.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Subscribes to the plan with this index, if nothing is subscribed.
    Subscribe { plan: usize, trial: bool },
    /// Upgrades to Enterprise and pays.
    Upgrade,
    /// Schedules a downgrade to Pro for the renewal.
    Downgrade,
    /// Sets the subscription to end with its period.
    CancelAtEnd,
    /// Ends the subscription now.
    CancelNow,
    /// Pays what is due.
    Pay,
    /// A day passes.
    Wait,
    /// The period ends and renews. Its invoice is paid, or the payment fails.
    Renew { pays: bool },
    /// The collected events arrive, in this order.
    Deliver { order: u64 },
}

/// What a period was paid for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Payment {
    Trial,
    Paid,
    /// The payment of a renewal failed.
    Failed,
    /// The payment after a trial failed.
    FailedAfterTrial,
}

/// Stripe's side: one customer, and the model of what was paid.
struct Stripe {
    now: Instant,
    subscriptions: Vec<Subscription>,
    invoices: Invoices,
    /// The present period: its payment, the largest plan in it, and the plan of the next one.
    period: Option<(Payment, usize, usize)>,
    had_any: bool,
    events: Vec<(Option<Subscription>, Invoices)>,
}

impl Stripe {
    fn current(&mut self) -> Option<&mut Subscription> {
        self.subscriptions.last_mut().filter(|it| !it.status.is_over())
    }

    fn emit_subscription(&mut self) {
        let state = self.subscriptions.last().cloned();
        self.events.push((state, Invoices::default()));
    }

    /// Issues an invoice now, paid or failed, and emits its event.
    fn bill(&mut self, reason: BillingReason, is_paid: bool) {
        let id = format!("in_{:03}", self.invoices.0.len());
        let open = Invoice {
            subscription: self.subscriptions.last().map(|it| it.id.clone()),
            reason: Some(reason),
            created_at: Some(self.now),
            ..Invoice::default()
        };
        let invoice = if is_paid {
            Invoice { status: InvoiceStatus::Paid, paid_at: Some(self.now), ..open }
        } else {
            Invoice { failed_at: Some(self.now), attempted_at: Some(self.now), ..open }
        };
        let facts = Invoices([(id, invoice)].into());
        self.invoices.join(&facts);
        self.events.push((None, facts));
    }

    fn take(&mut self, step: Step) {
        let now = self.now;
        match step {
            Step::Subscribe { plan, trial } => {
                if self.current().is_some() {
                    return;
                }
                let trial = trial && !self.had_any;
                let end = if trial { now + TimeDelta::days(TRIAL_DAYS) } else { now + Months::new(1) };
                let line = PlanLine { item: "si_1".into(), plan: PLANS[plan].0.into(), start: now, end };
                self.subscriptions.push(Subscription {
                    id: format!("sub_{}", self.subscriptions.len()),
                    status: if trial { Status::Trialing } else { Status::Active },
                    currency: Currency::USD,
                    created_at: now,
                    anchor: Anchor(if trial { end } else { now }),
                    lines: vec![line],
                    trial_end: trial.then_some(end),
                    cancel_at: None,
                    ended_at: None,
                    collection_paused: false,
                    is_mailed: false,
                    pending: None,
                    schedule: None,
                });
                self.had_any = true;
                self.period = Some((if trial { Payment::Trial } else { Payment::Paid }, plan, plan));
                self.bill(BillingReason::Create, true);
                self.emit_subscription();
            }
            Step::Upgrade => {
                let Some((Payment::Paid, _, next)) = self.period else { return };
                let Some(it) = self.current() else { return };
                if next == 2 || it.status != Status::Active {
                    return;
                }
                it.lines[0].plan = PLANS[2].0.into();
                self.period = Some((Payment::Paid, 2, 2));
                self.bill(BillingReason::Update, true);
                self.emit_subscription();
            }
            Step::Downgrade => {
                let (Some((payment, plan, 2)), Some(it)) = (self.period, self.subscriptions.last_mut()) else { return };
                it.lines[0].plan = PLANS[1].0.into();
                self.period = Some((payment, plan, 1));
                self.emit_subscription();
            }
            Step::CancelAtEnd => {
                let Some(it) = self.current() else { return };
                it.cancel_at = Some(it.lines[0].end);
                self.emit_subscription();
            }
            Step::CancelNow => {
                let Some(it) = self.current() else { return };
                (it.status, it.ended_at) = (Status::Canceled, Some(now));
                self.period = None;
                self.emit_subscription();
            }
            Step::Pay => {
                let open: Vec<String> = self.unpaid();
                if open.is_empty() {
                    return;
                }
                for id in open {
                    let invoice = self.invoices.0.get_mut(&id).unwrap();
                    (invoice.status, invoice.paid_at) = (InvoiceStatus::Paid, Some(now));
                    let facts = Invoices([(id, invoice.clone())].into());
                    self.events.push((None, facts));
                }
                self.current().unwrap().status = Status::Active;
                self.period = self.period.map(|(_, plan, next)| (Payment::Paid, plan, next));
                self.emit_subscription();
            }
            Step::Wait => self.now += TimeDelta::days(1),
            Step::Renew { pays } => self.renew(pays),
            Step::Deliver { .. } => {}
        }
    }

    /// The open invoices of the current subscription.
    fn unpaid(&mut self) -> Vec<String> {
        let Some(id) = self.current().map(|it| it.id.clone()) else { return Vec::new() };
        let open = self.invoices.0.iter().filter(|(_, it)| it.status == InvoiceStatus::Open);
        open.filter(|(_, it)| it.subscription.as_ref() == Some(&id)).map(|(id, _)| id.clone()).collect()
    }

    fn renew(&mut self, pays: bool) {
        let owes = !self.unpaid().is_empty();
        let Some((payment, _, next)) = self.period else { return };
        let Some(it) = self.current() else { return };
        let end = it.lines[0].end;
        it.lines[0].start = end;
        it.lines[0].end = end + Months::new(1);
        if it.cancel_at.is_some() {
            (it.status, it.ended_at) = (Status::Canceled, Some(end));
            it.lines[0].start = end - Months::new(1);
            self.now = self.now.max(end);
            self.period = None;
            self.emit_subscription();
            return;
        }
        // The model ends the life of a subscription that owes a second month.
        if owes {
            (it.status, it.ended_at) = (Status::Canceled, Some(end));
            self.now = self.now.max(end);
            self.period = None;
            self.emit_subscription();
            return;
        }
        it.status = if pays { Status::Active } else { Status::PastDue };
        self.now = self.now.max(end);
        let payment = match (pays, payment) {
            (true, _) => Payment::Paid,
            (false, Payment::Trial) => Payment::FailedAfterTrial,
            (false, _) => Payment::Failed,
        };
        self.period = Some((payment, next, next));
        self.bill(BillingReason::Cycle, pays);
        self.emit_subscription();
    }

    /// The plan and the AI tokens that the organization has now, having spent none.
    fn expected(&self) -> (&'static str, i64) {
        let Some((payment, plan, _)) = self.period else { return (PLANS[0].0, 0) };
        let since = self.subscriptions.last().unwrap().lines[0].start;
        let in_grace = self.now < since + TimeDelta::days(GRACE_DAYS);
        let granted = match payment {
            Payment::Trial | Payment::Paid => true,
            // The month was granted when it started, in grace. It stays, though AI is off after grace.
            Payment::Failed => in_grace || self.now >= since,
            Payment::FailedAfterTrial => false,
        };
        (PLANS[plan].0, if granted { PLANS[plan].1 } else { 0 })
    }
}

/// Delivers the events in an order that the seed decides, some of them twice. Each makes us read Stripe's present state.
fn deliver(world: &mut World, stripe: &Stripe, mut order: u64) {
    let mut events: Vec<_> = stripe.events.iter().chain(stripe.events.first()).collect();
    while !events.is_empty() {
        order = order.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (reported, facts) = events.swap_remove((order >> 33) as usize % events.len());
        let number = world.account.subscriptions.number + 1;
        let subscriptions = stripe.subscriptions.clone();
        let snapshot = SubscriptionSnapshot { number, read_at: world.now, subscriptions };
        let reported = reported.iter().cloned().collect();
        let mut invoices = stripe.invoices.clone();
        invoices.join(facts);
        world.run(Command::SyncSubscriptions { snapshot, reported, invoices }).unwrap();
        assert_eq!(audit::account(&world.account), []);
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (1_usize..3, any::<bool>()).prop_map(|(plan, trial)| Step::Subscribe { plan, trial }),
        3 => Just(Step::Upgrade),
        3 => Just(Step::Downgrade),
        1 => Just(Step::CancelAtEnd),
        1 => Just(Step::CancelNow),
        4 => Just(Step::Pay),
        4 => Just(Step::Wait),
        5 => prop::bool::weighted(0.7).prop_map(|pays| Step::Renew { pays }),
        5 => any::<u64>().prop_map(|order| Step::Deliver { order }),
    ];
    prop::collection::vec(step, 1..40)
}

#[test]
fn an_organization_has_the_months_that_were_paid_in_any_order_of_events() {
    check((steps(), any::<u64>()), |(steps, seed)| {
        let mut worlds = [0, 1, 2].map(|_| World::on("starter"));
        let mut stripe = Stripe {
            now: at(START),
            subscriptions: Vec::new(),
            invoices: Invoices::default(),
            period: None,
            had_any: false,
            events: Vec::new(),
        };
        for step in steps.into_iter().chain([Step::Deliver { order: seed }]) {
            // Events arrive within their period.
            let renews = matches!(step, Step::Renew { .. });
            let delivered = match step {
                Step::Deliver { order } => Some(order),
                _ if renews => Some(seed),
                _ => None,
            };
            if let Some(order) = delivered {
                for (n, world) in (0_u64..).zip(&mut worlds) {
                    world.now = stripe.now;
                    deliver(world, &stripe, order.wrapping_add(n));
                    world.advance();
                    let plan = world.account.terms.plan.as_str();
                    // The rest of a month stays if its plan ends, but the free plan cannot spend it.
                    let usable = if plan == PLANS[0].0 { 0 } else { world.balance().0 };
                    assert_eq!((plan, usable), stripe.expected(), "at {}", world.now);
                }
                let [first, others @ ..] = &worlds;
                for other in others {
                    assert_eq!((&other.account.terms, other.lots()), (&first.account.terms, first.lots()));
                    assert_eq!(other.account.subscriptions.by_id, first.account.subscriptions.by_id);
                    assert_eq!(other.account.invoices, first.account.invoices);
                }
                stripe.events.clear();
            }
            stripe.take(step);
        }
    });
}
