//! The stored form of payment facts, as far as it differs: what was stored before payments had a currency, more than
//! one PaymentIntent, and free orders.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer};

use super::{Dispute, Payment, Refund, Stage, StripeIds};
use crate::billing::{
    document::InvoiceDocument,
    money::{Currency, Money},
};

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct StoredPayment {
    stage: Stage,
    currency: Option<Currency>,
    paid_minor: Option<u64>,
    presented: Option<Money>,
    refunds: BTreeMap<String, Refund>,
    #[serde(alias = "refunded_cents")]
    refunded_minor: u64,
    disputes: BTreeMap<String, Dispute>,
    stripe_ids: StripeIds,
    document: Option<Box<InvoiceDocument>>,
    /// The amount paid, formerly; 0 until it was paid.
    paid_cents: u64,
}

impl From<StoredPayment> for Payment {
    fn from(stored: StoredPayment) -> Self {
        let StoredPayment { stage, currency, presented, refunds, refunded_minor, disputes, .. } = stored;
        let StoredPayment { stripe_ids, document, .. } = stored;
        let paid_minor = stored.paid_minor.or((stored.paid_cents > 0).then_some(stored.paid_cents));
        Self { stage, currency, paid_minor, presented, refunds, refunded_minor, disputes, stripe_ids, document }
    }
}

/// Reads a list of ids, or formerly one id or `null`.
pub(super) fn ids<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeSet<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Ids {
        Former(Option<String>),
        Ids(BTreeSet<String>),
    }
    Ok(match Ids::deserialize(from)? {
        Ids::Former(id) => id.into_iter().collect(),
        Ids::Ids(ids) => ids,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_that_were_stored_without_a_currency_still_load() {
        let stored = r#"{"stage": "paid", "paid_cents": 2900, "refunded_cents": 1000,
            "refunds": {"re_1": {"cents": 1000, "failed": false}},
            "disputes": {"dp_1": {"cents": 2900, "status": {"status": "open"}}},
            "stripe_ids": {"session": "cs_1", "payment_intent": "pi_1", "charge": null, "receipt_url": null}}"#;
        let payment: Payment = serde_json::from_str(stored).unwrap();
        assert_eq!((payment.paid_minor, payment.refunded_minor, payment.returned_minor()), (Some(2_900), 1_000, 1_000));
        assert_eq!((payment.currency, payment.is_disputed()), (None, true));
        assert_eq!(payment.stripe_ids.names().collect::<Vec<_>>(), ["cs_1", "pi_1"]);
        let again = serde_json::to_string(&payment).unwrap();
        assert_eq!(serde_json::from_str::<Payment>(&again).unwrap(), payment);
        for (stored, paid_minor) in [("{}", None), (r#"{"paid_cents": 0}"#, None), (r#"{"paid_minor": 0}"#, Some(0))] {
            assert_eq!(serde_json::from_str::<Payment>(stored).unwrap().paid_minor, paid_minor, "{stored}");
        }
    }
}
