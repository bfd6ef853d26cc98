//! View model of `/license`.

use super::{LocalTime, notice::NoticeView};

/// `/license`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LicenseView {
    /// The state, in a few words.
    pub headline: String,
    /// An explanation of the state.
    pub detail: String,
    /// Whether the viewer may open the customer portal.
    pub portal: bool,
    /// Stripe's page to pay on. `None` if nothing is overdue, if the viewer may not pay, or if Stripe has named none.
    pub pay_url: Option<String>,
    /// The other notices about payments and the plan's next change.
    pub notices: Vec<NoticeView>,
    /// Whether the license is active.
    pub active: bool,
    /// The coming restrictions and when they start, next first. Empty unless an invoice is unpaid.
    pub upcoming: Vec<(LocalTime, String)>,
    /// The ladder: days since an invoice is unpaid and the restriction that starts then. Empty if unpaid invoices don't
    /// decide the license's state.
    pub ladder: Vec<(u16, String)>,
    /// The license's history, newest first.
    pub history: Vec<(LocalTime, String)>,
}
