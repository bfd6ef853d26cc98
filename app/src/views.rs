//! What pages show: one struct a page, filled by one call of the backend. Amounts are whole tokens.

#[cfg(feature = "ssr")]
pub mod admin;
#[cfg(feature = "ssr")]
pub mod api_docs;
#[cfg(feature = "ssr")]
pub mod license;
#[cfg(feature = "ssr")]
pub mod plans;
#[cfg(feature = "ssr")]
pub mod purchases;

use brightmeter::{access::refusal::Refusal, billing::license::Rung, ledger::tokens::Tokens};
use serde::{Deserialize, Serialize};

/// An instant, worded for people in their organization's time zone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalTime {
    /// RFC 3339 in UTC, for `<time datetime>`.
    pub iso: String,
    /// `1 December 2026, 09:30 CET`.
    pub text: String,
    /// `1 Dec 2026`.
    pub date: String,
    /// `in 9 days`, `3 minutes ago`.
    pub relative: String,
}

/// An organization to switch to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrgRef {
    /// Its name in addresses and forms.
    pub slug: String,
    /// What people read.
    pub name: String,
}

/// Who is looking, and at which organization: what the frame around every page shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Viewer {
    /// The person's name.
    pub name: String,
    /// `owner`, `admin` or `member`.
    pub role: String,
    /// The organization.
    pub org: OrgRef,
    /// The person's other organizations.
    pub others: Vec<OrgRef>,
    /// The plan's label.
    pub plan: String,
    /// What every page tells while something is unpaid, with what stops next, or while staff have suspended the license.
    pub license: Option<String>,
    /// Whether the person is staff besides.
    pub staff: bool,
    /// Whether this server shows demo data.
    pub demo: bool,
}

impl Viewer {
    /// Whether the person manages the organization: an owner or an admin does.
    pub fn manages(&self) -> bool {
        self.role == "owner" || self.role == "admin"
    }
}

/// `/dashboard`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DashboardView {
    /// What is left.
    pub balances: BalancesView,
    /// What was used by day.
    pub used: Vec<UseView>,
    /// The newest entries.
    pub recent: Vec<EntryView>,
}

/// What is left of every token type, at one instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalancesView {
    /// In the catalog's order.
    pub types: Vec<BalanceView>,
    /// When it was read.
    pub read_at: LocalTime,
    /// Why Upgrade is suggested, if it is: on Starter, or where a type runs low.
    pub upgrade: Option<String>,
}

/// How long the tokens of one type last at the pace of the last two weeks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LastsView {
    /// They run out before the next allowance comes.
    Until(LocalTime),
    /// They last beyond that, for now.
    PastReset,
}

/// What was used of one token type, by day (UTC).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UseView {
    /// What people read for the type.
    pub label: String,
    /// In all those days.
    pub total: i64,
    /// Day and tokens, the oldest first, none left out.
    pub days: Vec<(String, i64)>,
}

/// What is left of one token type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalanceView {
    /// The type's name.
    pub token_type: String,
    /// What people read.
    pub label: String,
    /// What can be spent: settled less held.
    pub available: Tokens,
    /// Reserved by running jobs.
    pub held: Tokens,
    /// Booked.
    pub settled: Tokens,
    /// What the next pack pays first.
    pub debt: Tokens,
    /// How long it lasts at the present pace; nothing where nothing was used of late.
    pub lasts: Option<LastsView>,
    /// The allowance of this period; nothing if the plan has none.
    pub allowance: Option<AllowanceView>,
    /// What is booked besides the allowance: packs and everything else that does not reset.
    pub packs: Tokens,
    /// The length of the bar: the allowance granted plus packs, at least what is settled.
    pub full: Tokens,
    /// Whether less than a tenth of the bar is available.
    pub low: bool,
    /// The lots, in burn-down order.
    pub grants: Vec<GrantView>,
}

/// The allowance of the running period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllowanceView {
    /// What the period brought.
    pub granted: Tokens,
    /// What is booked of it still.
    pub remaining: Tokens,
    /// When the next one comes; `relative` says in how many days.
    pub resets_at: LocalTime,
}

/// One lot of tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantView {
    /// Where it came from.
    pub source: String,
    /// What it brought.
    pub amount: Tokens,
    /// What is left.
    pub remaining: Tokens,
    /// When the rest lapses; never, if nothing.
    pub expires_at: Option<LocalTime>,
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryView {
    /// Its number.
    pub seq: i64,
    /// When.
    pub at: LocalTime,
    /// Its day: `Tuesday, 24 November 2026`.
    pub day: String,
    /// Its time of day: `19:22`.
    pub time: String,
    /// What happened, as code: `spent`, `held`, `captured`, …
    pub kind: String,
    /// What happened, in words.
    pub label: String,
    /// The token type's label.
    pub token_label: String,
    /// The signed change of what is booked.
    pub amount: i64,
    /// The signed change of what is reserved.
    pub held: i64,
    /// What was booked after it.
    pub settled_after: Tokens,
    /// What could be spent after it.
    pub available_after: Tokens,
    /// The feature's label.
    pub feature: Option<String>,
    /// Who caused it.
    pub who: String,
    /// Why, or where it came from.
    pub note: Option<String>,
    /// The job whose receipt explains it.
    pub job: Option<String>,
}

/// `/quests`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuestsView {
    /// What a generation costs now, or why it is not to be had.
    pub quote: QuoteView,
    /// The form's idempotency key.
    pub key: String,
    /// The job that the address names.
    pub job: Option<JobView>,
    /// The quests, open ones first.
    pub quests: Vec<QuestView>,
}

/// What a use of a feature costs now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuoteView {
    /// What one use costs.
    pub cost: Tokens,
    /// In which tokens.
    pub token_label: String,
    /// What is available now.
    pub available: Tokens,
    /// What would be available after, or why it is not to be had now.
    pub after: Result<Tokens, RefusalView>,
}

/// Why not, in words, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusalView {
    /// The reason with its data.
    pub refusal: Refusal,
    /// When it ends by itself.
    pub until: Option<LocalTime>,
}

/// A job and its receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobView {
    /// Its id.
    pub id: String,
    /// What it works on.
    pub goal: String,
    /// The feature's label.
    pub feature: String,
    /// Who asked.
    pub who: String,
    /// What it reserved, or reserves.
    pub reserved: Tokens,
    /// In which tokens.
    pub token_label: String,
    /// When it was asked for.
    pub started_at: LocalTime,
    /// How it stands.
    pub state: JobState,
    /// What it made.
    pub quests: Vec<QuestView>,
}

/// How a job stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum JobState {
    /// It runs; its tokens are reserved.
    Running {
        /// When the reservation lapses at the latest.
        until: LocalTime,
    },
    /// It delivered and was charged.
    Delivered {
        /// What was charged.
        charged: Tokens,
        /// When.
        at: LocalTime,
    },
    /// It failed; nothing was charged.
    NotCharged {
        /// Why.
        reason: String,
        /// When.
        at: LocalTime,
    },
}

/// One quest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuestView {
    /// The job that made it.
    pub job: String,
    /// What that was asked to work on.
    pub goal: String,
    /// Its place in the job's answer, from 1.
    pub position: i16,
    /// What to do.
    pub title: String,
    /// What for.
    pub why: String,
    /// How.
    pub steps: Vec<String>,
    /// Points.
    pub reward: i32,
    /// `easy`, `medium` or `hard`.
    pub difficulty: String,
    /// By when: `4 December 2026`.
    pub due: String,
    /// Whether it is done.
    pub done: bool,
}

/// Which entries to show: as the address has them, parsed by the backend.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivityFilter {
    /// A token type's name; empty for all.
    pub token_type: String,
    /// A feature's name; empty for all.
    pub feature: String,
    /// A member's id; empty for all.
    pub member: String,
    /// From this day on, `2026-11-22`, in the organization's time zone; empty for ever.
    pub from: String,
    /// Up to and including this day; empty for ever.
    pub to: String,
    /// Only entries numbered below this one; empty for the newest.
    pub cursor: String,
}

/// `/activity`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivityView {
    /// The filter that was applied.
    pub filter: ActivityFilter,
    /// What is wrong with the filter: field and message. Then nothing is listed.
    pub problems: Vec<(String, String)>,
    /// The entries, newest first.
    pub entries: Vec<EntryView>,
    /// Where the next page starts.
    pub next_cursor: Option<i64>,
    /// Names and labels to choose from.
    pub token_types: Vec<(String, String)>,
    /// Names and labels to choose from.
    pub features: Vec<(String, String)>,
    /// Ids and names to choose from.
    pub members: Vec<(String, String)>,
}

/// `/billing`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BillingView {
    /// What the last thirty days would cost at the least; nothing if nothing was used.
    pub advice: Option<AdviceView>,
    /// The plans, smallest first.
    pub plans: Vec<PlanView>,
    /// The packs on sale.
    pub packs: Vec<PackView>,
    /// Whether the plan includes AI, so that packs can be spent.
    pub can_spend: bool,
    /// Whether staff have suspended the license: then nothing is sold.
    pub suspended: bool,
    /// What the next pack pays first, with labels.
    pub debts: Vec<(Tokens, String)>,
    /// What features cost: label, summary, cost, token label, the label of the smallest plan.
    pub features: Vec<FeatureView>,
    /// When the running period ends.
    pub resets_at: LocalTime,
    /// Whether the plan is paid through Stripe, where invoices and cards are, too.
    pub subscribed: bool,
    /// What is off after how many days of an unpaid invoice.
    pub ladder: Vec<Rung>,
}

/// The cheapest way to what was used of late.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdviceView {
    /// What was used in the last thirty days, with labels.
    pub used: Vec<(Tokens, String)>,
    /// The label of the plan that covers it.
    pub plan: String,
    /// Whether the organization is on it.
    pub current: bool,
    /// How many of which pack it takes on top.
    pub packs: Option<(u32, String)>,
    /// What both cost a month, in cents.
    pub price_cents: u64,
}

/// A plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanView {
    /// Its name.
    pub name: String,
    /// What people read.
    pub label: String,
    /// A month, in cents.
    pub price_cents: u32,
    /// Tokens a month.
    pub allowance: Vec<AmountView>,
    /// The labels of the features it opens.
    pub features: Vec<String>,
    /// Whether the organization is on it.
    pub current: bool,
    /// Whether the next reset brings it.
    pub next: bool,
    /// What whoever manages the organization can do about it: "Upgrade to Pro".
    pub choice: Option<String>,
}

/// A pack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackView {
    /// Its name.
    pub name: String,
    /// What people read.
    pub label: String,
    /// In cents.
    pub price_cents: u32,
    /// What it holds.
    pub tokens: Vec<AmountView>,
    /// The id of the order that the form makes, so that sending it twice orders once.
    pub new_id: String,
}

/// An amount of one token type, and what it is good for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AmountView {
    /// How many.
    pub amount: Tokens,
    /// What people read for the type.
    pub label: String,
    /// How many uses of which feature it pays, the cheapest feature first, if there is any.
    pub buys: Option<(i64, String)>,
}

/// A feature and its price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeatureView {
    /// What people read.
    pub label: String,
    /// What it does.
    pub summary: String,
    /// What one use costs.
    pub cost: Tokens,
    /// In which tokens.
    pub token_label: String,
    /// The label of the smallest plan that has it.
    pub from_plan: String,
}

/// `/account`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountView {
    /// The person's email.
    pub email: String,
    /// How many sessions are open, this one included.
    pub sessions: i64,
}

/// `/keys`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKeysView {
    /// The keys, the newest first.
    pub keys: Vec<ApiKeyView>,
    /// The id of the key that the form makes, so that sending it twice makes it once.
    pub new_id: String,
}

/// A key of a service, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKeyView {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// How its secret starts.
    pub shown: String,
    /// `read`, `spend` or `manage`.
    pub scope: String,
    /// When it was made.
    pub created_at: LocalTime,
    /// When it was used last.
    pub last_used_at: Option<LocalTime>,
    /// Whether it holds.
    pub state: ApiKeyState,
}

/// Whether a key holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ApiKeyState {
    /// It does.
    Holds {
        /// Its end, if it has one.
        until: Option<LocalTime>,
    },
    /// Its time is over.
    Expired {
        /// Since when.
        at: LocalTime,
    },
    /// Somebody ended it.
    Revoked {
        /// When.
        at: LocalTime,
    },
}
