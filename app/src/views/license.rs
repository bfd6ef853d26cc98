//! What `/license` shows, and the banner that leads there.

use super::LocalTime;

/// `/license`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LicenseView {
    /// How it stands, in a few words.
    pub headline: String,
    /// What that means.
    pub detail: String,
    /// Whether whoever looks can pay and change cards at Stripe.
    pub portal: bool,
    /// Whether everything is as it should be.
    pub active: bool,
    /// What stops if nothing is paid, and when, the next first; nothing unless an invoice is unpaid.
    pub upcoming: Vec<(LocalTime, String)>,
    /// What would stop after how many days of an unpaid invoice; nothing where that is not what counts.
    pub ladder: Vec<(u16, String)>,
    /// What happened, the newest first.
    pub history: Vec<(LocalTime, String)>,
}
