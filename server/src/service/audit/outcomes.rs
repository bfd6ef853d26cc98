//! I5: each recorded outcome has its transaction in the log, and no transaction is the outcome of two idempotency keys.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{BuildHasher, RandomState},
};

use brightmeter::ids::OrgId;
use serde::Deserialize;
use sqlx::PgPool;
use uuid::Uuid;

use super::findings::Findings;
use crate::storage::{
    Result,
    audit::{log, sums},
    tenant,
};

/// The effects of commands that append no entries.
const WITHOUT_ENTRIES: [&str; 7] = [
    "plan_changed",
    "payment_recorded",
    "invoices_recorded",
    "subscriptions_synced",
    "suspended",
    "lifted",
    "advanced",
];

/// The part of a recorded outcome that is checked.
#[derive(Deserialize)]
struct Recorded<'a> {
    transaction: Uuid,
    #[serde(borrow)]
    effect: Effect<'a>,
}

#[derive(Deserialize)]
struct Effect<'a> {
    effect: &'a str,
}

/// Checks all idempotency records of `org`, page by page. Records never change, so each page is a transaction.
pub(super) async fn check(pool: &PgPool, org: OrgId, page_size: i64) -> Result<Findings> {
    let mut findings = Findings::default();
    let mut seen: Option<Seen> = None;
    let mut suspects = BTreeSet::new();
    let mut after = String::new();
    loop {
        let mut tx = tenant::begin(pool, org).await?;
        let page = sums::list_outcomes(&mut tx, org, &after, page_size).await?;
        let is_last = (page.len() as i64) < page_size;
        let (mut transactions, mut with_entries) = (Vec::with_capacity(page.len()), Vec::with_capacity(page.len()));
        for (key, outcome) in &page {
            match serde_json::from_str::<Recorded<'_>>(outcome) {
                Ok(recorded) => {
                    transactions.push(recorded.transaction);
                    if !WITHOUT_ENTRIES.contains(&recorded.effect.effect) {
                        with_entries.push(recorded.transaction);
                    }
                }
                Err(error) => findings.extend("I5", [format!("the outcome of key {key} cannot be read: {error}")]),
            }
        }
        // In the order of the index.
        with_entries.sort_unstable();
        for missing in log::list_missing(&mut tx, org, &with_entries).await? {
            let detail = format!("the outcome of transaction {missing} is recorded, the log does not have it");
            findings.extend("I5", [detail]);
        }
        drop(tx);
        if seen.is_none() && is_last {
            // The only page.
            findings.extend("I5", repeated(count(transactions.into_iter())));
            return Ok(findings);
        }
        let seen = seen.get_or_insert_with(Seen::new);
        suspects.extend(transactions.into_iter().filter(|transaction| seen.insert(*transaction)));
        if is_last {
            break;
        }
        after = page.into_iter().next_back().map(|(key, _)| key).unwrap_or_default();
    }
    if !suspects.is_empty() {
        findings.extend("I5", repeated(count_suspects(pool, org, page_size, &suspects).await?));
    }
    Ok(findings)
}

/// Counts the records of the suspects exactly.
async fn count_suspects(
    pool: &PgPool,
    org: OrgId,
    page_size: i64,
    suspects: &BTreeSet<Uuid>,
) -> Result<BTreeMap<Uuid, usize>> {
    let mut counts: BTreeMap<Uuid, usize> = BTreeMap::new();
    let mut after = String::new();
    loop {
        let mut tx = tenant::begin(pool, org).await?;
        let page = sums::list_outcomes(&mut tx, org, &after, page_size).await?;
        drop(tx);
        let recorded = page.iter().filter_map(|(_, outcome)| serde_json::from_str::<Recorded<'_>>(outcome).ok());
        for transaction in recorded.map(|recorded| recorded.transaction).filter(|id| suspects.contains(id)) {
            *counts.entry(transaction).or_default() += 1;
        }
        if (page.len() as i64) < page_size {
            return Ok(counts);
        }
        after = page.into_iter().next_back().map(|(key, _)| key).unwrap_or_default();
    }
}

fn count(transactions: impl Iterator<Item = Uuid>) -> BTreeMap<Uuid, usize> {
    transactions.fold(BTreeMap::new(), |mut counts, transaction| {
        *counts.entry(transaction).or_default() += 1;
        counts
    })
}

fn repeated(counts: BTreeMap<Uuid, usize>) -> impl Iterator<Item = String> {
    let repeated = counts.into_iter().filter(|(_, keys)| *keys > 1);
    repeated.map(|(transaction, keys)| format!("transaction {transaction} is the outcome of {keys} keys"))
}

/// Remembers ids in a fixed 64 MiB: a Bloom filter. Of ten million ids, fewer than one is taken for an earlier one.
struct Seen {
    bits: Vec<u64>,
    hashers: [RandomState; 2],
}

impl Seen {
    const WORDS: usize = 1 << 23;
    const HASHES: u64 = 8;

    fn new() -> Self {
        Self { bits: vec![0; Self::WORDS], hashers: [RandomState::new(), RandomState::new()] }
    }

    /// Adds `id`. Returns whether it may have been added before; `false` is certain.
    fn insert(&mut self, id: Uuid) -> bool {
        let [first, step] = self.hashers.each_ref().map(|hasher| hasher.hash_one(id));
        let mut known = true;
        for number in 0..Self::HASHES {
            let bit = first.wrapping_add(number.wrapping_mul(step | 1)) % (Self::WORDS as u64 * 64);
            if let Some(word) = self.bits.get_mut((bit / 64) as usize) {
                let mask = 1 << (bit % 64);
                known &= *word & mask != 0;
                *word |= mask;
            }
        }
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_known_once_it_was_added() {
        let mut seen = Seen::new();
        for id in (1..=10_000).map(Uuid::from_u128) {
            assert!(!seen.insert(id), "{id}");
        }
        for id in (1..=10_000).map(Uuid::from_u128) {
            assert!(seen.insert(id), "{id}");
        }
    }
}
