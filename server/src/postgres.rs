//! The private Postgres cluster of a server that was given no `DATABASE_URL`.
//!
//! ```text
//! dir/lock         held while a server (alone) or test processes (together) use the cluster
//! dir/start.lock   held by the one test process that is bringing the cluster up
//! dir/cluster/     0700, of the user Postgres runs as: data/, log, log.1 and the socket
//! ```
//!
//! Postgres listens on a unix socket alone. There is no password: whoever may enter the socket's
//! directory may connect, as any role. The locks fall with their process, the cluster does not:
//! after a `kill -9` the next start adopts what still runs or recovers what does not.

mod binaries;
mod cluster;
mod directory;
mod error;
mod lock;
mod os_user;
mod postmaster;
mod socket;
#[cfg(test)]
mod tests;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::postgres::PgConnectOptions;

use self::{binaries::Search, cluster::Cluster, lock::DirectoryLock, os_user::Account};

pub use self::error::PostgresError;
use crate::storage::databases;

/// `create database` copies a template and waits for a checkpoint.
const CREATE_DATABASE_LIMIT: Duration = Duration::from_secs(60);

/// A running private cluster, and the right to use its directory.
///
/// Dropping it leaves the cluster running, as [`leave_running`](Self::leave_running) does.
#[derive(Debug)]
pub struct PrivatePostgres {
    cluster: Cluster,
    socket_dir: PathBuf,
    /// None where another process has the directory.
    lock: Option<DirectoryLock>,
}

/// Who else may use the directory at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sharing {
    UnbatchedWriter,
    Together,
    Beside,
}

impl PrivatePostgres {
    /// The cluster's superuser, used only to create roles and databases and to run migrations.
    pub const OWNER: &str = "brightmeter_owner";

    /// Starts the cluster in `dir`, making it on first use and adopting one left running by a killed server.
    ///
    /// `dir` is created if it is not there, and belongs to this module.
    ///
    /// # Errors
    /// [`PostgresError::InUse`] if another process uses `dir`, and whatever keeps Postgres from
    /// running; each error says what to do about it.
    pub async fn start(dir: &Path) -> Result<Self, PostgresError> {
        Self::bring_up(dir, Sharing::UnbatchedWriter, Search::from_environment()).await
    }

    /// Like [`start`](Self::start), but any number of processes may share the cluster, which outlives them all.
    ///
    /// The first brings it up, the others wait for that. It is meant for tests that run one process each.
    ///
    /// # Errors
    /// As [`start`](Self::start); a server that uses `dir` alone excludes everybody.
    pub async fn start_shared(dir: &Path) -> Result<Self, PostgresError> {
        Self::bring_up(dir, Sharing::Together, Search::from_environment()).await
    }

    /// Like [`start`](Self::start), but where a server has the directory, works beside it on the cluster that it runs.
    ///
    /// For commands that administer a running server. What is not one's own is not stopped.
    ///
    /// # Errors
    /// As [`start`](Self::start), but for [`PostgresError::InUse`].
    pub async fn start_or_join(dir: &Path) -> Result<Self, PostgresError> {
        match Self::start(dir).await {
            Err(PostgresError::InUse { .. }) => Self::bring_up(dir, Sharing::Beside, Search::from_environment()).await,
            result => result,
        }
    }

    /// Whether no other process uses the directory.
    pub fn is_alone(&self) -> bool {
        self.lock.as_ref().is_some_and(|lock| !lock.is_shared())
    }

    async fn bring_up(dir: &Path, sharing: Sharing, search: Search) -> Result<Self, PostgresError> {
        let asked = dir.to_owned();
        let (dir, account) = blocking(move || {
            let account = Account::for_cluster(&directory::home(&asked))?;
            Ok((directory::create(&asked, &account)?, account))
        })
        .await?;

        let (lock, turn) = match sharing {
            Sharing::UnbatchedWriter => (Some(DirectoryLock::alone(&dir)?), None),
            Sharing::Beside => (None, None),
            Sharing::Together => {
                (Some(DirectoryLock::together(&dir)?), Some(DirectoryLock::turn_to_start(&dir).await?))
            }
        };

        let (home, account) = {
            let dir = dir.clone();
            blocking(move || Ok((directory::create_home(&dir, &account)?, account))).await?
        };
        let made_by = cluster::made_by(&home).await?;
        let binaries = binaries::find(&search, &account, made_by).await?;
        let cluster = Cluster::new(home, account, binaries);
        if made_by.is_none() {
            cluster.create().await?;
        }
        let socket_dir = cluster.ensure_running().await?;
        drop(turn);
        Ok(Self { cluster, socket_dir, lock })
    }

    /// How to connect to `database` as `role`: over the unix socket, without a password.
    pub fn options(&self, database: &str, role: &str) -> PgConnectOptions {
        socket::connect_options(&self.socket_dir, database, role)
    }

    /// Creates the database `name` if it is not there; safe when two processes race.
    ///
    /// # Errors
    /// [`PostgresError::CreateDatabase`] if Postgres refuses or takes longer than a minute.
    pub async fn create_database(&self, name: &str) -> Result<(), PostgresError> {
        tokio::time::timeout(CREATE_DATABASE_LIMIT, databases::create(&self.options("postgres", Self::OWNER), name))
            .await
            .unwrap_or_else(|elapsed| Err(sqlx::Error::Io(elapsed.into())))
            .map_err(|source| PostgresError::CreateDatabase { name: name.to_owned(), source })
    }

    /// Shuts the cluster down (open transactions are rolled back) and gives up the directory.
    ///
    /// A cluster from [`start_shared`](Self::start_shared) is left running: others may be using it.
    ///
    /// # Errors
    /// If Postgres has not stopped within half a minute; it is then still running.
    pub async fn stop(self) -> Result<(), PostgresError> {
        if !self.is_alone() {
            return Ok(());
        }
        self.cluster.stop(&self.socket_dir).await
    }

    /// Gives up the directory and leaves the cluster running, for the next start to adopt.
    pub fn leave_running(self) {
        drop(self);
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PostgresError> + Send + 'static,
) -> Result<T, PostgresError> {
    tokio::task::spawn_blocking(work).await.expect("file work does not panic, and the runtime outlives this future")
}
