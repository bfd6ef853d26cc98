//! Waiting for what happens elsewhere: conditions with a bound, and a writer that somebody holds up.

use std::time::Duration;

use brightmeter::ids::OrgId;
use sqlx::{Connection, PgConnection};
use tokio::time::{Instant, sleep};

use super::TestServer;

/// How long anything may take. Only a test that fails waits so long.
const PATIENCE: Duration = Duration::from_secs(15);

/// Waits until `holds`.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < deadline, "in vain waited until {what}");
        sleep(Duration::from_millis(5)).await;
    }
}

/// Somebody's lock on an account: the writer waits for it.
pub struct HeldUp(PgConnection);

impl HeldUp {
    /// Lets the writer go on.
    pub async fn let_go(self) {
        self.0.close().await.unwrap();
    }
}

impl TestServer {
    /// Locks the account of `org`.
    pub async fn lock(&self, org: OrgId) -> HeldUp {
        let mut conn = self.owner().await;
        sqlx::raw_sql("begin").execute(&mut conn).await.unwrap();
        let lock = sqlx::query("select from ai_token_accounts where org_id = $1 for update").bind(org.0);
        lock.execute(&mut conn).await.unwrap();
        HeldUp(conn)
    }

    /// Waits until as many transactions of the writers wait for a lock.
    pub async fn until_waiting(&self, transactions: i64) {
        let waiting =
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
        until("the writer waits for the lock", async || self.ask::<i64>(waiting).await == transactions).await;
    }
}
