//! The watch over the private Postgres: starts it again when it dies.

use std::{path::PathBuf, sync::Arc, time::Duration};

use tokio::time::sleep;

use super::cluster::Cluster;
use crate::metrics;

/// The interval between checks whether the server's process is alive.
const CHECK_INTERVAL: Duration = Duration::from_millis(500);
/// The pauses after failed restarts. The last one repeats: a full disk may take long to be cleared.
const PAUSES: [Duration; 3] = [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(3)];

/// Checks until the future is dropped. Drop it before the server is stopped.
pub(super) async fn watch(cluster: Arc<Cluster>, socket_dir: PathBuf) {
    loop {
        sleep(CHECK_INTERVAL).await;
        if !cluster.is_dead().await {
            continue;
        }
        tracing::error!("the private Postgres has died; starting it again");
        metrics::postgres_died();
        let mut failures = 0;
        while let Err(error) = cluster.restart(&socket_dir).await {
            // One line per outage. Postgres' own log has the details of each attempt.
            if failures == 0 {
                tracing::error!(error = &error as &dyn std::error::Error, "the private Postgres does not start yet");
            }
            sleep(PAUSES[failures.min(PAUSES.len() - 1)]).await;
            failures += 1;
        }
    }
}
