//! The frame around every page: who is looking, and at what.

use app::{
    backend::SignedIn,
    views::{OrgRef, Viewer},
};
use brightmeter::ids::OrgId;

use super::{Portal, PortalError, Wording};
use crate::storage::{
    accounts, organizations,
    organizations::{Membership, Organization},
    tenant, users,
};

/// The frame, and how times are worded in it. A membership that has ended signs the person out.
///
/// Called before a page opens its own transaction: one request never waits for a second connection while it holds a first.
pub(super) async fn viewer(portal: &Portal, who: SignedIn) -> Result<(Viewer, Wording), PortalError> {
    let mut tx = tenant::begin_as(&portal.pool, who.user).await?;
    let (name, _) = users::find(&mut tx, who.user).await?.ok_or(PortalError::SignedOut)?;
    let memberships = organizations::list_memberships(&mut tx, who.user).await?;
    let current = |membership: &&Membership| membership.org == who.org && membership.member == who.member;
    let role = memberships.iter().find(current).ok_or(PortalError::SignedOut)?.role.clone();
    let orgs: Vec<OrgId> = memberships.iter().map(|membership| membership.org).collect();
    tenant::look_at(&mut tx, &orgs).await?;
    let organizations = organizations::list(&mut tx, &orgs.iter().map(|org| org.0).collect::<Vec<_>>()).await?;
    let account = accounts::find(&mut tx, who.org).await?.ok_or(PortalError::NotFound)?;
    let (mine, others): (Vec<Organization>, Vec<Organization>) =
        organizations.into_iter().partition(|organization| organization.id == who.org);
    let mine = mine.into_iter().next().ok_or(PortalError::NotFound)?;
    let plan = &account.terms.plan;
    let label = portal.reader.catalog.plan(plan).map_or(plan.as_str(), |plan| &plan.label);
    let wording = Wording { zone: app::when::zone(&mine.time_zone), now: portal.reader.clock.now() };
    let viewer = Viewer {
        name,
        role,
        plan: label.into(),
        org: org_ref(mine),
        others: others.into_iter().map(org_ref).collect(),
        demo: portal.demo,
    };
    Ok((viewer, wording))
}

fn org_ref(organization: Organization) -> OrgRef {
    OrgRef { slug: organization.slug, name: organization.name }
}
