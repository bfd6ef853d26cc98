//! The command line. Exit 0 is done, 1 refused or failed, 2 wrong use; errors are one line with the way out.

mod audit;
mod catalog;
mod doctor;
mod keys;
pub(crate) mod output;
mod people;
mod reconcile;
pub(crate) mod run;

use std::{path::PathBuf, process::ExitCode};

use brightmeter::access::api_key::Scope;
use clap::{Parser, Subcommand};

use self::output::{fail, say};
use crate::{
    config::{Config, ConfigError},
    database::{Database, DatabaseError},
};

/// Sells, meters and protects prepaid AI tokens.
#[derive(Parser)]
#[command(name = "brightmeter", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve production. Refuses to start without what production needs.
    Serve,
    /// Serve with demo organizations, the built-in AI and a private Postgres.
    Demo,
    /// Bring the database's schema up to date.
    Migrate,
    /// Hold every organization against the invariants I1 to I8; exit 0 only if all hold.
    Audit {
        /// Print the report as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Hold what is known of purchases against what Stripe says; exit 0 only if all agree, or were mended.
    Reconcile(reconcile::ReconcileArgs),
    /// Look at what is sold.
    Catalog {
        #[command(subcommand)]
        command: CatalogCommand,
    },
    /// Manage the people who run Brightmeter.
    Admin {
        #[command(subcommand)]
        command: AdminCommand,
    },
    /// Manage organizations.
    Org {
        #[command(subcommand)]
        command: OrgCommand,
    },
    /// Manage the keys of services.
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// Look for what is wrong with this installation, and say the mend; changes nothing.
    Doctor,
    /// Measure spends per second: one hot organization and 1,000, against a transaction per request.
    Bench(crate::bench::BenchArgs),
}

#[derive(Subcommand)]
enum CatalogCommand {
    /// Print cost and margin of every plan and pack; exit 1 if one is under the floor.
    Check {
        /// The catalog to check, instead of the configured one.
        #[arg(long)]
        file: Option<PathBuf>,
    },
}

#[derive(Subcommand)]
enum AdminCommand {
    /// Make a person who runs Brightmeter; prints the password once.
    CreateStaff {
        /// The person's email address.
        #[arg(long)]
        email: String,
    },
}

#[derive(Subcommand)]
enum OrgCommand {
    /// Make an organization with its owner; prints the owner's password once if the owner is new.
    Create {
        /// Its name in addresses: a-z, 0-9 and -.
        #[arg(long)]
        slug: String,
        /// A plan of the catalog.
        #[arg(long)]
        plan: String,
        /// The owner's email address.
        #[arg(long)]
        owner_email: String,
        /// What people read; the slug if not said.
        #[arg(long)]
        name: Option<String>,
        /// The IANA time zone that its people read times in.
        #[arg(long, default_value = "UTC")]
        time_zone: String,
    },
}

#[derive(Subcommand)]
enum KeyCommand {
    /// Make a key; prints its secret once.
    Create {
        /// The organization's name in addresses.
        #[arg(long)]
        org: String,
        /// What it may do: read, spend (and read), or manage (everything).
        #[arg(long)]
        scope: Scope,
        /// What people call it.
        #[arg(long)]
        name: String,
        /// After how many days it stops to hold; never, if not said.
        #[arg(long, value_parser = clap::value_parser!(u16).range(1..=3_650))]
        days: Option<u16>,
    },
}

/// Why a command failed: one line, sources joined.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
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
    Reconcile(#[from] crate::service::reconcile::ReconcileError),
    #[error("cannot listen on {addr}: {source}; choose another address with BRIGHTMETER_ADDR")]
    Listen { addr: std::net::SocketAddr, source: std::io::Error },
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    // clap answers --help with 0 and wrong use with 2.
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
            open(&config).await?.close().await?;
            say("the schema is up to date");
        }
        Command::Audit { json } => return audit::audit(&config, json).await,
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

/// Opens the configured database, migrated, beside a server that may run on it.
async fn open(config: &Config) -> Result<Database, CliError> {
    Ok(match &config.database {
        Some(owner) => Database::open(owner, &config.app_role).await?,
        None => Database::open_beside(&config.data_dir, &config.app_role).await?,
    })
}
