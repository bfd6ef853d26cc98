//! `/admin/organizations`: the organization search and the license page of the staff console.

use app::views::admin::{LicenseStepView, OrganizationPageView, OrganizationView, OrganizationsView};
use brightmeter::{
    billing::license::{License, Restriction, SuspensionCause},
    ids::OrgId,
    time_zone::TimeZone,
};

use super::{AppBackend, BackendError, Wording, license::describe_step};
use crate::service::{account_reader::Requester, org_reads::Logged, staff::Found};

/// The maximum number of organizations in the list.
const PAGE_SIZE: i64 = 50;
/// The maximum number of license steps on the page.
const MAX_STEPS: i64 = 50;
/// The number of characters of the query that are used: the maximum length of a name.
const MAX_QUERY_CHARS: usize = 100;

pub(super) async fn list(backend: &AppBackend, query: &str) -> Result<OrganizationsView, BackendError> {
    // Postgres rejects some control characters.
    let query: String = query.trim().chars().filter(|letter| !letter.is_control()).take(MAX_QUERY_CHARS).collect();
    let mut found = backend.staff.find_organizations(&query, PAGE_SIZE + 1).await?;
    let more = i64::try_from(found.len()).is_ok_and(|found| found > PAGE_SIZE);
    found.truncate(PAGE_SIZE as usize);
    let organizations = found.into_iter().map(|found| view(backend, found)).collect();
    Ok(OrganizationsView { search: query, organizations, more })
}

pub(super) async fn one(backend: &AppBackend, id: &str) -> Result<OrganizationPageView, BackendError> {
    let org: OrgId = id.parse().map_err(|_| BackendError::NotFound)?;
    let wording = Wording { zone: TimeZone::UTC, now: backend.reader.clock.now() };
    let (read, mut reads) = backend.reader.open(org, &Requester::default()).await?;
    let organization = reads.organization().await?.ok_or(BackendError::NotFound)?;
    let steps = reads.license_log(MAX_STEPS).await?;
    let terms = read.account.terms;
    let (license, plan) = (terms.license, terms.plan);
    let found = Found { id: org, slug: organization.slug, name: organization.name, plan, license };
    Ok(OrganizationPageView {
        organization: view(backend, found),
        since: license.since().map(|at| wording.local_time(at)),
        suspended: matches!(license, License::Suspended { cause: SuspensionCause::Staff, .. }),
        history: steps.into_iter().map(|logged| step(logged, wording)).collect(),
        key: backend.reader.clock.new_id().to_string(),
    })
}

fn view(backend: &AppBackend, found: Found) -> OrganizationView {
    let Found { id, slug, name, plan, license } = found;
    let catalog = &backend.reader.catalog;
    let label = catalog.plan(&plan).map_or_else(|| plan.to_string(), |plan| plan.label.clone());
    let off = license.restriction(&catalog.ladder, backend.reader.clock.now());
    let active = license == License::Active;
    OrganizationView {
        id: id.to_string(),
        slug,
        name,
        plan: label,
        license: license_label(license, off).into(),
        active,
    }
}

fn step(logged: Logged, wording: Wording) -> LicenseStepView {
    let Logged { step, person } = logged;
    let (at, what) = (wording.local_time(step.at), describe_step(&step));
    let by = step.by.map(|by| (person.unwrap_or_else(|| by.user.to_string()), by.reason.into()));
    LicenseStepView { at, what, by }
}

/// The label of a license's state.
const fn license_label(license: License, off: Restriction) -> &'static str {
    match (license, off) {
        (License::Active, _) => "Active",
        (License::Grace { .. }, Restriction::None) => "In grace: everything is on",
        (License::Grace { .. }, Restriction::Premium) => "In grace: premium features are off",
        (License::Grace { .. }, Restriction::Allowance) => "In grace: the allowance is off",
        (License::Grace { .. }, Restriction::Ai)
        | (License::Suspended { cause: SuspensionCause::NonPayment, .. }, _) => "Suspended: an invoice is unpaid",
        (License::Suspended { cause: SuspensionCause::Staff, .. }, _) => "Suspended by staff",
        (License::Canceled { .. }, _) => "Canceled: the subscription has ended",
    }
}
