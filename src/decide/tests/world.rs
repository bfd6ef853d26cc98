//! The test fixture: one organization, a manual clock, and an audit after every command.

use chrono::{Months, TimeDelta};
use uuid::Uuid;

use crate::{
    DEFAULT_CATALOG,
    access::{guard::Guard, refusal::Refusal},
    billing::{
        invoices::{Invoice, InvoiceLine, InvoiceStatus, Invoices, Paid},
        license::StaffAction,
        money::{Currency, Money},
        payment::{Dispute, DisputeStatus, Payment, Purchase, Refund, Stage},
        period::Anchor,
        subscription::{PlanLine, Status, Subscription, SubscriptionSnapshot},
    },
    catalog::Catalog,
    command::{Caller, Command, Usage},
    decide::{Context, Decision, after_refusal, decide, entitlement},
    ids::{ApiKeyId, GrantId, GuardId, HoldId, MemberId, OrgId, PurchaseId, TransactionId, UserId},
    ledger::{
        account::{Account, Head, PastSpend},
        audit::{self, LogAudit},
        balance::Balance,
        entry::{Entry, EntryHash, EntryKind},
        grant::{Grant, Source},
        outcome::{Effect, Outcome},
        tokens::Tokens,
    },
    names::TokenType,
    time::Instant,
};

pub(crate) const ORG: OrgId = OrgId(Uuid::from_u128(1));
pub(crate) const ALICE: Caller = Caller::Member { member: MemberId(Uuid::from_u128(0xa)) };
pub(crate) const BOB: Caller = Caller::Member { member: MemberId(Uuid::from_u128(0xb)) };
/// An API key that acts for no member. The default catalog sets it no limits, so tests need not wait between spends.
pub(crate) const SERVICE: Caller = Caller::ApiKey { api_key: ApiKeyId(Uuid::from_u128(0xc)), member: None };
pub(crate) const SERVICE_FOR_ALICE: Caller =
    Caller::ApiKey { api_key: ApiKeyId(Uuid::from_u128(0xc)), member: Some(MemberId(Uuid::from_u128(0xa))) };
pub(crate) const STAFF: Caller = Caller::Staff { user: UserId(Uuid::from_u128(0xd)) };

/// The initial time of every world, and the anchor of its billing periods.
pub(crate) const START: &str = "2026-01-15T12:00:00Z";
/// The end of the first period of every world.
pub(crate) const FIRST_RESET: &str = "2026-02-15T12:00:00Z";

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) account: Account,
    pub(crate) catalog: Catalog,
    pub(crate) now: Instant,
    pub(crate) entries: Vec<(Entry, EntryHash)>,
    pub(crate) next_transaction: u128,
    log: LogAudit,
}

pub(crate) fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

pub(crate) fn tokens(amount: i64) -> Tokens {
    Tokens::new(amount).unwrap()
}

pub(crate) fn ai() -> TokenType {
    "ai".parse().unwrap()
}

pub(crate) fn deep() -> TokenType {
    "deep".parse().unwrap()
}

pub(crate) fn uses(caller: Caller, feature: &str, quantity: u32) -> Usage {
    Usage { caller, feature: feature.parse().unwrap(), quantity: quantity.try_into().unwrap(), metadata: None }
}

/// A use that costs `amount` AI tokens, a multiple of 5.
pub(crate) fn quests(caller: Caller, amount: u32) -> Usage {
    assert!(amount.is_multiple_of(5), "a quest costs 5");
    uses(caller, "quest_generation", amount / 5)
}

/// Facts: the pack was paid.
pub(crate) fn paid() -> Payment {
    Payment { stage: Stage::Paid, paid_minor: Some(2_900), ..Payment::default() }
}

/// Facts: a part of the payment was refunded, or that refund failed.
pub(crate) fn refunded(id: &str, minor: u64, failed: bool) -> Payment {
    Payment { refunds: [(id.into(), Refund { minor, failed })].into(), ..Payment::default() }
}

/// Facts: the whole payment is disputed. `ended`: when the dispute was decided, and whether it was lost.
pub(crate) fn disputed(id: &str, ended: Option<(i64, bool)>) -> Payment {
    let status = ended.map_or(DisputeStatus::Open, |(reported_at, lost)| DisputeStatus::Closed { reported_at, lost });
    Payment { disputes: [(id.into(), Dispute { minor: 2_900, currency: None, status })].into(), ..Payment::default() }
}

/// Facts: an amount was paid for a plan.
pub(crate) fn paid_for_plan(id: &str, at: Instant, minor: u64) -> Invoices {
    let lines = vec![InvoiceLine { text: "1 × Pro (at $149 / month)".into(), minor: 14_900 }];
    let paid = Paid { at, minor, lines, url: None, number: None };
    let status = InvoiceStatus::Paid;
    Invoices([(id.into(), Invoice { status, paid: Some(paid), paid_at: Some(at), ..Invoice::default() })].into())
}

/// A monthly subscription to `plan` that is active since `start`.
pub(crate) fn subscribed(id: &str, plan: &str, start: Instant) -> Subscription {
    Subscription { lines: vec![plan_line(plan, start)], ..Subscription::monthly(id.into(), plan, start) }
}

/// The line of a monthly price, in the month from `start` on.
pub(crate) fn plan_line(plan: &str, start: Instant) -> PlanLine {
    PlanLine { item: format!("si_{plan}"), plan: plan.into(), start, end: start + Months::new(1) }
}

/// The same subscription after it ended.
pub(crate) fn canceled(of: &Subscription, ended_at: Instant) -> Subscription {
    Subscription { status: Status::Canceled, ended_at: Some(ended_at), ..of.clone() }
}

/// Stripe's answer: all of a customer's subscriptions.
pub(crate) fn sync(number: i64, read_at: Instant, subscriptions: Vec<Subscription>) -> Command {
    let snapshot = SubscriptionSnapshot { number, read_at, subscriptions };
    Command::SyncSubscriptions { snapshot, reported: Vec::new(), invoices: Invoices::default() }
}

/// Facts: a payment of the invoice failed at that time, or `None`: it was paid.
pub(crate) fn invoice_facts(id: &str, failed_at: Option<Instant>) -> Invoices {
    let status = if failed_at.is_some() { InvoiceStatus::Open } else { InvoiceStatus::Paid };
    Invoices([(id.into(), Invoice { failed_at, status, ..Invoice::default() })].into())
}

pub(crate) fn open_hold(usage: Usage, ttl_seconds: Option<u32>) -> Command {
    Command::OpenHold { usage, ttl_seconds, attachment: None }
}

/// A staff action with this reason.
pub(crate) fn by_staff(reason: &str) -> StaffAction {
    StaffAction { user: UserId(Uuid::from_u128(0xd)), reason: reason.parse().unwrap() }
}

impl World {
    /// An organization on `plan` at [`START`], with its first allowance.
    pub(crate) fn on(plan: &str) -> Self {
        Self::with(plan, Catalog::parse(DEFAULT_CATALOG).unwrap())
    }

    pub(crate) fn with(plan: &str, catalog: Catalog) -> Self {
        let account = Account::open(ORG, plan.parse().unwrap(), Anchor(at(START)));
        let (entries, log) = (Vec::new(), LogAudit::new(ORG));
        let mut world = Self { account, catalog, now: at(START), entries, next_transaction: 1_000, log };
        world.advance();
        world
    }

    /// An organization on `plan` that has used up its first allowance.
    pub(crate) fn without_tokens(plan: &str) -> Self {
        let mut world = Self::on(plan);
        for token_type in [ai(), deep()] {
            let settled = world.account.balance(&token_type).settled.get();
            if settled > 0 {
                world.adjust_of(token_type, -settled).unwrap();
            }
        }
        world
    }

    pub(crate) fn cx(&self) -> Context<'_> {
        let transaction = TransactionId(Uuid::from_u128(self.next_transaction));
        Context { catalog: &self.catalog, now: self.now, transaction }
    }

    pub(crate) fn set_time(&mut self, instant: &str) {
        self.now = at(instant);
    }

    pub(crate) fn wait(&mut self, seconds: i64) {
        self.now += TimeDelta::seconds(seconds);
    }

    /// Decides and applies the result, as the writer does.
    pub(crate) fn decide(&mut self, command: &Command) -> Result<Decision, Refusal> {
        let result = decide(&self.account, command, &self.cx());
        match &result {
            Ok(decision) => self.book(decision),
            Err(refusal) => {
                let guard = after_refusal(&self.account, command, refusal, &self.cx());
                self.account.guards.extend(guard);
            }
        }
        self.next_transaction += 1;
        result
    }

    fn book(&mut self, decision: &Decision) {
        self.account.apply(&decision.changes);
        for (entry, hash) in &decision.entries {
            self.log.verify(entry, *hash).unwrap();
        }
        self.entries.extend(decision.entries.iter().cloned());
        // Storage reads this from the ledger when a refund names the spend or the capture.
        let charges = decision.entries.iter().map(|(entry, _)| entry);
        for entry in charges.filter(|entry| matches!(entry.kind, EntryKind::Spent | EntryKind::Captured)) {
            let spend = PastSpend {
                feature: entry.feature.clone().expect("a charge has a feature"),
                token_type: entry.token_type.clone(),
                member: entry.member,
                parts: entry.parts.clone(),
                refunded_by: None,
            };
            self.account.spends.insert(decision.outcome.transaction, spend);
        }
    }

    /// Decides and applies, then checks the invariants of the account and the ledger.
    pub(crate) fn run(&mut self, command: Command) -> Result<Outcome, Refusal> {
        let result = self.decide(&command);
        assert_eq!(audit::account(&self.account), [], "after {command:?}");
        assert_eq!(self.log.finish(self.account.head, &self.account.balances), [], "after {command:?}");
        result.map(|decision| decision.outcome)
    }

    pub(crate) fn advance(&mut self) {
        self.run(Command::Advance).unwrap();
    }

    pub(crate) fn check(&self, usage: &Usage) -> Result<entitlement::Quote, Refusal> {
        entitlement::check(&self.account, usage, &self.cx())
    }

    pub(crate) fn try_spend(&mut self, caller: Caller, amount: u32) -> Result<Outcome, Refusal> {
        self.run(Command::Spend(quests(caller, amount)))
    }

    pub(crate) fn spend(&mut self, amount: u32) -> TransactionId {
        self.try_spend(SERVICE, amount).unwrap().transaction
    }

    pub(crate) fn hold(&mut self, amount: u32) -> HoldId {
        match self.run(open_hold(quests(SERVICE, amount), None)).unwrap().effect {
            Effect::HoldOpened { hold, .. } => hold,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn capture(&mut self, hold: HoldId, amount: Option<i64>) -> Result<Effect, Refusal> {
        let command = Command::Capture { hold, amount: amount.map(tokens), attachment: None };
        self.run(command).map(|outcome| outcome.effect)
    }

    pub(crate) fn release(&mut self, hold: HoldId) -> Result<Effect, Refusal> {
        self.run(Command::Release { hold, reason: "the job failed".into() }).map(|outcome| outcome.effect)
    }

    pub(crate) fn refund(&mut self, transaction: TransactionId) -> Result<Effect, Refusal> {
        let command = Command::Refund { caller: STAFF, transaction, reason: "the answer was empty".into() };
        self.run(command).map(|outcome| outcome.effect)
    }

    pub(crate) fn grant(
        &mut self,
        source: Source,
        amount: i64,
        expires_at: Option<Instant>,
    ) -> Result<Effect, Refusal> {
        let (amount, token_type) = (tokens(amount), ai());
        let command = Command::Grant { caller: STAFF, token_type, amount, source, expires_at, note: None };
        self.run(command).map(|outcome| outcome.effect)
    }

    /// Grants AI tokens. An empty `expires_at` means never.
    pub(crate) fn give(&mut self, source: Source, amount: i64, expires_at: &str) -> GrantId {
        let expires_at = (!expires_at.is_empty()).then(|| at(expires_at));
        match self.grant(source, amount, expires_at).unwrap() {
            Effect::Granted { grant, .. } => grant,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn adjust(&mut self, amount: i64) -> Result<Effect, Refusal> {
        self.adjust_of(ai(), amount)
    }

    fn adjust_of(&mut self, token_type: TokenType, amount: i64) -> Result<Effect, Refusal> {
        let command = Command::Adjust { caller: STAFF, token_type, amount, reason: "a correction".into() };
        self.run(command).map(|outcome| outcome.effect)
    }

    pub(crate) fn change_plan(&mut self, plan: &str) -> Result<Effect, Refusal> {
        let command = Command::ChangePlan { caller: ALICE, plan: plan.parse().unwrap() };
        self.run(command).map(|outcome| outcome.effect)
    }

    /// Adds debt, as a clawback would: an entry that changes only the debt.
    pub(crate) fn owe(&mut self, amount: i64) {
        let before = self.account.balance(&ai());
        let after = Balance { debt: before.debt.saturating_add(tokens(amount)), ..before };
        let entry = Entry {
            seq: self.account.head.seq + 1,
            transaction: self.cx().transaction,
            kind: EntryKind::Adjusted,
            token_type: ai(),
            before,
            after,
            parts: Vec::new(),
            source: None,
            feature: None,
            caller: Caller::System,
            member: None,
            hold: None,
            reverses: None,
            purchase: None,
            note: None,
            metadata: None,
            at: self.now,
        };
        let hash = entry.hash(self.account.head.hash);
        self.account.head = Head { seq: entry.seq, hash };
        self.account.balances.insert(ai(), after);
        self.log.verify(&entry, hash).unwrap();
        self.entries.push((entry, hash));
        self.next_transaction += 1;
    }

    /// Records that an invoice failed, or `None`: was paid.
    pub(crate) fn record_invoice(&mut self, id: &str, failed_at: Option<Instant>) {
        self.run(Command::RecordInvoices { facts: invoice_facts(id, failed_at) }).unwrap();
    }

    /// Orders the first pack of the catalog, as the server does before it calls Stripe.
    pub(crate) fn order(&mut self) -> PurchaseId {
        let id = PurchaseId(Uuid::from_u128(0xcafe_0000 + self.account.purchases.len() as u128));
        let pack = self.catalog.packs[0].clone();
        let (payment, credit) = (Payment::default(), None);
        let price = Money::new(pack.price_cents, Currency::USD);
        let (label, tokens) = (pack.label, pack.tokens);
        let purchase = Purchase { id, pack: pack.name, label, price, tokens, payment, credit };
        self.account.purchases.insert(id, purchase);
        id
    }

    /// Like [`order`](Self::order), for a price of `minor` in `currency`.
    pub(crate) fn order_for(&mut self, minor: i64, currency: &str) -> PurchaseId {
        let id = self.order();
        let purchase = self.account.purchases.get_mut(&id).unwrap();
        purchase.price = Money { minor, currency: currency.parse().unwrap() };
        id
    }

    /// Records payment facts for a purchase.
    pub(crate) fn record_payment(&mut self, purchase: PurchaseId, facts: Payment) -> Result<Effect, Refusal> {
        self.run(Command::RecordPayment { purchase, facts }).map(|outcome| outcome.effect)
    }

    /// Orders and pays a pack of 500 ai and 50 deep tokens for $29.
    pub(crate) fn buy(&mut self) -> PurchaseId {
        let id = self.order();
        self.record_payment(id, paid()).unwrap();
        id
    }

    pub(crate) fn guard_mut(&mut self, caller: Caller) -> &mut Guard {
        let id: GuardId = caller.guard().unwrap();
        self.account.guards.entry(id).or_default()
    }

    /// The settled, held and available AI tokens.
    pub(crate) fn balance(&self) -> (i64, i64, i64) {
        let balance = self.account.balance(&ai());
        (balance.settled.get(), balance.held.get(), balance.available().get())
    }

    /// The AI grants that have tokens left, in burn-down order: `plan 200 (5 held), pack 500`.
    pub(crate) fn lots(&self) -> String {
        let has_tokens = |grant: &&Grant| grant.token_type == ai() && !grant.remaining.is_zero();
        let mut grants: Vec<&Grant> = self.account.grants.values().filter(has_tokens).collect();
        grants.sort_by_key(|grant| grant.burn_order());
        let texts = grants.iter().map(|grant| {
            let held = if grant.held.is_zero() { String::new() } else { format!(" ({} held)", grant.held) };
            format!("{} {}{held}", grant.source.as_str(), grant.remaining)
        });
        texts.collect::<Vec<_>>().join(", ")
    }

    /// The entries of AI tokens after `seq`, with their signed amounts: `expired -195, granted +200`.
    pub(crate) fn entries_since(&self, seq: i64) -> String {
        let new = self.entries.iter().filter(|(entry, _)| entry.seq > seq && entry.token_type == ai());
        let texts = new.map(|(entry, _)| format!("{} {:+}", entry.kind.as_str(), entry.amount()));
        texts.collect::<Vec<_>>().join(", ")
    }
}
