//! View models: one struct per page, returned by one backend call. Amounts are whole tokens.

#[cfg(feature = "ssr")]
pub mod admin;
#[cfg(feature = "ssr")]
pub mod api_docs;
#[cfg(feature = "ssr")]
pub mod license;
pub mod notice;
#[cfg(feature = "ssr")]
pub mod plans;
#[cfg(feature = "ssr")]
pub mod purchases;

use brightmeter::{
    access::{refusal::Refusal, role::Role},
    billing::{
        license::Rung,
        money::{Currency, Money},
        period::Interval,
    },
    ledger::tokens::Tokens,
};
use serde::{Deserialize, Serialize};

use self::notice::{BannerView, NoticeView};

/// An instant, formatted in the organization's time zone.
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

/// An organization of the viewer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrgRef {
    /// The slug, for URLs and forms.
    pub slug: String,
    /// The display name.
    pub name: String,
}

/// The signed-in user and the organization, as the frame of every page shows them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Viewer {
    /// The user's name.
    pub name: String,
    /// The user's role in the organization.
    pub role: Role,
    /// The current organization.
    pub org: OrgRef,
    /// The user's other organizations.
    pub others: Vec<OrgRef>,
    /// The plan's label.
    pub plan: String,
    /// The license banner of every page. `None` unless an invoice is unpaid or staff suspended the license.
    pub banner: Option<BannerView>,
    /// The IANA name of the organization's time zone, which all times and days are in.
    pub time_zone: String,
    /// Whether the user is also staff.
    pub staff: bool,
    /// Whether this server shows demo data.
    pub demo: bool,
}

/// `/dashboard`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DashboardView {
    /// The balances.
    pub balances: BalancesView,
    /// The daily use by token type.
    pub used: Vec<UseView>,
    /// The latest entries.
    pub recent: Vec<EntryView>,
}

/// The balances of all token types at one instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalancesView {
    /// The balances, in catalog order.
    pub types: Vec<BalanceView>,
    /// When the balances were read.
    pub read_at: LocalTime,
    /// Why an upgrade is suggested. `None` unless the plan includes no AI or a type is low.
    pub upgrade: Option<String>,
}

/// The runway of one token type at the pace of the last two weeks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LastsView {
    /// The tokens run out before the next reset.
    Until(LocalTime),
    /// The tokens last past the next reset.
    PastReset,
}

/// The use of one token type by day, in the organization's time zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UseView {
    /// The token type's label.
    pub label: String,
    /// The tokens used in all days.
    pub total: i64,
    /// Day and tokens used, oldest first, including days without use.
    pub days: Vec<(String, i64)>,
}

/// The balance of one token type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalanceView {
    /// The token type's name in the catalog.
    pub token_type: String,
    /// The token type's label.
    pub label: String,
    /// The tokens that can be spent: settled minus held.
    pub available: Tokens,
    /// The tokens reserved by running jobs.
    pub held: Tokens,
    /// The balance before holds.
    pub settled: Tokens,
    /// The debt that the next pack repays first.
    pub debt: Tokens,
    /// The runway at the current pace. `None` without recent use.
    pub lasts: Option<LastsView>,
    /// The allowance of the current period. `None` if the plan has none.
    pub allowance: Option<AllowanceView>,
    /// The settled tokens other than the allowance: packs and everything else that doesn't reset.
    pub packs: Tokens,
    /// The length of the bar: the granted allowance plus packs, at least `settled`.
    pub full: Tokens,
    /// Whether less than a tenth of `full` is available.
    pub low: bool,
    /// The grants, in burn-down order.
    pub grants: Vec<GrantView>,
}

/// The allowance of the current period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllowanceView {
    /// The tokens granted for the period.
    pub granted: Tokens,
    /// The settled tokens that remain of it.
    pub remaining: Tokens,
    /// When the allowance resets. `relative` says in how many days.
    pub resets_at: LocalTime,
}

/// A grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantView {
    /// The source's label.
    pub source: String,
    /// The tokens granted.
    pub amount: Tokens,
    /// The tokens that remain.
    pub remaining: Tokens,
    /// When the unused remainder expires. `None`: never.
    pub expires_at: Option<LocalTime>,
}

/// A ledger entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryView {
    /// The entry's number in its organization.
    pub seq: i64,
    /// When it was written.
    pub at: LocalTime,
    /// The day: `Tuesday, 24 November 2026`.
    pub day: String,
    /// The time of day: `19:22`.
    pub time: String,
    /// The kind of the entry: `spent`, `held`, `captured`, …
    pub kind: String,
    /// The kind's label.
    pub label: String,
    /// The token type's label.
    pub token_label: String,
    /// The signed change of the settled tokens.
    pub amount: i64,
    /// The signed change of the held tokens.
    pub held: i64,
    /// The settled tokens after the entry.
    pub settled_after: Tokens,
    /// The available tokens after the entry.
    pub available_after: Tokens,
    /// The feature's label.
    pub feature: Option<String>,
    /// The name of the member, API key or system that caused it.
    pub who: String,
    /// The reason or the source.
    pub note: Option<String>,
    /// The id of the job that caused it.
    pub job: Option<String>,
}

/// `/quests`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuestsView {
    /// The price of a generation, or the refusal.
    pub quote: QuoteView,
    /// The form's idempotency key.
    pub key: String,
    /// The job that the URL names.
    pub job: Option<JobView>,
    /// The quests, open ones first.
    pub quests: Vec<QuestView>,
}

/// The price of one use of a feature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuoteView {
    /// The cost.
    pub cost: Tokens,
    /// The token type's label.
    pub token_label: String,
    /// The tokens available now.
    pub available: Tokens,
    /// The tokens available after the use, or why it would be refused.
    pub after: Result<Tokens, RefusalView>,
}

/// A refusal with the time when it ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusalView {
    /// The refusal.
    pub refusal: Refusal,
    /// When it ends without any action. `None` if it doesn't.
    pub until: Option<LocalTime>,
}

/// An AI job, as the job summary shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobView {
    /// The job's id.
    pub id: String,
    /// The goal.
    pub goal: String,
    /// The feature's label.
    pub feature: String,
    /// The name of the member who requested it.
    pub who: String,
    /// The tokens that the job reserved.
    pub reserved: Tokens,
    /// The token type's label.
    pub token_label: String,
    /// When it was requested.
    pub started_at: LocalTime,
    /// The job's state.
    pub state: JobState,
    /// The quests it generated.
    pub quests: Vec<QuestView>,
}

/// The state of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum JobState {
    /// The job is running and its tokens are reserved.
    Running {
        /// When the reservation expires.
        until: LocalTime,
    },
    /// The job succeeded and was charged.
    Delivered {
        /// The tokens charged.
        charged: Tokens,
        /// When it ended.
        at: LocalTime,
    },
    /// The job failed and wasn't charged.
    NotCharged {
        /// The reason, for display.
        reason: String,
        /// When it ended.
        at: LocalTime,
    },
}

/// A quest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuestView {
    /// The id of the job that generated it.
    pub job: String,
    /// The job's goal.
    pub goal: String,
    /// The position in the job's result, from 1.
    pub position: i16,
    /// The title.
    pub title: String,
    /// The purpose.
    pub why: String,
    /// The steps.
    pub steps: Vec<String>,
    /// The reward, in points.
    pub reward: i32,
    /// `easy`, `medium` or `hard`.
    pub difficulty: String,
    /// The due date: `4 December 2026`.
    pub due: String,
    /// Whether it is done.
    pub done: bool,
}

/// The filter of `/activity`, as in the URL. The backend parses it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivityFilter {
    /// A token type's name; empty for all.
    pub token_type: String,
    /// A feature's name; empty for all.
    pub feature: String,
    /// A member's id; empty for all.
    pub member: String,
    /// The first day, `2026-11-22`, in the organization's time zone; empty for no limit.
    pub from: String,
    /// The last day, inclusive; empty for no limit.
    pub to: String,
    /// The entry number to start below; empty for the newest entries.
    pub cursor: String,
}

/// `/activity`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivityView {
    /// The filter that was applied.
    pub filter: ActivityFilter,
    /// The errors of the filter: field and message. If there are any, `entries` is empty.
    pub problems: Vec<(String, String)>,
    /// The entries, newest first.
    pub entries: Vec<EntryView>,
    /// The cursor of the next page. `None` on the last page.
    pub next_cursor: Option<i64>,
    /// The token types to choose from: name and label.
    pub token_types: Vec<(String, String)>,
    /// The features to choose from: name and label.
    pub features: Vec<(String, String)>,
    /// The members to choose from: id and name.
    pub members: Vec<(String, String)>,
}

/// `/billing`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BillingView {
    /// The currency of the prices.
    pub currency: Currency,
    /// The currencies to choose from, this one included.
    pub currencies: Vec<Currency>,
    /// The best value for the use of the last 30 days. `None` without use.
    pub advice: Option<AdviceView>,
    /// The plans, smallest first.
    pub plans: Vec<PlanView>,
    /// The packs on sale.
    pub packs: Vec<PackView>,
    /// Whether the plan includes AI, so that packs can be spent.
    pub can_spend: bool,
    /// Whether staff suspended the license. Then nothing is sold.
    pub suspended: bool,
    /// The debts that the next pack repays first, with labels.
    pub debts: Vec<(Tokens, String)>,
    /// The features with their costs.
    pub features: Vec<FeatureView>,
    /// The notices about payments and the plan's next change.
    pub notices: Vec<NoticeView>,
    /// When the current period ends.
    pub resets_at: LocalTime,
    /// Whether the plan is paid through Stripe, so that the customer portal is available.
    pub subscribed: bool,
    /// The license ladder.
    pub ladder: Vec<Rung>,
}

/// The cheapest plan and packs that cover the use of the last 30 days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdviceView {
    /// The tokens used in the last 30 days, with labels.
    pub used: Vec<(Tokens, String)>,
    /// The plan's label.
    pub plan: String,
    /// Whether it is the organization's current plan.
    pub current: bool,
    /// The number and label of the packs needed in addition. `None` if the plan alone is enough.
    pub packs: Option<(u32, String)>,
    /// The price of the plan and packs per month.
    pub price: Money,
}

/// A plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanView {
    /// The plan's name in the catalog.
    pub name: String,
    /// The plan's label.
    pub label: String,
    /// The price per interval.
    pub price: Money,
    /// How often it is paid.
    pub interval: Interval,
    /// The monthly allowance.
    pub allowance: Vec<AmountView>,
    /// The labels of the included features.
    pub features: Vec<String>,
    /// Whether it is the organization's current plan.
    pub current: bool,
    /// When it starts. `None` unless it is the next plan.
    pub next: Option<LocalTime>,
    /// The label of the link to choose it: "Upgrade to Pro". `None` if the viewer can't.
    pub choice: Option<String>,
}

/// A pack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackView {
    /// The pack's name in the catalog.
    pub name: String,
    /// The pack's label.
    pub label: String,
    /// The price.
    pub price: Money,
    /// The tokens in the pack.
    pub tokens: Vec<AmountView>,
    /// The order id that the form submits, so that sending it twice orders once.
    pub new_id: String,
}

/// An amount of one token type, with the uses it pays for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AmountView {
    /// The tokens.
    pub amount: Tokens,
    /// The token type's label.
    pub label: String,
    /// The number of uses of the cheapest feature, and its label. `None` if no feature costs this type.
    pub buys: Option<(i64, String)>,
}

/// A feature and its price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeatureView {
    /// The feature's label.
    pub label: String,
    /// A short description.
    pub summary: String,
    /// The cost of one use.
    pub cost: Tokens,
    /// The token type's label.
    pub token_label: String,
    /// The label of the smallest plan that includes it.
    pub from_plan: String,
}

/// `/account`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountView {
    /// The user's email.
    pub email: String,
    /// The number of active sessions, including this one.
    pub sessions: i64,
}

/// `/keys`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKeysView {
    /// The API keys, newest first.
    pub keys: Vec<ApiKeyView>,
    /// The id that the form submits, so that sending it twice creates one API key.
    pub new_id: String,
}

/// An API key without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKeyView {
    /// The API key's id.
    pub id: String,
    /// The display name.
    pub name: String,
    /// The first characters of the secret.
    pub shown: String,
    /// `read`, `spend` or `manage`.
    pub scope: String,
    /// When it was created.
    pub created_at: LocalTime,
    /// When it was last used. `None`: never.
    pub last_used_at: Option<LocalTime>,
    /// The API key's state.
    pub state: ApiKeyState,
}

/// The state of an API key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ApiKeyState {
    /// It can be used.
    Active {
        /// When it expires. `None`: never.
        until: Option<LocalTime>,
    },
    /// It has expired.
    Expired {
        /// When it expired.
        at: LocalTime,
    },
    /// It was revoked.
    Revoked {
        /// When it was revoked.
        at: LocalTime,
    },
}
