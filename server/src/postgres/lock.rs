use std::{
    fs::{File, TryLockError},
    io,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    time::{Duration, Instant},
};

use tokio::time::sleep;

use super::PostgresError;

/// As long as the first start of a cluster may take on a slow machine.
const TURN_LIMIT: Duration = Duration::from_secs(240);
const POLL: Duration = Duration::from_millis(20);

/// A hold on the directory; it ends with the value, or with the process however that dies.
#[derive(Debug)]
pub(super) struct DirectoryLock {
    file: File,
    is_shared: bool,
}

impl DirectoryLock {
    /// Excludes everybody else.
    pub(super) fn alone(dir: &Path) -> Result<Self, PostgresError> {
        let file = open(dir, "lock")?;
        let taken = file.try_lock();
        Self::or_in_use(dir, file, false, taken)
    }

    /// Excludes those who want the directory alone.
    pub(super) fn together(dir: &Path) -> Result<Self, PostgresError> {
        let file = open(dir, "lock")?;
        let taken = file.try_lock_shared();
        Self::or_in_use(dir, file, true, taken)
    }

    /// Waits until no other of those who share the directory is bringing the cluster up.
    pub(super) async fn turn_to_start(dir: &Path) -> Result<Self, PostgresError> {
        let file = open(dir, "start.lock")?;
        let deadline = Instant::now() + TURN_LIMIT;
        loop {
            match file.try_lock() {
                Ok(()) => {
                    return Ok(Self { file, is_shared: false });
                }
                // Polled: a blocking lock() could neither be timed out nor abandoned.
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => sleep(POLL).await,
                Err(TryLockError::WouldBlock) => {
                    return Err(PostgresError::StartHeld { dir: dir.to_owned(), limit: TURN_LIMIT });
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
        taken: Result<(), TryLockError>,
    ) -> Result<Self, PostgresError> {
        match taken {
            Ok(()) => Ok(Self { file, is_shared }),
            Err(TryLockError::WouldBlock) => Err(PostgresError::InUse { dir: dir.to_owned() }),
            Err(TryLockError::Error(source)) => Err(cannot_lock(dir, source)),
        }
    }
}

impl Drop for DirectoryLock {
    fn drop(&mut self) {
        // Closing alone is not enough: a child between fork and exec still has the descriptor.
        if let Err(error) = self.file.unlock() {
            tracing::warn!(%error, "the lock of the data directory was not released");
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
        // Whoever may open it may lock it.
        .mode(0o600)
        .open(&path)
        .map_err(PostgresError::file("open", path))
}

fn cannot_lock(dir: &Path, source: io::Error) -> PostgresError {
    PostgresError::file("lock", dir)(source)
}
