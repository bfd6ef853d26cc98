//! Who is looking: a person, in one of the organizations that the person belongs to, or as staff.

use std::sync::Arc;

use app::{
    backend::{SignedIn, StaffMember},
    views::{OrgRef, Viewer},
};
use brightmeter::{
    catalog::Catalog,
    ids::{MemberId, OrgId, UserId},
};
use sqlx::PgPool;

use super::backend::license::banner;
use crate::{
    clock::Clock,
    storage::{
        Result,
        memberships::{self, Membership},
        organizations::Organization,
        tenant, users,
    },
};

/// As what a person looks.
#[derive(Clone, Debug)]
pub enum ViewerIdentity {
    /// As a member of an organization, who may be staff besides.
    Member(Box<SignedIn>, Option<StaffMember>),
    /// As staff.
    Staff(StaffMember),
}

impl ViewerIdentity {
    /// Where the person starts.
    pub const fn home(&self) -> &'static str {
        match self {
            Self::Member(..) => "/dashboard",
            Self::Staff(_) => "/admin",
        }
    }

    /// The person as staff.
    pub const fn staff(&self) -> Option<&StaffMember> {
        match self {
            Self::Member(_, staff) => staff.as_ref(),
            Self::Staff(staff) => Some(staff),
        }
    }
}

/// Knows who is looking.
#[derive(Clone)]
pub struct Viewers {
    /// As the application's role.
    pub pool: PgPool,
    /// What plans are called.
    pub catalog: Arc<Catalog>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Whether this server shows demo data.
    pub demo: bool,
}

impl Viewers {
    /// The person in that seat, an organization and a membership in it, or without one as staff; nothing once that has ended. One
    /// statement, whatever is asked for afterwards.
    ///
    /// # Errors
    /// [`StorageError`](crate::storage::StorageError).
    pub async fn find(&self, user: UserId, seat: Option<(OrgId, MemberId)>) -> Result<Option<ViewerIdentity>> {
        match seat {
            Some((org, member)) => self.find_member(user, org, member).await,
            None => self.find_staff(user).await,
        }
    }

    async fn find_staff(&self, user: UserId) -> Result<Option<ViewerIdentity>> {
        let mut conn = self.pool.acquire().await?;
        let name = users::find_staff(&mut conn, user).await?;
        Ok(name.map(|name| ViewerIdentity::Staff(StaffMember { user, name, org: None, demo: self.demo })))
    }

    /// With what the frame of every page shows.
    async fn find_member(&self, user: UserId, org: OrgId, member: MemberId) -> Result<Option<ViewerIdentity>> {
        let mut tx = tenant::begin_visit(&self.pool, user, org).await?;
        let memberships = memberships::list_of(&mut tx, user).await?;
        let (mine, others): (Vec<Membership>, Vec<Membership>) =
            memberships.into_iter().partition(|membership| membership.organization.id == org);
        let Some(mine) = mine.into_iter().find(|membership| membership.id == member) else { return Ok(None) };
        let zone = app::instant_text::zone(&mine.organization.time_zone);
        let license = mine.license.and_then(|it| banner(it, &self.catalog.ladder, zone, self.clock.now()));
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
                license,
                staff: staff.is_some(),
                demo: self.demo,
            },
        };
        Ok(Some(ViewerIdentity::Member(Box::new(who), staff)))
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
