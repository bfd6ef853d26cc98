//! Checkout sessions: what they sell, and how far they are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::plans::Price;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Session {
    pub(super) id: String,
    pub(super) number: u64,
    pub(super) created: i64,
    pub(super) expires_at: i64,
    pub(super) client_reference_id: Option<String>,
    pub(super) metadata: BTreeMap<String, String>,
    #[serde(flatten)]
    pub(super) sells: Sells,
    pub(super) success_url: String,
    pub(super) cancel_url: Option<String>,
    pub(super) progress: Progress,
}

/// What a session sells, and to whom. In the file they are told apart by their fields: before there were subscriptions,
/// those of a payment stood there alone.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Sells {
    Subscription(Signup),
    Payment(Sale),
}

/// A month after month of a plan.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Signup {
    pub(super) customer: String,
    pub(super) price: Price,
    pub(super) trial_days: Option<u32>,
    pub(super) subscription_metadata: BTreeMap<String, String>,
}

/// Something that is paid once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Sale {
    pub(super) customer: Option<String>,
    pub(super) payment_metadata: BTreeMap<String, String>,
    pub(super) item: String,
    pub(super) quantity: u64,
    pub(super) amount_cents: u64,
}

/// How far a session is, and what was `made` when somebody paid: a payment intent, or the subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Progress {
    Open,
    Expired,
    /// The bank was asked for the money.
    Processing {
        #[serde(alias = "payment_intent")]
        made: String,
    },
    /// Paid, or begun with a trial.
    Paid {
        #[serde(alias = "payment_intent")]
        made: String,
    },
    Bounced {
        #[serde(alias = "payment_intent")]
        made: String,
    },
}

impl Session {
    /// Whether it can be paid: past its time it cannot, though its event may not have been told yet.
    pub(super) fn is_open(&self, now: i64) -> bool {
        self.progress == Progress::Open && now < self.expires_at
    }

    pub(super) fn status(&self, now: i64) -> &'static str {
        match self.progress {
            Progress::Open if self.is_open(now) => "open",
            Progress::Open | Progress::Expired => "expired",
            Progress::Processing { .. } | Progress::Paid { .. } | Progress::Bounced { .. } => "complete",
        }
    }

    pub(super) fn payment_status(&self) -> &'static str {
        match (&self.progress, &self.sells) {
            (Progress::Paid { .. }, Sells::Subscription(Signup { trial_days: Some(_), .. })) => "no_payment_required",
            (Progress::Paid { .. }, _) => "paid",
            _ => "unpaid",
        }
    }

    pub(super) fn payment_intent(&self) -> Option<&str> {
        self.made().filter(|_| matches!(self.sells, Sells::Payment(_)))
    }

    pub(super) fn subscription(&self) -> Option<&str> {
        self.made().filter(|_| matches!(self.sells, Sells::Subscription(_)))
    }

    pub(super) fn customer(&self) -> Option<&str> {
        match &self.sells {
            Sells::Payment(sale) => sale.customer.as_deref(),
            Sells::Subscription(signup) => Some(&signup.customer),
        }
    }

    /// What is to be paid now.
    pub(super) fn amount_cents(&self) -> u64 {
        match &self.sells {
            Sells::Payment(sale) => sale.amount_cents,
            Sells::Subscription(Signup { trial_days: Some(_), .. }) => 0,
            Sells::Subscription(signup) => signup.price.unit_cents,
        }
    }

    /// Where people go who are done.
    pub(super) fn return_address(&self) -> String {
        self.success_url.replace("{CHECKOUT_SESSION_ID}", &self.id)
    }

    fn made(&self) -> Option<&str> {
        match &self.progress {
            Progress::Open | Progress::Expired => None,
            Progress::Processing { made } | Progress::Paid { made } | Progress::Bounced { made } => Some(made),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_from_before_there_were_subscriptions_is_read() {
        let old = r#"{"id":"cs_test_1","number":1,"created":5,"expires_at":9,"customer":"cus_1",
            "client_reference_id":null,"metadata":{},"payment_metadata":{"a":"b"},"item":"Booster","quantity":1,"amount_cents":2900,
            "success_url":"http://shop/","cancel_url":null,"progress":{"paid":{"payment_intent":"pi_1"}}}"#;
        let session: Session = serde_json::from_str(old).unwrap();
        assert_eq!((session.payment_intent(), session.subscription()), (Some("pi_1"), None));
        assert_eq!((session.customer(), session.amount_cents()), (Some("cus_1"), 2_900));
    }
}
