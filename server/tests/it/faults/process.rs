//! A `brightmeter serve` of its own process, with its private Postgres, that can be killed and started again.

use std::{
    fs,
    net::TcpListener,
    path::PathBuf,
    process::{Child, Stdio},
    time::Duration,
};

use server::postgres::PrivatePostgres;
use sqlx::{
    Connection, PgConnection,
    postgres::{PgConnectOptions, PgSslMode},
};
use tokio::time::{Instant, sleep};

use crate::cli::program::{Output, TempDir, brightmeter};

/// The longest wait for a server to be ready. Only a failing test waits that long.
const START_LIMIT: Duration = Duration::from_secs(60);

/// The files, the address and the API key of a server.
pub struct Installation {
    directory: TempDir,
    /// Its base URL.
    pub url: String,
    /// The secret of an API key with the permission to spend.
    pub key: String,
    http: reqwest::Client,
}

impl Installation {
    /// Creates an organization with a million AI tokens, and an API key.
    pub fn new() -> Self {
        Self::within(TempDir::new())
    }

    /// The same, in this directory.
    pub fn within(directory: TempDir) -> Self {
        fs::create_dir_all(directory.0.join("site/pkg")).unwrap();
        let ping = "[[features]]\nname = \"ping\"\nlabel = \"Ping\"\nsummary = \"Costs one token\"\n\
                    token_type = \"ai\"\ncost = 1\nfrom_plan = \"pro\"\n";
        let rich = brightmeter::DEFAULT_CATALOG.replace(
            "price_cents = 39_900\nallowance = { ai = 2_000,",
            "price_cents = 25_000_000\nallowance = { ai = 1_000_000,",
        );
        fs::write(directory.0.join("catalog.toml"), format!("{rich}\n{ping}")).unwrap();
        let http = reqwest::Client::builder().timeout(Duration::from_secs(15)).build().unwrap();
        let mut made = Self { directory, url: free_url(), key: String::new(), http };
        made.run("org create --slug acme --plan enterprise --owner-email owner@acme.test");
        made.key = made.run("key create --org acme --scope spend --name load").trim().to_owned();
        made
    }

    /// The directory of the private Postgres's cluster.
    pub fn cluster(&self) -> PathBuf {
        self.directory.0.join("data/postgres/cluster")
    }

    /// Runs a command of the program and returns its output.
    pub fn run(&self, line: &str) -> String {
        let mut command = brightmeter(line);
        let output = Output::of(self.configure(&mut command));
        assert_eq!(output.code, 0, "{line}: {output:?}");
        output.stdout
    }

    /// Starts the server and waits until it is ready.
    pub async fn start(&self) -> Server {
        let mut command = brightmeter("serve");
        let server = Server::spawn(self.configure(&mut command));
        until_ready(&self.http, &self.url, START_LIMIT).await;
        server
    }

    /// Starts a second server on the same database, which the first one runs. Returns its URL, too.
    pub async fn start_replica(&self) -> (Server, String) {
        let (mut command, url) = (brightmeter("serve"), free_url());
        let socket = self.cluster();
        let database = format!("postgres://{}@localhost/brightmeter?host={}", PrivatePostgres::OWNER, socket.display());
        self.configure(&mut command).env("BRIGHTMETER_ADDR", url.trim_start_matches("http://"));
        let server = Server::spawn(command.env("BRIGHTMETER_PUBLIC_URL", &url).env("DATABASE_URL", database));
        until_ready(&self.http, &url, START_LIMIT).await;
        (server, url)
    }

    /// Waits until `/readyz` answers 200, and returns how long that took.
    pub async fn until_ready(&self, limit: Duration) -> Duration {
        until_ready(&self.http, &self.url, limit).await
    }

    /// Whether `/readyz` answers 200.
    pub async fn is_ready(&self) -> bool {
        is_ready(&self.http, &self.url).await
    }

    /// Connects to the private Postgres as its owner.
    pub async fn connect(&self) -> PgConnection {
        let options = PgConnectOptions::new_without_pgpass().socket(self.cluster());
        let options = options.username(PrivatePostgres::OWNER).database("brightmeter").ssl_mode(PgSslMode::Disable);
        PgConnection::connect_with(&options).await.unwrap()
    }

    /// The process id of the private Postgres.
    pub fn postmaster(&self) -> u32 {
        let file = fs::read_to_string(self.cluster().join("data/postmaster.pid")).unwrap();
        file.lines().next().unwrap().parse().unwrap()
    }

    fn configure<'a>(&self, command: &'a mut std::process::Command) -> &'a mut std::process::Command {
        let at = |name: &str| self.directory.0.join(name);
        command
            .env("BRIGHTMETER_ADDR", self.url.trim_start_matches("http://"))
            .env("BRIGHTMETER_PUBLIC_URL", &self.url)
            .env("BRIGHTMETER_DATA_DIR", at("data"))
            .env("BRIGHTMETER_CATALOG", at("catalog.toml"))
            .env("LEPTOS_SITE_ROOT", at("site"))
            .env("STRIPE_SECRET_KEY", "sk_test_nothing_is_called")
            .env("STRIPE_WEBHOOK_SECRET", "whsec_nothing_is_called")
            .env("AI_BASE_URL", "http://127.0.0.1:9/v1")
            .env("AI_MODEL", "none")
    }
}

async fn until_ready(http: &reqwest::Client, url: &str, limit: Duration) -> Duration {
    let started = Instant::now();
    while !is_ready(http, url).await {
        assert!(started.elapsed() < limit, "not ready within {limit:?}");
        sleep(Duration::from_millis(10)).await;
    }
    started.elapsed()
}

async fn is_ready(http: &reqwest::Client, url: &str) -> bool {
    let answer = http.get(format!("{url}/readyz")).send().await;
    answer.is_ok_and(|answer| answer.status().is_success())
}

/// The base URL of a server on a free port.
fn free_url() -> String {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    format!("http://127.0.0.1:{port}")
}

impl Drop for Installation {
    fn drop(&mut self) {
        // A test that failed may leave Postgres running.
        if let Ok(file) = fs::read_to_string(self.cluster().join("data/postmaster.pid"))
            && let Some(pid) = file.lines().next().and_then(|pid| pid.parse().ok())
        {
            signal("-QUIT", pid);
        }
    }
}

/// A running server. Dropping it kills it.
pub struct Server(Child);

impl Server {
    fn spawn(command: &mut std::process::Command) -> Self {
        Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    /// Kills the process, as a lost machine would.
    pub fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Asks it to stop, and returns how long that took.
    pub async fn stop(mut self) -> Duration {
        let started = Instant::now();
        signal("-TERM", self.0.id());
        while self.0.try_wait().unwrap().is_none() {
            assert!(started.elapsed() < Duration::from_secs(30), "it does not stop");
            sleep(Duration::from_millis(10)).await;
        }
        assert!(self.0.wait().unwrap().success());
        started.elapsed()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Sends a signal to a process.
pub fn signal(name: &str, pid: u32) {
    let sent = std::process::Command::new("kill").args([name, &pid.to_string()]).stderr(Stdio::null()).status();
    sent.unwrap();
}
