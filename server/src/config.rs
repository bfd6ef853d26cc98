//! Configuration from the environment. A value that cannot be used stops the start and is named; secrets are never printed.

use std::{fmt, net::SocketAddr, path::PathBuf};

use brightmeter::{
    DEFAULT_CATALOG,
    catalog::{Catalog, CatalogError},
};
use sqlx::postgres::PgConnectOptions;

use crate::proxies::TrustedProxies;

/// Where values come from: the process's environment, or a test's.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Everything that can be set.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen.
    pub addr: SocketAddr,
    /// The address that people use, without a slash at the end.
    pub public_url: Option<String>,
    /// Where the private Postgres and everything else on disk lives.
    pub data_dir: PathBuf,
    /// What is sold.
    pub catalog: Catalog,
    /// The owner's connection; none for the private Postgres.
    pub database: Option<PgConnectOptions>,
    /// The role that serves pages and the API; the writer's is `<role>_writer`.
    pub app_role: String,
    /// The AI that features use.
    pub ai: Option<AiConfig>,
    /// Stripe's keys.
    pub stripe: Option<StripeConfig>,
    /// What to log, as `tracing` filters are written.
    pub log: String,
    /// Whether the clock stands still and can be moved. Only in `demo`.
    pub test_clock: bool,
    /// Where the browser's files lie.
    pub site_root: PathBuf,
    /// The proxies in front of this server; their word on a client's address is taken.
    pub trusted_proxies: TrustedProxies,
}

/// An OpenAI-compatible chat API.
#[derive(Clone)]
pub struct AiConfig {
    /// Its address.
    pub base_url: String,
    /// Its key, if it needs one.
    pub api_key: Option<String>,
    /// The model.
    pub model: String,
}

/// Stripe's keys.
#[derive(Clone)]
pub struct StripeConfig {
    /// For calls.
    pub secret_key: String,
    /// For webhooks.
    pub webhook_secret: String,
    /// Where its API is, if not at Stripe.
    pub api_base: Option<String>,
}

impl fmt::Debug for AiConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AiConfig").field("base_url", &self.base_url).field("model", &self.model).finish_non_exhaustive()
    }
}

impl fmt::Debug for StripeConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StripeConfig")
    }
}

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A value that does not parse.
    #[error("{name} cannot be used: {reason}")]
    Value {
        /// The variable.
        name: &'static str,
        /// What is wrong with it, without the value.
        reason: String,
    },
    /// The catalog does not hold.
    #[error("the catalog does not hold: {0}")]
    Catalog(#[from] CatalogError),
    /// What production needs is not set.
    #[error("`serve` needs {}; for a look without them, run `brightmeter demo`", .0.join(", "))]
    Missing(Vec<&'static str>),
    /// What only the demo has.
    #[error(
        "BRIGHTMETER_TEST_CLOCK moves time, so `serve` does not start with it: unset it, or run `brightmeter demo`"
    )]
    TestClock,
}

impl Config {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::read(&|name| std::env::var(name).ok())
    }

    /// Reads from `lookup`. An empty value counts as not set.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn read(lookup: Lookup<'_>) -> Result<Self, ConfigError> {
        let get = |name: &str| lookup(name).filter(|value| !value.trim().is_empty());
        let value = |name, reason: &str| ConfigError::Value { name, reason: reason.into() };

        let addr = get("BRIGHTMETER_ADDR").unwrap_or_else(|| "127.0.0.1:3000".into());
        let addr =
            addr.parse().map_err(|_| value("BRIGHTMETER_ADDR", "write an address and a port, such as 0.0.0.0:3000"))?;
        let public_url = get("BRIGHTMETER_PUBLIC_URL").map(|url| public_url(&url)).transpose()?;
        let database = get("DATABASE_URL")
            .map(|url| url.parse::<PgConnectOptions>())
            .transpose()
            .map_err(|_| value("DATABASE_URL", "write it as postgres://user:password@host:5432/database"))?;
        let app_role = get("BRIGHTMETER_APP_ROLE").unwrap_or_else(|| "brightmeter_app".into());
        if !(app_role.len() <= 50
            && app_role.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'))
        {
            return Err(value("BRIGHTMETER_APP_ROLE", "use up to 50 characters of a-z, 0-9 and _"));
        }
        let ai = match (get("AI_BASE_URL"), get("AI_MODEL")) {
            (Some(base_url), Some(model)) => Some(AiConfig { base_url, model, api_key: get("AI_API_KEY") }),
            (None, None) => None,
            (Some(_), None) => return Err(value("AI_MODEL", "AI_BASE_URL is set, so name the model too")),
            (None, Some(_)) => {
                return Err(value("AI_BASE_URL", "AI_MODEL is set, so write the address of its API too"));
            }
        };
        let api_base = get("STRIPE_API_BASE").map(|url| stripe_base(&url)).transpose()?;
        let stripe = match (get("STRIPE_SECRET_KEY"), get("STRIPE_WEBHOOK_SECRET")) {
            (Some(secret_key), Some(webhook_secret)) => Some(StripeConfig { secret_key, webhook_secret, api_base }),
            (None, None) => None,
            (Some(_), None) => {
                return Err(value(
                    "STRIPE_WEBHOOK_SECRET",
                    "STRIPE_SECRET_KEY is set, so name the webhook's secret too",
                ));
            }
            (None, Some(_)) => {
                return Err(value("STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET is set, so name the key for calls too"));
            }
        };
        let test_clock = match get("BRIGHTMETER_TEST_CLOCK").as_deref() {
            None | Some("0") => false,
            Some("1") => true,
            Some(_) => return Err(value("BRIGHTMETER_TEST_CLOCK", "set it to 1, or not at all")),
        };
        let trusted_proxies = TrustedProxies::parse(&get("BRIGHTMETER_TRUSTED_PROXIES").unwrap_or_default());
        let trusted_proxies = trusted_proxies.map_err(|text| {
            let reason = format!("{text:?} is no address; write them as 10.0.0.0/8, 192.0.2.7");
            ConfigError::Value { name: "BRIGHTMETER_TRUSTED_PROXIES", reason }
        })?;
        Ok(Self {
            addr,
            public_url,
            data_dir: get("BRIGHTMETER_DATA_DIR").unwrap_or_else(|| "data".into()).into(),
            catalog: catalog(get("BRIGHTMETER_CATALOG"))?,
            database,
            app_role,
            ai,
            stripe,
            log: get("BRIGHTMETER_LOG").unwrap_or_else(|| "info,sqlx=warn".into()),
            test_clock,
            site_root: get("LEPTOS_SITE_ROOT").unwrap_or_else(|| "target/site".into()).into(),
            trusted_proxies,
        })
    }

    /// Holds the configuration against what production needs.
    ///
    /// # Errors
    /// [`ConfigError::Missing`] with everything that is, [`ConfigError::TestClock`].
    pub fn check_production(&self) -> Result<(), ConfigError> {
        if self.test_clock {
            return Err(ConfigError::TestClock);
        }
        let for_sale = !self.catalog.packs.is_empty() || self.catalog.plans.iter().any(|plan| plan.price_cents > 0);
        let needs = [
            (self.public_url.is_none(), "BRIGHTMETER_PUBLIC_URL"),
            (for_sale && self.stripe.is_none(), "STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRET"),
            (self.ai.is_none(), "AI_BASE_URL and AI_MODEL"),
        ];
        let missing: Vec<&str> = needs.into_iter().filter(|(missing, _)| *missing).map(|(_, name)| name).collect();
        if missing.is_empty() { Ok(()) } else { Err(ConfigError::Missing(missing)) }
    }
}

/// Reads the catalog from a file, or the one that is built in.
///
/// # Errors
/// [`ConfigError`].
pub fn catalog(file: Option<String>) -> Result<Catalog, ConfigError> {
    let Some(file) = file else { return Ok(Catalog::parse(DEFAULT_CATALOG)?) };
    let text = std::fs::read_to_string(&file).map_err(|error| ConfigError::Value {
        name: "BRIGHTMETER_CATALOG",
        reason: format!("{file} cannot be read: {error}"),
    })?;
    Ok(Catalog::parse(&text)?)
}

/// Where Stripe's API is: the key goes there, so by https, or on this machine.
fn stripe_base(url: &str) -> Result<String, ConfigError> {
    let reason = "write it as https://stripe.example.com; without https only on this machine";
    let error = || ConfigError::Value { name: "STRIPE_API_BASE", reason: reason.into() };
    let parsed = reqwest::Url::parse(url).map_err(|_| error())?;
    let local = matches!(parsed.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    let safe = parsed.scheme() == "https" || (parsed.scheme() == "http" && local);
    let plain = parsed.query().is_none() && parsed.fragment().is_none() && parsed.username().is_empty();
    if safe && plain { Ok(url.trim_end_matches('/').into()) } else { Err(error()) }
}

fn public_url(url: &str) -> Result<String, ConfigError> {
    let reason = "write it as https://tokens.example.com, without a path";
    let error = || ConfigError::Value { name: "BRIGHTMETER_PUBLIC_URL", reason: reason.into() };
    let parsed = reqwest::Url::parse(url).map_err(|_| error())?;
    let plain = matches!(parsed.scheme(), "http" | "https")
        && parsed.path() == "/"
        && parsed.query().is_none()
        && parsed.fragment().is_none()
        && parsed.username().is_empty();
    if plain { Ok(url.trim_end_matches('/').into()) } else { Err(error()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(set: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::read(&|name| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).into()))
    }

    #[test]
    fn nothing_set_is_a_demo_and_no_production() {
        let config = read(&[]).unwrap();
        assert_eq!(config.addr.to_string(), "127.0.0.1:3000");
        let error = config.check_production().unwrap_err().to_string();
        for name in ["BRIGHTMETER_PUBLIC_URL", "STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET", "AI_BASE_URL"] {
            assert!(error.contains(name), "{error}");
        }
    }

    #[test]
    fn everything_set_is_production() {
        let set = [
            ("BRIGHTMETER_PUBLIC_URL", "https://tokens.example.com/"),
            ("STRIPE_SECRET_KEY", "sk_live_1"),
            ("STRIPE_WEBHOOK_SECRET", "whsec_1"),
            ("AI_BASE_URL", "https://ai.example.com/v1"),
            ("AI_MODEL", "m"),
        ];
        let config = read(&set).unwrap();
        config.check_production().unwrap();
        assert_eq!(config.public_url.as_deref(), Some("https://tokens.example.com"));
        let text = format!("{config:?}");
        assert!(!text.contains("sk_live_1") && !text.contains("whsec_1"), "{text}");
        let moved = read(&[&set[..], &[("BRIGHTMETER_TEST_CLOCK", "1")]].concat()).unwrap();
        assert!(matches!(moved.check_production(), Err(ConfigError::TestClock)));
    }

    #[test]
    fn a_value_that_cannot_be_used_is_named_and_not_repeated() {
        for (name, value) in [
            ("BRIGHTMETER_ADDR", "here"),
            ("BRIGHTMETER_PUBLIC_URL", "tokens.example.com"),
            ("BRIGHTMETER_PUBLIC_URL", "https://user:hunter2@example.com"),
            ("DATABASE_URL", "mysql-hunter2"),
            ("BRIGHTMETER_APP_ROLE", "drop table;hunter2"),
            ("BRIGHTMETER_TEST_CLOCK", "hunter2"),
            ("AI_BASE_URL", "https://hunter2"),
            ("STRIPE_API_BASE", "http://hunter2.example.com"),
            ("STRIPE_SECRET_KEY", "hunter2"),
        ] {
            let error = read(&[(name, value)]).unwrap_err().to_string();
            assert!(error.contains(name) || name == "AI_BASE_URL", "{name}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
