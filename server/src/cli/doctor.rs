//! `brightmeter doctor`: what can be wrong with an installation, and the mend. Changes nothing.

use std::{path::Path, process::ExitCode, time::Duration};

use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
use tokio::{net::TcpListener, time::timeout};

use super::{CliError, output::say};
use crate::{
    config::Config,
    http::MAX_OPEN_FILES,
    postgres::PrivatePostgres,
    storage::{audit, databases, migrations, settings},
};

/// How long any one question may take.
const CHECK_TIMEOUT: Duration = Duration::from_secs(10);
/// How far the clocks of this machine and of the database may be apart.
const MAX_CLOCK_SKEW: chrono::TimeDelta = chrono::TimeDelta::seconds(2);

/// What a look found.
enum Finding {
    Good(String),
    /// It works, but not as it should in production.
    Doubtful(String),
    Bad(String),
}

use Finding::{Bad, Doubtful, Good};

/// Everything that was looked at, in order.
#[derive(Default)]
struct Report(Vec<(&'static str, Finding)>);

impl Report {
    fn add(&mut self, what: &'static str, finding: Finding) {
        self.0.push((what, finding));
    }
}

/// Looks at everything and says what it found; exit 1 if something is bad.
pub(super) async fn doctor(config: Result<Config, crate::config::ConfigError>) -> Result<ExitCode, CliError> {
    let mut report = Report::default();
    match config {
        Err(error) => report.add("configuration", Bad(error.to_string())),
        Ok(config) => {
            configuration(&config, &mut report);
            address(&config, &mut report).await;
            ai(&config, &mut report).await;
            database(&config, &mut report).await;
        }
    }
    let mut bad = 0;
    for (what, finding) in &report.0 {
        let (mark, text) = match finding {
            Good(text) => ("ok  ", text),
            Doubtful(text) => ("note", text),
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
            Ok(()) => Good("everything that production needs is set".into()),
            Err(error) => Doubtful(error.to_string()),
        },
    );
    report.add(
        "catalog",
        Good(format!("{} plans, {} packs, margins hold", config.catalog.plans.len(), config.catalog.packs.len())),
    );
    report.add("site", site(&config.site_root.join("pkg")));
    report.add(
        "open files",
        match rlimit::Resource::NOFILE.get() {
            Ok((_, hard)) if hard >= MAX_OPEN_FILES => Good(format!("up to {hard}")),
            Ok((_, hard)) => Doubtful(format!(
                "at most {hard}; for many connections allow {MAX_OPEN_FILES} (ulimit -Hn, LimitNOFILE)"
            )),
            Err(error) => Doubtful(format!("the limit cannot be read: {error}")),
        },
    );
}

/// Whether the browser's files are there, under the names that this program gives out.
fn site(package: &Path) -> Finding {
    let start = "start from the project's folder after `make run`, or set LEPTOS_SITE_ROOT";
    let beside = std::env::current_exe().ok().map(|program| program.with_file_name("hash.txt"));
    let hashes = beside.and_then(|file| std::fs::read_to_string(file).ok()).unwrap_or_default();
    // `js: QX0RB2ZW…`, one kind of file a line, as the build writes it.
    let hash = |kind: &str| hashes.lines().find_map(|line| line.strip_prefix(kind)?.strip_prefix(": "));
    let name = |kind: &str| match hash(kind) {
        Some(hash) => format!("brightmeter.{}.{kind}", hash.trim()),
        None => format!("brightmeter.{kind}"),
    };
    let missing: Vec<String> =
        ["js", "wasm", "css"].into_iter().map(name).filter(|name| !package.join(name).is_file()).collect();
    if missing.is_empty() {
        Good(format!("the browser's files are at {}", package.display()))
    } else {
        Bad(format!(
            "no {} at {}: {start}; hash.txt has to lie beside the program",
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
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
                Doubtful(format!("{} is in use: by a running Brightmeter, or set BRIGHTMETER_ADDR", config.addr))
            }
            Err(error) => Bad(format!("cannot listen on {}: {error}; set BRIGHTMETER_ADDR", config.addr)),
        },
    );
}

async fn ai(config: &Config, report: &mut Report) {
    let Some(ai) = &config.ai else {
        return report.add(
            "AI",
            Doubtful("not configured: the demo has its own, production needs AI_BASE_URL and AI_MODEL".into()),
        );
    };
    // Any answer will do: that it answers is what is asked.
    let request = reqwest::Client::new().get(&ai.base_url).timeout(CHECK_TIMEOUT).send().await;
    report.add(
        "AI",
        match request {
            Ok(_) => Good(format!("answers; model {}", ai.model)),
            Err(error) if error.is_timeout() => Bad("does not answer within 10 seconds: look at AI_BASE_URL".into()),
            Err(_) => Bad("cannot be reached: look at AI_BASE_URL, and whether this machine may go there".into()),
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
                match databases::exists(&maintenance, name).await {
                    Ok(true) => schema(&private.options(name, PrivatePostgres::OWNER), config, report).await,
                    Ok(false) => report.add("Postgres", Good("runs; the first start makes the database".into())),
                    Err(error) => report.add("Postgres", Bad(error.to_string())),
                }
                if let Err(error) = private.stop().await {
                    report.add("Postgres", Bad(error.to_string()));
                }
            }
        },
    }
}

async fn schema(owner: &PgConnectOptions, config: &Config, report: &mut Report) {
    let mut conn = match timeout(CHECK_TIMEOUT, PgConnection::connect_with(owner)).await {
        Ok(Ok(conn)) => conn,
        Ok(Err(error)) => {
            return report.add("Postgres", Bad(format!("cannot be reached: {error}; look at DATABASE_URL")));
        }
        Err(_) => return report.add("Postgres", Bad("does not answer within 10 seconds: look at DATABASE_URL".into())),
    };
    match settings::find(&mut conn).await {
        Err(error) => return report.add("Postgres", Bad(error.to_string())),
        Ok(found) => {
            let version = found.version / 10_000;
            report.add(
                "Postgres",
                if version >= 15 {
                    Good(format!("version {version}"))
                } else {
                    Bad(format!("version {version} is too old: Brightmeter needs 15 or newer"))
                },
            );
            let off: Vec<&str> = found.durable.iter().filter(|(_, on)| !on).map(|(name, _)| name.as_str()).collect();
            report.add(
                "durability",
                if off.is_empty() {
                    Good("what is acknowledged survives a power failure".into())
                } else {
                    Bad(format!(
                        "{} is off: acknowledged spends can be lost; turn it on in postgresql.conf",
                        off.join(", ")
                    ))
                },
            );
            let apart = (found.now - chrono::Utc::now()).abs();
            report.add(
                "clock",
                if apart <= MAX_CLOCK_SKEW {
                    Good("this machine and the database agree".into())
                } else {
                    Doubtful(format!(
                        "{} seconds apart from the database's: run a time service on both",
                        apart.num_seconds()
                    ))
                },
            );
        }
    }
    match migrations::is_current(&mut conn).await {
        Ok(true) => report.add("schema", Good("current".into())),
        Ok(false) => return report.add("schema", Bad("not current: run `brightmeter migrate`".into())),
        Err(error) => return report.add("schema", Bad(format!("not there yet ({error}): run `brightmeter migrate`"))),
    }
    for role in [config.app_role.clone(), format!("{}_writer", config.app_role)] {
        let found = isolation(&mut conn, &role).await;
        report.add(
            "isolation",
            match found {
                Ok(lines) if lines.is_empty() => Good(format!("role {role} sees one organization at a time")),
                Ok(lines) => Bad(format!("{}: run `brightmeter migrate`, or mend the role", lines.join("; "))),
                Err(error) => Bad(format!("role {role} cannot be used: {error}; run `brightmeter migrate`")),
            },
        );
    }
}

/// What keeps row-level security from holding for `role`.
async fn isolation(conn: &mut PgConnection, role: &str) -> crate::storage::Result<Vec<String>> {
    let mut found = audit::unprotected_tables(conn).await?;
    let mut tx = conn.begin().await?;
    settings::take_role(&mut tx, role).await?;
    found.extend(audit::overpowered_role(&mut tx).await?);
    tx.rollback().await?;
    Ok(found)
}
