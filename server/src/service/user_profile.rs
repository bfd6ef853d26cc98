//! User profiles: changing the password and signing out other sessions.

use std::{net::IpAddr, sync::Arc};

use brightmeter::{ids::UserId, time::Instant};
use sqlx::PgPool;

use super::{
    passwords::{PasswordError, Passwords},
    throttle::{Attempt, Origin, Throttle, Throttled},
};
use crate::{
    clock::Clock,
    storage::{StorageError, sessions, tenant, users},
};

/// The length of a password, in characters.
pub const PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 12..=1_000;

/// Why a password was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangePasswordError {
    /// The current password is wrong.
    #[error("the current password is wrong")]
    Wrong,
    /// The new password is too short or too long.
    #[error("the new password is too short or too long")]
    Length,
    /// Too many failed attempts.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A password could not be hashed.
    #[error(transparent)]
    Password(#[from] PasswordError),
}

/// Manages user profiles.
#[derive(Clone)]
pub struct UserProfiles {
    /// A pool with the application's role.
    pub pool: PgPool,
    /// Hashes and verifies passwords.
    pub passwords: Passwords,
    /// Limits failed attempts.
    pub throttle: Throttle,
    /// The clock.
    pub clock: Arc<dyn Clock>,
}

impl UserProfiles {
    /// Changes a user's password and ends all other sessions: everywhere else the new password is needed. `keep` is the
    /// session that stays.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn change_password(
        &self,
        user: UserId,
        (current, new): (&str, &str),
        from: IpAddr,
        keep: Option<&str>,
    ) -> Result<(), ChangePasswordError> {
        if !PASSWORD_CHARS.contains(&new.chars().count()) {
            return Err(ChangePasswordError::Length);
        }
        let subject = user.to_string();
        let mut conn = self.pool.acquire().await.map_err(StorageError::from)?;
        let attempt = Attempt { account: &subject, origin: Origin::Session(from) };
        self.throttle.record_attempt(&mut conn, attempt).await??;
        let hash = users::find_password_hash(&mut conn, user).await?.unwrap_or_default();
        drop(conn);
        if !self.passwords.verify(current, Some(&hash)).await? {
            return Err(ChangePasswordError::Wrong);
        }
        let new = self.passwords.hash(new).await?;
        let mut tx = tenant::begin_for_user(&self.pool, user).await?;
        self.throttle.record_success(&mut tx, attempt).await?;
        if !users::replace_password_hash(&mut tx, user, &hash, &new).await? {
            return Err(ChangePasswordError::Wrong);
        }
        sessions::delete_of(&mut tx, user, keep).await?;
        tx.commit().await.map_err(StorageError::from)?;
        Ok(())
    }

    /// Ends all sessions of a user and returns their number.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn sign_out_everywhere(&self, user: UserId) -> Result<u64, StorageError> {
        let mut conn = self.pool.acquire().await?;
        sessions::delete_of(&mut conn, user, None).await
    }

    /// Loads a user's email and the number of their open sessions.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn load(&self, user: UserId, now: Instant) -> Result<(String, i64), StorageError> {
        let mut tx = tenant::begin_for_user(&self.pool, user).await?;
        let email = users::find_email(&mut tx, user).await?.unwrap_or_default();
        Ok((email, sessions::count_of(&mut tx, user, now).await?))
    }
}
