//! A limit on concurrent uses per key, such as connections per address.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Counts the permits of each key. Clones share the counts.
#[derive(Clone, Debug)]
pub struct ConcurrencyLimit<K: Eq + Hash + Copy>(Arc<Mutex<HashMap<K, usize>>>);

/// A permit, released on drop.
#[derive(Debug)]
pub struct ConcurrencyPermit<K: Eq + Hash + Copy> {
    limit: ConcurrencyLimit<K>,
    key: K,
}

impl<K: Eq + Hash + Copy> Default for ConcurrencyLimit<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Eq + Hash + Copy> ConcurrencyLimit<K> {
    /// Returns a permit for `key`, or `None` if it already has `max` of them.
    pub fn try_acquire(&self, key: K, max: usize) -> Option<ConcurrencyPermit<K>> {
        let mut counts = self.lock();
        let count = counts.entry(key).or_default();
        if *count >= max {
            return None;
        }
        *count += 1;
        drop(counts);
        Some(ConcurrencyPermit { limit: self.clone(), key })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash + Copy> Drop for ConcurrencyPermit<K> {
    fn drop(&mut self) {
        let mut counts = self.limit.lock();
        if let Some(count) = counts.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_its_own_limit_and_a_dropped_permit_is_released() {
        let limit = ConcurrencyLimit::default();
        let first = limit.try_acquire("a", 2).unwrap();
        let _second = limit.try_acquire("a", 2).unwrap();
        assert!(limit.try_acquire("a", 2).is_none());
        assert!(limit.try_acquire("b", 2).is_some(), "another key has its own limit");
        drop(first);
        assert!(limit.try_acquire("a", 2).is_some());
        assert_eq!(limit.lock().len(), 1, "a key without permits is removed");
    }
}
