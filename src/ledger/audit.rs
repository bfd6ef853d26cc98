//! Checks of the ledger's invariants on a whole account. `brightmeter audit` runs the same checks as queries.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    ids::OrgId,
    ledger::{
        account::{Account, Head},
        balance::Balance,
        entry::{Entry, EntryHash},
        hold::HoldState,
        tokens::Tokens,
    },
    names::TokenType,
};

/// A violated invariant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{invariant}: {detail}")]
pub struct Violation {
    /// The invariant's number: `I1` to `I8`.
    pub invariant: &'static str,
    /// The mismatch, with the figures.
    pub detail: String,
}

impl Violation {
    /// Returns a violation of `invariant`.
    pub fn new(invariant: &'static str, detail: impl Into<String>) -> Self {
        Self { invariant, detail: detail.into() }
    }
}

/// Checks a fully loaded account.
///
/// - I1: grants and open holds add up to the balance.
/// - I2: `held ≤ remaining ≤ amount` for grants, `held ≤ settled` for balances. [`Tokens`] cannot be negative.
/// - I3: captured ≤ held.
pub fn account(account: &Account) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut require = |valid: bool, invariant, detail: String| {
        if !valid {
            found.push(Violation::new(invariant, detail));
        }
    };
    let of_grants = account.grants.values().map(|grant| &grant.token_type);
    let of_holds = account.holds.values().map(|hold| &hold.token_type);
    let names: BTreeSet<&TokenType> = account.balances.keys().chain(of_grants).chain(of_holds).collect();
    for name in names {
        let Balance { settled, held, .. } = account.balance(name);
        let grants = || account.grants.values().filter(|grant| grant.token_type == *name);
        let remaining: Tokens = grants().map(|grant| grant.remaining).sum();
        let reserved: Tokens = grants().map(|grant| grant.held).sum();
        let open = account.holds.values().filter(|hold| hold.is_open() && hold.token_type == *name);
        let holds: Tokens = open.map(|hold| hold.amount()).sum();
        require(
            remaining == settled,
            "I1",
            format!("{name}: the grants have {remaining} remaining, the balance has {settled}"),
        );
        require(holds == held, "I1", format!("{name}: the open holds reserve {holds}, the balance has {held} held"));
        require(
            reserved == held,
            "I1",
            format!("{name}: the grants have {reserved} held, the balance has {held} held"),
        );
        require(held <= settled, "I2", format!("{name}: {held} held, but only {settled} settled"));
    }
    for grant in account.grants.values() {
        let ordered = grant.held <= grant.remaining && grant.remaining <= grant.amount;
        require(
            ordered,
            "I2",
            format!("grant {}: {} held, {} remaining of {}", grant.id, grant.held, grant.remaining, grant.amount),
        );
    }
    for hold in account.holds.values() {
        if let HoldState::Captured { amount, .. } = hold.state {
            require(amount <= hold.amount(), "I3", format!("hold {}: {amount} captured of {}", hold.id, hold.amount()));
        }
    }
    found
}

/// Verifies one organization's entries in order: I1 (entries add up) and I7 (no gaps, hash chain verifies).
#[derive(Clone, Debug)]
pub struct LogAudit {
    head: Head,
    balances: BTreeMap<TokenType, Balance>,
}

impl LogAudit {
    /// Starts before the first entry of `org`.
    pub fn new(org: OrgId) -> Self {
        Self { head: Head { seq: 0, hash: EntryHash::genesis(org) }, balances: BTreeMap::new() }
    }

    /// Starts after the entry `head`, which an earlier audit verified, with the balances that it left.
    pub fn resume(head: Head, balances: BTreeMap<TokenType, Balance>) -> Self {
        Self { head, balances }
    }

    /// The last verified entry.
    pub fn head(&self) -> Head {
        self.head
    }

    /// The balances after the last verified entry.
    pub fn balances(&self) -> &BTreeMap<TokenType, Balance> {
        &self.balances
    }

    /// Checks the next entry against its stored hash and the entries before it.
    ///
    /// # Errors
    /// The [`Violation`] of the first check that fails: sequence number, hash, balance before.
    pub fn verify(&mut self, entry: &Entry, stored: EntryHash) -> Result<(), Violation> {
        let expected = self.head.seq + 1;
        if entry.seq != expected {
            return Err(Violation::new("I7", format!("entry {} was found where {expected} was expected", entry.seq)));
        }
        if entry.hash(self.head.hash) != stored {
            return Err(Violation::new("I7", format!("entry {} was changed: its hash does not verify", entry.seq)));
        }
        let balance = self.balances.entry(entry.token_type.clone()).or_default();
        if *balance != entry.before {
            let detail = format!(
                "entry {} starts from {:?}, but the previous one ended at {balance:?}",
                entry.seq, entry.before
            );
            return Err(Violation::new("I1", detail));
        }
        *balance = entry.after;
        self.head = Head { seq: entry.seq, hash: stored };
        Ok(())
    }

    /// Compares the last entry with the account's head and balances.
    pub fn finish(&self, head: Head, balances: &BTreeMap<TokenType, Balance>) -> Vec<Violation> {
        let mut found = Vec::new();
        if head != self.head {
            found.push(Violation::new(
                "I7",
                format!("the account's head is {head:?}, the last entry is {:?}", self.head),
            ));
        }
        let non_zero = |balances: &BTreeMap<TokenType, Balance>| {
            let mut balances = balances.clone();
            balances.retain(|_, balance| *balance != Balance::default());
            balances
        };
        if non_zero(balances) != non_zero(&self.balances) {
            found.push(Violation::new(
                "I1",
                format!("the balances are {balances:?}, the entries add up to {:?}", self.balances),
            ));
        }
        found
    }
}
