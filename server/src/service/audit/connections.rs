//! The audit's own connections, so that its long statements take none from pages, and their timeouts don't end it.

use std::time::Duration;

use sqlx::PgPool;

use crate::storage::pools::{self, Pools};

/// The number of organizations audited at the same time.
pub(super) const PARALLEL: usize = 2;
/// The time after which Postgres ends a transaction whose client is silent.
const IDLE_IN_TRANSACTION_TIMEOUT: Duration = Duration::from_secs(60);

/// Connections of both roles. Row-level security applies to both, as everywhere.
pub(super) struct Connections {
    /// Reads one organization at a time, as the app role.
    pub(super) reads: PgPool,
    /// Lists all organizations and stores the progress, as the writer's role.
    pub(super) writer: PgPool,
}

impl Connections {
    /// Creates both pools. Connections open on first use.
    pub(super) fn open(pools: &Pools, statement_timeout: Duration) -> Self {
        let milliseconds = |timeout: Duration| timeout.as_millis().to_string();
        let settings = [
            ("statement_timeout", milliseconds(statement_timeout)),
            ("idle_in_transaction_session_timeout", milliseconds(IDLE_IN_TRANSACTION_TIMEOUT)),
            ("application_name", "brightmeter audit".into()),
            // Pages and look-ups go by index. Of a young table, the planner believes that it has a few rows: it would
            // read and sort all of them again for every page.
            ("enable_seqscan", "off".into()),
            ("enable_bitmapscan", "off".into()),
            ("enable_sort", "off".into()),
            // Commands need both cores.
            ("max_parallel_workers_per_gather", "0".into()),
            ("jit", "off".into()),
            // If a crash loses progress, the next audit reads those entries again.
            ("synchronous_commit", "off".into()),
        ];
        // An organization's log and its outcomes are read at the same time.
        Self {
            reads: pools::beside(&pools.app, 2 * PARALLEL as u32, &settings),
            writer: pools::beside(&pools.writer, 1, &settings),
        }
    }

    /// Closes both pools.
    pub(super) async fn close(self) {
        self.reads.close().await;
        self.writer.close().await;
    }
}
