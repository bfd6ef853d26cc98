//! The components of the pages. Islands and their parts also compile to WebAssembly; the rest is for the server only.

pub mod balances;
#[cfg(feature = "ssr")]
pub mod customer_portal;
pub mod job_progress;
#[cfg(feature = "ssr")]
pub mod job_summary;
pub mod live_balances;
#[cfg(feature = "ssr")]
pub mod payment_history;
pub mod time;

#[cfg(feature = "ssr")]
pub mod admin_frame;
#[cfg(feature = "ssr")]
pub mod amounts;
#[cfg(feature = "ssr")]
pub mod confirm;
#[cfg(feature = "ssr")]
pub mod entries;
#[cfg(feature = "ssr")]
pub mod error;
#[cfg(feature = "ssr")]
pub mod field;
#[cfg(feature = "ssr")]
pub mod figures;
#[cfg(feature = "ssr")]
pub mod frame;
#[cfg(feature = "ssr")]
pub mod load;
#[cfg(feature = "ssr")]
pub mod notices;
#[cfg(feature = "ssr")]
pub mod quest;
#[cfg(feature = "ssr")]
pub mod raw_text;
#[cfg(feature = "ssr")]
pub mod refusal;
#[cfg(feature = "ssr")]
pub mod toast;
#[cfg(feature = "ssr")]
pub mod use_chart;

pub use balances::Balances;
pub use job_progress::JobProgress;
pub use live_balances::LiveBalances;
pub use time::{Date, Time};
#[cfg(feature = "ssr")]
pub use {
    admin_frame::{AdminErrorPage, AdminFrame, AdminSection},
    amounts::format_amounts,
    confirm::Confirm,
    customer_portal::CustomerPortal,
    entries::Entries,
    error::{ErrorNotice, ErrorPage},
    field::{ErrorSummary, Field, described_by},
    figures::Figures,
    frame::{Frame, Section},
    job_summary::JobSummary,
    load::{answer_error, load, load_staff},
    notices::{Action, Notices},
    payment_history::{DocumentFacts, PaidFact, PaymentRecordFrame, StripeFact},
    quest::{Goals, QuestItem, QuestList, quest_id},
    raw_text::{DocumentTitle, TextArea},
    refusal::{RefusalNotice, action_address},
    toast::Toast,
    use_chart::UseChart,
};
