//! The private Postgres cluster of a server without `DATABASE_URL`.
//!
//! ```text
//! dir/lock         locked while the cluster is in use: exclusively by a server, shared by test processes
//! dir/start.lock   locked by the one test process that starts the cluster
//! dir/cluster/     0700, owned by the OS user that runs Postgres: data/, log, log.1 and the socket
//! ```
//!
//! Postgres listens only on a unix socket. It has no password: any process that can access the socket's directory can
//! connect, as any role. The locks end with their process, but the cluster does not: after a `kill -9` the next start
//! adopts a running cluster, and recovers a stopped one.

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
mod watch;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use sqlx::postgres::PgConnectOptions;

use self::{binaries::Search, cluster::Cluster, lock::DirectoryLock, os_user::OsUser};

pub use self::error::PostgresError;
use crate::storage::databases;

/// The timeout for `create database`, which copies a template and waits for a checkpoint.
const CREATE_DATABASE_TIMEOUT: Duration = Duration::from_secs(60);

/// A running private cluster, with the lock on its directory.
///
/// Dropping it leaves the cluster running, as [`leave_running`](Self::leave_running) does.
#[derive(Debug)]
pub struct PrivatePostgres {
    cluster: Arc<Cluster>,
    socket_dir: PathBuf,
    /// `None` if the cluster belongs to another process.
    lock: Option<DirectoryLock>,
}

/// The lock that a process takes on the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LockMode {
    Exclusive,
    Shared,
    /// No lock: another process has it.
    Unlocked,
}

impl PrivatePostgres {
    /// The cluster's superuser, used only to create roles and databases and to run migrations.
    pub const OWNER: &str = "brightmeter_owner";

    /// Starts the cluster in `dir`. Creates it on first use, and adopts one that a killed server left running.
    ///
    /// Creates `dir` if it does not exist. `dir` belongs to this module.
    ///
    /// # Errors
    /// [`PostgresError::InUse`] if another process uses `dir`, or the reason Postgres cannot run. Each error says what to
    /// do about it.
    pub async fn start(dir: &Path) -> Result<Self, PostgresError> {
        Self::open(dir, LockMode::Exclusive, Search::from_environment()).await
    }

    /// Like [`start`](Self::start), but any number of processes may share the cluster, which outlives them all.
    ///
    /// The first process starts it; the others wait. Meant for tests that run in one process each.
    ///
    /// # Errors
    /// The same as [`start`](Self::start). A server that uses `dir` exclusively counts as another process.
    pub async fn start_shared(dir: &Path) -> Result<Self, PostgresError> {
        Self::open(dir, LockMode::Shared, Search::from_environment()).await
    }

    /// Like [`start`](Self::start), but if a server uses the directory, joins the cluster that it runs.
    ///
    /// For commands that administer a running server. [`stop`](Self::stop) leaves a joined cluster running.
    ///
    /// # Errors
    /// The same as [`start`](Self::start), except for [`PostgresError::InUse`].
    pub async fn start_or_join(dir: &Path) -> Result<Self, PostgresError> {
        match Self::start(dir).await {
            Err(PostgresError::InUse { .. }) => Self::open(dir, LockMode::Unlocked, Search::from_environment()).await,
            result => result,
        }
    }

    /// Returns whether this process has the directory to itself.
    pub fn is_exclusive(&self) -> bool {
        self.lock.as_ref().is_some_and(|lock| !lock.is_shared())
    }

    async fn open(dir: &Path, mode: LockMode, search: Search) -> Result<Self, PostgresError> {
        let requested = dir.to_owned();
        let (dir, os_user) = blocking(move || {
            let os_user = OsUser::for_cluster(&directory::home(&requested))?;
            Ok((directory::create(&requested, &os_user)?, os_user))
        })
        .await?;

        let (lock, start_lock) = match mode {
            LockMode::Exclusive => (Some(DirectoryLock::exclusive(&dir)?), None),
            LockMode::Unlocked => (None, None),
            LockMode::Shared => (Some(DirectoryLock::shared(&dir)?), Some(DirectoryLock::start(&dir).await?)),
        };

        let (home, os_user) = {
            let dir = dir.clone();
            blocking(move || Ok((directory::create_home(&dir, &os_user)?, os_user))).await?
        };
        let existing = cluster::existing_version(&home).await?;
        let binaries = binaries::find(&search, &os_user, existing).await?;
        let cluster = Cluster::new(home, os_user, binaries);
        if existing.is_none() {
            cluster.create().await?;
        }
        let socket_dir = cluster.ensure_running().await?;
        drop(start_lock);
        Ok(Self { cluster: Arc::new(cluster), socket_dir, lock })
    }

    /// Returns the options to connect to `database` as `role`: over the unix socket, without a password.
    pub fn options(&self, database: &str, role: &str) -> PgConnectOptions {
        socket::connect_options(&self.socket_dir, database, role)
    }

    /// Creates the database `name` if it does not exist. Safe if two processes race.
    ///
    /// # Errors
    /// [`PostgresError::CreateDatabase`] if Postgres fails or takes longer than a minute.
    pub async fn create_database(&self, name: &str) -> Result<(), PostgresError> {
        tokio::time::timeout(CREATE_DATABASE_TIMEOUT, databases::create(&self.options("postgres", Self::OWNER), name))
            .await
            .unwrap_or_else(|elapsed| Err(sqlx::Error::Io(elapsed.into())))
            .map_err(|source| PostgresError::CreateDatabase { name: name.to_owned(), source })
    }

    /// Starts the cluster again whenever it dies, until the future is dropped. Drop it before [`stop`](Self::stop). Does
    /// nothing for a shared or joined cluster.
    pub fn watch(&self) -> impl Future<Output = ()> + Send + 'static {
        let watched = self.is_exclusive().then(|| (self.cluster.clone(), self.socket_dir.clone()));
        async move {
            match watched {
                Some((cluster, socket_dir)) => watch::watch(cluster, socket_dir).await,
                None => std::future::pending().await,
            }
        }
    }

    /// Shuts the cluster down, which rolls back open transactions, and unlocks the directory.
    ///
    /// Leaves a shared or joined cluster running, because other processes may be using it.
    ///
    /// # Errors
    /// [`PostgresError`] if Postgres has not stopped within 30 seconds. It is then still running.
    pub async fn stop(self) -> Result<(), PostgresError> {
        if !self.is_exclusive() {
            return Ok(());
        }
        self.cluster.stop(&self.socket_dir).await
    }

    /// Unlocks the directory and leaves the cluster running, for the next start to adopt.
    pub fn leave_running(self) {
        drop(self);
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PostgresError> + Send + 'static,
) -> Result<T, PostgresError> {
    tokio::task::spawn_blocking(work).await.expect("file work does not panic, and the runtime outlives this future")
}
