//! Who is looking: a person, in one of the organizations that the person belongs to.

use std::sync::Arc;

use app::{
    backend::SignedIn,
    views::{OrgRef, Viewer},
};
use brightmeter::{
    catalog::Catalog,
    ids::{MemberId, OrgId, UserId},
};
use sqlx::PgPool;

use super::portal::license::banner;
use crate::{
    clock::Clock,
    storage::{Result, memberships, memberships::Membership, organizations::Organization, tenant},
};

/// Knows who is looking.
#[derive(Clone)]
pub struct Visitors {
    /// As the application's role.
    pub pool: PgPool,
    /// What plans are called.
    pub catalog: Arc<Catalog>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Whether this server shows demo data.
    pub demo: bool,
}

impl Visitors {
    /// The person with that membership, and what the frame of every page shows; nothing once the membership has ended. One
    /// statement, whatever is asked for afterwards.
    ///
    /// # Errors
    /// [`StorageError`](crate::storage::StorageError).
    pub async fn find(&self, user: UserId, org: OrgId, member: MemberId) -> Result<Option<SignedIn>> {
        let mut tx = tenant::begin_visit(&self.pool, user, org).await?;
        let memberships = memberships::list_of(&mut tx, user).await?;
        let (mine, others): (Vec<Membership>, Vec<Membership>) =
            memberships.into_iter().partition(|membership| membership.organization.id == org);
        let Some(mine) = mine.into_iter().find(|membership| membership.id == member) else { return Ok(None) };
        let zone = app::when::zone(&mine.organization.time_zone);
        let license = mine.license.and_then(|it| banner(it, &self.catalog.ladder, zone, self.clock.now()));
        let plan = mine.plan.unwrap_or_default();
        let label = self.catalog.plans.iter().find(|spec| spec.name.as_str() == plan).map(|spec| spec.label.clone());
        let mut others: Vec<OrgRef> = others.into_iter().map(|membership| org_ref(membership.organization)).collect();
        others.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Some(SignedIn {
            user,
            org,
            member,
            zone,
            viewer: Viewer {
                name: mine.person,
                role: mine.role,
                plan: label.unwrap_or(plan),
                org: org_ref(mine.organization),
                others,
                license,
                demo: self.demo,
            },
        }))
    }

    /// The person's membership in the organization of that name; another's organization is like one that does not exist.
    ///
    /// # Errors
    /// [`StorageError`](crate::storage::StorageError).
    pub async fn find_by_slug(&self, user: UserId, slug: &str) -> Result<Option<Membership>> {
        let mut tx = tenant::begin_as(&self.pool, user).await?;
        let memberships = memberships::list_of(&mut tx, user).await?;
        Ok(memberships.into_iter().find(|membership| membership.organization.slug == slug))
    }
}

fn org_ref(organization: Organization) -> OrgRef {
    OrgRef { slug: organization.slug, name: organization.name }
}
