//! `/admin/organizations`: staff look for an organization, and at its license.

use app::views::admin::{LicenseStepView, OrganizationPageView, OrganizationView, OrganizationsView};
use brightmeter::{
    billing::license::{License, Restriction},
    ids::OrgId,
};
use chrono_tz::Tz;

use super::{AppBackend, BackendError, Wording, license::told};
use crate::storage::{
    account_reads::Requester,
    licenses::{self, Logged},
    organizations::{self, Found},
};

/// How many organizations the list has.
const PAGE_SIZE: i64 = 50;
/// How many steps of a license the page lists.
const MAX_STEPS: i64 = 50;
/// How much of what was typed is looked for: no name is longer.
const MAX_QUERY_CHARS: usize = 100;

pub(super) async fn list(backend: &AppBackend, asked: &str) -> Result<OrganizationsView, BackendError> {
    // A database takes not every character.
    let asked: String = asked.trim().chars().filter(|letter| !letter.is_control()).take(MAX_QUERY_CHARS).collect();
    let mut found = backend.staff.find_organizations(&asked, PAGE_SIZE + 1).await?;
    let more = i64::try_from(found.len()).is_ok_and(|found| found > PAGE_SIZE);
    found.truncate(PAGE_SIZE as usize);
    let organizations = found.into_iter().map(|found| view(backend, found)).collect();
    Ok(OrganizationsView { asked, organizations, more })
}

pub(super) async fn one(backend: &AppBackend, id: &str) -> Result<OrganizationPageView, BackendError> {
    let org: OrgId = id.parse().map_err(|_| BackendError::NotFound)?;
    let wording = Wording { zone: Tz::UTC, now: backend.reader.clock.now() };
    let (look, mut tx) = backend.reader.open(org, &Requester::default()).await?;
    let organization = organizations::find(&mut tx, org).await?.ok_or(BackendError::NotFound)?;
    let steps = licenses::list(&mut tx, org, MAX_STEPS).await?;
    let terms = look.account.terms;
    let (license, plan) = (terms.license, terms.plan);
    let found = Found { id: org, slug: organization.slug, name: organization.name, plan, license };
    Ok(OrganizationPageView {
        organization: view(backend, found),
        since: license.since().map(|at| wording.when(at)),
        suspended: matches!(license, License::Stopped { .. }),
        history: steps.into_iter().map(|logged| step(logged, wording)).collect(),
        key: backend.reader.clock.new_id().to_string(),
    })
}

fn view(backend: &AppBackend, found: Found) -> OrganizationView {
    let Found { id, slug, name, plan, license } = found;
    let catalog = &backend.reader.catalog;
    let label = catalog.plan(&plan).map_or_else(|| plan.to_string(), |plan| plan.label.clone());
    let off = license.off(&catalog.ladder, backend.reader.clock.now());
    let active = license == License::Active;
    OrganizationView { id: id.to_string(), slug, name, plan: label, license: in_words(license, off).into(), active }
}

fn step(logged: Logged, wording: Wording) -> LicenseStepView {
    let Logged { step, person } = logged;
    let (at, what) = (wording.when(step.at), told(&step));
    let by = step.by.map(|by| (person.unwrap_or_else(|| by.user.to_string()), by.reason.into()));
    LicenseStepView { at, what, by }
}

/// How a license stands, in a few words.
const fn in_words(license: License, off: Restriction) -> &'static str {
    match (license, off) {
        (License::Active, _) => "Active",
        (License::Grace { .. }, Restriction::None) => "In grace: everything is on",
        (License::Grace { .. }, Restriction::Premium) => "In grace: premium features are off",
        (License::Grace { .. }, Restriction::Allowance) => "In grace: the allowance is off",
        (License::Grace { .. }, Restriction::Ai) | (License::Suspended { .. }, _) => "Suspended: an invoice is unpaid",
        (License::Stopped { .. }, _) => "Suspended by staff",
        (License::Canceled { .. }, _) => "Canceled: the subscription has ended",
    }
}
