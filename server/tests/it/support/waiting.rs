//! Waits for conditions, with a timeout, and locks accounts so that the writer waits.

use std::time::Duration;

use brightmeter::ids::OrgId;
use sqlx::{Connection, PgConnection};
use tokio::time::{Instant, sleep};

use super::TestServer;

/// The longest wait for a condition. Only a failing test waits that long.
const UNTIL_TIMEOUT: Duration = Duration::from_secs(15);

/// Waits until `condition` returns `true`.
pub async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + UNTIL_TIMEOUT;
    while !condition().await {
        assert!(Instant::now() < deadline, "timed out waiting until {what}");
        sleep(Duration::from_millis(5)).await;
    }
}

/// A lock on an account. The writer waits until it is released.
pub struct AccountLock(PgConnection);

impl AccountLock {
    /// Releases the lock, so that the writer continues.
    pub async fn release(self) {
        self.0.close().await.unwrap();
    }
}

impl TestServer {
    /// Locks the account of `org`.
    pub async fn lock(&self, org: OrgId) -> AccountLock {
        let mut conn = self.owner().await;
        sqlx::raw_sql("begin").execute(&mut conn).await.unwrap();
        let lock = sqlx::query("select from ai_token_accounts where org_id = $1 for update").bind(org.0);
        lock.execute(&mut conn).await.unwrap();
        AccountLock(conn)
    }

    /// Waits until this many transactions wait for a lock.
    pub async fn until_waiting(&self, transactions: i64) {
        let waiting =
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
        until("the writer waits for the lock", async || self.query_value::<i64>(waiting).await == transactions).await;
    }
}
