//! A writer's own connection. It is opened on first use, and again after it was lost.

use std::time::Duration;

use sqlx::{Connection, PgConnection, PgPool};
use tokio::time::Instant;

use crate::{
    deadlines::PING,
    storage::{
        outage::{timed_out, within},
        pools,
    },
};

/// The idle time after which the connection is pinged before use.
const CHECK_AFTER_IDLE: Duration = Duration::from_secs(1);

/// A connection with the options of a pool, which it does not count towards.
pub(super) struct WriterConnection {
    pool: PgPool,
    open: Option<(PgConnection, Instant)>,
}

impl WriterConnection {
    pub(super) fn new(pool: PgPool) -> Self {
        Self { pool, open: None }
    }

    /// Returns the connection. Pings it if it was idle, and opens another one if it is lost.
    ///
    /// # Errors
    /// Also once the pool is closed.
    pub(super) async fn get(&mut self) -> sqlx::Result<&mut PgConnection> {
        if self.pool.is_closed() {
            self.lose();
            return Err(sqlx::Error::PoolClosed);
        }
        let is_lost = match &mut self.open {
            Some((conn, used_at)) if used_at.elapsed() >= CHECK_AFTER_IDLE => within(PING, conn.ping()).await.is_err(),
            open => open.is_none(),
        };
        if is_lost {
            // The old one is dropped first, which closes its socket at once.
            self.lose();
            self.open = Some((pools::connect(&self.pool).await?, Instant::now()));
        }
        let (conn, used_at) = self.open.as_mut().ok_or_else(timed_out)?;
        *used_at = Instant::now();
        Ok(conn)
    }

    /// Drops the connection. Postgres rolls back its transaction.
    pub(super) fn lose(&mut self) {
        self.open = None;
    }
}
