//! Creates the cluster's directories.

use std::{
    fs::{self, DirBuilder, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf, absolute},
};

use super::{OsUser, PostgresError};

/// Returns the cluster's home in `dir`.
pub(super) fn home(dir: &Path) -> PathBuf {
    dir.join("cluster")
}

/// Creates `dir` and its missing parents. Returns its canonical path.
///
/// `dir` belongs to this process' user, so the OS user that runs Postgres cannot replace anything in it.
pub(super) fn create(dir: &Path, os_user: &OsUser) -> Result<PathBuf, PostgresError> {
    let dir = absolute(dir).map_err(PostgresError::file("use", dir))?;
    if let Some(existing) = dir.ancestors().find(|path| path.exists()) {
        os_user.check_access(existing)?;
    }
    create_with_parents(&dir).map_err(PostgresError::file("create", &dir))?;
    fs::canonicalize(&dir).map_err(PostgresError::file("use", &dir))
}

/// Creates the cluster's home in `dir`, accessible only to `os_user`.
pub(super) fn create_home(dir: &Path, os_user: &OsUser) -> Result<PathBuf, PostgresError> {
    let home = home(dir);
    create_one(&home, 0o700).map_err(PostgresError::file("create", &home))?;
    os_user.make_owner_of(&home)?;
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
    // The umask may have removed permissions that the OS user needs to enter.
    fs::set_permissions(dir, Permissions::from_mode(0o755))
}

fn create_one(dir: &Path, mode: u32) -> io::Result<()> {
    match DirBuilder::new().mode(mode).create(dir) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && dir.is_dir() => Ok(()),
        result => result,
    }
}
