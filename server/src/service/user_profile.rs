//! A person's own account: another password, and an end to other sessions.

use std::{net::IpAddr, sync::Arc};

use brightmeter::{ids::UserId, time::Instant};
use sqlx::PgPool;

use super::{
    passwords::{PasswordError, Passwords},
    throttle::{Throttle, Throttled},
};
use crate::{
    clock::Clock,
    storage::{StorageError, sessions, tenant, users},
};

/// How many characters a password has.
pub const PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 12..=1_000;

/// Why the password stays what it is.
#[derive(Debug, thiserror::Error)]
pub enum ChangePasswordError {
    /// The password of now was not given.
    #[error("the current password is wrong")]
    Wrong,
    /// The new one is too short or too long.
    #[error("the new password is too short or too long")]
    Length,
    /// Too many wrong ones.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// The database did not answer.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A password could not be hashed.
    #[error(transparent)]
    Password(#[from] PasswordError),
}

/// Manages people's own accounts.
#[derive(Clone)]
pub struct UserProfiles {
    /// As the application's role.
    pub pool: PgPool,
    /// Hashes passwords.
    pub passwords: Passwords,
    /// Counts wrong ones.
    pub throttle: Throttle,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

impl UserProfiles {
    /// Changes the password, and ends every session but the one to `keep`: whoever else was signed in has to know the new one.
    ///
    /// # Errors
    /// [`ChangePasswordError`].
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
        let account = user.to_string();
        let mut conn = self.pool.acquire().await.map_err(StorageError::from)?;
        self.throttle.count(&mut conn, &account, from).await??;
        let hash = users::find_password_hash(&mut conn, user).await?.unwrap_or_default();
        drop(conn);
        if !self.passwords.verify(current, Some(&hash)).await? {
            return Err(ChangePasswordError::Wrong);
        }
        let new = self.passwords.hash(new).await?;
        let mut tx = tenant::begin_as(&self.pool, user).await?;
        self.throttle.forgive(&mut tx, &account, from).await?;
        if !users::set_password_hash(&mut tx, user, &hash, &new).await? {
            return Err(ChangePasswordError::Wrong);
        }
        sessions::delete_of(&mut tx, user, keep).await?;
        tx.commit().await.map_err(StorageError::from)?;
        Ok(())
    }

    /// Ends every session of a person.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn sign_out_everywhere(&self, user: UserId) -> Result<u64, StorageError> {
        let mut conn = self.pool.acquire().await?;
        sessions::delete_of(&mut conn, user, None).await
    }

    /// The email of a person, and how many sessions are open.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn look(&self, user: UserId, now: Instant) -> Result<(String, i64), StorageError> {
        let mut conn = self.pool.acquire().await?;
        let email = users::find_email(&mut conn, user).await?.unwrap_or_default();
        Ok((email, sessions::count_of(&mut conn, user, now).await?))
    }
}
