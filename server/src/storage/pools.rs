//! Connections: one pool for pages and the API, one for the writer. Neither role owns anything.

use std::time::Duration;

use sqlx::{
    Connection, PgConnection, PgPool,
    pool::PoolConnectionMetadata,
    postgres::{PgConnectOptions, PgPoolOptions},
};

/// How many writers share the organizations, by hash of their id.
pub const WRITERS: u32 = 2;

/// How long a connection may rest before it is asked whether it still stands.
const CHECK_AFTER_IDLE: Duration = Duration::from_secs(1);

/// The pools of a server.
#[derive(Clone, Debug)]
pub struct Pools {
    /// Reads tokens, writes sessions.
    pub app: PgPool,
    /// Writes tokens.
    pub writer: PgPool,
}

impl Pools {
    /// Opens both pools; connections are made when they are needed.
    pub fn open(app: PgConnectOptions, writer: PgConnectOptions) -> Self {
        let timeouts = [
            ("statement_timeout", "15s"),
            ("lock_timeout", "10s"),
            ("idle_in_transaction_session_timeout", "30s"),
            ("application_name", "brightmeter"),
            // With row-level security, planning a statement takes several times as long as running it; whatever its parameters
            // are, there is one good plan for each.
            ("plan_cache_mode", "force_generic_plan"),
        ];
        // A plan made while a table was empty would scan it for ever after: the writer only ever looks rows up.
        let lookups = [("enable_seqscan", "off"), ("enable_mergejoin", "off"), ("enable_hashjoin", "off")];
        let acquire = Duration::from_secs(5);
        let options = || {
            let options = PgPoolOptions::new().acquire_timeout(acquire).test_before_acquire(false);
            let options = options.before_acquire(|conn, meta| Box::pin(is_alive(conn, meta)));
            options.after_connect(|conn, _| Box::pin(refuse_power(conn)))
        };
        Self {
            app: options().max_connections(16).connect_lazy_with(app.options(timeouts)),
            // Beside the writers: the sweeper, and organizations that are being made.
            writer: options().max_connections(WRITERS + 2).connect_lazy_with(writer.options(timeouts).options(lookups)),
        }
    }

    /// Closes both, waiting for what is under way.
    pub async fn close(&self) {
        self.app.close().await;
        self.writer.close().await;
    }
}

/// Asks a connection that has rested whether it still stands. One that was in use a moment ago is not asked: that would be a
/// round trip on every request.
async fn is_alive(conn: &mut PgConnection, meta: PoolConnectionMetadata) -> sqlx::Result<bool> {
    if meta.idle_for >= CHECK_AFTER_IDLE {
        conn.ping().await?;
    }
    Ok(true)
}

/// Refuses a connection on which row-level security would not hold, such as one whose role a pooler dropped.
async fn refuse_power(conn: &mut PgConnection) -> sqlx::Result<()> {
    let query = sqlx::query_scalar!(
        r#"select rolsuper or rolbypassrls as "power!" from pg_roles where rolname = current_user"#
    );
    if query.fetch_one(conn).await? {
        return Err(sqlx::Error::Configuration("the server's role can bypass row-level security".into()));
    }
    Ok(())
}
