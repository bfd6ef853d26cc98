//! Where the socket is, and how to connect to it.

use std::{
    fs::{self, DirBuilder},
    hash::{BuildHasher, RandomState},
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
};

use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::{Account, PostgresError};

/// Names the socket's file; nothing listens on TCP.
const PORT: u16 = 5432;
/// What fits a socket's address, on Linux.
const LONGEST_PATH: usize = 107;
/// The home, as Postgres sees it from its data directory.
const HOME: &str = "..";

/// How to connect over the socket in `socket_dir`.
pub(super) fn connect_options(socket_dir: &Path, database: &str, role: &str) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .socket(socket_dir)
        .port(PORT)
        .ssl_mode(PgSslMode::Disable)
        .username(role)
        .database(database)
}

/// The name of the socket's file.
pub(super) fn file_name() -> String {
    format!(".s.PGSQL.{PORT}")
}

/// The directory to configure: the home, or a short one that is made here if the home's path is too long.
pub(super) fn choose(home: &Path, account: &Account) -> Result<PathBuf, PostgresError> {
    if home.join(file_name()).as_os_str().len() <= LONGEST_PATH {
        return Ok(PathBuf::from(HOME));
    }
    // Creating it fails if there is anything of that name, so it is ours; the pid file tells the next start of it.
    let name = format!("brightmeter-{:016x}", RandomState::new().hash_one(home));
    let path = Path::new("/tmp").join(name);
    DirBuilder::new().mode(0o700).create(&path).map_err(PostgresError::file("create the socket's directory", &path))?;
    account.take_over(&path)?;
    Ok(path)
}

/// The real path of a configured directory, if nobody else can have put a socket there.
pub(super) fn trusted(home: &Path, account: &Account, configured: &Path) -> Option<PathBuf> {
    if configured == Path::new(HOME) {
        return Some(home.to_owned());
    }
    let found = fs::symlink_metadata(configured).ok()?;
    let is_private = found.is_dir() && found.uid() == account.uid() && found.mode() & 0o077 == 0;
    is_private.then(|| configured.to_owned())
}

/// Removes a short directory, which Postgres leaves empty; a home stays.
pub(super) async fn remove_short(home: &Path, socket_dir: &Path) {
    if socket_dir == home || socket_dir == Path::new(HOME) {
        return;
    }
    if let Err(error) = tokio::fs::remove_dir(socket_dir).await {
        tracing::warn!(path = %socket_dir.display(), %error, "a socket's directory was left behind");
    }
}
