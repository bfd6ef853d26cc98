//! Whether the writers can write: for `/readyz`, the metrics, and one log line at the start and end of an outage.

use std::{
    collections::BTreeSet,
    error::Error,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use crate::metrics;

/// The state of all writers. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Availability(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// The writers that cannot write.
    lost: BTreeSet<usize>,
    /// The start of the outage.
    since: Option<Instant>,
}

impl Availability {
    /// Whether every writer can write.
    pub(super) fn is_available(&self) -> bool {
        self.state().lost.is_empty()
    }

    /// Records that a writer cannot write. Only the first one of an outage is logged.
    pub(super) fn lose(&self, writer: usize, error: &(dyn Error + 'static)) {
        let mut state = self.state();
        state.lost.insert(writer);
        if state.since.is_none() {
            state.since = Some(Instant::now());
            metrics::database_available(false);
            tracing::error!(error, "the database is unavailable; commands are refused until it is back");
        }
    }

    /// Records that a writer can write.
    pub(super) fn regain(&self, writer: usize) {
        let mut state = self.state();
        if state.lost.remove(&writer)
            && state.lost.is_empty()
            && let Some(since) = state.since.take()
        {
            metrics::database_available(true);
            tracing::info!(seconds = since.elapsed().as_secs_f64(), "the database is available again");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
