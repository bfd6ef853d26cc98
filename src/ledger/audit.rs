//! The invariants that a whole account can be held against. The server's audit asks the same of the database.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    ids::OrgId,
    ledger::{
        account::{Account, Balance, Head},
        entry::{Entry, EntryHash},
        hold::HoldState,
        tokens::Tokens,
    },
    names::TokenType,
};

/// A broken invariant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{invariant}: {detail}")]
pub struct Violation {
    /// `I1` to `I8`.
    pub invariant: &'static str,
    /// What does not hold, with the figures.
    pub detail: String,
}

impl Violation {
    /// A violation of `invariant`.
    pub fn new(invariant: &'static str, detail: impl Into<String>) -> Self {
        Self { invariant, detail: detail.into() }
    }
}

/// Holds a whole account against I1 (grants and holds add up to the balance), I2 (`held ≤ remaining ≤ amount`, `held ≤
/// settled`; amounts cannot be negative by their type) and I3 (captured ≤ held).
pub fn account(account: &Account) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut require = |holds: bool, invariant, detail: String| {
        if !holds {
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
        require(remaining == settled, "I1", format!("{name}: the grants have {remaining}, the balance {settled}"));
        require(holds == held, "I1", format!("{name}: open holds have {holds}, the balance {held}"));
        require(reserved == held, "I1", format!("{name}: the grants reserve {reserved}, the balance {held}"));
        require(held <= settled, "I2", format!("{name}: {held} held of {settled}"));
    }
    for grant in account.grants.values() {
        let ordered = grant.held <= grant.remaining && grant.remaining <= grant.amount;
        require(
            ordered,
            "I2",
            format!("grant {}: {} held, {} left of {}", grant.id, grant.held, grant.remaining, grant.amount),
        );
    }
    for hold in account.holds.values() {
        if let HoldState::Captured { amount, .. } = hold.state {
            require(amount <= hold.amount(), "I3", format!("hold {}: {amount} captured of {}", hold.id, hold.amount()));
        }
    }
    found
}

/// Follows one organization's log from its start: I1 (entries add up) and I7 (no gap, chain verifies).
#[derive(Clone, Debug)]
pub struct LogAudit {
    head: Head,
    balances: BTreeMap<TokenType, Balance>,
}

impl LogAudit {
    /// Before the first entry of `org`.
    pub fn new(org: OrgId) -> Self {
        Self { head: Head { seq: 0, hash: EntryHash::genesis(org) }, balances: BTreeMap::new() }
    }

    /// Takes the next entry with its stored hash.
    ///
    /// # Errors
    /// What does not follow from the entries before.
    pub fn follow(&mut self, entry: &Entry, stored: EntryHash) -> Result<(), Violation> {
        let expected = self.head.seq + 1;
        if entry.seq != expected {
            return Err(Violation::new("I7", format!("entry {} stands where {expected} should", entry.seq)));
        }
        if entry.hash(self.head.hash) != stored {
            return Err(Violation::new("I7", format!("entry {} was changed: its hash does not verify", entry.seq)));
        }
        let balance = self.balances.entry(entry.token_type.clone()).or_default();
        if *balance != entry.before {
            let detail =
                format!("entry {} starts from {:?}, the one before ended at {balance:?}", entry.seq, entry.before);
            return Err(Violation::new("I1", detail));
        }
        *balance = entry.after;
        self.head = Head { seq: entry.seq, hash: stored };
        Ok(())
    }

    /// Holds the end of the log against the account's state.
    pub fn finish(&self, head: Head, balances: &BTreeMap<TokenType, Balance>) -> Vec<Violation> {
        let mut found = Vec::new();
        if head != self.head {
            found
                .push(Violation::new("I7", format!("the account stands at {head:?}, the log ends at {:?}", self.head)));
        }
        let some = |balances: &BTreeMap<TokenType, Balance>| {
            let mut balances = balances.clone();
            balances.retain(|_, balance| *balance != Balance::default());
            balances
        };
        if some(balances) != some(&self.balances) {
            found
                .push(Violation::new("I1", format!("the balances are {balances:?}, the log says {:?}", self.balances)));
        }
        found
    }
}
