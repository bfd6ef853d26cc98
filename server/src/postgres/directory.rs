use std::{
    fs::{self, DirBuilder, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf, absolute},
};

use super::{Account, PostgresError};

/// Where the cluster lives below the directory that was asked for.
pub(super) fn home(dir: &Path) -> PathBuf {
    dir.join("cluster")
}

/// Creates `dir` and what is missing above it, and answers its real path.
///
/// `dir` stays this process' own: nothing in it can be replaced by the account that runs Postgres.
pub(super) fn create(dir: &Path, account: &Account) -> Result<PathBuf, PostgresError> {
    let dir = absolute(dir).map_err(PostgresError::file("use", dir))?;
    if let Some(existing) = dir.ancestors().find(|path| path.exists()) {
        account.check_reach(existing)?;
    }
    create_with_parents(&dir).map_err(PostgresError::file("create", &dir))?;
    fs::canonicalize(&dir).map_err(PostgresError::file("use", &dir))
}

/// Creates the cluster's home in `dir`, for `account` alone.
pub(super) fn create_home(dir: &Path, account: &Account) -> Result<PathBuf, PostgresError> {
    let home = home(dir);
    create_one(&home, 0o700).map_err(PostgresError::file("create", &home))?;
    account.take_over(&home)?;
    fs::set_permissions(&home, Permissions::from_mode(0o700))
        .map_err(PostgresError::file("set the permissions of", &home))?;
    Ok(home)
}

fn create_with_parents(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    if let Some(parent) = dir.parent() {
        create_with_parents(parent)?;
    }
    create_one(dir, 0o755)?;
    // The umask may have taken away what the account needs to get in.
    fs::set_permissions(dir, Permissions::from_mode(0o755))
}

fn create_one(dir: &Path, mode: u32) -> io::Result<()> {
    match DirBuilder::new().mode(mode).create(dir) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && dir.is_dir() => Ok(()),
        result => result,
    }
}
