//! Random histories of one account: commands of several callers, and a clock that moves forward and back.

use std::sync::LazyLock;

use chrono::TimeDelta;
use proptest::{
    prelude::*,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

use crate::{
    DEFAULT_CATALOG,
    access::refusal::Refusal,
    billing::{
        invoices::{Invoice, Invoices},
        payment::{Payment, Stage},
        subscription::{Status, Subscription},
    },
    catalog::Catalog,
    command::{Caller, Command},
    decide::{
        Context, Decision,
        tests::world::{
            self, ALICE, BOB, SERVICE, SERVICE_FOR_ALICE, STAFF, World, ai, by_staff, deep, disputed, open_hold, paid,
            paid_for_plan, refunded, tokens, uses,
        },
    },
    ids::{HoldId, PurchaseId, TransactionId},
    ledger::{
        account::Account,
        entry::{Entry, EntryHash},
        grant::Source,
    },
    time::Instant,
};

/// One event of a history. Numbers are indexes: the n-th last hold, the n-th caller.
#[derive(Clone, Debug)]
pub(super) enum Event {
    Spend {
        caller: usize,
        feature: usize,
        quantity: u32,
    },
    OpenHold {
        caller: usize,
        feature: usize,
        quantity: u32,
        ttl_seconds: Option<u32>,
    },
    Capture {
        hold: usize,
        amount: Option<i64>,
    },
    Release {
        hold: usize,
    },
    Refund {
        spend: usize,
    },
    Grant {
        deep: bool,
        amount: i64,
        source: usize,
        expires_in_hours: Option<i64>,
    },
    Adjust {
        deep: bool,
        amount: i64,
    },
    ChangePlan {
        plan: usize,
    },
    /// A pack is ordered.
    Order,
    /// Stripe reports facts about the n-th last order.
    Payment {
        order: usize,
        facts: Payment,
    },
    Advance,
    /// Stripe's subscription is synced.
    Sync {
        number: i64,
        status: usize,
        plan: usize,
        hours: i64,
        ends: bool,
        trial: bool,
        paused: bool,
    },
    /// Stripe reports that an invoice was paid or failed.
    Invoice {
        invoice: u8,
        paid: bool,
    },
    /// Staff suspend the license or lift the suspension.
    Staff {
        suspend: bool,
    },
    /// A caller is blocked. Changes the account directly, because no command does that yet.
    Block {
        caller: usize,
    },
    /// The account is closed or reopened. Changes the account directly, because no command does that yet.
    Close {
        closed: bool,
    },
}

/// One command as it was decided.
pub(super) struct Step {
    pub(super) before: Account,
    pub(super) command: Command,
    pub(super) now: Instant,
    pub(super) transaction: TransactionId,
    pub(super) result: Result<Decision, Refusal>,
    pub(super) after: Account,
    /// Whether an event without a command changed the account just before.
    pub(super) interrupted: bool,
}

pub(super) struct History {
    pub(super) steps: Vec<Step>,
    pub(super) entries: Vec<(Entry, EntryHash)>,
    pub(super) world: World,
}

const CALLERS: [Caller; 5] = [ALICE, BOB, SERVICE, SERVICE_FOR_ALICE, STAFF];
const FEATURES: [&str; 4] = ["quest_generation", "lead_generation", "revenue_forecast", "strategy_analysis"];
/// The index of an order that does not exist.
const UNKNOWN: usize = 3;
const PLANS: [&str; 3] = ["starter", "pro", "enterprise"];
const SOURCES: [Source; 5] = [Source::Plan, Source::Promo, Source::Refund, Source::Pack, Source::Admin];

/// The default catalog, with limits for API keys too.
static CATALOG: LazyLock<Catalog> = LazyLock::new(|| {
    let limits = "[limits.key]\nrequests = 2\nwindow_seconds = 10\ninterval_seconds = 1";
    Catalog::parse(&DEFAULT_CATALOG.replacen("[limits.key]", limits, 1)).unwrap()
});

impl Step {
    pub(super) fn cx<'a>(&self, history: &'a History) -> Context<'a> {
        Context { catalog: &history.world.catalog, now: self.now, transaction: self.transaction }
    }
}

impl History {
    /// Plays `events`, moving the clock by the seconds before each.
    pub(super) fn play(events: &[(i64, Event)]) -> Self {
        let mut world = World::with("pro", CATALOG.clone());
        world.order();
        let (mut steps, mut interrupted) = (Vec::new(), false);
        for (seconds, event) in events {
            world.now += TimeDelta::seconds(*seconds);
            let Some(command) = command(&mut world, event) else {
                interrupted = true;
                continue;
            };
            let (before, now, transaction) = (world.account.clone(), world.now, world.cx().transaction);
            let result = world.decide(&command);
            let after = world.account.clone();
            steps.push(Step { before, command, now, transaction, result, after, interrupted });
            interrupted = false;
        }
        Self { steps, entries: world.entries.clone(), world }
    }

    /// The applied steps, with their decisions.
    pub(super) fn applied(&self) -> impl Iterator<Item = (&Step, &Decision)> {
        self.steps.iter().filter_map(|step| step.result.as_ref().ok().map(|decision| (step, decision)))
    }
}

/// Returns the command of an event, or `None` if the event changed the account directly.
fn command(world: &mut World, event: &Event) -> Option<Command> {
    let nth_last = |ids: Vec<uuid::Uuid>, n: usize| {
        let missing = uuid::Uuid::from_u128(0xdead);
        ids.iter().rev().nth(n).or(ids.first()).copied().unwrap_or(missing)
    };
    // Transaction ids are sequential in these worlds, so the maps are in order of time.
    let hold = |world: &World, n| HoldId(nth_last(world.account.holds.keys().map(|id| id.0).collect(), n));
    let token_type = |is_deep: bool| if is_deep { deep() } else { ai() };
    let usage = |caller: usize, feature: usize, quantity| uses(CALLERS[caller], FEATURES[feature], quantity);
    Some(match event.clone() {
        Event::Spend { caller, feature, quantity } => Command::Spend(usage(caller, feature, quantity)),
        Event::OpenHold { caller, feature, quantity, ttl_seconds } => {
            open_hold(usage(caller, feature, quantity), ttl_seconds)
        }
        Event::Capture { hold: n, amount } => {
            Command::Capture { hold: hold(world, n), amount: amount.map(tokens), attachment: None }
        }
        Event::Release { hold: n } => Command::Release { hold: hold(world, n), reason: "the job failed".into() },
        Event::Refund { spend } => {
            let transaction = TransactionId(nth_last(world.account.spends.keys().map(|id| id.0).collect(), spend));
            Command::Refund { caller: STAFF, transaction, reason: "the answer was empty".into() }
        }
        Event::Grant { deep, amount, source, expires_in_hours } => Command::Grant {
            caller: STAFF,
            token_type: token_type(deep),
            amount: tokens(amount),
            source: SOURCES[source],
            expires_at: expires_in_hours.map(|hours| world.now + TimeDelta::hours(hours)),
            note: None,
        },
        Event::Adjust { deep, amount } => {
            Command::Adjust { caller: STAFF, token_type: token_type(deep), amount, reason: "a correction".into() }
        }
        Event::ChangePlan { plan } => Command::ChangePlan { caller: ALICE, plan: PLANS[plan].parse().unwrap() },
        Event::Order => {
            world.order();
            return None;
        }
        Event::Payment { order, facts } => {
            let ids = world.account.purchases.keys().map(|id| id.0);
            let ids = if order < UNKNOWN { ids.collect() } else { Vec::new() };
            Command::RecordPayment { purchase: PurchaseId(nth_last(ids, order)), facts }
        }
        Event::Advance => Command::Advance,
        Event::Invoice { invoice, paid } => {
            let id = format!("in_{invoice}");
            let failed = Invoice { failed_at: Some(world.now), ..Invoice::default() };
            // The first one costs nothing.
            let cents = 14_900 * u64::from(invoice);
            Command::RecordInvoices {
                facts: if paid { paid_for_plan(&id, world.now, cents) } else { Invoices([(id, failed)].into()) },
            }
        }
        Event::Staff { suspend: true } => Command::Suspend(by_staff("a chargeback")),
        Event::Staff { suspend: false } => Command::Lift(by_staff("it was a mistake")),
        Event::Sync { number, status, plan, hours, ends, trial, paused } => {
            let start = world.now + TimeDelta::hours(hours);
            let plain = world::subscribed(&format!("sub_{}", hours % 3), PLANS[plan], start);
            let subscription = Subscription {
                status: Status::ALL[status],
                cancel_at: ends.then_some(plain.lines[0].end),
                trial_end: trial.then_some(plain.lines[0].end),
                collection_paused: paused,
                ended_at: (Status::ALL[status] == Status::Canceled).then_some(world.now),
                ..plain
            };
            world::sync(number, world.now, vec![subscription])
        }
        Event::Block { caller } => {
            let until = world.now + TimeDelta::minutes(15);
            if CALLERS[caller].guard().is_some() {
                world.guard_mut(CALLERS[caller]).blocked_until = Some(until);
            }
            return None;
        }
        Event::Close { closed } => {
            world.account.terms.closed_at = closed.then_some(world.now);
            return None;
        }
    })
}

/// The service is chosen most often, so that it reaches its limits.
fn caller() -> impl Strategy<Value = usize> {
    prop_oneof![0..CALLERS.len(), Just(2)]
}

fn event() -> impl Strategy<Value = Event> {
    let (caller, feature, quantity) = (caller, || 0..FEATURES.len(), || 1_u32..12);
    let ttl = prop_oneof![6 => Just(None), 3 => (1_u32..90_000).prop_map(Some), 1 => Just(Some(0))];
    let amount = prop_oneof![Just(None), (0_i64..60).prop_map(Some)];
    let hours = prop_oneof![1 => Just(None), 3 => (-2_i64..1_500).prop_map(Some)];
    prop_oneof![
        12 => (caller(), feature(), quantity())
            .prop_map(|(caller, feature, quantity)| Event::Spend { caller, feature, quantity }),
        10 => (caller(), feature(), quantity(), ttl).prop_map(|(caller, feature, quantity, ttl_seconds)| {
            Event::OpenHold { caller, feature, quantity, ttl_seconds }
        }),
        6 => (0_usize..3, amount).prop_map(|(hold, amount)| Event::Capture { hold, amount }),
        6 => (0_usize..3).prop_map(|hold| Event::Release { hold }),
        6 => (0_usize..4).prop_map(|spend| Event::Refund { spend }),
        8 => (any::<bool>(), 0_i64..200, 0..SOURCES.len(), hours).prop_map(|(deep, amount, source, expires_in_hours)| {
            Event::Grant { deep, amount, source, expires_in_hours }
        }),
        3 => (any::<bool>(), -150_i64..100).prop_map(|(deep, amount)| Event::Adjust { deep, amount }),
        5 => (0..PLANS.len()).prop_map(|plan| Event::ChangePlan { plan }),
        4 => Just(Event::Advance),
        2 => (0..4_u8, any::<bool>()).prop_map(|(invoice, paid)| Event::Invoice { invoice, paid }),
        2 => (0..200_i64, 0..Status::ALL.len(), 0..PLANS.len(), -900..900_i64, any::<bool>(), rarely(), rarely()).prop_map(
            |(number, status, plan, hours, ends, trial, paused)| {
                Event::Sync { number, status, plan, hours, ends, trial, paused }
            }
        ),
        // Mostly lifted, because a suspended account uses no features.
        2 => prop::bool::weighted(0.4).prop_map(|suspend| Event::Staff { suspend }),
        1 => caller().prop_map(|caller| Event::Block { caller }),
        5 => Just(Event::Order),
        20 => (0..=UNKNOWN, facts()).prop_map(|(order, facts)| Event::Payment { order, facts }),
        // Mostly open, because a closed account refuses nearly everything.
        1 => prop::bool::weighted(0.2).prop_map(|closed| Event::Close { closed }),
    ]
}

fn rarely() -> impl Strategy<Value = bool> {
    prop::bool::weighted(0.2)
}

/// Random payment facts: mostly that it was paid, because the rest depends on it.
pub(super) fn facts() -> impl Strategy<Value = Payment> {
    let stages = Stage::ALL.map(|stage| Payment { stage, ..Payment::default() });
    prop_oneof![
        4 => Just(paid()),
        1 => Just(Payment { currency: "eur".parse().ok(), ..paid() }),
        1 => Just(Payment { paid_minor: Some(0), ..paid() }),
        1 => Just(Payment { paid_minor: None, ..paid() }),
        1 => (0..4_usize).prop_map(move |stage| stages[stage].clone()),
        3 => (0..3_u8, 0_u64..2_000, any::<bool>())
            .prop_map(|(id, cents, failed)| refunded(&format!("re_{id}"), cents, failed)),
        1 => (0_u64..4_000).prop_map(|refunded_minor| Payment { refunded_minor, ..Payment::default() }),
        3 => (0..2_u8, prop::option::of((0_i64..3, any::<bool>())))
            .prop_map(|(id, ended)| disputed(&format!("dp_{id}"), ended)),
        1 => (0..2_u8).prop_map(|id| {
            let mut facts = disputed(&format!("dp_{id}"), Some((1, true)));
            facts.disputes.values_mut().for_each(|dispute| dispute.currency = "gbp".parse().ok());
            facts
        }),
    ]
}

/// The seconds until the next event.
fn pause() -> impl Strategy<Value = i64> {
    prop_oneof![
        12 => Just(0),
        12 => 1_i64..4,
        6 => 4_i64..900,
        3 => 900_i64..100_000,
        2 => 100_000_i64..3_000_000,
        1 => 3_000_000_i64..9_000_000,
        1 => -5_i64..0,
        1 => -3_000_000_i64..-5,
    ]
}

pub(super) fn events() -> impl Strategy<Value = Vec<(i64, Event)>> {
    prop::collection::vec((pause(), event()), 1..60)
}

/// Checks `property` for 512 cases of `strategy`. The cases are the same in every run.
pub(super) fn check<S: Strategy>(strategy: S, property: impl Fn(S::Value)) {
    let config = Config { cases: 512, failure_persistence: None, ..Config::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::XorShift);
    let run = TestRunner::new_with_rng(config, rng).run(&strategy, |value| {
        property(value);
        Ok(())
    });
    if let Err(error) = run {
        panic!("{error}");
    }
}

/// Checks `property` for random histories.
pub(super) fn always(property: impl Fn(&History)) {
    check(events(), |events| property(&History::play(&events)));
}

/// Checks `property` for every command of random histories.
pub(super) fn at_every_step(property: impl Fn(&History, &Step)) {
    always(|history| history.steps.iter().for_each(|step| property(history, step)));
}
