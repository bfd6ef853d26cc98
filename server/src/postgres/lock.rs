//! Locks on the cluster's directory.

use std::{
    fs::{File, TryLockError},
    io,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    time::{Duration, Instant},
};

use tokio::time::sleep;

use super::PostgresError;

/// The longest wait for another process to start the cluster. The first start may take that long on a slow machine.
const START_LOCK_TIMEOUT: Duration = Duration::from_secs(240);
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// A lock on the directory. It is released on drop, or when the process ends for any reason.
#[derive(Debug)]
pub(super) struct DirectoryLock {
    file: File,
    is_shared: bool,
}

impl DirectoryLock {
    /// Takes the exclusive lock.
    pub(super) fn exclusive(dir: &Path) -> Result<Self, PostgresError> {
        let file = open(dir, "lock")?;
        let result = file.try_lock();
        Self::or_in_use(dir, file, false, result)
    }

    /// Takes a shared lock.
    pub(super) fn shared(dir: &Path) -> Result<Self, PostgresError> {
        let file = open(dir, "lock")?;
        let result = file.try_lock_shared();
        Self::or_in_use(dir, file, true, result)
    }

    /// Takes the start lock. Waits while another process with a shared lock starts the cluster.
    pub(super) async fn start(dir: &Path) -> Result<Self, PostgresError> {
        let file = open(dir, "start.lock")?;
        let deadline = Instant::now() + START_LOCK_TIMEOUT;
        loop {
            match file.try_lock() {
                Ok(()) => {
                    return Ok(Self { file, is_shared: false });
                }
                // Polled: a blocking lock() could be neither timed out nor canceled.
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => sleep(POLL_INTERVAL).await,
                Err(TryLockError::WouldBlock) => {
                    return Err(PostgresError::StartLockTimeout { dir: dir.to_owned(), limit: START_LOCK_TIMEOUT });
                }
                Err(TryLockError::Error(source)) => return Err(cannot_lock(dir, source)),
            }
        }
    }

    pub(super) fn is_shared(&self) -> bool {
        self.is_shared
    }

    fn or_in_use(
        dir: &Path,
        file: File,
        is_shared: bool,
        result: Result<(), TryLockError>,
    ) -> Result<Self, PostgresError> {
        match result {
            Ok(()) => Ok(Self { file, is_shared }),
            Err(TryLockError::WouldBlock) => Err(PostgresError::InUse { dir: dir.to_owned() }),
            Err(TryLockError::Error(source)) => Err(cannot_lock(dir, source)),
        }
    }
}

impl Drop for DirectoryLock {
    fn drop(&mut self) {
        // Closing the file is not enough: a child between fork and exec still has the descriptor.
        if let Err(error) = self.file.unlock() {
            tracing::warn!(%error, "could not release the lock on the data directory");
        }
    }
}

fn open(dir: &Path, name: &str) -> Result<File, PostgresError> {
    let path = dir.join(name);
    File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        // Any user who can open the file can lock it.
        .mode(0o600)
        .open(&path)
        .map_err(PostgresError::file("open", path))
}

fn cannot_lock(dir: &Path, source: io::Error) -> PostgresError {
    PostgresError::file("lock", dir)(source)
}
