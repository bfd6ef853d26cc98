//! How much of a queue one organization may take.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use brightmeter::ids::OrgId;

/// Counts the commands of each organization that wait.
#[derive(Clone, Debug, Default)]
pub(super) struct Shares(Arc<Mutex<HashMap<OrgId, usize>>>);

/// A place in the queue; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    shares: Shares,
    org: OrgId,
}

impl Shares {
    /// A place for a command of `org`, if fewer than `limit` wait.
    pub(super) fn take(&self, org: OrgId, limit: usize) -> Option<Place> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = waiting.entry(org).or_default();
        if *count >= limit {
            return None;
        }
        *count += 1;
        Some(Place { shares: self.clone(), org })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut waiting = self.shares.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = waiting.get_mut(&self.org) {
            *count -= 1;
            if *count == 0 {
                waiting.remove(&self.org);
            }
        }
    }
}
