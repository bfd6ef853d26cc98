//! What the pages of the staff console show.

use brightmeter::catalog::{Figure, Margin, Month};

use super::LocalTime;

/// `/admin/pricing`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PricingView {
    /// The least margin of any price.
    pub floor: Margin,
    /// The catalog as it is.
    pub sold: Month,
    /// The figures of the what-if.
    pub figures: Vec<FigureView>,
    /// The month that comes of them; nothing while one is wrong.
    pub assumed: Option<Month>,
}

/// A figure that can be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FigureView {
    /// Which.
    pub figure: Figure,
    /// The plan, pack or token type.
    pub label: String,
    /// What it is, or what was asked for instead.
    pub value: String,
    /// What it is in the catalog, or is to begin with.
    pub usual: u32,
    /// How large it can be.
    pub most: u32,
    /// What is wrong with what was asked for.
    pub problem: Option<String>,
}

/// `/admin/events`, and what `/admin` tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventsView {
    /// Those that were left to a person, the newest first.
    pub left: Vec<EventView>,
    /// Whether there are more of them.
    pub more_left: bool,
    /// Those that wait to be acted on, the newest first.
    pub waiting: Vec<EventView>,
    /// Whether there are more of them.
    pub more_waiting: bool,
}

/// An event of Stripe's, without what it tells: that may be personal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventView {
    /// Stripe's name for it.
    pub id: String,
    /// `refund.created`.
    pub kind: String,
    /// When it came.
    pub received_at: LocalTime,
    /// How often it was tried, since it was last replayed.
    pub attempts: i32,
    /// Why it was not acted on yet; nothing before the first try.
    pub why: Option<String>,
    /// When it is tried again; nothing if it never is, or is any moment now.
    pub next_at: Option<LocalTime>,
    /// When a person last had it tried again.
    pub replayed_at: Option<LocalTime>,
    /// Where Stripe shows it.
    pub stripe_url: Option<String>,
}

/// `/admin/organizations`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrganizationsView {
    /// What was looked for; empty for all.
    pub asked: String,
    /// Those that were found, by slug.
    pub organizations: Vec<OrganizationView>,
    /// Whether there are more.
    pub more: bool,
}

/// An organization, as staff see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrganizationView {
    /// Its id.
    pub id: String,
    /// Its name in addresses.
    pub slug: String,
    /// What people read.
    pub name: String,
    /// The plan's label.
    pub plan: String,
    /// How its license stands, in a few words.
    pub license: String,
    /// Whether that is active.
    pub active: bool,
}

/// `/admin/organizations/…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrganizationPageView {
    /// Which.
    pub organization: OrganizationView,
    /// Since when the license is not active.
    pub since: Option<LocalTime>,
    /// Whether staff have suspended it.
    pub suspended: bool,
    /// What happened to the license, the newest first.
    pub history: Vec<LicenseStepView>,
    /// The form's idempotency key.
    pub key: String,
}

/// A step of a license, as staff see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LicenseStepView {
    /// When it counted from.
    pub at: LocalTime,
    /// What happened.
    pub what: String,
    /// Who of the staff did it, and why.
    pub by: Option<(String, String)>,
}

/// `/admin/reconciliation`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReconciliationView {
    /// Whether there is a Stripe to ask.
    pub sells: bool,
}

/// What came of a comparison with Stripe. In a page's context only right after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Compared {
    /// It was finished.
    Report {
        /// How many purchases were asked about.
        purchases: usize,
        /// How many organizations' plans.
        plans: usize,
        /// What differs.
        findings: Vec<FindingView>,
    },
    /// Stripe did not answer, or not in time.
    Unanswered,
    /// Another comparison is under way.
    Busy,
}

/// A purchase or a plan that is not as Stripe has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindingView {
    /// Whose.
    pub org: String,
    /// Which; nothing if it is about the plan.
    pub purchase: Option<String>,
    /// How it differs.
    pub what: String,
    /// What mends it.
    pub mend: MendView,
}

/// What mends a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MendView {
    /// Taking in what Stripe says; in words, what that does.
    TakeIn(&'static str),
    /// A person; in words, what to do.
    Person(&'static str),
}
