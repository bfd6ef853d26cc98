//! `organizations` and `members`.

use brightmeter::{
    ids::{MemberId, OrgId, UserId},
    time::Instant,
};
use sqlx::PgConnection;
use uuid::Uuid;

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

/// A person's membership in one organization.
#[derive(Clone, Debug)]
pub struct Membership {
    /// The organization.
    pub org: OrgId,
    /// The membership.
    pub member: MemberId,
    /// `owner`, `admin` or `member`.
    pub role: String,
}

/// A member, with the name that people read.
#[derive(Clone, Debug)]
pub struct Member {
    /// The membership.
    pub id: MemberId,
    /// The person's name.
    pub display_name: String,
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

/// Inserts a membership.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn insert_member(conn: &mut PgConnection, membership: &Membership, user: UserId, now: Instant) -> Result<()> {
    sqlx::query!(
        "insert into members (org_id, id, user_id, role, created_at) values ($1, $2, $3, $4, $5)",
        membership.org.0,
        membership.member.0,
        user.0,
        membership.role,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The organizations that the transaction sees, by name.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn list(conn: &mut PgConnection, orgs: &[Uuid]) -> Result<Vec<Organization>> {
    let rows =
        sqlx::query!("select id, slug, name, time_zone from organizations where id = any($1) order by name", orgs)
            .fetch_all(conn)
            .await?;
    let organizations = rows.into_iter().map(|row| Organization {
        id: OrgId(row.id),
        slug: row.slug,
        name: row.name,
        time_zone: row.time_zone,
    });
    Ok(organizations.collect())
}

/// The memberships of a person. Needs a transaction from [`begin_as`](super::tenant::begin_as).
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn list_memberships(conn: &mut PgConnection, user: UserId) -> Result<Vec<Membership>> {
    let rows = sqlx::query!("select org_id, id, role from members where user_id = $1 order by org_id", user.0)
        .fetch_all(conn)
        .await?;
    let memberships =
        rows.into_iter().map(|row| Membership { org: OrgId(row.org_id), member: MemberId(row.id), role: row.role });
    Ok(memberships.collect())
}

/// The members of an organization, by name.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn list_members(conn: &mut PgConnection, org: OrgId) -> Result<Vec<Member>> {
    let rows = sqlx::query!(
        "select m.id, u.display_name from members m join users u on u.id = m.user_id
         where m.org_id = $1 order by u.display_name",
        org.0
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| Member { id: MemberId(row.id), display_name: row.display_name }).collect())
}
