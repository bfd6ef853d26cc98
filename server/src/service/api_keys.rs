//! API keys: creating, listing, revoking, identifying and checking them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use brightmeter::{
    access::api_key::{ApiKey, Denial, SECRET_CHARS, Scope, Secret, SecretError},
    display_name::{DisplayName, DisplayNameError},
    ids::{ApiKeyId, MemberId, OrgId},
    time::Instant,
};
use chrono::TimeDelta;
use rand::distr::{Alphanumeric, SampleString};
use sqlx::PgPool;

use crate::{
    clock::Clock,
    storage::{StorageError, api_keys, tenant},
};

/// The number of active API keys per organization.
pub const MAX_KEYS_PER_ORG: usize = 100;
/// The number of secrets cached with their API key.
const CACHE_CAPACITY: usize = 10_000;
/// The minimum interval between updates of an API key's last use.
const TOUCH_INTERVAL: TimeDelta = TimeDelta::minutes(1);

/// The API key that a secret belongs to. The key may be expired or revoked: [`ApiKeys::check`] and the writer verify
/// that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credential {
    /// The organization.
    pub org: OrgId,
    /// The API key's id.
    pub key: ApiKeyId,
}

/// An API key to create.
#[derive(Clone, Debug)]
pub struct NewKey<'a> {
    /// The id, which makes the creation idempotent.
    pub id: ApiKeyId,
    /// The display name.
    pub name: &'a str,
    /// The permissions.
    pub scope: Scope,
    /// When it expires. `None`: never.
    pub expires_at: Option<Instant>,
    /// The member who creates it. `None` on the command line.
    pub maker: Option<MemberId>,
}

/// Why an API key was not created.
#[derive(Debug, thiserror::Error)]
pub enum NewKeyError {
    /// The name is empty, too long or not one line.
    #[error(transparent)]
    Name(#[from] DisplayNameError),
    /// The expiry is in the past.
    #[error("an API key must expire in the future: choose a later date")]
    Expiry,
    /// The organization has too many active API keys.
    #[error("an organization can have at most {MAX_KEYS_PER_ORG} API keys: revoke one that is no longer used")]
    TooMany,
    /// The API key was created by an earlier request, which showed its secret.
    #[error("this API key has already been created, and its secret is shown only once: create another one")]
    AlreadyCreated,
    /// The generated secret is malformed; never happens.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl From<sqlx::Error> for NewKeyError {
    fn from(error: sqlx::Error) -> Self {
        Self::Storage(error.into())
    }
}

/// Manages API keys. Clones share the cache.
#[derive(Clone)]
pub struct ApiKeys {
    pool: PgPool,
    clock: Arc<dyn Clock>,
    live: bool,
    cache: Arc<Mutex<Cache>>,
}

/// The owners of secrets, which never change, and the last recorded use of each API key.
#[derive(Default)]
struct Cache {
    owners: HashMap<[u8; 32], Credential>,
    touched_at: HashMap<ApiKeyId, Instant>,
}

impl ApiKeys {
    /// Creates the service on `pool`, which has the application's role. New API keys are marked as live or as test
    /// keys.
    pub fn new(pool: PgPool, clock: Arc<dyn Clock>, live: bool) -> Self {
        Self { pool, clock, live, cache: Arc::default() }
    }

    /// Creates an API key. Returns its secret, which is not stored and cannot be shown again.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn create(&self, org: OrgId, new: NewKey<'_>) -> Result<(ApiKey, Secret), NewKeyError> {
        let (now, name) = (self.clock.now(), new.name.parse::<DisplayName>()?);
        if new.expires_at.is_some_and(|at| at <= now) {
            return Err(NewKeyError::Expiry);
        }
        let secret = Secret::new(self.live, &Alphanumeric.sample_string(&mut rand::rng(), SECRET_CHARS))?;
        let key = ApiKey {
            id: new.id,
            name: name.to_string(),
            shown: secret.shown().into(),
            scope: new.scope,
            created_at: now,
            expires_at: new.expires_at,
            last_used_at: None,
            revoked_at: None,
        };
        let mut tx = tenant::begin(&self.pool, org).await?;
        let active =
            api_keys::list(&mut tx, org).await?.iter().filter(|key| key.check(Scope::Read, now).is_ok()).count();
        if active >= MAX_KEYS_PER_ORG {
            return Err(NewKeyError::TooMany);
        }
        if !api_keys::insert(&mut tx, org, &key, &secret, new.maker).await? {
            return Err(NewKeyError::AlreadyCreated);
        }
        tx.commit().await?;
        Ok((key, secret))
    }

    /// Returns an organization's API keys, newest first.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn list(&self, org: OrgId) -> Result<Vec<ApiKey>, StorageError> {
        let mut tx = tenant::begin(&self.pool, org).await?;
        api_keys::list(&mut tx, org).await
    }

    /// Revokes an API key, with immediate effect on every replica. Returns whether it exists.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn revoke(&self, org: OrgId, id: ApiKeyId) -> Result<bool, StorageError> {
        let mut tx = tenant::begin(&self.pool, org).await?;
        let found = api_keys::revoke(&mut tx, org, id, self.clock.now()).await?;
        tx.commit().await?;
        Ok(found)
    }

    /// Finds the API key of a secret, or returns `None` if the secret is unknown. Each secret is looked up in the
    /// database once: its owner never changes.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn identify(&self, secret: &Secret) -> Result<Option<Credential>, StorageError> {
        let hash = secret.hash();
        let cached = self.cache().owners.get(&hash).copied();
        if cached.is_some() {
            return Ok(cached);
        }
        let mut tx = tenant::begin_for_api_key(&self.pool, &hash).await?;
        let found = api_keys::find_by_hash(&mut tx, &hash).await?;
        let found = found.map(|(org, key)| Credential { org, key });
        if let Some(credential) = found {
            let mut cache = self.cache();
            if cache.owners.len() >= CACHE_CAPACITY {
                cache.owners.clear();
            }
            cache.owners.insert(hash, credential);
        }
        Ok(found)
    }

    /// Checks that an API key is active and has the permission `needs`.
    ///
    /// # Errors
    /// [`StorageError`]. The inner error is [`Denial`].
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn check(&self, credential: Credential, needs: Scope) -> Result<Result<(), Denial>, StorageError> {
        let named = [(credential.org.0, credential.key.0)];
        let mut tx = tenant::begin(&self.pool, credential.org).await?;
        let found = api_keys::list_named(&mut tx, &named).await?.pop();
        Ok(found.ok_or(Denial::InvalidKey).and_then(|(_, key)| key.check(needs, self.clock.now())))
    }

    /// Records the use of an API key, at most once a minute and without delaying the request.
    pub fn touch(&self, credential: Credential) {
        let now = self.clock.now();
        {
            let mut cache = self.cache();
            if cache.touched_at.get(&credential.key).is_some_and(|at| now - *at < TOUCH_INTERVAL && now >= *at) {
                return;
            }
            if cache.touched_at.len() >= CACHE_CAPACITY {
                cache.touched_at.clear();
            }
            cache.touched_at.insert(credential.key, now);
        }
        let pool = self.pool.clone();
        tokio::spawn(async move {
            let recorded = async {
                let mut tx = tenant::begin(&pool, credential.org).await?;
                api_keys::touch(&mut tx, credential.org, credential.key, now).await?;
                Ok::<_, StorageError>(tx.commit().await?)
            };
            if let Err(error) = recorded.await {
                tracing::warn!(error = &error as &dyn std::error::Error, "the use of an API key could not be recorded");
            }
        });
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
