//! Passwords: hashed with argon2id on blocking threads, with limited concurrency.

use std::{error::Error, sync::Arc};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use tokio::sync::Semaphore;

/// Why a password could not be hashed or verified.
#[derive(Debug, thiserror::Error)]
#[error("password hashing failed")]
pub struct PasswordError(#[source] Box<dyn Error + Send + Sync>);

impl PasswordError {
    fn new(source: impl Error + Send + Sync + 'static) -> Self {
        Self(Box::new(source))
    }
}

/// Hashes and verifies passwords: 19 MiB, two passes, one lane, as OWASP's password storage cheat sheet recommends.
#[derive(Clone, Debug)]
pub struct Passwords {
    permits: Arc<Semaphore>,
    /// Verified against if there is no user, so that the response takes the same time.
    dummy_hash: Arc<str>,
}

impl Passwords {
    /// Allows `max_concurrent` hashes at a time: each takes 19 MiB and a core.
    pub fn new(max_concurrent: usize) -> Result<Self, PasswordError> {
        let dummy_hash = hash_blocking("no account has this password")?;
        Ok(Self { permits: Arc::new(Semaphore::new(max_concurrent)), dummy_hash: dummy_hash.into() })
    }

    /// Hashes a password. Returns the hash in PHC format.
    pub async fn hash(&self, password: &str) -> Result<String, PasswordError> {
        let password = password.to_owned();
        self.run_blocking(move || hash_blocking(&password)).await?
    }

    /// Returns whether `password` matches `hash`. Without a hash, takes as long and returns false.
    pub async fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool, PasswordError> {
        let (password, has_hash) = (password.to_owned(), hash.is_some());
        let hash: String = hash.unwrap_or(&self.dummy_hash).into();
        let matches = self
            .run_blocking(move || {
                let hash = PasswordHash::new(&hash).map_err(PasswordError::new)?;
                Ok::<_, PasswordError>(argon2()?.verify_password(password.as_bytes(), &hash).is_ok())
            })
            .await??;
        Ok(has_hash && matches)
    }

    async fn run_blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PasswordError> {
        let _permit = self.permits.acquire().await.map_err(PasswordError::new)?;
        tokio::task::spawn_blocking(work).await.map_err(PasswordError::new)
    }
}

fn argon2() -> Result<Argon2<'static>, PasswordError> {
    let params = Params::new(19 * 1024, 2, 1, None).map_err(PasswordError::new)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash_blocking(password: &str) -> Result<String, PasswordError> {
    let hash = argon2()?.hash_password(password.as_bytes()).map_err(PasswordError::new)?;
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_matches() {
        let passwords = Passwords::new(1).unwrap();
        let hash = passwords.hash("correct horse").await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(passwords.verify("correct horse", Some(&hash)).await.unwrap());
        assert!(!passwords.verify("correct horsf", Some(&hash)).await.unwrap());
    }

    #[tokio::test]
    async fn no_password_matches_without_a_hash() {
        let passwords = Passwords::new(1).unwrap();
        assert!(!passwords.verify("no account has this password", None).await.unwrap());
    }
}
