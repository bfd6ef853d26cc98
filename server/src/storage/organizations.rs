//! `organizations`.

use brightmeter::{billing::license::License, ids::OrgId, names::PlanName, time::Instant};
use sqlx::PgConnection;

use super::{Result, accounts, decode};

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

/// An organization that was looked for.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its id.
    pub id: OrgId,
    /// Its name in addresses.
    pub slug: String,
    /// What people read.
    pub name: String,
    /// Its plan.
    pub plan: PlanName,
    /// Its license, as far as it is booked.
    pub license: License,
}

/// Organizations with `text` in their name or slug, in whatever case, by slug. Needs a transaction from
/// [`begin_census`](super::tenant::begin_census).
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn search(conn: &mut PgConnection, text: &str, limit: i64) -> Result<Vec<Found>> {
    let rows = sqlx::query!(
        "select o.id, o.slug, o.name, a.plan, a.license_state, a.license_since
         from organizations o join ai_token_accounts a on a.org_id = o.id
         where position(lower($1) in o.slug) > 0 or position(lower($1) in lower(o.name)) > 0
         order by o.slug limit $2",
        text,
        limit
    );
    let rows = rows.fetch_all(conn).await?.into_iter().map(|row| {
        let (plan, license) = (decode("plan", row.plan)?, accounts::license(&row.license_state, row.license_since)?);
        Ok(Found { id: OrgId(row.id), slug: row.slug, name: row.name, plan, license })
    });
    rows.collect()
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

/// The organization `org`.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn find(conn: &mut PgConnection, org: OrgId) -> Result<Option<Organization>> {
    let row = sqlx::query!("select id, slug, name, time_zone from organizations where id = $1", org.0);
    let row = row.fetch_optional(conn).await?;
    Ok(row.map(|row| Organization { id: OrgId(row.id), slug: row.slug, name: row.name, time_zone: row.time_zone }))
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
