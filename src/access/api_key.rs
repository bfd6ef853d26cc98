//! API keys: how their secrets look, and what they may do.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{ids::ApiKeyId, time::Instant};

/// How many random characters a secret has: 30 of 62 are 178 bits.
pub const SECRET_CHARS: usize = 30;
/// How many characters its checksum has: 32 bits.
const CHECKSUM_CHARS: usize = 6;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// What a key may do. Each includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Read balances, the ledger and figures.
    Read,
    /// Spend, hold and refund.
    Spend,
    /// Everything.
    Manage,
}

/// A scope that does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a scope is read, spend or manage")]
pub struct ScopeError;

impl Scope {
    /// All, from the least.
    pub const ALL: [Self; 3] = [Self::Read, Self::Spend, Self::Manage];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Spend => "spend",
            Self::Manage => "manage",
        }
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or(ScopeError)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A key's secret: `bm_live_` or `bm_test_`, [`SECRET_CHARS`] random characters and a checksum (CRC-32 of all before it, in
/// base 62), so that a mistyped one is known without asking anybody.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// What is no secret of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no API key: one starts with bm_live_ or bm_test_ and has 44 characters")]
pub struct SecretError;

impl Secret {
    /// A secret of [`SECRET_CHARS`] random letters and digits, which the caller has drawn.
    ///
    /// # Errors
    /// [`SecretError`] if they are not so many letters and digits.
    pub fn new(live: bool, random: &str) -> Result<Self, SecretError> {
        if random.len() != SECRET_CHARS {
            return Err(SecretError);
        }
        let start = format!("{}{random}", if live { "bm_live_" } else { "bm_test_" });
        format!("{start}{}", checksum(&start)).parse()
    }

    /// The secret itself, to be shown once.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What a key is known by afterwards: `bm_live_Ab3d`.
    pub fn shown(&self) -> &str {
        &self.0[..12]
    }

    /// What is stored of it: SHA-256. With so many random bits nothing slower is needed.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }
}

impl FromStr for Secret {
    type Err = SecretError;

    fn from_str(text: &str) -> Result<Self, SecretError> {
        let rest = text.strip_prefix("bm_live_").or_else(|| text.strip_prefix("bm_test_")).ok_or(SecretError)?;
        let formed =
            rest.len() == SECRET_CHARS + CHECKSUM_CHARS && rest.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let (start, sum) = text.split_at_checked(text.len().saturating_sub(CHECKSUM_CHARS)).ok_or(SecretError)?;
        if formed && checksum(start) == sum { Ok(Self(text.into())) } else { Err(SecretError) }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({}…)", self.shown())
    }
}

fn checksum(text: &str) -> String {
    let mut rest = crc32fast::hash(text.as_bytes()) as usize;
    let mut digits = ['0'; CHECKSUM_CHARS];
    for digit in digits.iter_mut().rev() {
        *digit = char::from(BASE62[rest % 62]);
        rest /= 62;
    }
    digits.iter().collect()
}

/// A key, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// What people call it.
    pub name: String,
    /// How its secret starts.
    pub shown: String,
    /// What it may do.
    pub scope: Scope,
    /// When it was made.
    pub created_at: Instant,
    /// When it stops to hold by itself, if ever.
    pub expires_at: Option<Instant>,
    /// When it was used last, to the minute.
    pub last_used_at: Option<Instant>,
    /// Since when it holds no more.
    pub revoked_at: Option<Instant>,
}

/// Why a credential does not open what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// There is no such key, or it holds no more.
    #[error("This API key is unknown, revoked or expired.")]
    NoKey,
    /// The key may not do that.
    #[error("This API key has the scope {has}; this takes {needs}.")]
    ScopeMissing {
        /// What it may do.
        has: Scope,
        /// What it would take.
        needs: Scope,
    },
    /// In a browser session, only whoever manages the organization may do that.
    #[error("In a browser session, only an owner or admin may do this.")]
    ManagersOnly,
    /// The member that the key would act for is not in the organization.
    #[error("There is no such member in this organization.")]
    NoMember,
}

impl ApiKey {
    /// Whether it holds at `now` and may do what takes `needs`.
    ///
    /// # Errors
    /// [`Denial`].
    pub fn check(&self, needs: Scope, now: Instant) -> Result<(), Denial> {
        if self.revoked_at.is_some() || self.expires_at.is_some_and(|at| at <= now) {
            return Err(Denial::NoKey);
        }
        if self.scope < needs {
            return Err(Denial::ScopeMissing { has: self.scope, needs });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    const RANDOM: &str = "0123456789abcdefghijABCDEFGHIJ";

    #[test]
    fn a_secret_carries_its_checksum_and_is_never_printed_whole() {
        let secret = Secret::new(true, RANDOM).unwrap();
        assert_eq!(secret.reveal(), "bm_live_0123456789abcdefghijABCDEFGHIJ1imR27");
        assert_eq!(secret.reveal().parse(), Ok(secret.clone()));
        assert_eq!(secret.shown(), "bm_live_0123");
        assert_eq!(format!("{secret:?}"), "Secret(bm_live_0123…)");
        assert_ne!(secret.hash(), Secret::new(false, RANDOM).unwrap().hash());
    }

    #[test]
    fn what_is_no_secret_is_known_by_its_looks() {
        let good = Secret::new(false, RANDOM).unwrap();
        let check = |text: String| assert_eq!(text.parse::<Secret>(), Err(SecretError), "{text}");
        check(String::new());
        check("bm_live_".into());
        check(good.reveal().replace("bm_test_", "bm_live_"));
        check(good.reveal().replace("bm_", "BM_"));
        check(format!("{}0", good.reveal()));
        check(good.reveal()[..43].into());
        check(format!("bm_live_{}", "ü".repeat(18)));
        assert_eq!(Secret::new(true, "too short"), Err(SecretError));
        assert_eq!(Secret::new(true, "0123456789abcdefghijABCDEFGHI-"), Err(SecretError));
    }

    proptest! {
        #[test]
        fn one_wrong_character_is_always_found(at in 8..44_usize, to in 0..62_usize) {
            let good = Secret::new(true, RANDOM).unwrap();
            let mut text = good.reveal().as_bytes().to_vec();
            text[at] = BASE62[to];
            let text = String::from_utf8(text).unwrap();
            prop_assert_eq!(text.parse::<Secret>().is_ok(), text == good.reveal());
        }
    }

    #[test]
    fn a_key_holds_until_its_end_and_does_what_its_scope_includes() {
        let now: Instant = "2026-03-10T09:00:00Z".parse().unwrap();
        let key = |scope| ApiKey {
            id: ApiKeyId(Uuid::nil()),
            name: "billing".into(),
            shown: "bm_live_0123".into(),
            scope,
            created_at: now,
            expires_at: None,
            last_used_at: None,
            revoked_at: None,
        };
        for has in Scope::ALL {
            for needs in Scope::ALL {
                let expected = if has >= needs { Ok(()) } else { Err(Denial::ScopeMissing { has, needs }) };
                assert_eq!(key(has).check(needs, now), expected);
            }
        }
        let ends = ApiKey { expires_at: Some(now), ..key(Scope::Manage) };
        assert_eq!(ends.check(Scope::Read, now), Err(Denial::NoKey));
        assert_eq!(ends.check(Scope::Read, now - chrono::TimeDelta::microseconds(1)), Ok(()));
        assert_eq!(ApiKey { revoked_at: Some(now), ..key(Scope::Read) }.check(Scope::Read, now), Err(Denial::NoKey));
    }
}
