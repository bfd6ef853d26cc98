//! Making, starting and stopping the cluster with Postgres' own programs.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use tokio::{
    process::Command,
    time::{sleep, timeout},
};

use super::{
    Account, PostgresError, PrivatePostgres, blocking,
    error::tail,
    postmaster::{PidFile, Probe, forget_dead_server, probe},
    socket,
};

const INITDB_LIMIT: Duration = Duration::from_secs(120);
/// Recovery after a crash is part of a start.
const START_LIMIT: Duration = Duration::from_secs(100);
const STOP_LIMIT: Duration = Duration::from_secs(30);
/// pg_ctl keeps the limits above by itself; this is for a pg_ctl that hangs.
const GRACE: Duration = Duration::from_secs(10);
/// A server that was killed leaves processes that take a moment to notice.
const START_ATTEMPTS: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const BUSY_PAUSE: Duration = Duration::from_millis(50);
const TAIL_BYTES: u64 = 8 * 1024;

/// Given at every start, so that they also hold for a cluster made by an older Brightmeter.
const SETTINGS: &[(&str, &str)] = &[
    ("cluster_name", "brightmeter"),
    ("listen_addresses", ""),
    ("port", "5432"),
    ("unix_socket_permissions", "0700"),
    ("max_connections", "64"),
    ("shared_buffers", "256MB"),
    // Fewer checkpoints: after each, every page is logged whole once more, and while one runs, commits wait for the disk.
    ("max_wal_size", "2GB"),
    ("checkpoint_timeout", "15min"),
    ("fsync", "on"),
    ("synchronous_commit", "on"),
    ("full_page_writes", "on"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
    // The log tells of the server. Errors of statements go to the client alone: they may quote data, and
    // would let the log grow with the traffic.
    ("log_min_messages", "log"),
    ("log_min_error_statement", "panic"),
    ("log_error_verbosity", "terse"),
    ("log_parameter_max_length", "0"),
    ("log_parameter_max_length_on_error", "0"),
    ("log_checkpoints", "off"),
];

/// A cluster's files, and the programs and the account that run it.
#[derive(Debug)]
pub(super) struct Cluster {
    home: PathBuf,
    data: PathBuf,
    log: PathBuf,
    account: Account,
    binaries: PathBuf,
}

/// The major version that made the cluster in `home`; `None` if there is none yet.
pub(super) async fn made_by(home: &Path) -> Result<Option<u32>, PostgresError> {
    let path = home.join("data/PG_VERSION");
    match tokio::fs::read_to_string(&path).await {
        Ok(version) => {
            let invalid = |_| io::Error::from(io::ErrorKind::InvalidData);
            let major = version.trim().parse().map_err(invalid);
            Ok(Some(major.map_err(PostgresError::file("read the version in", path))?))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(PostgresError::file("read", path)(error)),
    }
}

impl Cluster {
    pub(super) fn new(home: PathBuf, account: Account, binaries: PathBuf) -> Self {
        Self { data: home.join("data"), log: home.join("log"), home, account, binaries }
    }

    /// Makes the cluster under another name first: one called `data` is whole.
    pub(super) async fn create(&self) -> Result<(), PostgresError> {
        let new = self.home.join("data.new");
        match tokio::fs::remove_dir_all(&new).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(PostgresError::file("remove the half-made", new)(error));
            }
            _ => {}
        }
        let mut initdb = self.command("initdb");
        initdb
            .args(["-D", "data.new", "-U", PrivatePostgres::OWNER])
            .args(["--auth=trust", "--encoding=UTF8", "--no-locale"])
            .args(["--data-checksums", "--no-instructions"]);
        self.run(initdb, "initdb", INITDB_LIMIT).await?;

        let (home, data) = (self.home.clone(), self.data.clone());
        blocking(move || {
            fs::rename(new, &data).map_err(PostgresError::file("create", data))?;
            let sync = File::open(&home).and_then(|home| home.sync_all());
            sync.map_err(PostgresError::file("write", home))
        })
        .await?;
        tracing::info!(data = %self.data.display(), "made a Postgres cluster");
        Ok(())
    }

    /// Starts the server unless it runs, and answers its socket's directory once it takes connections.
    pub(super) async fn ensure_running(&self) -> Result<PathBuf, PostgresError> {
        let deadline = Instant::now() + START_LIMIT + GRACE;
        let mut failures = 0;
        let mut was_launched = false;
        loop {
            match self.probe().await? {
                Probe::Ready(socket_dir) => {
                    let what = if was_launched { "started" } else { "adopted" };
                    tracing::info!(data = %self.data.display(), "{what} Postgres");
                    return Ok(socket_dir);
                }
                _ if failures == START_ATTEMPTS || Instant::now() >= deadline => break,
                Probe::Busy => sleep(BUSY_PAUSE).await,
                Probe::Absent => {
                    was_launched = true;
                    if !self.launch(failures == 0).await? {
                        sleep(FIRST_PAUSE * 2_u32.pow(failures)).await;
                        failures += 1;
                    }
                }
            }
        }
        let log = self.log.clone();
        let tail = blocking(move || Ok(tail(&end_of(&log)))).await?;
        Err(PostgresError::NotStarted { log: self.log.clone(), tail })
    }

    /// Shuts the server down if it runs; transactions that are open are rolled back.
    pub(super) async fn stop(&self, socket_dir: &Path) -> Result<(), PostgresError> {
        if matches!(self.probe().await, Ok(Probe::Absent)) {
            return Ok(());
        }
        let mut stop = self.pg_ctl("stop", STOP_LIMIT);
        stop.args(["-m", "fast"]);
        let stopped = self.run(stop, "pg_ctl", STOP_LIMIT + GRACE).await;
        if stopped.is_err() && !matches!(self.probe().await, Ok(Probe::Absent)) {
            return stopped;
        }
        socket::remove_short(&self.home, socket_dir).await;
        tracing::info!(data = %self.data.display(), "stopped Postgres");
        Ok(())
    }

    async fn probe(&self) -> Result<Probe, PostgresError> {
        let data = self.data.clone();
        let pid_file = blocking(move || Ok(PidFile::read(&data))).await?;
        probe(&self.home, &self.account, pid_file).await
    }

    /// One attempt; whether pg_ctl says that the server is ready.
    async fn launch(&self, is_first: bool) -> Result<bool, PostgresError> {
        let (home, data, log) = (self.home.clone(), self.data.clone(), self.log.clone());
        let account = self.account.clone();
        let socket_dir = blocking(move || {
            forget_dead_server(&home, &data, &account)?;
            if is_first {
                keep_last_log(&log)?;
            }
            socket::choose(&home, &account)
        })
        .await?;

        let mut options = format!("-c unix_socket_directories={}", socket_dir.display());
        for (name, value) in SETTINGS {
            options.push_str(&format!(" -c {name}={value}"));
        }
        let mut start = self.pg_ctl("start", START_LIMIT);
        start
            .args(["-l", "log", "-o", &options])
            .stdout(Stdio::null())
            // Not a pipe: the server would hold it open, and reading it would never end.
            .stderr(Stdio::null());
        let status = self.finish("pg_ctl", START_LIMIT + GRACE, start.status()).await?;
        if !status.success() {
            socket::remove_short(&self.home, &socket_dir).await;
        }
        Ok(status.success())
    }

    /// Every name below is relative: pg_ctl hands its arguments to a shell, in quotes that a path could break.
    fn command(&self, program: &str) -> Command {
        let mut command = self.account.command(self.binaries.join(program));
        command.current_dir(&self.home);
        command
    }

    fn pg_ctl(&self, mode: &str, limit: Duration) -> Command {
        let mut command = self.command("pg_ctl");
        let seconds = limit.as_secs().to_string();
        command.args([mode, "-D", "data", "-w", "-t", &seconds]);
        command
    }

    async fn run(&self, mut command: Command, program: &str, limit: Duration) -> Result<(), PostgresError> {
        let output = self.finish(program, limit, command.output()).await?;
        if output.status.success() {
            return Ok(());
        }
        Err(PostgresError::Failed {
            program: self.binaries.join(program),
            said: tail(&[output.stdout, output.stderr].concat()),
        })
    }

    async fn finish<T>(
        &self,
        program: &str,
        limit: Duration,
        work: impl Future<Output = io::Result<T>>,
    ) -> Result<T, PostgresError> {
        let program = self.binaries.join(program);
        match timeout(limit, work).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(source)) => Err(PostgresError::Run { program, source }),
            Err(_) => Err(PostgresError::TooSlow { program, limit }),
        }
    }
}

/// Starts a new log and keeps one old one, so that they do not grow from run to run.
fn keep_last_log(log: &Path) -> Result<(), PostgresError> {
    match fs::rename(log, log.with_extension("1")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(PostgresError::file("rename", log)(error)),
        _ => Ok(()),
    }
}

fn end_of(log: &Path) -> Vec<u8> {
    let mut end = Vec::new();
    let read = File::open(log).and_then(|mut file| {
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
        file.take(TAIL_BYTES).read_to_end(&mut end)
    });
    if let Err(error) = read {
        return error.to_string().into_bytes();
    }
    end
}
