//! The server's database: the one in `DATABASE_URL`, or the private one.
//!
//! All functions return [`DatabaseError`] if the database cannot be opened, migrated or closed, or has another schema.

use std::path::Path;

use sqlx::postgres::PgConnectOptions;

use crate::{
    postgres::{PostgresError, PrivatePostgres},
    storage::{
        databases,
        migrations::{self, MigrationError},
        pools::Pools,
    },
};

/// The reason the database is not usable.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The private Postgres did not start.
    #[error(transparent)]
    Private(#[from] PostgresError),
    /// The schema is another one, or could not be migrated.
    #[error(transparent)]
    Migration(#[from] MigrationError),
    /// A database could not be created, marked, renamed or vacuumed.
    #[error("cannot prepare a database in the private Postgres: check postgres/cluster/log in the data directory")]
    Prepare(#[from] sqlx::Error),
    /// The data directory contains demo data.
    #[error("the data directory contains demo data: set BRIGHTMETER_DATA_DIR to another directory")]
    IsDemo,
    /// The data directory contains production data.
    #[error("the data directory contains production data: set BRIGHTMETER_DATA_DIR to another directory for the demo")]
    IsProduction,
}

/// The name of the database in the private Postgres.
const NAME: &str = "brightmeter";
/// The name of the database while the demo fills it.
const HALF_FILLED: &str = "brightmeter_half_filled";
/// The mark on the demo's database.
const DEMO: &str = "demo";

/// An open database with this program's schema.
#[derive(Debug)]
pub struct Database {
    /// The connection pools.
    pub pools: Pools,
    /// Connects as the owner of the schema, for what the pools' roles may not do.
    pub owner: PgConnectOptions,
    /// Whether the data is the demo's.
    pub demo: bool,
    private: Option<PrivatePostgres>,
}

impl Database {
    /// Opens the database of `owner`. Checks its schema as the owner, then connects as `app_role` and its writer.
    pub async fn open(owner: &PgConnectOptions, app_role: &str) -> Result<Self, DatabaseError> {
        migrations::check(owner, app_role).await?;
        // The owner logs in, but the role is one that owns nothing. As a connection option, it survives RESET ROLE.
        let with_role = |role: String| owner.clone().options([("role", role)]);
        let pools = Pools::open(with_role(app_role.into()), with_role(format!("{app_role}_writer")));
        Ok(Self { pools, owner: owner.clone(), demo: false, private: None })
    }

    /// Starts the private Postgres under `data_dir` for production, exclusively.
    ///
    /// # Errors
    /// [`IsDemo`](DatabaseError::IsDemo) if the database is the demo's.
    pub async fn open_private(data_dir: &Path, app_role: &str) -> Result<Self, DatabaseError> {
        let private = PrivatePostgres::start(&data_dir.join("postgres")).await?;
        if databases::mark(&maintenance(&private), NAME).await?.as_deref() == Some(DEMO) {
            private.stop().await?;
            return Err(DatabaseError::IsDemo);
        }
        Self::open_in(private, app_role).await
    }

    /// Starts the private Postgres under `data_dir`, or joins the one that a running server uses. For commands that
    /// administer production or the demo.
    pub async fn open_or_join(data_dir: &Path, app_role: &str) -> Result<Self, DatabaseError> {
        Self::open_in(PrivatePostgres::start_or_join(&data_dir.join("postgres")).await?, app_role).await
    }

    /// Migrates the schema of the database of `owner`.
    pub async fn migrate(owner: &PgConnectOptions, app_role: &str) -> Result<(), DatabaseError> {
        Ok(migrations::migrate(owner, app_role).await?)
    }

    /// Migrates the schema in the private Postgres under `data_dir`, which it starts or joins.
    pub async fn migrate_private(data_dir: &Path, app_role: &str) -> Result<(), DatabaseError> {
        let private = PrivatePostgres::start_or_join(&data_dir.join("postgres")).await?;
        let migrated = async {
            private.create_database(NAME).await?;
            Self::migrate(&private.options(NAME, PrivatePostgres::OWNER), app_role).await
        };
        let migrated = migrated.await;
        private.stop().await?;
        migrated
    }

    /// Starts the private Postgres under `data_dir` for the demo, exclusively. If the database does not exist, `fill` fills
    /// it, with the pools and as the owner. It gets its final name only when it is full, so an interrupted start leaves no
    /// incomplete demo behind.
    ///
    /// # Errors
    /// [`IsProduction`](DatabaseError::IsProduction) if the database is not the demo's, or the error of `fill`.
    pub async fn open_demo<E: From<DatabaseError>>(
        data_dir: &Path,
        app_role: &str,
        fill: impl AsyncFnOnce(&Pools, &PgConnectOptions) -> Result<(), E>,
    ) -> Result<Self, E> {
        let private = PrivatePostgres::start(&data_dir.join("postgres")).await.map_err(DatabaseError::from)?;
        match fill_demo(&private, app_role, fill).await {
            Ok(()) => Ok(Self::open_in(private, app_role).await?),
            Err(error) => {
                private.stop().await.map_err(DatabaseError::from)?;
                Err(error)
            }
        }
    }

    /// Returns whether this process has the database to itself. Always `false` with `DATABASE_URL`.
    pub fn is_exclusive(&self) -> bool {
        self.private.as_ref().is_some_and(PrivatePostgres::is_exclusive)
    }

    async fn open_in(private: PrivatePostgres, app_role: &str) -> Result<Self, DatabaseError> {
        let pools = pools_in(&private, NAME, app_role).await?;
        let demo = databases::mark(&maintenance(&private), NAME).await?.as_deref() == Some(DEMO);
        let owner = private.options(NAME, PrivatePostgres::OWNER);
        Ok(Self { pools, owner, demo, private: Some(private) })
    }

    /// Starts the private Postgres again whenever it dies, until the future is dropped. Drop it before
    /// [`close`](Self::close).
    pub fn watch(&self) -> impl Future<Output = ()> + Send + 'static {
        let watch = self.private.as_ref().map(PrivatePostgres::watch);
        async move {
            match watch {
                Some(watch) => watch.await,
                None => std::future::pending().await,
            }
        }
    }

    /// Runs the maintenance that the private Postgres would do in the background after many writes, so that it does not
    /// disturb the next measurement.
    pub async fn tidy(&self) -> Result<(), DatabaseError> {
        if let Some(private) = &self.private {
            databases::tidy(&private.options(NAME, PrivatePostgres::OWNER)).await?;
        }
        Ok(())
    }

    /// Closes the connections and stops the private Postgres, if it is in use.
    pub async fn close(self) -> Result<(), DatabaseError> {
        self.pools.close().await;
        if let Some(private) = self.private {
            private.stop().await?;
        }
        Ok(())
    }
}

async fn fill_demo<E: From<DatabaseError>>(
    private: &PrivatePostgres,
    app_role: &str,
    fill: impl AsyncFnOnce(&Pools, &PgConnectOptions) -> Result<(), E>,
) -> Result<(), E> {
    let maintenance = maintenance(private);
    if databases::exists(&maintenance, NAME).await.map_err(DatabaseError::from)? {
        let mark = databases::mark(&maintenance, NAME).await.map_err(DatabaseError::from)?;
        return if mark.as_deref() == Some(DEMO) { Ok(()) } else { Err(DatabaseError::IsProduction.into()) };
    }
    databases::drop(&maintenance, HALF_FILLED).await.map_err(DatabaseError::from)?;
    let pools = pools_in(private, HALF_FILLED, app_role).await?;
    fill(&pools, &private.options(HALF_FILLED, PrivatePostgres::OWNER)).await?;
    pools.close().await;
    databases::set_mark(&maintenance, HALF_FILLED, DEMO).await.map_err(DatabaseError::from)?;
    databases::rename(&maintenance, HALF_FILLED, NAME).await.map_err(DatabaseError::from)?;
    Ok(())
}

fn maintenance(private: &PrivatePostgres) -> PgConnectOptions {
    private.options("postgres", PrivatePostgres::OWNER)
}

async fn pools_in(private: &PrivatePostgres, name: &str, app_role: &str) -> Result<Pools, DatabaseError> {
    private.create_database(name).await?;
    migrations::check(&private.options(name, PrivatePostgres::OWNER), app_role).await?;
    let writer = format!("{app_role}_writer");
    Ok(Pools::open(private.options(name, app_role), private.options(name, &writer)))
}
