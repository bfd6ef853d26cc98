//! The database of a server: the one that `DATABASE_URL` names, or the private one.

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

/// Why there is no database to work with.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The private Postgres did not start.
    #[error(transparent)]
    Private(#[from] PostgresError),
    /// The schema could not be brought up to date.
    #[error(transparent)]
    Migration(#[from] MigrationError),
    /// A database could not be made, renamed or tidied.
    #[error("a database could not be made")]
    Make(#[from] sqlx::Error),
    /// The data directory holds the demo.
    #[error("this data directory holds the demo's data: name another one in BRIGHTMETER_DATA_DIR")]
    IsDemo,
    /// The data directory holds production data.
    #[error("this data directory holds production data: name another one for the demo in BRIGHTMETER_DATA_DIR")]
    IsProduction,
}

/// The database in the private Postgres.
const NAME: &str = "brightmeter";
/// The same, while the demo fills it.
const HALF_FILLED: &str = "brightmeter_half_filled";
/// What the demo's database is marked with.
const DEMO: &str = "demo";

/// An open database, migrated.
#[derive(Debug)]
pub struct Database {
    /// The connections.
    pub pools: Pools,
    /// Whether it holds the demo's data.
    pub demo: bool,
    private: Option<PrivatePostgres>,
}

impl Database {
    /// Opens the database of `owner`; migrates it as the owner and then works as `app_role` and its writer.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn open(owner: &PgConnectOptions, app_role: &str) -> Result<Self, DatabaseError> {
        migrations::run(owner, app_role).await?;
        // The owner's login, in the role of one that owns nothing: RESET ROLE leads back to that role.
        let with_role = |role: String| owner.clone().options([("role", role)]);
        let pools = Pools::open(with_role(app_role.into()), with_role(format!("{app_role}_writer")));
        Ok(Self { pools, demo: false, private: None })
    }

    /// Starts the private Postgres under `data_dir` for production, alone.
    ///
    /// # Errors
    /// [`DatabaseError`]; among them [`IsDemo`](DatabaseError::IsDemo).
    pub async fn open_private(data_dir: &Path, app_role: &str) -> Result<Self, DatabaseError> {
        let private = PrivatePostgres::start(&data_dir.join("postgres")).await?;
        if databases::mark(&maintenance(&private), NAME).await?.as_deref() == Some(DEMO) {
            private.stop().await?;
            return Err(DatabaseError::IsDemo);
        }
        Self::open_in(private, app_role).await
    }

    /// Starts the private Postgres under `data_dir`, or works beside the server that runs it, production or demo: for
    /// commands that administer either.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn open_beside(data_dir: &Path, app_role: &str) -> Result<Self, DatabaseError> {
        Self::open_in(PrivatePostgres::start_or_join(&data_dir.join("postgres")).await?, app_role).await
    }

    /// Starts the private Postgres under `data_dir` for the demo, alone. A database that is not there yet is filled by `fill`
    /// first; it gets its name only when it is full, so that a start which was cut off leaves nothing half-made.
    ///
    /// # Errors
    /// [`DatabaseError`], among them [`IsProduction`](DatabaseError::IsProduction), or what `fill` says.
    pub async fn open_demo<E: From<DatabaseError>>(
        data_dir: &Path,
        app_role: &str,
        fill: impl AsyncFnOnce(&Pools) -> Result<(), E>,
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

    /// Whether no other process works on the private Postgres. One that was named by `DATABASE_URL` may have others.
    pub fn is_alone(&self) -> bool {
        self.private.as_ref().is_some_and(PrivatePostgres::is_alone)
    }

    async fn open_in(private: PrivatePostgres, app_role: &str) -> Result<Self, DatabaseError> {
        let pools = pools_in(&private, NAME, app_role).await?;
        let demo = databases::mark(&maintenance(&private), NAME).await?.as_deref() == Some(DEMO);
        Ok(Self { pools, demo, private: Some(private) })
    }

    /// Does now what the private Postgres would do in the background after much was written, so that nothing of it disturbs what is
    /// measured next.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn tidy(&self) -> Result<(), DatabaseError> {
        if let Some(private) = &self.private {
            databases::tidy(&private.options(NAME, PrivatePostgres::OWNER)).await?;
        }
        Ok(())
    }

    /// Closes the connections and stops the private Postgres, if it is one.
    ///
    /// # Errors
    /// [`DatabaseError`].
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
    fill: impl AsyncFnOnce(&Pools) -> Result<(), E>,
) -> Result<(), E> {
    let maintenance = maintenance(private);
    if databases::exists(&maintenance, NAME).await.map_err(DatabaseError::from)? {
        let mark = databases::mark(&maintenance, NAME).await.map_err(DatabaseError::from)?;
        return if mark.as_deref() == Some(DEMO) { Ok(()) } else { Err(DatabaseError::IsProduction.into()) };
    }
    databases::drop(&maintenance, HALF_FILLED).await.map_err(DatabaseError::from)?;
    let pools = pools_in(private, HALF_FILLED, app_role).await?;
    fill(&pools).await?;
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
    migrations::run(&private.options(name, PrivatePostgres::OWNER), app_role).await?;
    let writer = format!("{app_role}_writer");
    Ok(Pools::open(private.options(name, app_role), private.options(name, &writer)))
}
