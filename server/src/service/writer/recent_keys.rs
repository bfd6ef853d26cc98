//! The idempotency keys that a writer has seen lately. A command that repeats one is decided under the lock, where its
//! record is read. Older ones are found when their record cannot be inserted, which fails the batch for all others in it.

use std::{
    collections::{HashSet, VecDeque, hash_map::RandomState},
    hash::BuildHasher,
};

use brightmeter::idempotency_key::IdempotencyKey;
use uuid::Uuid;

/// The number of keys that are remembered.
const CAPACITY: usize = 65_536;

/// Hashes of the latest keys. Two keys with the same hash only cost a lock.
#[derive(Debug, Default)]
pub(super) struct RecentKeys {
    hasher: RandomState,
    hashes: HashSet<u64>,
    /// Oldest first.
    order: VecDeque<u64>,
}

impl RecentKeys {
    pub(super) fn contains(&self, org: Uuid, key: &IdempotencyKey) -> bool {
        self.hashes.contains(&self.hasher.hash_one((org, key.as_str())))
    }

    /// Adds a key, and drops the oldest if there are too many.
    pub(super) fn insert(&mut self, org: Uuid, key: &IdempotencyKey) {
        let hash = self.hasher.hash_one((org, key.as_str()));
        if !self.hashes.insert(hash) {
            return;
        }
        self.order.push_back(hash);
        if self.order.len() > CAPACITY
            && let Some(oldest) = self.order.pop_front()
        {
            self.hashes.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_keys_of_each_organization_are_known() {
        let (org, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let key = |number: usize| format!("order-{number}").parse::<IdempotencyKey>().unwrap();
        let mut keys = RecentKeys::default();
        for number in 0..=CAPACITY {
            keys.insert(org, &key(number));
            keys.insert(org, &key(number));
        }
        assert_eq!((keys.hashes.len(), keys.order.len()), (CAPACITY, CAPACITY));
        assert!(keys.contains(org, &key(1)) && keys.contains(org, &key(CAPACITY)));
        assert!(!keys.contains(org, &key(0)) && !keys.contains(other, &key(1)));
    }
}
