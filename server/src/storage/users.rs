//! `users`: people.

use brightmeter::{ids::UserId, time::Instant};
use sqlx::PgConnection;

use super::Result;

/// A person who can sign in.
#[derive(Clone)]
pub struct User {
    /// The person's id.
    pub id: UserId,
    /// What others read.
    pub display_name: String,
    /// In PHC format.
    pub password_hash: String,
    /// Whether the person runs Brightmeter.
    pub is_staff: bool,
}

/// A person to be.
pub struct NewUser<'a> {
    /// The person's id.
    pub id: UserId,
    /// In lower case.
    pub email: &'a str,
    /// What others read.
    pub display_name: &'a str,
    /// In PHC format.
    pub password_hash: &'a str,
    /// Whether the person runs Brightmeter.
    pub is_staff: bool,
}

/// Inserts a person.
///
/// # Errors
/// [`StorageError`](super::StorageError); an email that is taken violates `users_email_key`.
pub async fn insert(conn: &mut PgConnection, user: &NewUser<'_>, now: Instant) -> Result<()> {
    sqlx::query!(
        "insert into users (id, email, display_name, password_hash, is_staff, created_at) values ($1, $2, $3, $4, $5, $6)",
        user.id.0,
        user.email,
        user.display_name,
        user.password_hash,
        user.is_staff,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The person with that email, in lower case.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn find_by_email(conn: &mut PgConnection, email: &str) -> Result<Option<User>> {
    let row = sqlx::query!("select id, display_name, password_hash, is_staff from users where email = $1", email)
        .fetch_optional(conn)
        .await?;
    Ok(row.map(|row| User {
        id: UserId(row.id),
        display_name: row.display_name,
        password_hash: row.password_hash,
        is_staff: row.is_staff,
    }))
}

/// The password hash of a person, in PHC format.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn find_password_hash(conn: &mut PgConnection, id: UserId) -> Result<Option<String>> {
    Ok(sqlx::query_scalar!("select password_hash from users where id = $1", id.0).fetch_optional(conn).await?)
}

/// The email of a person.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn find_email(conn: &mut PgConnection, id: UserId) -> Result<Option<String>> {
    Ok(sqlx::query_scalar!("select email from users where id = $1", id.0).fetch_optional(conn).await?)
}

/// The name of a person who is staff; nothing for whoever is not, or no more.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn find_staff(conn: &mut PgConnection, id: UserId) -> Result<Option<String>> {
    let name = sqlx::query_scalar!("select display_name from users where id = $1 and is_staff", id.0);
    Ok(name.fetch_optional(conn).await?)
}

/// Gives a person another password, if the hash is still the one that was checked. Needs a transaction from
/// [`begin_as`](super::tenant::begin_as).
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn set_password_hash(conn: &mut PgConnection, id: UserId, from: &str, to: &str) -> Result<bool> {
    let done = sqlx::query!("update users set password_hash = $3 where id = $1 and password_hash = $2", id.0, from, to);
    Ok(done.execute(conn).await?.rows_affected() == 1)
}
