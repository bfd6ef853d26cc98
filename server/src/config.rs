//! Configuration from environment variables. An invalid value prevents the start, and the error names its variable.
//! Secrets are never printed.

use std::{fmt, net::SocketAddr, path::PathBuf};

use brightmeter::{
    DEFAULT_CATALOG,
    catalog::{Catalog, CatalogError},
};
use sqlx::postgres::PgConnectOptions;

use crate::{bearer_token::BearerToken, proxies::TrustedProxies};

/// A source of values by variable name: the process's environment, or a test's list.
pub type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The server's configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// The address and port to listen on.
    pub addr: SocketAddr,
    /// The site's public URL, without a trailing slash.
    pub public_url: Option<String>,
    /// The directory for the private Postgres and all other files.
    pub data_dir: PathBuf,
    /// The catalog of plans, packs, features and prices.
    pub catalog: Catalog,
    /// The owner's connection. `None` for the private Postgres.
    pub database: Option<PgConnectOptions>,
    /// The role that serves pages and the API. The writer's role is `<role>_writer`.
    pub app_role: String,
    /// The AI provider. Production requires one; the demo always uses the built-in one.
    pub ai: Option<AiConfig>,
    /// Stripe's credentials. In production they may be `None` only if nothing is for sale.
    pub stripe: Option<StripeConfig>,
    /// The log filter, in `tracing` syntax.
    pub log: String,
    /// Whether the clock is a test clock that moves only when it is set. Only in `demo`.
    pub test_clock: bool,
    /// The directory of the browser's files.
    pub site_root: PathBuf,
    /// The proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: TrustedProxies,
    /// The token that `/metrics` requires. `None`: anybody may read them.
    pub metrics_token: Option<BearerToken>,
}

/// An OpenAI-compatible chat API.
#[derive(Clone)]
pub struct AiConfig {
    /// The base URL of the API.
    pub base_url: String,
    /// The API key. `None` if the API needs none.
    pub api_key: Option<String>,
    /// The model's name.
    pub model: String,
}

/// Stripe's credentials.
#[derive(Clone)]
pub struct StripeConfig {
    /// The secret key for API calls.
    pub secret_key: String,
    /// The signing secret of webhooks.
    pub webhook_secret: String,
    /// The base URL of the API. `None` for Stripe's own.
    pub api_base: Option<String>,
}

impl StripeConfig {
    /// Whether the secret key is for live mode; `None` if its prefix does not say.
    pub fn is_live(&self) -> Option<bool> {
        let mode = self.secret_key.split('_').nth(1)?;
        matches!(mode, "live" | "test").then_some(mode == "live")
    }
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

/// The reason the configuration is invalid.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A variable is invalid, or missing beside a related one.
    #[error("{name} {reason}")]
    Value {
        /// The variable's name.
        name: &'static str,
        /// The predicate of the message, such as "must be 0 or 1". It does not contain the value.
        reason: String,
    },
    /// The catalog is invalid.
    #[error("the catalog is invalid: {0}")]
    Catalog(#[from] CatalogError),
    /// Variables that production requires are not set.
    #[error("`serve` requires {}. To try Brightmeter without them, run `brightmeter demo`", .0.join(", "))]
    Missing(Vec<&'static str>),
    /// The test clock is on, which only the demo allows.
    #[error("`serve` does not start with BRIGHTMETER_TEST_CLOCK: unset it, or run `brightmeter demo`")]
    TestClock,
}

impl Config {
    /// Reads the configuration from the process's environment.
    ///
    /// # Errors
    /// [`ConfigError`] for the first invalid variable.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::read(&|name| std::env::var(name).ok())
    }

    /// Reads the configuration from `variables`. A blank value counts as unset.
    ///
    /// # Errors
    /// [`ConfigError`] for the first invalid variable.
    pub fn read(variables: Variables<'_>) -> Result<Self, ConfigError> {
        let get = |name: &str| variables(name).filter(|value| !value.trim().is_empty());
        let invalid = |name, reason: &str| ConfigError::Value { name, reason: reason.into() };

        let addr = get("BRIGHTMETER_ADDR").unwrap_or_else(|| "127.0.0.1:3000".into());
        let addr = addr
            .parse()
            .map_err(|_| invalid("BRIGHTMETER_ADDR", "must be an address and a port, such as 0.0.0.0:3000"))?;
        let public_url = get("BRIGHTMETER_PUBLIC_URL").map(|url| public_url(&url)).transpose()?;
        let database = get("DATABASE_URL")
            .map(|url| url.parse::<PgConnectOptions>())
            .transpose()
            .map_err(|_| invalid("DATABASE_URL", "must have the form postgres://user:password@host:5432/database"))?;
        let app_role = get("BRIGHTMETER_APP_ROLE").unwrap_or_else(|| "brightmeter_app".into());
        if !(app_role.len() <= 50
            && app_role.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'))
        {
            return Err(invalid("BRIGHTMETER_APP_ROLE", "must have at most 50 characters, only a-z, 0-9 and _"));
        }
        let ai = match (get("AI_BASE_URL"), get("AI_MODEL")) {
            (Some(base_url), Some(model)) => Some(AiConfig { base_url, model, api_key: get("AI_API_KEY") }),
            (None, None) => None,
            (Some(_), None) => return Err(invalid("AI_MODEL", "is required because AI_BASE_URL is set")),
            (None, Some(_)) => {
                return Err(invalid("AI_BASE_URL", "is required because AI_MODEL is set"));
            }
        };
        let api_base = get("STRIPE_API_BASE").map(|url| stripe_base(&url)).transpose()?;
        let stripe = match (get("STRIPE_SECRET_KEY"), get("STRIPE_WEBHOOK_SECRET")) {
            (Some(secret_key), Some(webhook_secret)) => Some(StripeConfig { secret_key, webhook_secret, api_base }),
            (None, None) => None,
            (Some(_), None) => {
                return Err(invalid("STRIPE_WEBHOOK_SECRET", "is required because STRIPE_SECRET_KEY is set"));
            }
            (None, Some(_)) => {
                return Err(invalid("STRIPE_SECRET_KEY", "is required because STRIPE_WEBHOOK_SECRET is set"));
            }
        };
        let test_clock = match get("BRIGHTMETER_TEST_CLOCK").as_deref() {
            None | Some("0") => false,
            Some("1") => true,
            Some(_) => return Err(invalid("BRIGHTMETER_TEST_CLOCK", "must be 0 or 1")),
        };
        let trusted_proxies = TrustedProxies::parse(&get("BRIGHTMETER_TRUSTED_PROXIES").unwrap_or_default());
        let trusted_proxies = trusted_proxies.map_err(|text| {
            let reason = format!("must list addresses or networks, such as 10.0.0.0/8, 192.0.2.7: {text:?} is neither");
            ConfigError::Value { name: "BRIGHTMETER_TRUSTED_PROXIES", reason }
        })?;
        let metrics_token = get("BRIGHTMETER_METRICS_TOKEN").map(|token| token.parse::<BearerToken>()).transpose();
        let metrics_token = metrics_token.map_err(|error| invalid("BRIGHTMETER_METRICS_TOKEN", &error.to_string()))?;
        Ok(Self {
            addr,
            public_url,
            data_dir: get("BRIGHTMETER_DATA_DIR").unwrap_or_else(|| "data".into()).into(),
            catalog: catalog(get("BRIGHTMETER_CATALOG"))?,
            database,
            app_role,
            ai,
            stripe,
            log: get("BRIGHTMETER_LOG").unwrap_or_else(|| "info,sqlx=warn,sqlx_core::pool=error".into()),
            test_clock,
            site_root: get("LEPTOS_SITE_ROOT").unwrap_or_else(|| "target/site".into()).into(),
            trusted_proxies,
            metrics_token,
        })
    }

    /// Checks that the configuration is complete for production.
    ///
    /// # Errors
    /// [`ConfigError::Missing`] with all missing variables, or [`ConfigError::TestClock`].
    pub fn check_production(&self) -> Result<(), ConfigError> {
        if self.test_clock {
            return Err(ConfigError::TestClock);
        }
        let for_sale = !self.catalog.packs.is_empty() || self.catalog.plans.iter().any(|plan| plan.price_cents > 0);
        let required = [
            (self.public_url.is_none(), "BRIGHTMETER_PUBLIC_URL"),
            (for_sale && self.stripe.is_none(), "STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRET"),
            (self.ai.is_none(), "AI_BASE_URL and AI_MODEL"),
        ];
        let missing: Vec<&str> = required.into_iter().filter(|(missing, _)| *missing).map(|(_, name)| name).collect();
        if missing.is_empty() { Ok(()) } else { Err(ConfigError::Missing(missing)) }
    }
}

/// Reads the catalog from `file`, or returns the built-in one if it is `None`.
///
/// # Errors
/// [`ConfigError::Value`] if the file cannot be read, [`ConfigError::Catalog`] if the catalog is invalid.
pub fn catalog(file: Option<String>) -> Result<Catalog, ConfigError> {
    let Some(file) = file else { return Ok(Catalog::parse(DEFAULT_CATALOG)?) };
    let text = std::fs::read_to_string(&file).map_err(|error| ConfigError::Value {
        name: "BRIGHTMETER_CATALOG",
        reason: format!("names a file that cannot be read: {file}: {error}"),
    })?;
    Ok(Catalog::parse(&text)?)
}

/// Parses the base URL of Stripe's API. It must be https or on this machine, because the secret key is sent there.
fn stripe_base(url: &str) -> Result<String, ConfigError> {
    let reason = "must be a URL such as https://stripe.example.com; http is allowed only on this machine";
    let error = || ConfigError::Value { name: "STRIPE_API_BASE", reason: reason.into() };
    let parsed = reqwest::Url::parse(url).map_err(|_| error())?;
    let local = matches!(parsed.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    let safe = parsed.scheme() == "https" || (parsed.scheme() == "http" && local);
    let plain = parsed.query().is_none() && parsed.fragment().is_none() && parsed.username().is_empty();
    if safe && plain { Ok(url.trim_end_matches('/').into()) } else { Err(error()) }
}

fn public_url(url: &str) -> Result<String, ConfigError> {
    let reason = "must be a URL such as https://tokens.example.com, without a path";
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
    fn an_empty_environment_is_enough_for_the_demo_but_not_for_production() {
        let config = read(&[]).unwrap();
        assert_eq!(config.addr.to_string(), "127.0.0.1:3000");
        let error = config.check_production().unwrap_err().to_string();
        for name in ["BRIGHTMETER_PUBLIC_URL", "STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET", "AI_BASE_URL"] {
            assert!(error.contains(name), "{error}");
        }
    }

    #[test]
    fn a_complete_environment_is_enough_for_production() {
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
    fn an_invalid_value_is_not_repeated_but_its_variable_is_named() {
        for (name, value) in [
            ("BRIGHTMETER_ADDR", "here"),
            ("BRIGHTMETER_PUBLIC_URL", "tokens.example.com"),
            ("BRIGHTMETER_PUBLIC_URL", "https://user:hunter2@example.com"),
            ("DATABASE_URL", "mysql-hunter2"),
            ("BRIGHTMETER_APP_ROLE", "drop table;hunter2"),
            ("BRIGHTMETER_TEST_CLOCK", "hunter2"),
            ("BRIGHTMETER_METRICS_TOKEN", "hunter2"),
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
