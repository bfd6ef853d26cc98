//! Sign-in. The response and its duration are the same for an unknown email and a wrong password. Attempts are
//! throttled per email and per address.

use std::net::IpAddr;

use brightmeter::{access::email::Email, ids::UserId};
use sqlx::PgPool;

use super::{
    passwords::{PasswordError, Passwords},
    throttle::{Throttle, Throttled},
};
use crate::storage::{StorageError, memberships, memberships::Membership, tenant, users};

/// Why a sign-in failed.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The email is unknown or the password is wrong; which of the two is not revealed.
    #[error("email or password is wrong")]
    Wrong,
    /// Too many failed attempts.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// The user belongs to no organization and is not staff.
    #[error("the user belongs to no organization")]
    NoOrganization,
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The password could not be verified.
    #[error(transparent)]
    Password(#[from] PasswordError),
}

/// Signs people in.
#[derive(Clone)]
pub struct SignIn {
    /// A pool with the application's role.
    pub pool: PgPool,
    /// Verifies passwords.
    pub passwords: Passwords,
    /// Limits failed attempts.
    pub throttle: Throttle,
}

impl SignIn {
    /// Verifies an email and a password. Returns the user and the membership to start with, which is `None` for staff
    /// without an organization.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn sign_in(
        &self,
        email: &Email,
        password: &str,
        from: IpAddr,
    ) -> Result<(UserId, Option<Membership>), SignInError> {
        let mut conn = self.pool.acquire().await.map_err(StorageError::from)?;
        self.throttle.record_attempt(&mut conn, email.as_str(), from).await??;
        let user = users::find_by_email(&mut conn, email.as_str()).await?;
        drop(conn);
        let hash = user.as_ref().map(|user| user.password_hash.as_str());
        if !self.passwords.verify(password, hash).await? {
            return Err(SignInError::Wrong);
        }
        let user = user.ok_or(SignInError::Wrong)?;
        let mut tx = tenant::begin_for_user(&self.pool, user.id).await?;
        self.throttle.record_success(&mut tx, email.as_str(), from).await?;
        let memberships = memberships::list_of(&mut tx, user.id).await?;
        tx.commit().await.map_err(StorageError::from)?;
        let first = memberships.into_iter().next();
        if first.is_none() && !user.is_staff {
            return Err(SignInError::NoOrganization);
        }
        Ok((user.id, first))
    }
}
