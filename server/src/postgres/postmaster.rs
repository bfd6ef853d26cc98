//! Detects the running server process by its pid file and its socket.

use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{ConnectOptions, Connection};
use tokio::time::timeout;

use super::{OsUser, PostgresError, PrivatePostgres, socket};

const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// The parsed `postmaster.pid`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PidFile {
    pub(super) pid: u32,
    /// The configured value, which may be relative to the data directory.
    pub(super) socket_dir: PathBuf,
}

impl PidFile {
    /// Reads the file. Returns `None` if it does not exist, or if Postgres has not finished writing it.
    pub(super) fn read(data: &Path) -> Option<Self> {
        Self::parse(&fs::read_to_string(data.join("postmaster.pid")).ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        // The lines: process id, data directory, start time, port, socket directory, and more.
        let mut lines = text.lines();
        Some(Self {
            pid: lines.next()?.parse().ok()?,
            socket_dir: lines.nth(3).filter(|line| !line.is_empty())?.into(),
        })
    }
}

/// The state of the server.
#[derive(Debug)]
pub(super) enum Probe {
    /// It accepts connections on the socket in this directory.
    Ready(PathBuf),
    /// It is starting, stopping or out of connections: probe again.
    Busy,
    /// No process listens.
    Absent,
}

/// Probes the server in `pid_file`.
///
/// # Errors
/// [`PostgresError::Refused`] if the server answers but rejects its owner.
pub(super) async fn probe(home: &Path, os_user: &OsUser, pid_file: Option<PidFile>) -> Result<Probe, PostgresError> {
    let Some(socket_dir) = pid_file.and_then(|file| socket::trusted(home, os_user, &file.socket_dir)) else {
        return Ok(Probe::Absent);
    };
    let options = socket::connect_options(&socket_dir, "postgres", PrivatePostgres::OWNER);
    match timeout(PROBE_TIMEOUT, options.connect()).await {
        Ok(Ok(connection)) => {
            if let Err(error) = connection.close().await {
                tracing::debug!(%error, "the probe's connection to Postgres did not close cleanly");
            }
            Ok(Probe::Ready(socket_dir))
        }
        Ok(Err(sqlx::Error::Io(_))) => Ok(Probe::Absent),
        Ok(Err(sqlx::Error::Database(error))) if is_transient(error.code().as_deref()) => Ok(Probe::Busy),
        Ok(Err(source)) => Err(PostgresError::Refused { home: home.to_owned(), source }),
        Err(_) => Ok(Probe::Busy),
    }
}

fn is_transient(sqlstate: Option<&str>) -> bool {
    // cannot_connect_now, too_many_connections
    matches!(sqlstate, Some("57P03" | "53300"))
}

/// Replaces a process id in the pid file that certainly is not the server's, so that Postgres starts.
pub(super) fn clear_stale_pid(home: &Path, data: &Path, os_user: &OsUser) -> Result<(), PostgresError> {
    let Some(file) = PidFile::read(data).filter(|file| is_stale(file.pid, data)) else {
        return Ok(());
    };
    // The rest of the file stays: Postgres uses it to check whether the dead server's processes still use its memory.
    let path = data.join("postmaster.pid");
    let text = fs::read_to_string(&path).map_err(PostgresError::file("read", &path))?;
    let no_process = i32::MAX.to_string();
    let text = text.replacen(&file.pid.to_string(), &no_process, 1);
    // Written where only this process' user can write, then moved: a link that the OS user created is not followed.
    let new = home.with_file_name("postmaster.pid");
    let replace = || {
        fs::write(&new, text)?;
        fs::set_permissions(&new, Permissions::from_mode(0o600))
    };
    replace().map_err(PostgresError::file("write", &new))?;
    os_user.make_owner_of(&new)?;
    fs::rename(&new, &path).map_err(PostgresError::file("write", path))?;
    let lock = home.join(socket::file_name() + ".lock");
    match fs::remove_file(&lock) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(PostgresError::file("remove", lock)(error)),
        _ => Ok(()),
    }
}

/// Returns whether process `pid` certainly is not the server of the data directory `data`.
///
/// A dead server is a zombie until it is reaped, and after a reboot or in a new container another program may have its
/// process id. Postgres takes either for a running server and does not start.
fn is_stale(pid: u32, data: &Path) -> bool {
    let is_zombie = state_of(pid) == Some('Z');
    let works_elsewhere = match (fs::read_link(format!("/proc/{pid}/cwd")), fs::canonicalize(data)) {
        (Ok(directory), Ok(data)) => directory != data,
        // A process that cannot be inspected may be the server.
        _ => false,
    };
    is_zombie || works_elsewhere
}

/// Whether a process exists and is not a zombie.
pub(super) fn is_running(pid: u32) -> bool {
    state_of(pid).is_some_and(|state| state != 'Z')
}

/// Returns the state of a process, or `None` if it does not exist.
fn state_of(pid: u32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The state follows the name, which is in parentheses and may contain some itself.
    stat.rsplit(") ").next()?.chars().next()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_pid_file_contains_the_process_id_and_the_socket_directory() {
        let text = "4711\n/srv/data\n1795370353\n5432\n..\n\n 10076816         4\nready   \n";
        let file = PidFile::parse(text).unwrap();
        assert_eq!((file.pid, file.socket_dir), (4711, PathBuf::from("..")));
    }

    #[test]
    fn an_incomplete_pid_file_is_ignored() {
        assert_eq!(PidFile::parse("4711\n/srv/data\n1795370353\n5432\n"), None);
        assert_eq!(PidFile::parse(""), None);
    }
}
