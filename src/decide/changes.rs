//! The parts of an account that commands change, and how they are applied and merged.

use std::collections::BTreeMap;

use crate::{
    access::guard::Guard,
    billing::{invoices::Invoices, license::LicenseStep, payment::Purchase, subscription::Subscriptions},
    ids::{GrantId, GuardId, HoldId, PurchaseId, TransactionId},
    ledger::{
        account::{Account, Head, Terms},
        balance::Balance,
        grant::Grant,
        hold::Hold,
    },
    names::TokenType,
};

/// The changed parts of an account, each in its new state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// The plan, license and billing period.
    pub terms: Option<Terms>,
    /// The last entry.
    pub head: Option<Head>,
    /// The changed balances.
    pub balances: BTreeMap<TokenType, Balance>,
    /// The new and changed grants.
    pub grants: BTreeMap<GrantId, Grant>,
    /// The opened and ended holds.
    pub holds: BTreeMap<HoldId, Hold>,
    /// The changed guards.
    pub guards: BTreeMap<GuardId, Guard>,
    /// The refunded spends: the transaction of the spend, and that of its refund.
    pub refunds: BTreeMap<TransactionId, TransactionId>,
    /// The invoice facts, all of them.
    pub invoices: Option<Invoices>,
    /// The record of its subscriptions, all of it.
    pub subscriptions: Option<Subscriptions>,
    /// The license steps, in order.
    pub steps: Vec<LicenseStep>,
    /// The purchases with new payment facts, a new credit or changed lots.
    pub purchases: BTreeMap<PurchaseId, Purchase>,
}

impl Changes {
    /// Whether there are no changes.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Merges the changes of a later command: the newest state of each part counts.
    pub fn merge(&mut self, later: Self) {
        // Exhaustive, so that a new part can't be forgotten here.
        let Self { terms, head, balances, grants, holds, guards, refunds, invoices, subscriptions, steps, purchases } =
            later;
        self.terms = terms.or(self.terms.take());
        self.head = head.or(self.head);
        self.balances.extend(balances);
        self.grants.extend(grants);
        self.holds.extend(holds);
        self.guards.extend(guards);
        self.refunds.extend(refunds);
        self.invoices = invoices.or(self.invoices.take());
        self.subscriptions = subscriptions.or(self.subscriptions.take());
        self.steps.extend(steps);
        self.purchases.extend(purchases);
    }
}

impl Account {
    /// Applies `changes` to the account.
    pub fn apply(&mut self, changes: &Changes) {
        // Exhaustive, so that a new part can't be forgotten here. The license log is not part of the account.
        let Changes {
            terms,
            head,
            balances,
            grants,
            holds,
            guards,
            refunds,
            invoices,
            subscriptions,
            steps: _,
            purchases,
        } = changes;
        if let Some(terms) = terms {
            self.terms = terms.clone();
        }
        if let Some(head) = head {
            self.head = *head;
        }
        self.balances.extend(balances.iter().map(|(token_type, balance)| (token_type.clone(), *balance)));
        self.grants.extend(grants.iter().map(|(id, grant)| (*id, grant.clone())));
        self.holds.extend(holds.iter().map(|(id, hold)| (*id, hold.clone())));
        self.guards.extend(guards.iter().map(|(id, guard)| (*id, guard.clone())));
        if let Some(invoices) = invoices {
            let numbers = invoices.receipts().map(|it| it.number);
            self.receipt_number = numbers.fold(self.receipt_number, i64::max);
            self.invoices = invoices.clone();
        }
        if let Some(subscriptions) = subscriptions {
            self.subscriptions = subscriptions.clone();
        }
        for (id, purchase) in purchases {
            self.receipt_number = self.receipt_number.max(purchase.credit.as_ref().map_or(0, |credit| credit.number));
            self.purchases.insert(*id, purchase.clone());
        }
        for (spend, refund) in refunds {
            if let Some(spend) = self.spends.get_mut(spend) {
                spend.refunded_by = Some(*refund);
            }
        }
    }
}
