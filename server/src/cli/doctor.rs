//! `brightmeter doctor`: checks an installation and suggests fixes. Changes nothing.

use std::{path::Path, process::ExitCode, time::Duration};

use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
use tokio::{net::TcpListener, time::timeout};

use super::CliError;
use crate::{config::Config, http::MAX_OPEN_FILES, postgres::PrivatePostgres, service::database_checks, stdout::say};

/// The timeout of a connection or request.
const CHECK_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest accepted difference between this machine's clock and the database's.
const MAX_CLOCK_SKEW: chrono::TimeDelta = chrono::TimeDelta::seconds(2);

/// The free space under which Postgres may stop any moment: a few segments of its log.
const MIN_FREE_BYTES: u64 = 200 << 20;
/// The free space under which doctor warns: about the size that Postgres' log may reach.
const LOW_FREE_BYTES: u64 = 3 << 30;

/// The result of a check.
enum Finding {
    Good(String),
    /// It works, but isn't ready for production.
    Warning(String),
    Bad(String),
}

use Finding::{Bad, Good, Warning};

/// The results in order, each with the name of its check.
#[derive(Default)]
struct Report(Vec<(&'static str, Finding)>);

impl Report {
    fn add(&mut self, what: &'static str, finding: Finding) {
        self.0.push((what, finding));
    }
}

/// Runs all checks and prints the results. Exits 1 if one of them is bad.
pub(super) async fn doctor(config: Result<Config, crate::config::ConfigError>) -> Result<ExitCode, CliError> {
    let mut report = Report::default();
    match config {
        Err(error) => report.add("configuration", Bad(error.to_string())),
        Ok(config) => {
            configuration(&config, &mut report);
            address(&config, &mut report).await;
            ai(&config, &mut report).await;
            disk(&config, &mut report);
            database(&config, &mut report).await;
        }
    }
    let mut bad = 0;
    for (what, finding) in &report.0 {
        let (mark, text) = match finding {
            Good(text) => ("ok  ", text),
            Warning(text) => ("note", text),
            Bad(text) => {
                bad += 1;
                ("BAD ", text)
            }
        };
        say(format!("{mark}  {what:<14}{text}"));
    }
    Ok(if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn configuration(config: &Config, report: &mut Report) {
    report.add(
        "configuration",
        match config.check_production() {
            Ok(()) => Good("all settings that production requires are set".into()),
            Err(error) => Warning(error.to_string()),
        },
    );
    report.add(
        "catalog",
        Good(format!(
            "{} plans, {} packs, all margins above the floor",
            config.catalog.plans.len(),
            config.catalog.packs.len()
        )),
    );
    report.add("site", site(&config.site_root.join("pkg")));
    report.add(
        "open files",
        match rlimit::Resource::NOFILE.get() {
            Ok((_, hard)) if hard >= MAX_OPEN_FILES => Good(format!("up to {hard}")),
            Ok((_, hard)) => Warning(format!(
                "at most {hard}; raise it to {MAX_OPEN_FILES} for many connections (ulimit -Hn, LimitNOFILE)"
            )),
            Err(error) => Warning(format!("cannot read the limit: {error}")),
        },
    );
}

/// Checks that the site's files exist under the names that this program links to.
fn site(package: &Path) -> Finding {
    let start = "run it from the project directory after `make run`, or set LEPTOS_SITE_ROOT";
    let beside = std::env::current_exe().ok().map(|program| program.with_file_name("hash.txt"));
    let hashes = beside.and_then(|file| std::fs::read_to_string(file).ok()).unwrap_or_default();
    // The build writes one line per file type: `js: QX0RB2ZW…`.
    let hash = |kind: &str| hashes.lines().find_map(|line| line.strip_prefix(kind)?.strip_prefix(": "));
    let name = |kind: &str| match hash(kind) {
        Some(hash) => format!("brightmeter.{}.{kind}", hash.trim()),
        None => format!("brightmeter.{kind}"),
    };
    let missing: Vec<String> =
        ["js", "wasm", "css"].into_iter().map(name).filter(|name| !package.join(name).is_file()).collect();
    if missing.is_empty() {
        Good(format!("the site's files are in {}", package.display()))
    } else {
        Bad(format!(
            "missing {} in {}: {start}; hash.txt must be in the program's directory",
            missing.join(", "),
            package.display()
        ))
    }
}

async fn address(config: &Config, report: &mut Report) {
    report.add(
        "address",
        match TcpListener::bind(config.addr).await {
            Ok(_) => Good(format!("{} is free", config.addr)),
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => Warning(format!(
                "{} is in use: Brightmeter may be running already; otherwise set BRIGHTMETER_ADDR",
                config.addr
            )),
            Err(error) => Bad(format!("cannot listen on {}: {error}; set BRIGHTMETER_ADDR", config.addr)),
        },
    );
}

async fn ai(config: &Config, report: &mut Report) {
    let Some(ai) = &config.ai else {
        return report
            .add("AI", Warning("not configured: fine for the demo; production needs AI_BASE_URL and AI_MODEL".into()));
    };
    // Any response shows that the server is reachable.
    let request = reqwest::Client::new().get(&ai.base_url).timeout(CHECK_TIMEOUT).send().await;
    report.add(
        "AI",
        match request {
            Ok(_) => Good(format!("reachable; model {}", ai.model)),
            Err(error) if error.is_timeout() => Bad("no response within 10 seconds: check AI_BASE_URL".into()),
            Err(_) => Bad("unreachable: check AI_BASE_URL and this machine's network access".into()),
        },
    );
}

async fn database(config: &Config, report: &mut Report) {
    match &config.database {
        Some(owner) => schema(owner, config, report).await,
        None => match PrivatePostgres::start_or_join(&config.data_dir.join("postgres")).await {
            Err(error) => report.add("Postgres", Bad(error.to_string())),
            Ok(private) => {
                let (maintenance, name) = (private.options("postgres", PrivatePostgres::OWNER), "brightmeter");
                match database_checks::database_exists(&maintenance, name).await {
                    Ok(true) => schema(&private.options(name, PrivatePostgres::OWNER), config, report).await,
                    Ok(false) => report.add("Postgres", Good("running; the first start creates the database".into())),
                    Err(error) => report.add("Postgres", Bad(error.to_string())),
                }
                if let Err(error) = private.stop().await {
                    report.add("Postgres", Bad(error.to_string()));
                }
            }
        },
    }
}

/// Checks the space on the disk of the private Postgres.
fn disk(config: &Config, report: &mut Report) {
    if config.database.is_some() {
        return;
    }
    // Before the first start, the directory does not exist yet.
    let directory = config.data_dir.ancestors().find(|directory| directory.is_dir()).unwrap_or(Path::new("."));
    report.add(
        "disk",
        match rustix::fs::statvfs(directory) {
            Ok(found) => {
                let free = found.f_bavail.saturating_mul(found.f_frsize);
                let text = format!("{} MB free at {}", free >> 20, directory.display());
                if free < MIN_FREE_BYTES {
                    Bad(format!("{text}: Postgres stops when it is full; free some space"))
                } else if free < LOW_FREE_BYTES {
                    Warning(format!("{text}: Postgres stops when it is full"))
                } else {
                    Good(text)
                }
            }
            Err(error) => Warning(format!("cannot read the free space at {}: {error}", directory.display())),
        },
    );
}

async fn schema(owner: &PgConnectOptions, config: &Config, report: &mut Report) {
    let mut conn = match timeout(CHECK_TIMEOUT, PgConnection::connect_with(owner)).await {
        Ok(Ok(conn)) => conn,
        Ok(Err(error)) => {
            return report.add("Postgres", Bad(format!("unreachable: {error}; check DATABASE_URL")));
        }
        Err(_) => return report.add("Postgres", Bad("no response within 10 seconds: check DATABASE_URL".into())),
    };
    match database_checks::server_settings(&mut conn).await {
        Err(error) => return report.add("Postgres", Bad(error.to_string())),
        Ok(found) => {
            let version = found.version / 10_000;
            report.add(
                "Postgres",
                if version >= 15 {
                    Good(format!("version {version}"))
                } else {
                    Bad(format!("version {version} is too old: version 15 or later is required"))
                },
            );
            let off: Vec<&str> = found.durable.iter().filter(|(_, on)| !on).map(|(name, _)| name.as_str()).collect();
            report.add(
                "durability",
                if off.is_empty() {
                    Good("acknowledged spends survive a power failure".into())
                } else {
                    Bad(format!(
                        "{} is off: acknowledged spends can be lost; turn it on in postgresql.conf",
                        off.join(", ")
                    ))
                },
            );
            let skew = (found.now - chrono::Utc::now()).abs();
            report.add(
                "clock",
                if skew <= MAX_CLOCK_SKEW {
                    Good("in sync with the database".into())
                } else {
                    Warning(format!(
                        "{} seconds apart from the database's clock: run NTP on both machines",
                        skew.num_seconds()
                    ))
                },
            );
        }
    }
    match database_checks::is_schema_current(&mut conn).await {
        Ok(true) => report.add("schema", Good("current".into())),
        Ok(false) => return report.add("schema", Bad("not current: run `brightmeter migrate`".into())),
        Err(error) => return report.add("schema", Bad(format!("missing ({error}): run `brightmeter migrate`"))),
    }
    for role in [config.app_role.clone(), format!("{}_writer", config.app_role)] {
        let found = database_checks::isolation(&mut conn, &role).await;
        report.add(
            "isolation",
            match found {
                Ok(lines) if lines.is_empty() => Good(format!("role {role} sees one organization at a time")),
                Ok(lines) => Bad(format!("{}: run `brightmeter migrate`, or fix the role", lines.join("; "))),
                Err(error) => Bad(format!("cannot use role {role}: {error}; run `brightmeter migrate`")),
            },
        );
    }
}
