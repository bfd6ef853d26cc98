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
    /// A database could not be made or renamed.
    #[error("a database could not be made")]
    Make(#[from] sqlx::Error),
}

/// An open database, migrated.
#[derive(Debug)]
pub struct Database {
    /// The connections.
    pub pools: Pools,
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
        Ok(Self { pools, private: None })
    }

    /// Starts the private Postgres under `data_dir` and opens database `name` in it.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn open_private(data_dir: &Path, name: &str, app_role: &str) -> Result<Self, DatabaseError> {
        let private = PrivatePostgres::start(&data_dir.join("postgres")).await?;
        let pools = open_in(&private, name, app_role).await?;
        Ok(Self { pools, private: Some(private) })
    }

    /// Like [`open_private`](Self::open_private), but a database that is not there yet is filled by `fill` first. It gets
    /// its name only when it is full, so that a start which was cut off leaves nothing half-made.
    ///
    /// # Errors
    /// [`DatabaseError`], or what `fill` says.
    pub async fn open_filled<E: From<DatabaseError>>(
        data_dir: &Path,
        name: &str,
        app_role: &str,
        fill: impl AsyncFnOnce(&Pools) -> Result<(), E>,
    ) -> Result<Self, E> {
        let private = PrivatePostgres::start(&data_dir.join("postgres")).await.map_err(DatabaseError::from)?;
        let maintenance = private.options("postgres", PrivatePostgres::OWNER);
        if !databases::exists(&maintenance, name).await.map_err(DatabaseError::from)? {
            let half = format!("{name}_new");
            databases::drop(&maintenance, &half).await.map_err(DatabaseError::from)?;
            let pools = open_in(&private, &half, app_role).await?;
            fill(&pools).await?;
            pools.close().await;
            databases::rename(&maintenance, &half, name).await.map_err(DatabaseError::from)?;
        }
        let pools = open_in(&private, name, app_role).await?;
        Ok(Self { pools, private: Some(private) })
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

async fn open_in(private: &PrivatePostgres, name: &str, app_role: &str) -> Result<Pools, DatabaseError> {
    private.create_database(name).await?;
    migrations::run(&private.options(name, PrivatePostgres::OWNER), app_role).await?;
    let writer = format!("{app_role}_writer");
    Ok(Pools::open(private.options(name, app_role), private.options(name, &writer)))
}
