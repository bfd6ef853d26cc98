//! `organizations` and `organization_slugs`.
//!
//! All functions return [`StorageError`](super::StorageError) if the database fails.

use brightmeter::{billing::license::License, ids::OrgId, names::PlanName, time::Instant, time_zone::TimeZone};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Result, accounts, decode};

const TABLE: &str = "organizations";

/// An organization.
#[derive(Clone, Debug)]
pub struct Organization {
    /// The organization's id.
    pub id: OrgId,
    /// The name in URLs.
    pub slug: String,
    /// The display name.
    pub name: String,
    /// The time zone that its days are in, and its pages show times in.
    pub time_zone: TimeZone,
}

pub(super) struct Row {
    pub(super) id: Uuid,
    pub(super) slug: String,
    pub(super) name: String,
    pub(super) time_zone: String,
}

impl Row {
    pub(super) fn decode(self) -> Result<Organization> {
        let Self { id, slug, name, time_zone } = self;
        Ok(Organization { id: OrgId(id), slug, name, time_zone: decode(TABLE, "time_zone", id, time_zone)? })
    }
}

/// An organization found by [`search`].
#[derive(Clone, Debug)]
pub struct Found {
    /// The organization's id.
    pub id: OrgId,
    /// The name in URLs.
    pub slug: String,
    /// The display name.
    pub name: String,
    /// The plan.
    pub plan: PlanName,
    /// The license as of the last license step.
    pub license: License,
}

/// Returns organizations with `text` in their name or slug, ignoring case, by slug. Needs a transaction from
/// [`begin_for_all_accounts`](super::tenant::begin_for_all_accounts).
#[tracing::instrument(level = "trace", skip_all)]
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
        let (table, id) = ("ai_token_accounts", row.id);
        let plan = decode(table, "plan", id, row.plan)?;
        let license = accounts::license(table, "license_state", id, &row.license_state, row.license_since)?;
        Ok(Found { id: OrgId(row.id), slug: row.slug, name: row.name, plan, license })
    });
    rows.collect()
}

/// Returns the organization with this slug, or `None` if the slug is unknown. Needs a transaction, but no visible
/// organization.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn find_by_slug(conn: &mut PgConnection, slug: &str) -> Result<Option<OrgId>> {
    sqlx::query!("select set_config('app.org_slug', $1, true)", slug).fetch_one(&mut *conn).await?;
    let found = sqlx::query_scalar!("select org_id from organization_slugs where slug = $1", slug);
    let found = found.fetch_optional(conn).await?;
    Ok(found.map(OrgId))
}

/// Returns the organization `org`.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn find(conn: &mut PgConnection, org: OrgId) -> Result<Option<Organization>> {
    let row = sqlx::query_as!(Row, "select id, slug, name, time_zone from organizations where id = $1", org.0);
    row.fetch_optional(conn).await?.map(Row::decode).transpose()
}

/// Returns the display name of `org`.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn find_name(conn: &mut PgConnection, org: OrgId) -> Result<Option<String>> {
    Ok(sqlx::query_scalar!("select name from organizations where id = $1", org.0).fetch_optional(conn).await?)
}

/// Inserts an organization and its slug.
///
/// # Errors
/// A slug that is taken violates `organization_slugs_pkey`.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn insert(conn: &mut PgConnection, org: &Organization, now: Instant) -> Result<()> {
    sqlx::query!(
        "insert into organizations (id, slug, name, time_zone, created_at) values ($1, $2, $3, $4, $5)",
        org.id.0,
        org.slug,
        org.name,
        org.time_zone.to_string(),
        now
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!("insert into organization_slugs (slug, org_id) values ($1, $2)", org.slug, org.id.0)
        .execute(conn)
        .await?;
    Ok(())
}
