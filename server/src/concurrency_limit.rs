//! How much of something that all share one of them may take.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Counts what each `K` has taken. Clones share the counts.
#[derive(Clone, Debug)]
pub struct Shares<K: Eq + Hash + Copy>(Arc<Mutex<HashMap<K, usize>>>);

/// One place taken; given back when it is dropped.
#[derive(Debug)]
pub struct Place<K: Eq + Hash + Copy> {
    shares: Shares<K>,
    of: K,
}

impl<K: Eq + Hash + Copy> Default for Shares<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Eq + Hash + Copy> Shares<K> {
    /// A place for `of`, if it has fewer than `limit`.
    pub fn take(&self, of: K, limit: usize) -> Option<Place<K>> {
        let mut taken = self.lock();
        let count = taken.entry(of).or_default();
        if *count >= limit {
            return None;
        }
        *count += 1;
        drop(taken);
        Some(Place { shares: self.clone(), of })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash + Copy> Drop for Place<K> {
    fn drop(&mut self) {
        let mut taken = self.shares.lock();
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
        let shares = Shares::default();
        let first = shares.take("a", 2).unwrap();
        let _second = shares.take("a", 2).unwrap();
        assert!(shares.take("a", 2).is_none());
        assert!(shares.take("b", 2).is_some(), "another has a share of its own");
        drop(first);
        assert!(shares.take("a", 2).is_some());
        assert_eq!(shares.lock().len(), 1, "nothing is kept of those who have none");
    }
}
