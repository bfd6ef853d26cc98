//! What pages are made of. Islands and their parts compile for the browser too; the rest is the server's.

pub mod balances;
pub mod job_progress;
pub mod live_balances;
pub mod time;

#[cfg(feature = "ssr")]
pub mod admin_frame;
#[cfg(feature = "ssr")]
pub mod amounts;
#[cfg(feature = "ssr")]
pub mod bought;
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
pub mod portal;
#[cfg(feature = "ssr")]
pub mod quest;
#[cfg(feature = "ssr")]
pub mod receipt;
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
    admin_frame::{AdminErrorPage, AdminFrame, Desk},
    amounts::in_words,
    bought::{BoughtFrame, PaidFact, StripeFact},
    confirm::Confirm,
    entries::Entries,
    error::{ErrorNotice, ErrorPage},
    field::{ErrorSummary, Field, described_by},
    figures::Figures,
    frame::{Frame, Place},
    load::{answer_with, load, load_staff},
    portal::Portal,
    quest::{Goals, QuestItem, QuestList, quest_id},
    receipt::Receipt,
    refusal::{RefusalNotice, action_address},
    toast::Toast,
    use_chart::UseChart,
};
