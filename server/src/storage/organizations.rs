//! `organizations`.

use brightmeter::{ids::OrgId, time::Instant};
use sqlx::PgConnection;

use super::Result;

/// An organization.
#[derive(Clone, Debug)]
pub struct Organization {
    /// Its id.
    pub id: OrgId,
    /// Its name in addresses.
    pub slug: String,
    /// What people read.
    pub name: String,
    /// The IANA name of the time zone that its people read times in.
    pub time_zone: String,
}

/// The organization of that name in addresses, whichever it is: for the command line.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn find_named(conn: &mut PgConnection, slug: &str) -> Result<Option<OrgId>> {
    sqlx::query!("select set_config('app.org_slug', $1, true)", slug).fetch_one(&mut *conn).await?;
    let found = sqlx::query_scalar!("select id from organizations where slug = $1", slug).fetch_optional(conn).await?;
    Ok(found.map(OrgId))
}

/// The name of `org`.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn find_name(conn: &mut PgConnection, org: OrgId) -> Result<Option<String>> {
    Ok(sqlx::query_scalar!("select name from organizations where id = $1", org.0).fetch_optional(conn).await?)
}

/// Inserts an organization.
///
/// # Errors
/// [`StorageError`](super::StorageError); a slug that is taken violates `organizations_slug_key`.
pub async fn insert(conn: &mut PgConnection, org: &Organization, now: Instant) -> Result<()> {
    sqlx::query!(
        "insert into organizations (id, slug, name, time_zone, created_at) values ($1, $2, $3, $4, $5)",
        org.id.0,
        org.slug,
        org.name,
        org.time_zone,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}
