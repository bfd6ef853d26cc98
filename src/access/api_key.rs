//! API keys: the format of their secrets, their scopes, and the check of a request.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{ids::ApiKeyId, time::Instant};

/// The number of random characters in a secret: 30 characters of base 62 are 178 bits.
pub const SECRET_CHARS: usize = 30;
/// The number of checksum characters: 6 characters of base 62 fit 32 bits.
const CHECKSUM_CHARS: usize = 6;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The permission of an API key. Each scope includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Read balances, the ledger and statistics.
    Read,
    /// Also spend, hold and refund.
    Spend,
    /// Full access.
    Manage,
}

/// The error for an unknown scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a scope is read, spend or manage")]
pub struct ScopeError;

impl Scope {
    /// All scopes, weakest first.
    pub const ALL: [Self; 3] = [Self::Read, Self::Spend, Self::Manage];

    /// The name in the database and the API.
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

/// The secret of an API key: `bm_live_` or `bm_test_`, [`SECRET_CHARS`] random characters, and a checksum.
///
/// The checksum is the CRC-32 of everything before it, in base 62. It rejects a mistyped secret without a database
/// query.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// The error for a text that is not a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not an API key: an API key starts with bm_live_ or bm_test_ and has 44 characters")]
pub struct SecretError;

impl Secret {
    /// Builds a secret from `random`: [`SECRET_CHARS`] letters and digits from a secure random source.
    ///
    /// # Errors
    /// [`SecretError`] if `random` has another length or other characters.
    pub fn new(live: bool, random: &str) -> Result<Self, SecretError> {
        if random.len() != SECRET_CHARS {
            return Err(SecretError);
        }
        let start = format!("{}{random}", if live { "bm_live_" } else { "bm_test_" });
        format!("{start}{}", checksum(&start)).parse()
    }

    /// Returns the secret in plain text, to be shown once.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Returns the prefix that identifies the API key afterwards: `bm_live_Ab3d`.
    pub fn shown(&self) -> &str {
        &self.0[..12]
    }

    /// Returns the SHA-256 that is stored. With 178 random bits, a slow password hash is not needed.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }
}

impl FromStr for Secret {
    type Err = SecretError;

    fn from_str(text: &str) -> Result<Self, SecretError> {
        let rest = text.strip_prefix("bm_live_").or_else(|| text.strip_prefix("bm_test_")).ok_or(SecretError)?;
        let well_formed =
            rest.len() == SECRET_CHARS + CHECKSUM_CHARS && rest.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let (start, sum) = text.split_at_checked(text.len().saturating_sub(CHECKSUM_CHARS)).ok_or(SecretError)?;
        if well_formed && checksum(start) == sum { Ok(Self(text.into())) } else { Err(SecretError) }
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

/// An API key, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// The API key's id.
    pub id: ApiKeyId,
    /// The name that its creator chose.
    pub name: String,
    /// The first characters of its secret.
    pub shown: String,
    /// Its permission.
    pub scope: Scope,
    /// When it was created.
    pub created_at: Instant,
    /// When it expires. `None`: never.
    pub expires_at: Option<Instant>,
    /// When it was last used, to the minute; `None` if never.
    pub last_used_at: Option<Instant>,
    /// When it was revoked; `None` if it is valid.
    pub revoked_at: Option<Instant>,
}

/// The reason why a credential does not allow a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// The API key is unknown, revoked or expired.
    #[error("This API key is unknown, revoked or expired.")]
    InvalidKey,
    /// The API key's scope does not include the request.
    #[error("This API key has the scope {has}; this request needs {needs}.")]
    ScopeMissing {
        /// The API key's scope.
        has: Scope,
        /// The required scope.
        needs: Scope,
    },
    /// In a browser session, the request is limited to owners and admins.
    #[error("In a browser session, only an owner or admin can do this.")]
    ManagersOnly,
    /// The API key names a member who is not in the organization.
    #[error("This organization has no such member.")]
    UnknownMember,
}

impl ApiKey {
    /// Checks that the API key is valid at `now` and that its scope includes `needs`.
    ///
    /// # Errors
    /// [`Denial::InvalidKey`] if it is revoked or expired, [`Denial::ScopeMissing`] if its scope is too small.
    pub fn check(&self, needs: Scope, now: Instant) -> Result<(), Denial> {
        if self.revoked_at.is_some() || self.expires_at.is_some_and(|at| at <= now) {
            return Err(Denial::InvalidKey);
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
    fn a_secret_carries_its_checksum_and_debug_output_hides_the_rest() {
        let secret = Secret::new(true, RANDOM).unwrap();
        assert_eq!(secret.reveal(), "bm_live_0123456789abcdefghijABCDEFGHIJ1imR27");
        assert_eq!(secret.reveal().parse(), Ok(secret.clone()));
        assert_eq!(secret.shown(), "bm_live_0123");
        assert_eq!(format!("{secret:?}"), "Secret(bm_live_0123…)");
        assert_ne!(secret.hash(), Secret::new(false, RANDOM).unwrap().hash());
    }

    #[test]
    fn a_malformed_secret_is_rejected() {
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
        fn one_wrong_character_is_always_detected(at in 8..44_usize, to in 0..62_usize) {
            let good = Secret::new(true, RANDOM).unwrap();
            let mut text = good.reveal().as_bytes().to_vec();
            text[at] = BASE62[to];
            let text = String::from_utf8(text).unwrap();
            prop_assert_eq!(text.parse::<Secret>().is_ok(), text == good.reveal());
        }
    }

    #[test]
    fn an_api_key_is_valid_until_it_expires_and_allows_what_its_scope_includes() {
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
        assert_eq!(ends.check(Scope::Read, now), Err(Denial::InvalidKey));
        assert_eq!(ends.check(Scope::Read, now - chrono::TimeDelta::microseconds(1)), Ok(()));
        assert_eq!(
            ApiKey { revoked_at: Some(now), ..key(Scope::Read) }.check(Scope::Read, now),
            Err(Denial::InvalidKey)
        );
    }
}
