//! Creates, starts and stops the cluster with Postgres' own programs.

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
    OsUser, PostgresError, PrivatePostgres, blocking,
    error::tail,
    postmaster::{PidFile, Probe, clear_stale_pid, is_running, probe},
    socket,
};

const INITDB_TIMEOUT: Duration = Duration::from_secs(120);
/// The timeout for a start, which includes recovery after a crash.
const START_TIMEOUT: Duration = Duration::from_secs(100);
const STOP_TIMEOUT: Duration = Duration::from_secs(30);
/// The extra time for a pg_ctl that hangs. Otherwise pg_ctl enforces the timeouts above.
const PG_CTL_GRACE: Duration = Duration::from_secs(10);
/// The number of failed starts before an error. Processes of a killed server take a moment to exit.
const START_ATTEMPTS: u32 = 5;
/// The pause after the first failed start. It doubles after each further one.
const RETRY_PAUSE: Duration = Duration::from_millis(100);
/// The pause between probes of a busy server.
const PROBE_INTERVAL: Duration = Duration::from_millis(50);
/// The part of the log that an error quotes, in bytes from its end.
const TAIL_BYTES: u64 = 8 * 1024;

/// Settings passed at every start, so that they also apply to clusters of older Brightmeter versions.
const SETTINGS: &[(&str, &str)] = &[
    ("cluster_name", "brightmeter"),
    ("listen_addresses", ""),
    ("port", "5432"),
    ("unix_socket_permissions", "0700"),
    ("max_connections", "64"),
    ("shared_buffers", "256MB"),
    // Fewer checkpoints: after each, Postgres logs every page in full again, and during one, commits wait for the disk.
    ("max_wal_size", "2GB"),
    ("checkpoint_timeout", "15min"),
    ("fsync", "on"),
    ("synchronous_commit", "on"),
    ("full_page_writes", "on"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
    // The log is about the server. Statement errors go only to the client: they may quote data, and would make the log
    // grow with traffic.
    ("log_min_messages", "log"),
    ("log_min_error_statement", "panic"),
    ("log_error_verbosity", "terse"),
    ("log_parameter_max_length", "0"),
    ("log_parameter_max_length_on_error", "0"),
    ("log_checkpoints", "off"),
];

/// A cluster: its files, its programs and its OS user.
#[derive(Debug)]
pub(super) struct Cluster {
    home: PathBuf,
    data: PathBuf,
    log: PathBuf,
    os_user: OsUser,
    binaries: PathBuf,
}

/// Returns the major version of the cluster in `home`, or `None` if it does not exist yet.
pub(super) async fn existing_version(home: &Path) -> Result<Option<u32>, PostgresError> {
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
    pub(super) fn new(home: PathBuf, os_user: OsUser, binaries: PathBuf) -> Self {
        Self { data: home.join("data"), log: home.join("log"), home, os_user, binaries }
    }

    /// Creates the cluster under a temporary name, then renames it. So a directory `data` is always complete.
    pub(super) async fn create(&self) -> Result<(), PostgresError> {
        let new = self.home.join("data.new");
        match tokio::fs::remove_dir_all(&new).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(PostgresError::file("remove the incomplete cluster", new)(error));
            }
            _ => {}
        }
        let mut initdb = self.command("initdb");
        initdb
            .args(["-D", "data.new", "-U", PrivatePostgres::OWNER])
            .args(["--auth=trust", "--encoding=UTF8", "--no-locale"])
            .args(["--data-checksums", "--no-instructions"]);
        self.run(initdb, "initdb", INITDB_TIMEOUT).await?;

        let (home, data) = (self.home.clone(), self.data.clone());
        blocking(move || {
            fs::rename(new, &data).map_err(PostgresError::file("create", data))?;
            let sync = File::open(&home).and_then(|home| home.sync_all());
            sync.map_err(PostgresError::file("write", home))
        })
        .await?;
        tracing::info!(data = %self.data.display(), "created a Postgres cluster");
        Ok(())
    }

    /// Starts the server unless it is running. Returns its socket's directory once it accepts connections.
    pub(super) async fn ensure_running(&self) -> Result<PathBuf, PostgresError> {
        self.run_in(None).await
    }

    /// Starts the server again with its socket in the same directory, which clients know.
    pub(super) async fn restart(&self, socket_dir: &Path) -> Result<(), PostgresError> {
        self.run_in(Some(socket_dir)).await.map(drop)
    }

    /// Whether the server's process has ended without being stopped by us.
    pub(super) async fn is_dead(&self) -> bool {
        let data = self.data.clone();
        let is_dead = blocking(move || Ok(PidFile::read(&data).is_none_or(|file| !is_running(file.pid))));
        is_dead.await.unwrap_or_default()
    }

    async fn run_in(&self, socket_dir: Option<&Path>) -> Result<PathBuf, PostgresError> {
        let deadline = Instant::now() + START_TIMEOUT + PG_CTL_GRACE;
        let mut failures = 0;
        let mut was_launched = false;
        loop {
            match self.probe().await? {
                Probe::Ready(socket_dir) => {
                    let action = if was_launched { "started" } else { "adopted" };
                    tracing::info!(data = %self.data.display(), "{action} Postgres");
                    return Ok(socket_dir);
                }
                _ if failures == START_ATTEMPTS || Instant::now() >= deadline => break,
                Probe::Busy => sleep(PROBE_INTERVAL).await,
                Probe::Absent => {
                    was_launched = true;
                    if !self.launch(failures == 0, socket_dir).await? {
                        sleep(RETRY_PAUSE * 2_u32.pow(failures)).await;
                        failures += 1;
                    }
                }
            }
        }
        let log = self.log.clone();
        let tail = blocking(move || Ok(tail(&end_of(&log)))).await?;
        Err(PostgresError::NotStarted { log: self.log.clone(), tail })
    }

    /// Shuts the server down if it is running. Open transactions are rolled back.
    pub(super) async fn stop(&self, socket_dir: &Path) -> Result<(), PostgresError> {
        if matches!(self.probe().await, Ok(Probe::Absent)) {
            return Ok(());
        }
        let mut stop = self.pg_ctl("stop", STOP_TIMEOUT);
        stop.args(["-m", "fast"]);
        let stopped = self.run(stop, "pg_ctl", STOP_TIMEOUT + PG_CTL_GRACE).await;
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
        probe(&self.home, &self.os_user, pid_file).await
    }

    /// Makes one attempt to start the server. Returns whether pg_ctl reports it as ready.
    async fn launch(&self, is_first: bool, known: Option<&Path>) -> Result<bool, PostgresError> {
        let (home, data, log) = (self.home.clone(), self.data.clone(), self.log.clone());
        let is_known = known.is_some();
        let (os_user, known) = (self.os_user.clone(), known.map(Path::to_owned));
        let socket_dir = blocking(move || {
            clear_stale_pid(&home, &data, &os_user)?;
            if is_first {
                rotate_log(&log)?;
            }
            match known {
                Some(known) => socket::keep(&home, known, &os_user),
                None => socket::choose(&home, &os_user),
            }
        })
        .await?;

        let mut options = format!("-c unix_socket_directories={}", socket_dir.display());
        for (name, value) in SETTINGS {
            options.push_str(&format!(" -c {name}={value}"));
        }
        let mut start = self.pg_ctl("start", START_TIMEOUT);
        start
            .args(["-l", "log", "-o", &options])
            .stdout(Stdio::null())
            // Not a pipe: the server would keep it open, and reading it would never end.
            .stderr(Stdio::null());
        let status = self.finish("pg_ctl", START_TIMEOUT + PG_CTL_GRACE, start.status()).await?;
        if !status.success() && !is_known {
            socket::remove_short(&self.home, &socket_dir).await;
        }
        Ok(status.success())
    }

    /// Returns a command that runs in the cluster's home. File names are relative to it: pg_ctl passes its arguments to a
    /// shell, in quotes that an absolute path could break.
    fn command(&self, program: &str) -> Command {
        let mut command = self.os_user.command(self.binaries.join(program));
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
            output: tail(&[output.stdout, output.stderr].concat()),
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
            Err(_) => Err(PostgresError::ProgramTimeout { program, limit }),
        }
    }
}

/// Rotates the log and keeps one old file, so that logs do not grow from run to run.
fn rotate_log(log: &Path) -> Result<(), PostgresError> {
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
