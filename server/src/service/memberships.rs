//! Memberships of users in organizations, and who is staff.
//!
//! All functions return [`StorageError`](crate::storage::StorageError) if the database fails.

use brightmeter::ids::{OrgId, UserId};
use sqlx::PgPool;

use crate::storage::{Result, memberships, organizations, tenant, users};
pub use crate::storage::{memberships::Membership, organizations::Organization};

/// Returns the organization with this slug, or `None` if there is none.
pub async fn find_org(pool: &PgPool, slug: &str) -> Result<Option<OrgId>> {
    organizations::find_by_slug(&mut *pool.begin().await?, slug).await
}

/// Returns the display name of a user who is staff, or `None` for anyone else.
pub async fn find_staff_name(pool: &PgPool, user: UserId) -> Result<Option<String>> {
    users::find_staff(&mut *tenant::begin_for_user(pool, user).await?, user).await
}

/// Returns the memberships of a user; of `org`, with its plan and license.
pub async fn list_for_member(pool: &PgPool, user: UserId, org: OrgId) -> Result<Vec<Membership>> {
    memberships::list_of(&mut *tenant::begin_for_member(pool, user, org).await?, user).await
}

/// Returns the user's membership in the organization with this slug. `None` for another's organization, as for an
/// unknown slug.
pub async fn find_by_slug(pool: &PgPool, user: UserId, slug: &str) -> Result<Option<Membership>> {
    let memberships = memberships::list_of(&mut *tenant::begin_for_user(pool, user).await?, user).await?;
    Ok(memberships.into_iter().find(|membership| membership.organization.slug == slug))
}
