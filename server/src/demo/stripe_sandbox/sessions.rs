//! The state of Checkout sessions.

use super::{
    money::money,
    plans::signed,
    records::{Progress, Session, SessionMode, Signup},
    totals::{Terms, Totals},
};

impl Session {
    /// Whether it can be paid. After `expires_at` it cannot, even if the event that says so has not been emitted yet.
    pub(super) fn is_open(&self, now: i64) -> bool {
        self.progress == Progress::Open && now < self.expires_at
    }

    pub(super) fn status(&self, now: i64) -> &'static str {
        match self.progress {
            Progress::Open if self.is_open(now) => "open",
            Progress::Open | Progress::Expired => "expired",
            Progress::Free | Progress::Processing { .. } | Progress::Paid { .. } | Progress::Failed { .. } => {
                "complete"
            }
        }
    }

    pub(super) fn payment_status(&self) -> &'static str {
        match &self.progress {
            Progress::Paid { .. } | Progress::Free if self.amount_cents() == 0 => "no_payment_required",
            Progress::Paid { .. } => "paid",
            _ => "unpaid",
        }
    }

    pub(super) fn payment_intent(&self) -> Option<&str> {
        self.object_id().filter(|_| matches!(self.mode, SessionMode::Payment(_)))
    }

    pub(super) fn subscription(&self) -> Option<&str> {
        self.object_id().filter(|_| matches!(self.mode, SessionMode::Subscription(_)))
    }

    pub(super) fn customer(&self) -> Option<&str> {
        match &self.mode {
            SessionMode::Payment(sale) => sale.customer.as_deref(),
            SessionMode::Subscription(signup) => Some(&signup.customer),
        }
    }

    /// The amounts due now: zero if a trial comes first.
    pub(super) fn totals(&self) -> Totals {
        let subtotal = match &self.mode {
            SessionMode::Payment(sale) => sale.amount_cents,
            SessionMode::Subscription(Signup { trial_days: Some(_), .. }) => 0,
            SessionMode::Subscription(signup) => signup.price.unit_cents,
        };
        self.terms().totals(signed(subtotal), self.currency())
    }

    pub(super) fn terms(&self) -> Terms {
        Terms { percent_off: self.percent_off, is_taxed: self.options.automatic_tax }
    }

    /// The amount due now.
    pub(super) fn amount_cents(&self) -> u64 {
        self.totals().due_cents()
    }

    pub(super) fn currency(&self) -> &str {
        match &self.mode {
            SessionMode::Payment(sale) => &sale.currency,
            SessionMode::Subscription(signup) => &signup.price.currency,
        }
    }

    /// The amount due now as display text.
    pub(super) fn amount(&self) -> String {
        money(self.amount_cents(), self.currency())
    }

    /// The success URL with the session id filled in.
    pub(super) fn return_url(&self) -> String {
        self.success_url.replace("{CHECKOUT_SESSION_ID}", &self.id)
    }

    fn object_id(&self) -> Option<&str> {
        match &self.progress {
            Progress::Open | Progress::Expired | Progress::Free => None,
            Progress::Processing { object_id } | Progress::Paid { object_id } | Progress::Failed { object_id } => {
                Some(object_id)
            }
        }
    }
}
