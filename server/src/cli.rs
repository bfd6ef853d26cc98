//! The command line. Exit codes: 0 success, 1 refused or failed, 2 usage error. Errors are one line and say how to fix
//! them.

mod audit;
mod catalog;
mod doctor;
mod keys;
mod output;
mod people;
mod reconcile;
mod run;

use std::{path::PathBuf, process::ExitCode};

use brightmeter::access::api_key::Scope;
use clap::{Parser, Subcommand};

use self::output::fail;
use crate::{
    config::{Config, ConfigError},
    database::{Database, DatabaseError},
    stdout::say,
};

/// Sell, meter and protect prepaid AI tokens.
#[derive(Parser)]
#[command(name = "brightmeter", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the production server. Refuses to start if required settings are missing.
    Serve,
    /// Run a demo server with demo organizations, the built-in AI, a Stripe sandbox and a private Postgres.
    Demo,
    /// Migrate the database schema to the current version.
    Migrate,
    /// Check every organization against the invariants I1 to I8. Exits 0 only if all hold.
    Audit {
        /// Print the report as JSON.
        #[arg(long)]
        json: bool,
        /// Go on after the last ledger entry that an earlier audit verified, instead of reading all of them.
        #[arg(long)]
        incremental: bool,
    },
    /// Compare purchases and plans with Stripe. Exits 0 only if there are no differences, or all were fixed.
    Reconcile(reconcile::ReconcileArgs),
    /// Check the catalog.
    Catalog {
        #[command(subcommand)]
        command: CatalogCommand,
    },
    /// Manage staff.
    Admin {
        #[command(subcommand)]
        command: AdminCommand,
    },
    /// Manage organizations.
    Org {
        #[command(subcommand)]
        command: OrgCommand,
    },
    /// Manage API keys.
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// Check this installation for problems and suggest fixes. Changes nothing.
    Doctor,
    /// Measure spends per second, on one organization and on 1,000, against one transaction per request.
    Bench(crate::bench::BenchArgs),
}

#[derive(Subcommand)]
enum CatalogCommand {
    /// Print the cost and margin of every plan and pack. Exits 1 if a margin is below the floor.
    Check {
        /// Check this file instead of the configured catalog.
        #[arg(long)]
        file: Option<PathBuf>,
    },
}

#[derive(Subcommand)]
enum AdminCommand {
    /// Create a staff user. Prints the password once.
    CreateStaff {
        /// The user's email address.
        #[arg(long)]
        email: String,
    },
}

#[derive(Subcommand)]
enum OrgCommand {
    /// Create an organization with its owner. Prints the owner's password once if the owner is a new user.
    Create {
        /// The identifier used in URLs: a-z, 0-9 and -.
        #[arg(long)]
        slug: String,
        /// The name of a plan in the catalog.
        #[arg(long)]
        plan: String,
        /// The owner's email address.
        #[arg(long)]
        owner_email: String,
        /// The display name. Defaults to the slug.
        #[arg(long)]
        name: Option<String>,
        /// The IANA time zone that times are shown in.
        #[arg(long, default_value = "UTC")]
        time_zone: String,
    },
}

#[derive(Subcommand)]
enum KeyCommand {
    /// Create an API key. Prints its secret once.
    Create {
        /// The organization's slug.
        #[arg(long)]
        org: String,
        /// The permission: read, spend (includes read) or manage (includes all).
        #[arg(long)]
        scope: Scope,
        /// The display name.
        #[arg(long)]
        name: String,
        /// Days until the API key expires. Never by default.
        #[arg(long, value_parser = clap::value_parser!(u16).range(1..=3_650))]
        days: Option<u16>,
    },
}

/// Why a command failed. Printed as one line with its causes.
#[derive(Debug, thiserror::Error)]
enum CliError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error(transparent)]
    Storage(#[from] crate::storage::StorageError),
    #[error(transparent)]
    Provision(#[from] crate::service::provisioning::ProvisionError),
    #[error(transparent)]
    NewKey(#[from] crate::service::api_keys::NewKeyError),
    #[error(transparent)]
    Password(#[from] crate::service::passwords::PasswordError),
    #[error(transparent)]
    Demo(#[from] crate::demo::fill::DemoError),
    #[error(transparent)]
    Ai(#[from] crate::ai::openai::OpenAiConfigError),
    #[error(transparent)]
    Stripe(#[from] crate::stripe::gateway::GatewayError),
    #[error(transparent)]
    Assembly(#[from] crate::assembly::AssemblyError),
    #[error(transparent)]
    Bench(#[from] crate::bench::BenchError),
    #[error("cannot listen on {addr}: {source}; choose another address with BRIGHTMETER_ADDR")]
    Listen { addr: std::net::SocketAddr, source: std::io::Error },
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Runs the command given on the command line.
pub fn main() -> ExitCode {
    // clap exits 0 for --help and 2 for usage errors.
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error),
    };
    match runtime.block_on(run(cli.command)) {
        Ok(code) => code,
        Err(error) => fail(&error),
    }
}

async fn run(command: Command) -> Result<ExitCode, CliError> {
    if let Command::Catalog { command: CatalogCommand::Check { file } } = command {
        return catalog::check(file);
    }
    if let Command::Doctor = command {
        return doctor::doctor(Config::from_env()).await;
    }
    let config = Config::from_env()?;
    output::log(&config.log, matches!(command, Command::Serve))?;
    match command {
        Command::Serve => run::serve(config).await?,
        Command::Demo => run::demo(config).await?,
        Command::Migrate => {
            match &config.database {
                Some(owner) => Database::migrate(owner, &config.app_role).await?,
                None => Database::migrate_private(&config.data_dir, &config.app_role).await?,
            }
            say("The schema is up to date.");
        }
        Command::Audit { json, incremental } => return audit::audit(&config, json, incremental).await,
        Command::Reconcile(args) => return reconcile::reconcile(&config, &args).await,
        Command::Admin { command: AdminCommand::CreateStaff { email } } => {
            people::create_staff(&config, &email).await?
        }
        Command::Org { command: OrgCommand::Create { slug, plan, owner_email, name, time_zone } } => {
            let name = name.unwrap_or_else(|| slug.clone());
            people::create_org(&config, &slug, &name, &time_zone, &plan, &owner_email).await?;
        }
        Command::Key { command: KeyCommand::Create { org, scope, name, days } } => {
            keys::create(&config, &org, scope, &name, days).await?;
        }
        Command::Bench(args) => crate::bench::bench(&config, args).await?,
        Command::Catalog { .. } | Command::Doctor => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// Opens the configured database. A server may be running on it.
async fn open(config: &Config) -> Result<Database, CliError> {
    Ok(match &config.database {
        Some(owner) => Database::open(owner, &config.app_role).await?,
        None => Database::open_or_join(&config.data_dir, &config.app_role).await?,
    })
}
