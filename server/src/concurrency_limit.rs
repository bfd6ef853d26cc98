//! How much of something that all share one of them may take.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Counts what each `K` has taken. Clones share the counts.
#[derive(Clone, Debug)]
pub struct ConcurrencyLimit<K: Eq + Hash + Copy>(Arc<Mutex<HashMap<K, usize>>>);

/// One place taken; given back when it is dropped.
#[derive(Debug)]
pub struct ConcurrencyPermit<K: Eq + Hash + Copy> {
    concurrency_limit: ConcurrencyLimit<K>,
    of: K,
}

impl<K: Eq + Hash + Copy> Default for ConcurrencyLimit<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Eq + Hash + Copy> ConcurrencyLimit<K> {
    /// A place for `of`, if it has fewer than `limit`.
    pub fn take(&self, of: K, limit: usize) -> Option<ConcurrencyPermit<K>> {
        let mut taken = self.lock();
        let count = taken.entry(of).or_default();
        if *count >= limit {
            return None;
        }
        *count += 1;
        drop(taken);
        Some(ConcurrencyPermit { concurrency_limit: self.clone(), of })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash + Copy> Drop for ConcurrencyPermit<K> {
    fn drop(&mut self) {
        let mut taken = self.concurrency_limit.lock();
        if let Some(count) = taken.get_mut(&self.of) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.of);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_share_and_gets_it_back() {
        let concurrency_limit = ConcurrencyLimit::default();
        let first = concurrency_limit.take("a", 2).unwrap();
        let _second = concurrency_limit.take("a", 2).unwrap();
        assert!(concurrency_limit.take("a", 2).is_none());
        assert!(concurrency_limit.take("b", 2).is_some(), "another has a share of its own");
        drop(first);
        assert!(concurrency_limit.take("a", 2).is_some());
        assert_eq!(concurrency_limit.lock().len(), 1, "nothing is kept of those who have none");
    }
}
