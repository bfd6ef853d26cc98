//! A change of a subscription's items: what it costs now, and how it is applied.

use serde::{Deserialize, Serialize};

use super::{
    billing_records::{InvoiceLine, Item, Span, Subscription, SubscriptionStatus},
    proration::{charge, credit},
};

/// A change of a subscription, not applied yet.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Change {
    /// All items after the change.
    pub(super) items: Vec<Item>,
    /// Whether the unused time is credited and the remaining time charged, both immediately.
    pub(super) prorates: bool,
    /// The instant that the proration starts at.
    pub(super) at: i64,
    /// Whether the trial ends now.
    #[serde(default)]
    pub(super) ends_trial: bool,
}

impl Change {
    /// Whether a new period starts now: the trial ends, or the new prices have another interval.
    fn restarts(&self, of: &Subscription) -> bool {
        let interval = self.items.first().map(|item| item.price.interval);
        match of.status {
            SubscriptionStatus::Trialing => self.ends_trial,
            _ => interval.is_some_and(|interval| interval != of.interval()),
        }
    }

    /// Returns the lines of the invoice that is due now. `of` is still unchanged.
    pub(super) fn lines(&self, of: &Subscription, now: i64) -> Vec<InvoiceLine> {
        let mut after = of.clone();
        self.apply(&mut after, now);
        let charges = if self.restarts(of) { after.first_lines() } else { self.charges(of) };
        self.credits(of).into_iter().chain(charges).collect()
    }

    /// Applies the change.
    pub(super) fn apply(&self, it: &mut Subscription, now: i64) {
        let restarts = self.restarts(it);
        it.items.clone_from(&self.items);
        if restarts && it.status == SubscriptionStatus::Trialing {
            it.status = SubscriptionStatus::Active;
            it.trial = it.trial.map(|trial| Span { end: now, ..trial });
        }
        if restarts {
            (it.anchor, it.period) = (now, Span::around(now, now, it.interval()));
        }
    }

    /// Returns the credits for the unused time of items that end or change.
    fn credits(&self, of: &Subscription) -> Vec<InvoiceLine> {
        let restarts = self.restarts(of);
        let ends = |item: &&Item| restarts || !self.items.contains(item);
        let ended = of.items.iter().filter(|item| self.is_prorated(item, of)).filter(ends);
        ended.map(|item| credit(item, of.period, self.at)).collect()
    }

    /// Returns the charges for the remaining time of new and changed items.
    fn charges(&self, of: &Subscription) -> Vec<InvoiceLine> {
        let new = self.items.iter().filter(|item| self.is_prorated(item, of) && !of.items.contains(item));
        new.map(|item| charge(item, of.period, self.at)).collect()
    }

    /// A trial and metered usage are not prorated.
    fn is_prorated(&self, item: &Item, of: &Subscription) -> bool {
        self.prorates && of.status != SubscriptionStatus::Trialing && !item.price.metered
    }
}

/// Sums the lines of an invoice.
pub(super) fn total(lines: &[InvoiceLine]) -> i64 {
    lines.iter().map(|line| line.cents).sum()
}
