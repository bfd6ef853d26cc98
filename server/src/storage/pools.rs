//! Connection pools: one for pages and the API, one for the writer. Neither role owns anything.

use std::time::Duration;

use sqlx::{
    Connection, PgConnection, PgPool,
    pool::PoolConnectionMetadata,
    postgres::{PgConnectOptions, PgPoolOptions},
};

/// The number of writers. Organizations are divided among them by hash of their id.
pub const WRITERS: u32 = 2;

/// The timeout of a statement. Shorter than a submission's, so that a slow statement is answered and not unknown.
pub const STATEMENT_TIMEOUT: Duration = Duration::from_secs(15);
/// The timeout of waiting for a lock.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);
/// The time after which Postgres ends a transaction whose client is silent.
const IDLE_IN_TRANSACTION_TIMEOUT: Duration = Duration::from_secs(30);
/// The timeout of waiting for a free connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
const _: () = assert!(LOCK_TIMEOUT.as_millis() < STATEMENT_TIMEOUT.as_millis());

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
            ("statement_timeout", milliseconds(STATEMENT_TIMEOUT)),
            ("lock_timeout", milliseconds(LOCK_TIMEOUT)),
            ("idle_in_transaction_session_timeout", milliseconds(IDLE_IN_TRANSACTION_TIMEOUT)),
            ("application_name", "brightmeter".into()),
            // With row-level security, planning a statement takes several times as long as running it, and each
            // statement has one good plan for all parameters.
            ("plan_cache_mode", "force_generic_plan".into()),
        ];
        // A plan cached while a table was empty would keep scanning it. The writer only reads by index.
        let lookups = [("enable_seqscan", "off"), ("enable_mergejoin", "off"), ("enable_hashjoin", "off")];
        let options = || {
            let options = PgPoolOptions::new().acquire_timeout(ACQUIRE_TIMEOUT).test_before_acquire(false);
            let options = options.before_acquire(|conn, meta| Box::pin(is_alive(conn, meta)));
            options.after_connect(|conn, _| Box::pin(refuse_privileged(conn)))
        };
        Self {
            app: options().max_connections(16).connect_lazy_with(app.options(settings.clone())),
            // Two more for the sweeper and for provisioning.
            writer: options().max_connections(WRITERS + 2).connect_lazy_with(writer.options(settings).options(lookups)),
        }
    }

    /// Closes both pools and waits for statements in progress.
    pub async fn close(&self) {
        self.app.close().await;
        self.writer.close().await;
    }
}

/// Pings a connection that has been idle. One used recently isn't pinged: that would cost a round trip on every
/// request.
async fn is_alive(conn: &mut PgConnection, meta: PoolConnectionMetadata) -> sqlx::Result<bool> {
    if meta.idle_for >= CHECK_AFTER_IDLE {
        conn.ping().await?;
    }
    Ok(true)
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
