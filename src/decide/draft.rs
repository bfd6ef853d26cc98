//! The draft of a decision: the account before the command, and the changes so far.

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Changes, Context, Decision};
use crate::{
    access::{guard::Guard, refusal::Refusal},
    billing::{invoices::Invoices, payment::Purchase, period::Period, subscription::Subscriptions},
    command::{Caller, Metadata},
    ids::{GrantId, GuardId, HoldId, MemberId, PurchaseId, TransactionId},
    ledger::{
        account::{Account, Head, PastSpend, Terms},
        balance::Balance,
        entry::{Entry, EntryHash, EntryKind},
        grant::{Grant, GrantPart, Source},
        hold::Hold,
        outcome::{Effect, Outcome},
        tokens::Tokens,
    },
    names::{FeatureName, TokenType},
    time::Instant,
};

pub(crate) struct Draft<'a> {
    pub(crate) cx: &'a Context<'a>,
    pub(super) changes: Changes,
    account: &'a Account,
    entries: Vec<(Entry, EntryHash)>,
    ids: u32,
}

/// The fields of an entry besides its balances and its position.
pub(super) struct EntryDetails<'a> {
    pub(super) kind: EntryKind,
    pub(super) caller: Caller,
    pub(super) member: Option<MemberId>,
    pub(super) parts: &'a [GrantPart],
    pub(super) source: Option<Source>,
    pub(super) feature: Option<&'a FeatureName>,
    pub(super) hold: Option<HoldId>,
    pub(super) reverses: Option<TransactionId>,
    pub(super) purchase: Option<PurchaseId>,
    pub(super) note: Option<&'a str>,
    pub(super) metadata: Option<&'a Metadata>,
}

impl<'a> EntryDetails<'a> {
    pub(super) fn new(kind: EntryKind, caller: Caller, parts: &'a [GrantPart]) -> Self {
        let (source, feature, hold, reverses) = (None, None, None, None);
        let (purchase, note, metadata) = (None, None, None);
        let member = caller.member();
        Self { kind, caller, member, parts, source, feature, hold, reverses, purchase, note, metadata }
    }
}

impl<'a> Draft<'a> {
    pub(crate) fn new(account: &'a Account, cx: &'a Context<'a>) -> Self {
        Self { cx, account, changes: Changes::default(), entries: Vec::new(), ids: 0 }
    }

    pub(crate) fn terms(&self) -> &Terms {
        self.changes.terms.as_ref().unwrap_or(&self.account.terms)
    }

    pub(super) fn terms_mut(&mut self) -> &mut Terms {
        self.changes.terms.get_or_insert_with(|| self.account.terms.clone())
    }

    pub(crate) fn period(&self) -> Period {
        self.terms().period(self.cx.now)
    }

    pub(crate) fn balance(&self, token_type: &TokenType) -> Balance {
        self.changes.balances.get(token_type).copied().unwrap_or_else(|| self.account.balance(token_type))
    }

    pub(super) fn grant(&self, id: GrantId) -> Option<&Grant> {
        self.changes.grants.get(&id).or_else(|| self.account.grants.get(&id))
    }

    pub(super) fn hold(&self, id: HoldId) -> Option<&Hold> {
        self.changes.holds.get(&id).or_else(|| self.account.holds.get(&id))
    }

    pub(crate) fn guard(&self, id: GuardId) -> Guard {
        self.account.guards.get(&id).cloned().unwrap_or_default()
    }

    pub(super) fn spend(&self, id: TransactionId) -> Option<&PastSpend> {
        self.account.spends.get(&id)
    }

    pub(super) fn invoices(&self) -> &Invoices {
        self.changes.invoices.as_ref().unwrap_or(&self.account.invoices)
    }

    pub(super) fn subscriptions(&self) -> &Subscriptions {
        self.changes.subscriptions.as_ref().unwrap_or(&self.account.subscriptions)
    }

    pub(super) fn purchase(&self, id: PurchaseId) -> Option<&Purchase> {
        self.changes.purchases.get(&id).or_else(|| self.account.purchases.get(&id))
    }

    /// Returns the purchases whose lots may have to change with their payments, with the changes so far.
    pub(super) fn purchases_to_reconcile(&self) -> Vec<Purchase> {
        let untouched = self.account.purchases.values().filter(|it| !self.changes.purchases.contains_key(&it.id));
        untouched
            .chain(self.changes.purchases.values())
            .filter(|purchase| purchase.needs_reconciliation())
            .cloned()
            .collect()
    }

    /// Returns how many tokens of a grant are frozen because its payment is disputed.
    pub(super) fn frozen_of(&self, grant: GrantId) -> Tokens {
        let purchases = self.purchases_to_reconcile();
        let lots = purchases.iter().flat_map(|purchase| &purchase.credit).flat_map(|credit| &credit.lots);
        lots.filter(|lot| lot.grant == grant).map(|lot| lot.frozen).sum()
    }

    pub(super) fn set_purchase(&mut self, purchase: Purchase) {
        self.changes.purchases.insert(purchase.id, purchase);
    }

    /// Returns the number of the next receipt, for a pack or a plan.
    pub(super) fn next_receipt_number(&self) -> i64 {
        self.account.receipt_number + 1
    }

    /// Returns the grants, with the changes so far.
    pub(super) fn grants(&self) -> impl Iterator<Item = &Grant> {
        let untouched = self.account.grants.values().filter(|grant| !self.changes.grants.contains_key(&grant.id));
        untouched.chain(self.changes.grants.values())
    }

    /// Returns the holds as they were before this command. Only `advance` may end a hold that the command does not
    /// name.
    pub(super) fn holds_before(&self) -> impl Iterator<Item = &'a Hold> + use<'a> {
        self.account.holds.values()
    }

    /// # Errors
    /// [`Refusal::AccountClosed`].
    pub(crate) fn check_open(&self) -> Result<(), Refusal> {
        self.terms().closed_at.map_or(Ok(()), |since| Err(Refusal::AccountClosed { since }))
    }

    /// Returns the grants that a use of `needed` tokens would burn, in burn-down order, and the total available tokens.
    /// `without_allowance`: the license withholds the allowance.
    pub(crate) fn select_grants(
        &self,
        token_type: &TokenType,
        needed: Tokens,
        without_allowance: bool,
    ) -> (Vec<GrantPart>, Tokens) {
        let mut grants: Vec<&Grant> = self
            .grants()
            .filter(|grant| grant.token_type == *token_type && !grant.free().is_zero())
            .filter(|grant| !(without_allowance && grant.source == Source::Plan))
            .filter(|grant| !grant.has_expired(self.cx.now))
            .collect();
        grants.sort_by_cached_key(|grant| grant.burn_order());
        let available = grants.iter().map(|grant| grant.free()).sum();
        let mut missing = needed;
        let mut parts = Vec::new();
        for grant in grants {
            let amount = grant.free().min(missing);
            if amount.is_zero() {
                break;
            }
            missing = missing.minus(amount);
            parts.push(GrantPart { grant: grant.id, amount });
        }
        (parts, available)
    }

    /// Returns when the next allowance of `token_type` is granted, or `None` if the plan has none.
    pub(crate) fn next_allowance(&self, token_type: &TokenType) -> Option<Instant> {
        let (terms, reset) = (self.terms(), self.period().end);
        let next = terms.next_plan.as_ref().filter(|next| next.from <= reset).map(|next| &next.plan);
        let allowance = self.cx.catalog.plan(next.unwrap_or(&terms.plan))?.allowance_of(token_type);
        let granted = !allowance.is_zero() && terms.grants_allowance(reset, &self.cx.catalog.ladder);
        granted.then_some(reset)
    }

    /// Returns an id for the next record of this command. It is derived from the transaction, so `decide` stays
    /// deterministic.
    pub(super) fn next_id(&mut self) -> Uuid {
        self.ids += 1;
        let hash = Sha256::new()
            .chain_update(self.cx.transaction.0.as_bytes())
            .chain_update(self.ids.to_be_bytes())
            .finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash[..16]);
        uuid::Builder::from_custom_bytes(bytes).into_uuid()
    }

    /// Changes a loaded grant. A part always names one, because storage loads holds and spends with their grants.
    pub(super) fn change_grant(&mut self, id: GrantId, change: impl FnOnce(&mut Grant)) {
        if let Some(mut grant) = self.grant(id).cloned() {
            change(&mut grant);
            self.changes.grants.insert(id, grant);
        }
    }

    /// Appends an entry and sets the balance.
    pub(super) fn append(&mut self, token_type: &TokenType, after: Balance, details: EntryDetails<'_>) {
        let head = self.head();
        let entry = Entry {
            seq: head.seq + 1,
            transaction: self.cx.transaction,
            kind: details.kind,
            token_type: token_type.clone(),
            before: self.balance(token_type),
            after,
            parts: details.parts.to_vec(),
            source: details.source,
            feature: details.feature.cloned(),
            caller: details.caller,
            member: details.member,
            hold: details.hold,
            reverses: details.reverses,
            purchase: details.purchase,
            note: details.note.map(Into::into),
            metadata: details.metadata.cloned(),
            at: self.cx.now,
        };
        let hash = entry.hash(head.hash);
        self.changes.head = Some(Head { seq: entry.seq, hash });
        self.changes.balances.insert(token_type.clone(), after);
        self.entries.push((entry, hash));
    }

    pub(super) fn finish(self, effect: Effect) -> Decision {
        let (transaction, seq, at) = (self.cx.transaction, self.head().seq, self.cx.now);
        Decision { outcome: Outcome { transaction, seq, at, effect }, changes: self.changes, entries: self.entries }
    }

    fn head(&self) -> Head {
        self.changes.head.unwrap_or(self.account.head)
    }
}
