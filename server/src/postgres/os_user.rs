//! The operating system's user that runs Postgres.

use std::{
    ffi::OsStr,
    fs, io,
    os::unix::fs::{MetadataExt, chown},
    path::{Path, PathBuf},
    process::Stdio,
};

use tokio::process::Command;

use super::PostgresError;

/// The users that can run Postgres if Brightmeter is root, in order of preference.
const FALLBACKS: [&str; 2] = ["postgres", "nobody"];

/// The user that runs Postgres and owns the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum OsUser {
    /// This process' user.
    Current { uid: u32 },
    /// Another user, because this process is root and Postgres refuses to run as root.
    Fallback { name: String, uid: u32, gid: u32 },
}

impl OsUser {
    /// Returns the user that owns the cluster in `home`, or that will own it.
    pub(super) fn for_cluster(home: &Path) -> Result<Self, PostgresError> {
        let runs_as = effective_uid()?;
        let owner = fs::metadata(home).ok().map(|home| (home.uid(), home.gid()));
        match (runs_as, owner) {
            // A directory of root's comes from a start that was interrupted before it changed the owner.
            (0, None | Some((0, _))) => fallback(&read("/etc/passwd")?),
            (0, Some((uid, gid))) => Ok(Self::Fallback { name: name_of(uid, &read("/etc/passwd")?), uid, gid }),
            (uid, Some((owner, _))) if owner != uid => {
                Err(PostgresError::WrongOwner { home: home.to_owned(), owner, runs_as })
            }
            (uid, _) => Ok(Self::Current { uid }),
        }
    }

    pub(super) fn uid(&self) -> u32 {
        match self {
            Self::Current { uid } | Self::Fallback { uid, .. } => *uid,
        }
    }

    /// Returns a command that runs as this user, without this process' environment.
    pub(super) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs([("LANG", "C.UTF-8"), ("PATH", "/usr/bin:/bin")])
            .current_dir("/")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            // Ctrl-C reaches the whole foreground group, and pg_ctl would take Postgres with it.
            .process_group(0);
        if let Self::Fallback { uid, gid, .. } = self {
            // When it sets the user, the standard library also drops root's supplementary groups.
            command.uid(*uid).gid(*gid);
        }
        command
    }

    /// Makes this user the owner of `path`, which this process has created.
    pub(super) fn make_owner_of(&self, path: &Path) -> Result<(), PostgresError> {
        match self {
            Self::Current { .. } => Ok(()),
            Self::Fallback { uid, gid, .. } => {
                chown(path, Some(*uid), Some(*gid)).map_err(PostgresError::file("change the owner of", path))
            }
        }
    }

    /// Checks that this user can access the existing `path`.
    pub(super) fn check_access(&self, path: &Path) -> Result<(), PostgresError> {
        match (self, self.inaccessible_directory(path)) {
            (Self::Fallback { name, .. }, Some(closed)) => {
                Err(PostgresError::Inaccessible { user: name.clone(), closed })
            }
            _ => Ok(()),
        }
    }

    /// Returns the first directory, from the root down to `path` itself, that a fallback user cannot enter.
    pub(super) fn inaccessible_directory(&self, path: &Path) -> Option<PathBuf> {
        let Self::Fallback { uid, gid, .. } = self else {
            return None;
        };
        let path = fs::canonicalize(path).ok()?;
        let mut directories: Vec<&Path> = path.ancestors().collect();
        directories.reverse();
        directories
            .into_iter()
            .find(|directory| {
                fs::metadata(directory).is_ok_and(|found| {
                    let execute = match (found.uid() == *uid, found.gid() == *gid) {
                        (true, _) => 0o100,
                        (false, true) => 0o010,
                        (false, false) => 0o001,
                    };
                    found.is_dir() && found.mode() & execute == 0
                })
            })
            .map(Path::to_owned)
    }
}

fn read(path: &str) -> Result<String, PostgresError> {
    fs::read_to_string(path).map_err(PostgresError::file("read", path))
}

fn effective_uid() -> Result<u32, PostgresError> {
    let path = "/proc/self/status";
    // The fields are the real, effective, saved and file system ids. The owner of /proc/self would be no substitute: for
    // a binary with capabilities, it is root.
    read(path)?
        .lines()
        .find_map(|line| line.strip_prefix("Uid:")?.split_whitespace().nth(1)?.parse().ok())
        .ok_or(io::Error::from(io::ErrorKind::InvalidData))
        .map_err(PostgresError::file("find the user id in", path))
}

fn fallback(passwd: &str) -> Result<OsUser, PostgresError> {
    FALLBACKS
        .iter()
        .find_map(|wanted| {
            users(passwd).find(|(name, uid, _)| name == wanted && *uid != 0).map(|(name, uid, gid)| OsUser::Fallback {
                name: name.to_owned(),
                uid,
                gid,
            })
        })
        .ok_or(PostgresError::NoUser)
}

fn name_of(wanted: u32, passwd: &str) -> String {
    users(passwd).find(|(_, uid, _)| *uid == wanted).map_or_else(|| wanted.to_string(), |(name, ..)| name.to_owned())
}

/// Returns the name, user id and group id of every line.
fn users(passwd: &str) -> impl Iterator<Item = (&str, u32, u32)> {
    passwd.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let (name, _password) = (fields.next()?, fields.next()?);
        Some((name, fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const PASSWD: &str = "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65533::/:/bin/false\n";

    #[test]
    fn without_a_user_postgres_the_fallback_is_nobody() {
        let nobody = OsUser::Fallback { name: "nobody".to_owned(), uid: 65_534, gid: 65_533 };
        assert_eq!(fallback(PASSWD).unwrap(), nobody);

        let both = format!("{PASSWD}postgres:x:101:104:Postgres,,,:/var/lib:/bin/sh\n");
        assert_eq!(fallback(&both).unwrap().uid(), 101);
    }

    #[test]
    fn a_fallback_user_must_not_have_root_privileges() {
        let refused = fallback("postgres:x:0:0::/root:/bin/sh").unwrap_err();
        assert!(refused.to_string().contains("neither of the users `postgres` and `nobody` exists"));
    }
}
