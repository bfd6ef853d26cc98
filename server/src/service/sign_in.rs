//! Sign-in. The response and its duration are the same for an unknown email and a wrong password. Attempts are
//! throttled per email and address; a browser that signed in before has a limit of its own.

use std::net::IpAddr;

use brightmeter::{access::email::Email, ids::UserId};
use sqlx::PgPool;

use super::{
    known_browser,
    passwords::{PasswordError, Passwords},
    throttle::{Attempt, Origin, Throttle, Throttled},
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

/// A user who has signed in.
#[derive(Debug)]
pub struct SignedIn {
    /// The user.
    pub user: UserId,
    /// The membership to start with; `None` for staff without an organization.
    pub membership: Option<Membership>,
    /// The token by which the next sign-in recognizes this browser.
    pub browser: String,
}

impl SignIn {
    /// Verifies an email and a password. `browser` is the token of an earlier sign-in in the same browser.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn sign_in(
        &self,
        email: &Email,
        password: &str,
        from: IpAddr,
        browser: Option<&str>,
    ) -> Result<SignedIn, SignInError> {
        let email = email.as_str();
        let mut conn = self.pool.acquire().await.map_err(StorageError::from)?;
        let user = users::find_for_sign_in(&mut conn, email).await?;
        let token = browser.zip(user.as_ref());
        let known = token.and_then(|(token, user)| known_browser::verify(token, email, &user.password_hash));
        let origin = known.map_or(Origin::Address(from), Origin::KnownBrowser);
        let attempt = Attempt { account: email, origin };
        self.throttle.record_attempt(&mut conn, attempt).await??;
        drop(conn);
        let hash = user.as_ref().map(|user| user.password_hash.as_str());
        if !self.passwords.verify(password, hash).await? {
            return Err(SignInError::Wrong);
        }
        let user = user.ok_or(SignInError::Wrong)?;
        let mut tx = tenant::begin_for_user(&self.pool, user.id).await?;
        self.throttle.record_success(&mut tx, attempt).await?;
        let memberships = memberships::list_of(&mut tx, user.id).await?;
        tx.commit().await.map_err(StorageError::from)?;
        let membership = memberships.into_iter().next();
        if membership.is_none() && !user.is_staff {
            return Err(SignInError::NoOrganization);
        }
        let browser = match (known, browser) {
            (Some(_), Some(token)) => token.to_owned(),
            _ => known_browser::issue(email, &user.password_hash),
        };
        Ok(SignedIn { user: user.id, membership, browser })
    }
}
