//! The unix socket: its directory and its connection options.

use std::{
    fs::{self, DirBuilder},
    hash::{BuildHasher, RandomState},
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
};

use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::{OsUser, PostgresError};

/// The port in the socket's file name. Postgres does not listen on TCP.
const PORT: u16 = 5432;
/// The longest socket path on Linux, in bytes.
const MAX_PATH_BYTES: usize = 107;
/// The home, relative to the data directory.
const HOME: &str = "..";

/// Returns the options to connect over the socket in `socket_dir`.
pub(super) fn connect_options(socket_dir: &Path, database: &str, role: &str) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .socket(socket_dir)
        .port(PORT)
        .ssl_mode(PgSslMode::Disable)
        .username(role)
        .database(database)
}

/// Returns the name of the socket file.
pub(super) fn file_name() -> String {
    format!(".s.PGSQL.{PORT}")
}

/// Returns the socket directory to configure: the home, or a new short directory if the home's path is too long.
pub(super) fn choose(home: &Path, os_user: &OsUser) -> Result<PathBuf, PostgresError> {
    if home.join(file_name()).as_os_str().len() <= MAX_PATH_BYTES {
        return Ok(PathBuf::from(HOME));
    }
    // Creating it fails if the name exists, so the directory is ours. The next start finds it in the pid file.
    let name = format!("brightmeter-{:016x}", RandomState::new().hash_one(home));
    create(Path::new("/tmp").join(name), os_user)
}

/// Returns the socket directory to configure for a server that is started again: the same one.
pub(super) fn keep(home: &Path, socket_dir: PathBuf, os_user: &OsUser) -> Result<PathBuf, PostgresError> {
    if socket_dir == home {
        return Ok(PathBuf::from(HOME));
    }
    if socket_dir.is_dir() { Ok(socket_dir) } else { create(socket_dir, os_user) }
}

fn create(path: PathBuf, os_user: &OsUser) -> Result<PathBuf, PostgresError> {
    DirBuilder::new().mode(0o700).create(&path).map_err(PostgresError::file("create the socket directory", &path))?;
    os_user.make_owner_of(&path)?;
    Ok(path)
}

/// Returns the actual path of a configured directory, or `None` if another user could have put a socket there.
pub(super) fn trusted(home: &Path, os_user: &OsUser, configured: &Path) -> Option<PathBuf> {
    if configured == Path::new(HOME) {
        return Some(home.to_owned());
    }
    let found = fs::symlink_metadata(configured).ok()?;
    let is_private = found.is_dir() && found.uid() == os_user.uid() && found.mode() & 0o077 == 0;
    is_private.then(|| configured.to_owned())
}

/// Removes a short socket directory, which Postgres leaves empty. Keeps the home.
pub(super) async fn remove_short(home: &Path, socket_dir: &Path) {
    if socket_dir == home || socket_dir == Path::new(HOME) {
        return;
    }
    if let Err(error) = tokio::fs::remove_dir(socket_dir).await {
        tracing::warn!(path = %socket_dir.display(), %error, "could not remove the socket directory");
    }
}
