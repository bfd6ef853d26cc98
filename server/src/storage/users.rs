//! `users`: people who sign in.
//!
//! All functions return [`StorageError`](super::StorageError) if the database fails.

use brightmeter::{ids::UserId, time::Instant};
use sqlx::PgConnection;

use super::Result;

/// A user.
#[derive(Clone)]
pub struct User {
    /// The user's id.
    pub id: UserId,
    /// The display name.
    pub display_name: String,
    /// The password hash, in PHC format.
    pub password_hash: String,
    /// Whether the user is staff.
    pub is_staff: bool,
}

/// A user to insert.
pub struct NewUser<'a> {
    /// The user's id.
    pub id: UserId,
    /// The email, in lower case.
    pub email: &'a str,
    /// The display name.
    pub display_name: &'a str,
    /// The password hash, in PHC format.
    pub password_hash: &'a str,
}

/// Inserts a user who isn't staff.
///
/// # Errors
/// An email that is taken violates `users_email_key`.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn insert(conn: &mut PgConnection, user: &NewUser<'_>, now: Instant) -> Result<()> {
    sqlx::query!(
        "insert into users (id, email, display_name, password_hash, created_at) values ($1, $2, $3, $4, $5)",
        user.id.0,
        user.email,
        user.display_name,
        user.password_hash,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Inserts a staff user. Only the owner of the schema may.
///
/// # Errors
/// An email that is taken violates `users_email_key`.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn insert_staff(owner: &mut PgConnection, user: &NewUser<'_>, now: Instant) -> Result<()> {
    sqlx::query!(
        "insert into users (id, email, display_name, password_hash, is_staff, created_at) values ($1, $2, $3, $4, true, $5)",
        user.id.0,
        user.email,
        user.display_name,
        user.password_hash,
        now
    )
    .execute(owner)
    .await?;
    Ok(())
}

/// Returns the user who signs in with this email, which must be in lower case.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn find_for_sign_in(conn: &mut PgConnection, email: &str) -> Result<Option<User>> {
    let row = sqlx::query!(
        r#"select id as "id!", display_name as "display_name!", password_hash as "password_hash!", is_staff as "is_staff!"
         from find_user_for_sign_in($1)"#,
        email
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| User {
        id: UserId(row.id),
        display_name: row.display_name,
        password_hash: row.password_hash,
        is_staff: row.is_staff,
    }))
}

/// Returns the id of the user with this email, which must be in lower case. Needs a transaction, and makes the user
/// visible to it.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn find_by_email(conn: &mut PgConnection, email: &str) -> Result<Option<UserId>> {
    sqlx::query!("select set_config('app.email', $1, true)", email).fetch_one(&mut *conn).await?;
    let id = sqlx::query_scalar!("select id from users where email = $1", email).fetch_optional(conn).await?;
    Ok(id.map(UserId))
}

/// Returns the password hash of a user, in PHC format.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn find_password_hash(conn: &mut PgConnection, id: UserId) -> Result<Option<String>> {
    Ok(sqlx::query_scalar!("select find_password_hash($1)", id.0).fetch_one(conn).await?)
}

/// Returns the email of a user. Needs a transaction from [`begin_for_user`](super::tenant::begin_for_user).
#[tracing::instrument(level = "trace", skip_all)]
pub async fn find_email(conn: &mut PgConnection, id: UserId) -> Result<Option<String>> {
    Ok(sqlx::query_scalar!("select email from users where id = $1", id.0).fetch_optional(conn).await?)
}

/// Returns the display name of a staff user, or `None` if the user isn't staff. Needs a transaction from
/// [`begin_for_user`](super::tenant::begin_for_user).
#[tracing::instrument(level = "trace", skip_all)]
pub async fn find_staff(conn: &mut PgConnection, id: UserId) -> Result<Option<String>> {
    let name = sqlx::query_scalar!("select display_name from users where id = $1 and is_staff", id.0);
    Ok(name.fetch_optional(conn).await?)
}

/// Replaces the password hash of a user, if it is still `from`. Returns whether it was.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn replace_password_hash(conn: &mut PgConnection, id: UserId, from: &str, to: &str) -> Result<bool> {
    let replaced = sqlx::query_scalar!(r#"select replace_password_hash($1, $2, $3) as "replaced!""#, id.0, from, to);
    Ok(replaced.fetch_one(conn).await?)
}
