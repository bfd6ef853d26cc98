//! Connection pools: one for pages and the API, one for the writer. Neither role owns anything.

use std::time::Duration;

use sqlx::{
    Connection, PgConnection, PgPool,
    pool::PoolConnectionMetadata,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use tokio::time::timeout;

use super::outage::within;
use crate::deadlines::{ACQUIRE, CONNECT, IDLE_IN_TRANSACTION, LOCK, PING, STATEMENT};

/// The number of writers. Organizations are divided among them by hash of their id.
pub const WRITERS: u32 = 2;

/// The idle time after which a connection is pinged before use.
const CHECK_AFTER_IDLE: Duration = Duration::from_secs(1);

/// The pools of a server.
#[derive(Clone, Debug)]
pub struct Pools {
    /// For pages and the API: reads tokens, writes sessions and orders.
    pub app: PgPool,
    /// For the writer: writes tokens.
    pub writer: PgPool,
}

impl Pools {
    /// Creates both pools. Connections open on first use.
    pub fn open(app: PgConnectOptions, writer: PgConnectOptions) -> Self {
        let milliseconds = |timeout: Duration| timeout.as_millis().to_string();
        let settings = [
            ("statement_timeout", milliseconds(STATEMENT)),
            ("lock_timeout", milliseconds(LOCK)),
            ("idle_in_transaction_session_timeout", milliseconds(IDLE_IN_TRANSACTION)),
            // Postgres gives up a client that is silent, too. Ignored on a Unix socket.
            ("tcp_user_timeout", milliseconds(STATEMENT)),
            ("tcp_keepalives_idle", "5".into()),
            ("tcp_keepalives_interval", "2".into()),
            ("tcp_keepalives_count", "3".into()),
            ("client_connection_check_interval", "1000".into()),
            ("application_name", "brightmeter".into()),
            // With row-level security, planning a statement takes several times as long as running it, and each
            // statement has one good plan for all parameters.
            ("plan_cache_mode", "force_generic_plan".into()),
        ];
        // A plan cached while a table was empty would keep scanning it. The writer only reads by index.
        let lookups = [("enable_seqscan", "off"), ("enable_mergejoin", "off"), ("enable_hashjoin", "off")];
        Self {
            app: checked().max_connections(16).connect_lazy_with(app.options(settings.clone())),
            // Writers have connections of their own: these are for the sweeper, provisioning and staff.
            writer: checked().max_connections(4).connect_lazy_with(writer.options(settings).options(lookups)),
        }
    }

    /// Closes both pools and waits for statements in progress, until a deadline.
    pub async fn close(&self) {
        let closed = async { tokio::join!(self.app.close(), self.writer.close()) };
        if timeout(ACQUIRE, closed).await.is_err() {
            tracing::warn!("some connections to the database were not closed in time");
        }
    }
}

/// Pools that wait for a connection for a limited time, ping it, and refuse a role that bypasses row-level security.
fn checked() -> PgPoolOptions {
    PgPoolOptions::new()
        .acquire_timeout(ACQUIRE)
        .test_before_acquire(false)
        .before_acquire(|conn, meta| Box::pin(is_alive(conn, meta)))
        .after_release(|conn, _| Box::pin(is_alive_after_use(conn)))
        .after_connect(|conn, _| Box::pin(refuse_privileged(conn)))
}

/// Creates a pool of the same role beside `pool`, for work that must not take its connections. `settings` come on top of
/// those of `pool`.
pub fn beside(pool: &PgPool, connections: u32, settings: &[(&str, String)]) -> PgPool {
    let options = PgConnectOptions::clone(&pool.connect_options());
    let settings = settings.iter().map(|(name, value)| (name, value));
    checked().max_connections(connections).connect_lazy_with(options.options(settings))
}

/// Opens a connection with the options of a pool, which it does not count towards.
pub async fn connect(pool: &PgPool) -> sqlx::Result<PgConnection> {
    let options = pool.connect_options();
    let connect = async {
        let mut conn = PgConnection::connect_with(&options).await?;
        refuse_privileged(&mut conn).await?;
        Ok(conn)
    };
    within(CONNECT, connect).await
}

/// Pings a connection that has been idle. One used recently isn't pinged: that would cost a round trip on every
/// request.
async fn is_alive(conn: &mut PgConnection, meta: PoolConnectionMetadata) -> sqlx::Result<bool> {
    if meta.idle_for >= CHECK_AFTER_IDLE {
        ping(conn).await?;
    }
    Ok(true)
}

/// Pings a connection after use. Without a deadline, the pool would wait for a silent connection for ever and lose its
/// place.
async fn is_alive_after_use(conn: &mut PgConnection) -> sqlx::Result<bool> {
    ping(conn).await.map(|()| true)
}

async fn ping(conn: &mut PgConnection) -> sqlx::Result<()> {
    within(PING, conn.ping()).await
}

/// Refuses a connection whose role bypasses row-level security, for example because a pooler dropped the role setting.
async fn refuse_privileged(conn: &mut PgConnection) -> sqlx::Result<()> {
    let query = sqlx::query_scalar!(
        r#"select rolsuper or rolbypassrls as "privileged!" from pg_roles where rolname = current_user"#
    );
    if query.fetch_one(conn).await? {
        return Err(sqlx::Error::Configuration("the server's role can bypass row-level security".into()));
    }
    Ok(())
}
