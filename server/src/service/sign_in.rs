//! Signing in: the same answer and time for an unknown account and a wrong password, throttled per account and address.

use std::net::IpAddr;

use brightmeter::ids::UserId;
use sqlx::PgPool;

use super::{
    passwords::{PasswordError, Passwords},
    throttle::{Throttle, Throttled},
};
use crate::storage::{StorageError, memberships, memberships::Membership, tenant, users};

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Unknown account or wrong password; which of the two is not told.
    #[error("email or password is wrong")]
    Wrong,
    /// Too many failures.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// The person belongs to no organization, and is no staff either.
    #[error("the account belongs to no organization")]
    NoOrganization,
    /// The database did not answer.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The password could not be checked.
    #[error(transparent)]
    Password(#[from] PasswordError),
}

/// Signs people in.
#[derive(Clone)]
pub struct SignIn {
    /// As the application's role.
    pub pool: PgPool,
    /// Checks passwords.
    pub passwords: Passwords,
    /// Counts failures.
    pub throttle: Throttle,
}

impl SignIn {
    /// The person with that email and password, and the organization to start with; none for staff who belong to none.
    ///
    /// # Errors
    /// [`SignInError`].
    pub async fn sign_in(
        &self,
        email: &str,
        password: &str,
        from: IpAddr,
    ) -> Result<(UserId, Option<Membership>), SignInError> {
        let email = email.trim().to_lowercase();
        let mut conn = self.pool.acquire().await.map_err(StorageError::from)?;
        self.throttle.count(&mut conn, &email, from).await??;
        let user = users::find_by_email(&mut conn, &email).await?;
        drop(conn);
        let hash = user.as_ref().map(|user| user.password_hash.as_str());
        if !self.passwords.verify(password, hash).await? {
            return Err(SignInError::Wrong);
        }
        let user = user.ok_or(SignInError::Wrong)?;
        let mut tx = tenant::begin_as(&self.pool, user.id).await?;
        self.throttle.forgive(&mut tx, &email, from).await?;
        let memberships = memberships::list_of(&mut tx, user.id).await?;
        tx.commit().await.map_err(StorageError::from)?;
        let first = memberships.into_iter().next();
        if first.is_none() && !user.is_staff {
            return Err(SignInError::NoOrganization);
        }
        Ok((user.id, first))
    }
}
