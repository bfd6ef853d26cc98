//! How often passwords may be guessed: counted by account and by address, before a password is looked at, so that attempts in
//! parallel do not slip through together.

use std::{net::IpAddr, sync::Arc};

use brightmeter::time::Instant;
use chrono::TimeDelta;
use sha2::{Digest, Sha256};
use sqlx::PgConnection;

use crate::{
    clock::Clock,
    storage::{Result, sign_ins},
};

/// How long failures are remembered.
pub const FAILURE_WINDOW: TimeDelta = TimeDelta::minutes(15);
/// Failures of one account within the window before it has to wait.
pub const MAX_ACCOUNT_FAILURES: i32 = 10;
/// Failures from one address within the window before it has to wait: more, for many may share one.
pub const MAX_ADDRESS_FAILURES: i32 = 50;

/// Too many failures.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("too many attempts")]
pub struct Throttled {
    /// When the next attempt is looked at.
    pub until: Instant,
}

/// Counts attempts.
#[derive(Clone)]
pub struct Throttle {
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

impl Throttle {
    /// Counts an attempt on `account` from an address. The address goes first: one that has to wait neither locks accounts nor
    /// fills the table.
    ///
    /// # Errors
    /// [`StorageError`](crate::storage::StorageError); within, [`Throttled`].
    pub async fn count(
        &self,
        conn: &mut PgConnection,
        account: &str,
        from: IpAddr,
    ) -> Result<std::result::Result<(), Throttled>> {
        let now = self.clock.now();
        for (subject, allowed) in
            [(address(from), MAX_ADDRESS_FAILURES), (subject("account", account), MAX_ACCOUNT_FAILURES)]
        {
            let (failures, first_at) = sign_ins::count(conn, &subject, now, now - FAILURE_WINDOW).await?;
            if failures > allowed {
                return Ok(Err(Throttled { until: first_at + FAILURE_WINDOW }));
            }
        }
        Ok(Ok(()))
    }

    /// Takes the attempt back: it was none.
    ///
    /// # Errors
    /// [`StorageError`](crate::storage::StorageError).
    pub async fn forgive(&self, conn: &mut PgConnection, account: &str, from: IpAddr) -> Result<()> {
        sign_ins::clear(conn, &subject("account", account)).await?;
        sign_ins::give_back(conn, &address(from)).await
    }
}

/// Whom an address stands for: with IPv6 a customer has a /64 of them.
fn address(from: IpAddr) -> Vec<u8> {
    let network = match from.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & (u128::MAX << 64)).into()),
    };
    subject("address", &network.to_string())
}

fn subject(kind: &str, of: &str) -> Vec<u8> {
    Sha256::new().chain_update(kind).chain_update([0]).chain_update(of).finalize().to_vec()
}
