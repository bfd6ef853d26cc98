//! The keys of services: making, ending and knowing them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use brightmeter::{
    access::api_key::{ApiKey, Denial, SECRET_CHARS, Scope, Secret, SecretError},
    ids::{ApiKeyId, MemberId, OrgId},
    time::Instant,
};
use chrono::TimeDelta;
use rand::distr::{Alphanumeric, SampleString};
use sqlx::{PgConnection, PgPool};

use crate::{
    clock::Clock,
    storage::{StorageError, api_keys, tenant},
};

/// How many keys an organization may have that hold.
pub const MAX_KEYS_PER_ORG: usize = 100;
/// How long a name is at most.
pub const NAME_CHARS: usize = 100;
/// How many secrets are remembered as being of which key.
const CACHE_CAPACITY: usize = 10_000;
/// How often it is noted that a key is in use.
const TOUCH_INTERVAL: TimeDelta = TimeDelta::minutes(1);

/// Whose secret was presented. That does not say that it holds: [`ApiKeys::check`] and the writer do, on what they see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credential {
    /// The organization.
    pub org: OrgId,
    /// The key.
    pub key: ApiKeyId,
}

/// A key to be.
#[derive(Clone, Debug)]
pub struct NewKey<'a> {
    /// Its id, so that making it twice makes it once.
    pub id: ApiKeyId,
    /// What people call it.
    pub name: &'a str,
    /// What it may do.
    pub scope: Scope,
    /// When it stops to hold by itself, if ever.
    pub expires_at: Option<Instant>,
    /// The member who makes it; nobody's on the command line.
    pub maker: Option<MemberId>,
}

/// Why there is no new key.
#[derive(Debug, thiserror::Error)]
pub enum NewKeyError {
    /// The name is empty or too long.
    #[error("a name has 1 to {NAME_CHARS} characters")]
    Name,
    /// It would have ended before it began.
    #[error("a key has to hold for a while: choose a later end")]
    Expiry,
    /// There are enough.
    #[error("an organization has at most {MAX_KEYS_PER_ORG} keys: revoke one that is no longer used")]
    TooMany,
    /// It was made before, and its secret was shown then.
    #[error("this key was made already, and its secret is shown only once: make another one")]
    MadeBefore,
    /// A secret that is none; cannot happen.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The database did not answer.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl From<sqlx::Error> for NewKeyError {
    fn from(error: sqlx::Error) -> Self {
        Self::Storage(error.into())
    }
}

/// Manages keys. Clones share what is known.
#[derive(Clone)]
pub struct ApiKeys {
    pool: PgPool,
    clock: Arc<dyn Clock>,
    live: bool,
    known: Arc<Mutex<Known>>,
}

/// What never changes: whose a secret is. And when its use was noted last.
#[derive(Default)]
struct Known {
    owners: HashMap<[u8; 32], Credential>,
    changed_accounts: HashMap<ApiKeyId, Instant>,
}

impl ApiKeys {
    /// Works on `pool`, as the application's role. New keys are live ones, or such as are marked as test keys.
    pub fn new(pool: PgPool, clock: Arc<dyn Clock>, live: bool) -> Self {
        Self { pool, clock, live, known: Arc::default() }
    }

    /// Makes a key. Its secret is answered this once.
    ///
    /// # Errors
    /// [`NewKeyError`].
    pub async fn create(&self, org: OrgId, new: NewKey<'_>) -> Result<(ApiKey, Secret), NewKeyError> {
        let (now, name) = (self.clock.now(), new.name.trim());
        if !(1..=NAME_CHARS).contains(&name.chars().count()) {
            return Err(NewKeyError::Name);
        }
        if new.expires_at.is_some_and(|at| at <= now) {
            return Err(NewKeyError::Expiry);
        }
        let secret = Secret::new(self.live, &Alphanumeric.sample_string(&mut rand::rng(), SECRET_CHARS))?;
        let key = ApiKey {
            id: new.id,
            name: name.into(),
            shown: secret.shown().into(),
            scope: new.scope,
            created_at: now,
            expires_at: new.expires_at,
            last_used_at: None,
            revoked_at: None,
        };
        let mut tx = tenant::begin(&self.pool, org).await?;
        let holding =
            api_keys::list(&mut tx, org).await?.iter().filter(|key| key.check(Scope::Read, now).is_ok()).count();
        if holding >= MAX_KEYS_PER_ORG {
            return Err(NewKeyError::TooMany);
        }
        if !api_keys::insert(&mut tx, org, &key, &secret, new.maker).await? {
            return Err(NewKeyError::MadeBefore);
        }
        tx.commit().await?;
        Ok((key, secret))
    }

    /// The keys of an organization, the newest first.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn list(&self, org: OrgId) -> Result<Vec<ApiKey>, StorageError> {
        let mut tx = tenant::begin(&self.pool, org).await?;
        api_keys::list(&mut tx, org).await
    }

    /// Ends a key at once, on every replica. Answers whether there is one.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn revoke(&self, org: OrgId, id: ApiKeyId) -> Result<bool, StorageError> {
        let mut tx = tenant::begin(&self.pool, org).await?;
        let found = api_keys::revoke(&mut tx, org, id, self.clock.now()).await?;
        tx.commit().await?;
        Ok(found)
    }

    /// Whose secret it is; nobody's, if nothing. The database is asked once a secret: to whom it belongs never changes.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn identify(&self, secret: &Secret) -> Result<Option<Credential>, StorageError> {
        let hash = secret.hash();
        let known = self.known().owners.get(&hash).copied();
        if known.is_some() {
            return Ok(known);
        }
        let mut tx = tenant::begin_presented(&self.pool, &hash).await?;
        let found = api_keys::find_presented(&mut tx, &hash).await?;
        let found = found.map(|(org, key)| Credential { org, key });
        if let Some(credential) = found {
            let mut known = self.known();
            if known.owners.len() >= CACHE_CAPACITY {
                known.owners.clear();
            }
            known.owners.insert(hash, credential);
        }
        Ok(found)
    }

    /// Whether the key holds and may do what takes `needs`, as `conn` sees it.
    ///
    /// # Errors
    /// [`StorageError`]; within, [`Denial`].
    pub async fn check(
        &self,
        conn: &mut PgConnection,
        credential: Credential,
        needs: Scope,
    ) -> Result<Result<(), Denial>, StorageError> {
        let named = [(credential.org.0, credential.key.0)];
        let found = api_keys::list_named(conn, &named).await?.pop();
        Ok(found.ok_or(Denial::NoKey).and_then(|(_, key)| key.check(needs, self.clock.now())))
    }

    /// Notes that a key is in use, once a minute and beside the request.
    pub fn touch(&self, credential: Credential) {
        let now = self.clock.now();
        {
            let mut known = self.known();
            if known.changed_accounts.get(&credential.key).is_some_and(|at| now - *at < TOUCH_INTERVAL && now >= *at) {
                return;
            }
            if known.changed_accounts.len() >= CACHE_CAPACITY {
                known.changed_accounts.clear();
            }
            known.changed_accounts.insert(credential.key, now);
        }
        let pool = self.pool.clone();
        tokio::spawn(async move {
            let noted = async {
                let mut tx = tenant::begin(&pool, credential.org).await?;
                api_keys::touch(&mut tx, credential.org, credential.key, now).await?;
                Ok::<_, StorageError>(tx.commit().await?)
            };
            if let Err(error) = noted.await {
                tracing::warn!(error = &error as &dyn std::error::Error, "the use of a key was not noted");
            }
        });
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
