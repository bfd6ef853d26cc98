//! Purchases: credits a paid pack once, and claws tokens back for refunds and disputes (invariant I4).

use super::{
    draft::{Draft, EntryDetails},
    grants::{self, NewGrant},
};
use crate::{
    access::refusal::Refusal,
    billing::payment::{Credit, Lot, Payment, Purchase, Stage},
    command::Caller,
    ids::PurchaseId,
    ledger::{
        balance::Balance,
        entry::EntryKind,
        grant::{GrantPart, Source, sum},
        outcome::Effect,
        tokens::Tokens,
    },
    names::TokenType,
};

/// Records payment facts for a purchase. Also works on a closed account, because the payment happened anyway.
pub(super) fn record_payment(draft: &mut Draft<'_>, id: PurchaseId, facts: &Payment) -> Result<Effect, Refusal> {
    let mut purchase = draft.purchase(id).cloned().ok_or(Refusal::PurchaseNotFound)?;
    purchase.payment.join(facts);
    if purchase.payment.stage == Stage::Paid && purchase.credit.is_none() {
        assume_paid_amount(&mut purchase);
        purchase.credit = Some(credit(draft, &purchase));
    }
    let number = purchase.credit.as_ref().map(|credit| credit.number);
    draft.set_purchase(purchase);
    reconcile(draft);
    Ok(Effect::PaymentRecorded { purchase: id, number })
}

/// Assumes that the price was paid, if Stripe did not report the amount.
fn assume_paid_amount(purchase: &mut Purchase) {
    let Purchase { price, payment, .. } = purchase;
    if payment.paid_minor.is_none() && payment.currency.is_none_or(|currency| currency == price.currency) {
        payment.paid_minor = u64::try_from(price.minor).ok();
    }
}

/// Adjusts the loaded lots to the facts of their payments. Everything that can return tokens to a lot must call it: the
/// end of a hold and the refund of a spend.
pub(super) fn reconcile(draft: &mut Draft<'_>) {
    for mut purchase in draft.purchases_to_reconcile() {
        let before = purchase.clone();
        let Purchase { id, payment, credit: Some(credit), .. } = &mut purchase else { continue };
        for lot in &mut credit.lots {
            LotReconciliation { draft, purchase: *id, lot }.reconcile(payment);
        }
        if purchase != before {
            draft.set_purchase(purchase);
        }
    }
}

fn credit(draft: &mut Draft<'_>, purchase: &Purchase) -> Credit {
    let lots = purchase.tokens.iter().filter(|(_, amount)| !amount.is_zero());
    let lots = lots.map(|(token_type, amount)| {
        let new = NewGrant { token_type, amount: *amount, source: Source::Pack, expires_at: None };
        let details = EntryDetails {
            purchase: Some(purchase.id),
            note: Some(purchase.label.as_str()),
            ..EntryDetails::new(EntryKind::Granted, Caller::System, &[])
        };
        let grant = grants::create(draft, new, details);
        let (token_type, zero) = (token_type.clone(), Tokens::ZERO);
        Lot { token_type, grant, amount: *amount, clawed_back: zero, owed: zero, frozen: zero }
    });
    let lots = lots.collect();
    Credit { number: draft.next_receipt_number(), at: draft.cx.now, lots }
}

/// The adjustment of one lot to the facts of its payment.
struct LotReconciliation<'a, 'b> {
    draft: &'a mut Draft<'b>,
    purchase: PurchaseId,
    lot: &'a mut Lot,
}

impl LotReconciliation<'_, '_> {
    fn reconcile(&mut self, payment: &Payment) {
        let (target, due) = (payment.freeze_of(self.lot.amount), payment.clawback_of(self.lot.amount));
        if self.lot.frozen > target || (!self.lot.frozen.is_zero() && due != self.lot.clawed_back) {
            self.unfreeze();
        }
        if due > self.lot.clawed_back {
            self.claw_back(due.saturating_sub(self.lot.clawed_back));
        } else if due < self.lot.clawed_back {
            self.reinstate(self.lot.clawed_back.saturating_sub(due));
        }
        self.pay_debt();
        self.freeze(target);
    }

    /// Claws back `amount` tokens. The part that was spent, or is held for a job, becomes debt.
    fn claw_back(&mut self, amount: Tokens) {
        let taken = self.free().min(amount);
        let short = amount.minus(taken);
        self.lot.clawed_back = self.lot.clawed_back.plus(amount);
        self.lot.owed = self.lot.owed.saturating_add(short);
        self.take(EntryKind::ClawedBack, taken, |before| Balance { debt: before.debt.saturating_add(short), ..before });
    }

    /// Reinstates `amount` tokens: first cancels debt, then returns the rest as tokens.
    fn reinstate(&mut self, amount: Tokens) {
        let before = self.balance();
        let forgiven = self.lot.owed.min(before.debt).min(amount);
        let returned = amount.minus(forgiven);
        self.lot.clawed_back = self.lot.clawed_back.minus(amount);
        self.lot.owed = self.lot.owed.minus(forgiven);
        let parts = grants::return_tokens(self.draft, self.lot.grant, returned, self.lot.frozen);
        let settled = before.settled.plus(sum(&parts));
        let after = Balance { settled, debt: before.debt.minus(forgiven), ..before };
        self.append(EntryKind::Reinstated, &parts, after);
    }

    /// Pays debt with tokens that returned to the lot after the clawback. Debt that another pack has paid is no longer
    /// owed.
    fn pay_debt(&mut self) {
        let debt = self.balance().debt;
        self.lot.owed = self.lot.owed.min(debt);
        let paid = self.lot.owed.min(self.free());
        if !paid.is_zero() {
            self.lot.owed = self.lot.owed.minus(paid);
            self.take(EntryKind::DebtPaid, paid, |before| Balance { debt: debt.minus(paid), ..before });
        }
    }

    /// Freezes free tokens while the payment is disputed, `target` in all.
    fn freeze(&mut self, target: Tokens) {
        let amount = self.free().min(target.saturating_sub(self.lot.frozen));
        if !amount.is_zero() {
            self.lot.frozen = self.lot.frozen.saturating_add(amount);
            self.take(EntryKind::Frozen, amount, |before| before);
        }
    }

    fn unfreeze(&mut self) {
        let amount = std::mem::take(&mut self.lot.frozen);
        self.draft.change_grant(self.lot.grant, |grant| grant.remaining = grant.remaining.plus(amount));
        let before = self.balance();
        let after = Balance { settled: before.settled.plus(amount), ..before };
        self.append(EntryKind::Thawed, &[GrantPart { grant: self.lot.grant, amount }], after);
    }

    /// Takes `amount` from the lot and appends the entry. `change` makes further changes to the balance.
    fn take(&mut self, kind: EntryKind, amount: Tokens, change: impl FnOnce(Balance) -> Balance) {
        self.draft.change_grant(self.lot.grant, |grant| grant.remaining = grant.remaining.minus(amount));
        let after = change(self.balance().after_spending(amount));
        let parts = [GrantPart { grant: self.lot.grant, amount }];
        self.append(kind, if amount.is_zero() { &[] } else { &parts }, after);
    }

    fn append(&mut self, kind: EntryKind, parts: &[GrantPart], after: Balance) {
        let details = EntryDetails { purchase: Some(self.purchase), ..EntryDetails::new(kind, Caller::System, parts) };
        let token_type: TokenType = self.lot.token_type.clone();
        self.draft.append(&token_type, after, details);
    }

    fn free(&self) -> Tokens {
        self.draft.grant(self.lot.grant).map(crate::ledger::grant::Grant::free).unwrap_or_default()
    }

    fn balance(&self) -> Balance {
        self.draft.balance(&self.lot.token_type)
    }
}
