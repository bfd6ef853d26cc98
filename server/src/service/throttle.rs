//! Throttling of password attempts, per account and per address.
//!
//! An attempt is counted before the password is verified, so that concurrent attempts cannot exceed the limit together.

use std::{net::IpAddr, sync::Arc};

use brightmeter::time::Instant;
use chrono::TimeDelta;
use sha2::{Digest, Sha256};
use sqlx::PgConnection;

use crate::{
    clock::Clock,
    storage::{Result, sign_ins},
};

/// The window in which failures are counted.
pub const FAILURE_WINDOW: TimeDelta = TimeDelta::minutes(15);
/// The number of failures per account within the window.
pub const MAX_ACCOUNT_FAILURES: i32 = 10;
/// The number of failures per address within the window. It is higher because many people may share an address.
pub const MAX_ADDRESS_FAILURES: i32 = 50;

/// Too many failed attempts.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("too many attempts")]
pub struct Throttled {
    /// When the next attempt is allowed.
    pub until: Instant,
}

/// Counts password attempts.
#[derive(Clone)]
pub struct Throttle {
    /// The clock.
    pub clock: Arc<dyn Clock>,
}

impl Throttle {
    /// Counts an attempt on `account` from an address. The address is checked first, so that a throttled address can
    /// neither lock accounts nor fill the table.
    ///
    /// # Errors
    /// [`StorageError`](crate::storage::StorageError). The inner error is [`Throttled`].
    pub async fn record_attempt(
        &self,
        conn: &mut PgConnection,
        account: &str,
        from: IpAddr,
    ) -> Result<std::result::Result<(), Throttled>> {
        let now = self.clock.now();
        for (subject, limit) in
            [(address_subject(from), MAX_ADDRESS_FAILURES), (subject("account", account), MAX_ACCOUNT_FAILURES)]
        {
            let (failures, first_at) = sign_ins::count(conn, &subject, now, now - FAILURE_WINDOW).await?;
            if failures > limit {
                return Ok(Err(Throttled { until: first_at + FAILURE_WINDOW }));
            }
        }
        Ok(Ok(()))
    }

    /// Records that the attempt succeeded: clears the account's failures and uncounts this attempt for the address.
    pub async fn record_success(&self, conn: &mut PgConnection, account: &str, from: IpAddr) -> Result<()> {
        sign_ins::clear(conn, &subject("account", account)).await?;
        sign_ins::uncount(conn, &address_subject(from)).await.map(drop)
    }
}

/// The subject of an address: an IPv4 address, or an IPv6 /64, which is what one customer usually has.
fn address_subject(from: IpAddr) -> Vec<u8> {
    let network = match from.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & (u128::MAX << 64)).into()),
    };
    subject("address", &network.to_string())
}

fn subject(kind: &str, value: &str) -> Vec<u8> {
    Sha256::new().chain_update(kind).chain_update([0]).chain_update(value).finalize().to_vec()
}
