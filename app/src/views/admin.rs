//! View models of the staff console.

use brightmeter::{
    billing::money::Currency,
    catalog::{Figure, Margin, MarginLine, Month},
};

use super::LocalTime;
use crate::error::AppError;

/// `/admin/pricing`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PricingView {
    /// The margin floor.
    pub floor: Margin,
    /// The currency of costs and of the what-if calculator: the catalog's own.
    pub currency: Currency,
    /// The prices of the current catalog, in every currency.
    pub prices: Vec<MarginLine>,
    /// The figures of the what-if form.
    pub figures: Vec<FigureView>,
    /// The month calculated from the figures. `None` if a figure is invalid.
    pub assumed: Option<Month>,
}

/// A figure of the what-if form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FigureView {
    /// The figure.
    pub figure: Figure,
    /// The label of the plan, pack or token type.
    pub label: String,
    /// The value as requested, or else the usual value.
    pub value: String,
    /// The value in the catalog, or the default.
    pub usual: u32,
    /// The largest valid value.
    pub most: u32,
    /// The error if the requested value is invalid.
    pub problem: Option<String>,
}

/// The filter of `/admin/events`, as in the URL. The backend parses it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventsFilter {
    /// The name of a state; empty for events that need attention.
    pub state: String,
    /// The start of the type, such as `invoice.`; empty for all types.
    pub kind: String,
    /// The Stripe id of the event, or one in it; empty for all events.
    pub stripe_id: String,
    /// The event to start below; empty for the newest events.
    pub older: String,
    /// The event to end above. Ignored if `older` is set.
    pub newer: String,
}

/// `/admin/events` and the counts on `/admin`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventsView {
    /// The filter that was applied, without the place in the list.
    pub filter: EventsFilter,
    /// The invalid parts of the filter, which were not applied. For display.
    pub notes: Vec<String>,
    /// All states. The first one is "needs attention".
    pub states: Vec<EventStateView>,
    /// The events, newest first.
    pub events: Vec<EventView>,
    /// The filter of the page with newer events, if there may be any.
    pub newer: Option<EventsFilter>,
    /// The filter of the page with older events, if there are any.
    pub older: Option<EventsFilter>,
}

/// A state of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventStateView {
    /// The name in the URL. Empty for the default.
    pub name: &'static str,
    /// The label.
    pub label: &'static str,
    /// The meaning.
    pub about: &'static str,
    /// The number of events that pass the rest of the filter.
    pub count: usize,
    /// Whether there are more than `count`.
    pub more: bool,
    /// Whether its events are shown.
    pub chosen: bool,
}

/// A Stripe event without its payload, which may be personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventView {
    /// The event's Stripe id.
    pub id: String,
    /// The event type, such as `refund.created`.
    pub kind: String,
    /// When it was received.
    pub received_at: LocalTime,
    /// The number of attempts since it was last replayed.
    pub attempts: i32,
    /// The result of the last attempt, as a sentence. `None` before the first attempt.
    pub outcome: Option<String>,
    /// When it is retried. `None` if it isn't retried, or is due now.
    pub next_at: Option<LocalTime>,
    /// When staff last replayed it.
    pub replayed_at: Option<LocalTime>,
    /// The event's page in the Stripe dashboard.
    pub stripe_url: Option<String>,
    /// What a replay does. `None` if the event was processed, so there is nothing to replay.
    pub replay: Option<&'static str>,
}

/// `/admin/organizations`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrganizationsView {
    /// The search text. Empty: all organizations.
    pub search: String,
    /// The organizations found, ordered by slug.
    pub organizations: Vec<OrganizationView>,
    /// Whether more were found.
    pub more: bool,
}

/// An organization, as staff see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrganizationView {
    /// The organization's id.
    pub id: String,
    /// The slug, for URLs and forms.
    pub slug: String,
    /// The display name.
    pub name: String,
    /// The plan's label.
    pub plan: String,
    /// The state of the license, for display.
    pub license: String,
    /// Whether the license is active.
    pub active: bool,
}

/// `/admin/organizations/…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrganizationPageView {
    /// The organization.
    pub organization: OrganizationView,
    /// Since when the license isn't active.
    pub since: Option<LocalTime>,
    /// Whether staff suspended the license.
    pub suspended: bool,
    /// The license's history, newest first.
    pub history: Vec<LicenseStepView>,
    /// The form's idempotency key.
    pub key: String,
}

/// A change of a license, as staff see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LicenseStepView {
    /// When it took effect.
    pub at: LocalTime,
    /// The change, for display.
    pub what: String,
    /// The staff member who made it, and the reason. `None` if staff didn't make it.
    pub by: Option<(String, String)>,
}

/// `/admin/reconciliation`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReconciliationView {
    /// Whether anything is for sale through Stripe.
    pub sells: bool,
}

/// The result of a comparison with Stripe. In a page's context only after a POST.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    /// The report so far. `None` if the comparison didn't begin.
    pub report: Option<ReportView>,
    /// Why the request changed nothing in the report.
    pub problem: Option<NotCompared>,
}

/// Why a comparison or a fix didn't happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotCompared {
    /// Stripe didn't answer in time.
    Unanswered,
    /// Another comparison is running.
    Busy,
    /// The server failed.
    Failed(AppError),
}

/// A comparison with Stripe, whole or so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportView {
    /// The report as JSON, for the forms to send back.
    pub carried: String,
    /// The number of purchases compared.
    pub purchases: usize,
    /// The number of plans compared.
    pub plans: usize,
    /// The number of differences fixed.
    pub fixed: usize,
    /// The number of purchases and plans that Stripe didn't answer for.
    pub unanswered: usize,
    /// Whether everything was compared.
    pub complete: bool,
    /// Whether the page has no room for more differences.
    pub full: bool,
    /// The differences.
    pub findings: Vec<FindingView>,
}

/// A purchase or a plan that differs from Stripe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindingView {
    /// The organization's id.
    pub org: String,
    /// The purchase's id. `None` if the plan differs.
    pub purchase: Option<String>,
    /// The difference, for display.
    pub what: &'static str,
    /// The fix.
    pub fix: FixView,
}

/// The fix for a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FixView {
    /// It has been fixed.
    Fixed,
    /// Applying Stripe's state, with a description of the effect.
    Apply(&'static str),
    /// A manual fix, with instructions.
    Manual(&'static str),
}
