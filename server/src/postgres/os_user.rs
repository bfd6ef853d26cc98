use std::{
    ffi::OsStr,
    fs, io,
    os::unix::fs::{MetadataExt, chown},
    path::{Path, PathBuf},
    process::Stdio,
};

use tokio::process::Command;

use super::PostgresError;

/// Accounts that may run Postgres when Brightmeter is root, best first.
const STAND_INS: [&str; 2] = ["postgres", "nobody"];

/// The user that Postgres runs as and that owns the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Account {
    /// The user of this process.
    Own { uid: u32 },
    /// Another one, because this process is root and Postgres refuses to be.
    StandIn { name: String, uid: u32, gid: u32 },
}

impl Account {
    /// The account that owns the cluster in `home`, or that is to own it once it is made.
    pub(super) fn for_cluster(home: &Path) -> Result<Self, PostgresError> {
        let runs_as = effective_uid()?;
        let owner = fs::metadata(home).ok().map(|home| (home.uid(), home.gid()));
        match (runs_as, owner) {
            // Still root's: made by a start that was cut short before it handed the directory over.
            (0, None | Some((0, _))) => stand_in(&read("/etc/passwd")?),
            (0, Some((uid, gid))) => Ok(Self::StandIn { name: name_of(uid, &read("/etc/passwd")?), uid, gid }),
            (uid, Some((owner, _))) if owner != uid => {
                Err(PostgresError::NotOurs { home: home.to_owned(), owner, runs_as })
            }
            (uid, _) => Ok(Self::Own { uid }),
        }
    }

    pub(super) fn uid(&self) -> u32 {
        match self {
            Self::Own { uid } | Self::StandIn { uid, .. } => *uid,
        }
    }

    /// A command that runs as this account, with nothing of this process' environment.
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
        if let Self::StandIn { uid, gid, .. } = self {
            // With the user, the standard library drops root's supplementary groups.
            command.uid(*uid).gid(*gid);
        }
        command
    }

    /// Hands `path`, which this process has made, to this account.
    pub(super) fn take_over(&self, path: &Path) -> Result<(), PostgresError> {
        match self {
            Self::Own { .. } => Ok(()),
            Self::StandIn { uid, gid, .. } => {
                chown(path, Some(*uid), Some(*gid)).map_err(PostgresError::file("change the owner of", path))
            }
        }
    }

    /// Refuses an existing `path` that this account cannot enter.
    pub(super) fn check_reach(&self, path: &Path) -> Result<(), PostgresError> {
        match (self, self.closed_directory(path)) {
            (Self::StandIn { name, .. }, Some(closed)) => {
                Err(PostgresError::Unreachable { user: name.clone(), closed })
            }
            _ => Ok(()),
        }
    }

    /// The first directory, from the root down to `path` itself, that a stand-in may not enter.
    pub(super) fn closed_directory(&self, path: &Path) -> Option<PathBuf> {
        let Self::StandIn { uid, gid, .. } = self else {
            return None;
        };
        let path = fs::canonicalize(path).ok()?;
        let mut ways: Vec<&Path> = path.ancestors().collect();
        ways.reverse();
        ways.into_iter()
            .find(|way| {
                fs::metadata(way).is_ok_and(|found| {
                    let enter = match (found.uid() == *uid, found.gid() == *gid) {
                        (true, _) => 0o100,
                        (false, true) => 0o010,
                        (false, false) => 0o001,
                    };
                    found.is_dir() && found.mode() & enter == 0
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
    // Real, effective, saved, file system. The owner of /proc/self would be root's for a binary with capabilities.
    read(path)?
        .lines()
        .find_map(|line| line.strip_prefix("Uid:")?.split_whitespace().nth(1)?.parse().ok())
        .ok_or(io::Error::from(io::ErrorKind::InvalidData))
        .map_err(PostgresError::file("find the user id in", path))
}

fn stand_in(passwd: &str) -> Result<Account, PostgresError> {
    STAND_INS
        .iter()
        .find_map(|wanted| {
            users(passwd).find(|(name, uid, _)| name == wanted && *uid != 0).map(|(name, uid, gid)| Account::StandIn {
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

/// Name, user id and group id of every line.
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
    fn without_a_user_postgres_nobody_stands_in_for_root() {
        let nobody = Account::StandIn { name: "nobody".to_owned(), uid: 65_534, gid: 65_533 };
        assert_eq!(stand_in(PASSWD).unwrap(), nobody);

        let both = format!("{PASSWD}postgres:x:101:104:Postgres,,,:/var/lib:/bin/sh\n");
        assert_eq!(stand_in(&both).unwrap().uid(), 101);
    }

    #[test]
    fn a_stand_in_with_the_powers_of_root_is_none() {
        let refused = stand_in("postgres:x:0:0::/root:/bin/sh").unwrap_err();
        assert!(refused.to_string().contains("no user `postgres` or `nobody`"));
    }
}
