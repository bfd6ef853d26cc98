//! The running server process, as its pid file and its socket show it.

use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{ConnectOptions, Connection};
use tokio::time::timeout;

use super::{Account, PostgresError, PrivatePostgres, socket};

const PROBE_LIMIT: Duration = Duration::from_secs(5);

/// What `postmaster.pid` says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PidFile {
    pub(super) pid: u32,
    /// As it was configured: perhaps relative to the data directory.
    pub(super) socket_dir: PathBuf,
}

impl PidFile {
    /// `None` if there is none, or if Postgres has only just begun to write it.
    pub(super) fn read(data: &Path) -> Option<Self> {
        Self::parse(&fs::read_to_string(data.join("postmaster.pid")).ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        // Process, data directory, start time, port, socket directory, and more.
        let mut lines = text.lines();
        Some(Self {
            pid: lines.next()?.parse().ok()?,
            socket_dir: lines.nth(3).filter(|line| !line.is_empty())?.into(),
        })
    }
}

/// Whether a server answers.
#[derive(Debug)]
pub(super) enum Probe {
    /// It does, on the socket in this directory.
    Ready(PathBuf),
    /// It is starting, stopping or out of connections: ask again.
    Busy,
    /// Nobody listens.
    Absent,
}

/// Asks the server that `pid_file` tells of.
///
/// # Errors
/// [`PostgresError::Refused`] if it answers and does not let its owner in.
pub(super) async fn probe(home: &Path, account: &Account, pid_file: Option<PidFile>) -> Result<Probe, PostgresError> {
    let Some(socket_dir) = pid_file.and_then(|file| socket::trusted(home, account, &file.socket_dir)) else {
        return Ok(Probe::Absent);
    };
    let options = socket::connect_options(&socket_dir, "postgres", PrivatePostgres::OWNER);
    match timeout(PROBE_LIMIT, options.connect()).await {
        Ok(Ok(connection)) => {
            if let Err(error) = connection.close().await {
                tracing::debug!(%error, "Postgres answered and hung up");
            }
            Ok(Probe::Ready(socket_dir))
        }
        Ok(Err(sqlx::Error::Io(_))) => Ok(Probe::Absent),
        Ok(Err(sqlx::Error::Database(error))) if is_passing(error.code().as_deref()) => Ok(Probe::Busy),
        Ok(Err(source)) => Err(PostgresError::Refused { home: home.to_owned(), source }),
        Err(_) => Ok(Probe::Busy),
    }
}

fn is_passing(sqlstate: Option<&str>) -> bool {
    // cannot_connect_now, too_many_connections
    matches!(sqlstate, Some("57P03" | "53300"))
}

/// Makes Postgres ignore the process in a pid file that is certainly not its server.
pub(super) fn forget_dead_server(home: &Path, data: &Path, account: &Account) -> Result<(), PostgresError> {
    let Some(file) = PidFile::read(data).filter(|file| is_surely_not(file.pid, data)) else {
        return Ok(());
    };
    // The rest of the file stays: by it Postgres sees whether processes of the dead server still use its memory.
    let path = data.join("postmaster.pid");
    let text = fs::read_to_string(&path).map_err(PostgresError::file("read", &path))?;
    let no_process = i32::MAX.to_string();
    let text = text.replacen(&file.pid.to_string(), &no_process, 1);
    // Written where only this process can, and moved: a link that the account made is not followed.
    let new = home.with_file_name("postmaster.pid");
    let replace = || {
        fs::write(&new, text)?;
        fs::set_permissions(&new, Permissions::from_mode(0o600))
    };
    replace().map_err(PostgresError::file("write", &new))?;
    account.take_over(&new)?;
    fs::rename(&new, &path).map_err(PostgresError::file("write", path))?;
    let lock = home.join(socket::file_name() + ".lock");
    match fs::remove_file(&lock) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(PostgresError::file("remove", lock)(error)),
        _ => Ok(()),
    }
}

/// Whether process `pid` is certainly not the server of the data directory `data`.
///
/// A dead server is a zombie as long as nobody reaps it, and after a reboot or in a new container its number may be
/// another program's; Postgres takes either for a running server and does not start.
fn is_surely_not(pid: u32, data: &Path) -> bool {
    let is_zombie = fs::read_to_string(format!("/proc/{pid}/stat"))
        // The state follows the name, which is in parentheses and may hold some itself.
        .is_ok_and(|stat| stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z')));
    let works_elsewhere = match (fs::read_link(format!("/proc/{pid}/cwd")), fs::canonicalize(data)) {
        (Ok(directory), Ok(data)) => directory != data,
        // What cannot be seen may be the server.
        _ => false,
    };
    is_zombie || works_elsewhere
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_pid_file_tells_the_process_and_its_socket() {
        let text = "4711\n/srv/data\n1795370353\n5432\n..\n\n 10076816         4\nready   \n";
        let file = PidFile::parse(text).unwrap();
        assert_eq!((file.pid, file.socket_dir), (4711, PathBuf::from("..")));
    }

    #[test]
    fn a_pid_file_that_is_being_written_tells_nothing_yet() {
        assert_eq!(PidFile::parse("4711\n/srv/data\n1795370353\n5432\n"), None);
        assert_eq!(PidFile::parse(""), None);
    }
}
