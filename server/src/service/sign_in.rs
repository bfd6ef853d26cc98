//! Signing in: the same answer and time for an unknown account and a wrong password, throttled per account and address.

use std::{net::IpAddr, sync::Arc};

use brightmeter::{ids::UserId, time::Instant};
use chrono::TimeDelta;
use sha2::{Digest, Sha256};
use sqlx::PgPool;

use super::passwords::{PasswordError, Passwords};
use crate::{
    clock::Clock,
    storage::{StorageError, memberships, memberships::Membership, sign_ins, tenant, users},
};

/// How long failures are remembered.
pub const WINDOW: TimeDelta = TimeDelta::minutes(15);
/// Failures of one account within the window before it has to wait.
pub const ACCOUNT_FAILURES: i32 = 10;
/// Failures from one address within the window before it has to wait: more, for many may share one.
pub const ADDRESS_FAILURES: i32 = 50;

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Unknown account or wrong password; which of the two is not told.
    #[error("email or password is wrong")]
    Wrong,
    /// Too many failures.
    #[error("too many attempts")]
    Throttled {
        /// When the next attempt is looked at.
        until: Instant,
    },
    /// The person belongs to no organization.
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
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

impl SignIn {
    /// The person with that email and password, and the organization to start with.
    ///
    /// # Errors
    /// [`SignInError`].
    pub async fn sign_in(
        &self,
        email: &str,
        password: &str,
        from: IpAddr,
    ) -> Result<(UserId, Membership), SignInError> {
        let email = email.trim().to_lowercase();
        let now = self.clock.now();
        let (account, address) = (subject("account", &email), subject("address", &network(from).to_string()));
        let mut conn = self.pool.acquire().await.map_err(StorageError::from)?;
        // Counted before the password is looked at, so that attempts in parallel do not slip through together.
        // The address goes first: one that has to wait neither locks accounts nor fills the table.
        for (subject, allowed) in [(&address, ADDRESS_FAILURES), (&account, ACCOUNT_FAILURES)] {
            let (failures, first_at) = sign_ins::count(&mut conn, subject, now, now - WINDOW).await?;
            if failures > allowed {
                return Err(SignInError::Throttled { until: first_at + WINDOW });
            }
        }
        let user = users::find_by_email(&mut conn, &email).await?;
        drop(conn);
        let hash = user.as_ref().map(|user| user.password_hash.as_str());
        if !self.passwords.verify(password, hash).await? {
            return Err(SignInError::Wrong);
        }
        let user = user.ok_or(SignInError::Wrong)?;
        let mut tx = tenant::begin_as(&self.pool, user.id).await?;
        sign_ins::clear(&mut tx, &account).await?;
        sign_ins::give_back(&mut tx, &address).await?;
        let memberships = memberships::list_of(&mut tx, user.id).await?;
        tx.commit().await.map_err(StorageError::from)?;
        let first = memberships.into_iter().next().ok_or(SignInError::NoOrganization)?;
        Ok((user.id, first))
    }
}

/// Whom an address stands for: with IPv6 a customer has a /64 of them.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => {
            v6.to_ipv4_mapped().map_or_else(|| IpAddr::V6((v6.to_bits() & (u128::MAX << 64)).into()), IpAddr::V4)
        }
    }
}

fn subject(kind: &str, of: &str) -> Vec<u8> {
    Sha256::new().chain_update(kind).chain_update([0]).chain_update(of).finalize().to_vec()
}
