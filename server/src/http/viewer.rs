//! The viewer of a request: a member of an organization, or staff.
//!
//! All queries return [`StorageError`](crate::storage::StorageError) if the database fails.

use std::sync::Arc;

use app::{
    backend::{SignedIn, StaffMember},
    views::{OrgRef, Viewer, notice::BannerView},
};
use brightmeter::{
    access::role::Action,
    billing::license::{License, SuspensionCause},
    catalog::Catalog,
    ids::{MemberId, OrgId, UserId},
    time_zone::TimeZone,
};
use sqlx::PgPool;

use super::backend::license::banner;
use crate::{
    clock::Clock,
    service::{
        Result,
        memberships::{self, Membership, Organization},
        plans::BillingFacts,
    },
};

/// The role in which a user is signed in.
#[derive(Clone, Debug)]
pub enum ViewerIdentity {
    /// A member of an organization, who may also be staff.
    Member(Box<SignedIn>, Option<StaffMember>),
    /// Staff without an organization.
    Staff(StaffMember),
}

impl ViewerIdentity {
    /// The path of the viewer's start page.
    pub const fn home(&self) -> &'static str {
        match self {
            Self::Member(..) => "/dashboard",
            Self::Staff(_) => "/admin",
        }
    }

    /// Returns the viewer as staff, or `None` if the viewer isn't staff.
    pub const fn staff(&self) -> Option<&StaffMember> {
        match self {
            Self::Member(_, staff) => staff.as_ref(),
            Self::Staff(staff) => Some(staff),
        }
    }
}

/// Finds the viewer of a session.
#[derive(Clone)]
pub struct Viewers {
    /// Connections with the application's database role.
    pub pool: PgPool,
    /// The catalog, for plan labels and the ladder.
    pub catalog: Arc<Catalog>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Whether this server shows demo data.
    pub demo: bool,
}

impl Viewers {
    /// Returns the user as a member, if a membership is given, otherwise as staff. Returns `None` if the membership or
    /// the staff role has ended. Takes one query.
    pub async fn find(&self, user: UserId, membership: Option<(OrgId, MemberId)>) -> Result<Option<ViewerIdentity>> {
        match membership {
            Some((org, member)) => self.find_member(user, org, member).await,
            None => self.find_staff(user).await,
        }
    }

    async fn find_staff(&self, user: UserId) -> Result<Option<ViewerIdentity>> {
        let name = memberships::find_staff_name(&self.pool, user).await?;
        Ok(name.map(|name| ViewerIdentity::Staff(StaffMember { user, name, org: None, demo: self.demo })))
    }

    /// Finds a member, together with the data that the frame of every page shows.
    async fn find_member(&self, user: UserId, org: OrgId, member: MemberId) -> Result<Option<ViewerIdentity>> {
        let memberships = memberships::list_for_member(&self.pool, user, org).await?;
        let (mine, others): (Vec<Membership>, Vec<Membership>) =
            memberships.into_iter().partition(|membership| membership.organization.id == org);
        let Some(mine) = mine.into_iter().find(|membership| membership.id == member) else { return Ok(None) };
        let zone = mine.organization.time_zone;
        let banner = self.banner(&mine, zone).await?;
        let plan = mine.plan.unwrap_or_default();
        let label = self.catalog.plans.iter().find(|spec| spec.name.as_str() == plan).map(|spec| spec.label.clone());
        let mut others: Vec<OrgRef> = others.into_iter().map(|membership| org_ref(membership.organization)).collect();
        others.sort_by(|a, b| a.name.cmp(&b.name));
        let staff = mine.is_staff.then(|| StaffMember {
            user,
            name: mine.person.clone(),
            org: Some(mine.organization.name.clone()),
            demo: self.demo,
        });
        let who = SignedIn {
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
                banner,
                time_zone: zone.to_string(),
                staff: staff.is_some(),
                demo: self.demo,
            },
        };
        Ok(Some(ViewerIdentity::Member(Box::new(who), staff)))
    }
}

impl Viewers {
    /// Returns the banner of every page. Only an overdue payment takes another query, for the invoice.
    async fn banner(&self, mine: &Membership, zone: TimeZone) -> Result<Option<BannerView>> {
        let Some(license) = mine.license else { return Ok(None) };
        let (now, org) = (self.clock.now(), mine.organization.id);
        let is_overdue =
            matches!(license, License::Grace { .. } | License::Suspended { cause: SuspensionCause::NonPayment, .. });
        let facts = if is_overdue { BillingFacts::load(&self.pool, org).await? } else { BillingFacts::default() };
        let due = facts.standing(&self.catalog, now).due;
        let text = banner(license, due, &self.catalog.ladder, (zone, now));
        let may_pay = is_overdue && mine.role.permits(Action::OpenCustomerPortal);
        let pay_url = due.and_then(|invoice| invoice.url.clone()).filter(|_| may_pay);
        Ok(text.map(|text| BannerView { text, pay_url }))
    }
}

fn org_ref(organization: Organization) -> OrgRef {
    OrgRef { slug: organization.slug, name: organization.name }
}
