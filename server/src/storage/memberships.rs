//! `members`: users' memberships in organizations.
//!
//! All functions return [`StorageError`](super::StorageError) if the database fails.

use brightmeter::{
    access::role::Role,
    billing::license::License,
    ids::{MemberId, OrgId, UserId},
    time::Instant,
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Result, accounts, decode,
    organizations::{self, Organization},
};

/// A user's membership in an organization.
#[derive(Clone, Debug)]
pub struct Membership {
    /// The membership's id.
    pub id: MemberId,
    /// The user's display name.
    pub person: String,
    /// Whether the user is staff.
    pub is_staff: bool,
    /// The user's role.
    pub role: Role,
    /// The organization.
    pub organization: Organization,
    /// The organization's plan. `None` if the transaction doesn't see its account.
    pub plan: Option<String>,
    /// The organization's license. `None` if the transaction doesn't see its account.
    pub license: Option<License>,
}

/// A member's id and display name.
#[derive(Clone, Debug)]
pub struct Member {
    /// The membership's id.
    pub id: MemberId,
    /// The user's display name.
    pub display_name: String,
}

/// Inserts a membership.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn insert(
    conn: &mut PgConnection,
    org: OrgId,
    id: MemberId,
    user: UserId,
    role: Role,
    now: Instant,
) -> Result<()> {
    sqlx::query!(
        "insert into members (org_id, id, user_id, role, created_at) values ($1, $2, $3, $4, $5)",
        org.0,
        id.0,
        user.0,
        role.as_str(),
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Returns the memberships of a user, oldest organization first. Needs a transaction from
/// [`begin_for_user`](super::tenant::begin_for_user) or [`begin_for_member`](super::tenant::begin_for_member).
#[tracing::instrument(level = "trace", skip_all)]
pub async fn list_of(conn: &mut PgConnection, user: UserId) -> Result<Vec<Membership>> {
    let rows = sqlx::query!(
        r#"select m.id, m.role, u.display_name, u.is_staff, o.id as org_id, o.slug, o.name, o.time_zone, a.plan as "plan?",
             a.license_state as "license_state?", a.license_since
         from members m join users u on u.id = m.user_id join organizations o on o.id = m.org_id
             left join ai_token_accounts a on a.org_id = m.org_id
         where m.user_id = $1 order by m.org_id"#,
        user.0
    )
    .fetch_all(conn)
    .await?;
    let memberships = rows.into_iter().map(|row| {
        let license = |state: String| {
            accounts::license("ai_token_accounts", "license_state", row.org_id, &state, row.license_since)
        };
        let license = row.license_state.map(license).transpose()?;
        let organization =
            organizations::Row { id: row.org_id, slug: row.slug, name: row.name, time_zone: row.time_zone }.decode()?;
        let (id, person, role, plan) =
            (MemberId(row.id), row.display_name, decode("members", "role", row.id, row.role)?, row.plan);
        Ok(Membership { id, person, is_staff: row.is_staff, role, organization, plan, license })
    });
    memberships.collect()
}

/// Returns the members in `named` that exist, each an organization and a member.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn list_named(conn: &mut PgConnection, named: &[(Uuid, Uuid)]) -> Result<Vec<(OrgId, MemberId)>> {
    let (orgs, ids): (Vec<Uuid>, Vec<Uuid>) = named.iter().copied().unzip();
    let rows = sqlx::query!(
        "select m.org_id, m.id from unnest($1::uuid[], $2::uuid[]) n(org_id, id)
             join members m on m.org_id = n.org_id and m.id = n.id",
        &orgs,
        &ids
    );
    Ok(rows.fetch_all(conn).await?.into_iter().map(|row| (OrgId(row.org_id), MemberId(row.id))).collect())
}

/// Returns the members of an organization, by display name.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn list_in(conn: &mut PgConnection, org: OrgId) -> Result<Vec<Member>> {
    let rows = sqlx::query!(
        "select m.id, u.display_name from members m join users u on u.id = m.user_id
         where m.org_id = $1 order by u.display_name",
        org.0
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| Member { id: MemberId(row.id), display_name: row.display_name }).collect())
}
