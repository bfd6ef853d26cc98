//! Throttling of password attempts: per account and address together, and per address. All addresses together have a higher
//! limit per account, so that guessing from many addresses is bounded, too. A browser in which the account has signed in
//! before has a limit of its own, so that others cannot lock its user out.
//!
//! An attempt is counted before the password is verified, so that concurrent attempts cannot exceed a limit together.

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
/// The number of failures per account from one address, or in one known browser, within the window.
pub const MAX_FAILURES: i32 = 10;
/// The number of failures per address within the window. It is higher because many people may share an address.
pub const MAX_ADDRESS_FAILURES: i32 = 50;
/// The number of failures per account from all addresses within the window, known browsers aside.
pub const MAX_ACCOUNT_FAILURES: i32 = 100;

/// A password attempt.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// The account.
    pub account: &'a str,
    /// Where it comes from.
    pub origin: Origin<'a>,
}

/// Where a password attempt comes from.
#[derive(Clone, Copy, Debug)]
pub enum Origin<'a> {
    /// Anywhere, from this address.
    Address(IpAddr),
    /// A browser in which the account has signed in: its id.
    KnownBrowser(&'a str),
    /// The account's own session, at this address.
    Session(IpAddr),
}

impl Attempt<'_> {
    /// The subjects that count it, with their limits. The address comes first, so that a throttled address can neither use
    /// up the account's limit nor fill the table.
    fn subjects(&self) -> Vec<(Vec<u8>, i32)> {
        let account = self.account;
        let address = |from| (subject(&["address", &network(from).to_string()]), MAX_ADDRESS_FAILURES);
        match self.origin {
            Origin::Address(from) => vec![
                address(from),
                (subject(&["account and address", account, &network(from).to_string()]), MAX_FAILURES),
                (subject(&["account", account]), MAX_ACCOUNT_FAILURES),
            ],
            Origin::KnownBrowser(id) => vec![(subject(&["account and browser", account, id]), MAX_FAILURES)],
            Origin::Session(from) => vec![address(from), (subject(&["session", account]), MAX_FAILURES)],
        }
    }
}

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
    /// Counts an attempt.
    ///
    /// # Errors
    /// [`StorageError`](crate::storage::StorageError). The inner error is [`Throttled`].
    pub async fn record_attempt(
        &self,
        conn: &mut PgConnection,
        attempt: Attempt<'_>,
    ) -> Result<std::result::Result<(), Throttled>> {
        let now = self.clock.now();
        for (subject, limit) in attempt.subjects() {
            let (failures, first_at) = sign_ins::count(conn, &subject, now, now - FAILURE_WINDOW).await?;
            if failures > limit {
                return Ok(Err(Throttled { until: first_at + FAILURE_WINDOW }));
            }
        }
        Ok(Ok(()))
    }

    /// Records that the attempt succeeded: clears the failures of the account where it comes from, and uncounts this attempt
    /// everywhere else.
    pub async fn record_success(&self, conn: &mut PgConnection, attempt: Attempt<'_>) -> Result<()> {
        for (subject, limit) in attempt.subjects() {
            if limit == MAX_FAILURES {
                sign_ins::clear(conn, &subject).await?;
            } else {
                sign_ins::uncount(conn, &subject).await?;
            }
        }
        Ok(())
    }
}

/// The network of an address: an IPv4 address, or an IPv6 /64, which is what one customer usually has.
fn network(from: IpAddr) -> IpAddr {
    match from.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & (u128::MAX << 64)).into()),
    }
}

fn subject(parts: &[&str]) -> Vec<u8> {
    let mut hasher = Sha256::new();
    for (number, part) in parts.iter().enumerate() {
        if number > 0 {
            hasher.update([0]);
        }
        hasher.update(part);
    }
    hasher.finalize().to_vec()
}
