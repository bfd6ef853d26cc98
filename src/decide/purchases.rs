//! Purchases: crediting what was paid, once, and taking back what goes with the money.

use super::{
    draft::{Draft, Line},
    grants::{self, NewGrant},
};
use crate::{
    access::refusal::Refusal,
    billing::payment::{Credit, Lot, Payment, Purchase, Stage},
    command::Caller,
    ids::PurchaseId,
    ledger::{
        account::Balance,
        entry::EntryKind,
        grant::{Part, Source, sum},
        outcome::Effect,
        tokens::Tokens,
    },
    names::TokenType,
};

/// Takes in what Stripe has told of a purchase. A closed account is no reason not to.
pub(super) fn settle(draft: &mut Draft<'_>, id: PurchaseId, facts: &Payment) -> Result<Effect, Refusal> {
    let mut purchase = draft.purchase(id).cloned().ok_or(Refusal::PurchaseNotFound)?;
    purchase.payment.join(facts);
    if purchase.payment.stage == Stage::Paid && purchase.credit.is_none() {
        // Stripe need not say how much: no pack is sold for less than its price.
        if purchase.payment.paid_cents == 0 {
            purchase.payment.paid_cents = purchase.price_cents.into();
        }
        purchase.credit = Some(credit(draft, &purchase));
    }
    let number = purchase.credit.as_ref().map(|credit| credit.number);
    draft.put_purchase(purchase);
    follow(draft);
    Ok(Effect::PaymentRecorded { purchase: id, number })
}

/// Brings every lot at hand to what is known of its payment. Whatever may bring tokens back to a lot calls it, too: the end of a
/// hold, and a refund of a spend.
pub(super) fn follow(draft: &mut Draft<'_>) {
    for mut purchase in draft.purchases_at_stake() {
        let before = purchase.clone();
        let Purchase { id, payment, credit: Some(credit), .. } = &mut purchase else { continue };
        for lot in &mut credit.lots {
            Following { draft, purchase: *id, lot }.follow(payment);
        }
        if purchase != before {
            draft.put_purchase(purchase);
        }
    }
}

fn credit(draft: &mut Draft<'_>, purchase: &Purchase) -> Credit {
    let lots = purchase.tokens.iter().filter(|(_, amount)| !amount.is_zero());
    let lots = lots.map(|(token_type, amount)| {
        let new = NewGrant { token_type, amount: *amount, source: Source::Pack, expires_at: None };
        let (bought, note) = (Some(purchase.id), Some(purchase.label.as_str()));
        let line = Line { purchase: bought, note, ..Line::new(EntryKind::Granted, Caller::System, &[]) };
        let grant = grants::make(draft, new, line);
        let (token_type, zero) = (token_type.clone(), Tokens::ZERO);
        Lot { token_type, grant, amount: *amount, clawed_back: zero, owed: zero, frozen: zero }
    });
    let lots = lots.collect();
    Credit { number: draft.next_number(), at: draft.cx.now, lots }
}

/// One lot on its way to what is known of its payment.
struct Following<'a, 'b> {
    draft: &'a mut Draft<'b>,
    purchase: PurchaseId,
    lot: &'a mut Lot,
}

impl Following<'_, '_> {
    fn follow(&mut self, payment: &Payment) {
        let (disputed, due) = (payment.is_disputed(), payment.clawback_of(self.lot.amount));
        if !self.lot.frozen.is_zero() && (!disputed || due != self.lot.clawed_back) {
            self.thaw();
        }
        if due > self.lot.clawed_back {
            self.claw_back(due.saturating_sub(self.lot.clawed_back));
        } else if due < self.lot.clawed_back {
            self.reinstate(self.lot.clawed_back.saturating_sub(due));
        }
        self.pay_debt();
        if disputed {
            self.freeze();
        }
    }

    /// Takes what is there; what was spent, or is held for a job, becomes debt.
    fn claw_back(&mut self, amount: Tokens) {
        let taken = self.free().min(amount);
        let short = amount.saturating_sub(taken);
        self.lot.clawed_back = self.lot.clawed_back.saturating_add(amount);
        self.lot.owed = self.lot.owed.saturating_add(short);
        self.take(EntryKind::ClawedBack, taken, |before| Balance { debt: before.debt.saturating_add(short), ..before });
    }

    /// Gives back: first what is owed is owed no more; the rest are tokens again.
    fn reinstate(&mut self, amount: Tokens) {
        let before = self.balance();
        let forgiven = self.lot.owed.min(before.debt).min(amount);
        let returned = amount.saturating_sub(forgiven);
        self.lot.clawed_back = self.lot.clawed_back.saturating_sub(amount);
        self.lot.owed = self.lot.owed.saturating_sub(forgiven);
        let parts = grants::give_back(self.draft, self.lot.grant, returned, self.lot.frozen);
        let settled = before.settled.saturating_add(sum(&parts));
        let after = Balance { settled, debt: before.debt.saturating_sub(forgiven), ..before };
        self.append(EntryKind::Reinstated, &parts, after);
    }

    /// Tokens that came back to the lot after they had become debt pay it. What another pack has paid is owed no more.
    fn pay_debt(&mut self) {
        let debt = self.balance().debt;
        self.lot.owed = self.lot.owed.min(debt);
        let paid = self.lot.owed.min(self.free());
        if !paid.is_zero() {
            self.lot.owed = self.lot.owed.saturating_sub(paid);
            self.take(EntryKind::DebtPaid, paid, |before| Balance { debt: debt.saturating_sub(paid), ..before });
        }
    }

    /// Puts aside what is free while the payment is disputed.
    fn freeze(&mut self) {
        let amount = self.free();
        if !amount.is_zero() {
            self.lot.frozen = self.lot.frozen.saturating_add(amount);
            self.take(EntryKind::Frozen, amount, |before| before);
        }
    }

    fn thaw(&mut self) {
        let amount = std::mem::take(&mut self.lot.frozen);
        self.draft.change_grant(self.lot.grant, |grant| grant.remaining = grant.remaining.saturating_add(amount));
        let before = self.balance();
        let after = Balance { settled: before.settled.saturating_add(amount), ..before };
        self.append(EntryKind::Thawed, &[Part { grant: self.lot.grant, amount }], after);
    }

    /// Takes `amount` out of the lot and books it, with what else `change` makes of the balance.
    fn take(&mut self, kind: EntryKind, amount: Tokens, change: impl FnOnce(Balance) -> Balance) {
        self.draft.change_grant(self.lot.grant, |grant| grant.remaining = grant.remaining.saturating_sub(amount));
        let after = change(self.balance().less(amount));
        let parts = [Part { grant: self.lot.grant, amount }];
        self.append(kind, if amount.is_zero() { &[] } else { &parts }, after);
    }

    fn append(&mut self, kind: EntryKind, parts: &[Part], after: Balance) {
        let line = Line { purchase: Some(self.purchase), ..Line::new(kind, Caller::System, parts) };
        let token_type: TokenType = self.lot.token_type.clone();
        self.draft.append(&token_type, after, line);
    }

    fn free(&self) -> Tokens {
        self.draft.grant(self.lot.grant).map(crate::ledger::grant::Grant::free).unwrap_or_default()
    }

    fn balance(&self) -> Balance {
        self.draft.balance(&self.lot.token_type)
    }
}
