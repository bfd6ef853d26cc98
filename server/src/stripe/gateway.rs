//! What is asked of Stripe, and how it answers. The trait is one of the three things that differ between production and a test.

use async_trait::async_trait;
use brightmeter::{
    catalog::Plan,
    ids::{OrgId, PurchaseId},
    purchase::{Payment, Purchase},
    subscription::Reading,
    time::Instant,
};

use super::told::Whose;

/// Asks Stripe. No lock of ours is held meanwhile, and what is asked is on record before.
#[async_trait]
pub trait Gateway: Send + Sync {
    /// Makes the organization known as a customer, on account of an order; asked again for the same order, Stripe answers with the
    /// same.
    ///
    /// # Errors
    /// [`GatewayError`].
    async fn create_customer(&self, org: OrgId, order: PurchaseId, name: &str) -> Result<String, GatewayError>;

    /// Opens a page to pay an order on; asked again for the same order, Stripe answers with the same page.
    ///
    /// # Errors
    /// [`GatewayError`].
    async fn open_checkout(&self, order: &CheckoutOrder<'_>) -> Result<Checkout, GatewayError>;

    /// What Stripe knows of the session of an order; nothing if it sells no pack.
    ///
    /// # Errors
    /// [`GatewayError`].
    async fn find_session(&self, session: &str) -> Result<Option<(Whose, Payment)>, GatewayError>;

    /// What Stripe knows of a payment's refunds and disputes, at `now`.
    ///
    /// # Errors
    /// [`GatewayError`].
    async fn find_returned(&self, payment_intent: &str, now: Instant) -> Result<Payment, GatewayError>;

    /// How the subscriptions of a customer stand; `number` was drawn before.
    ///
    /// # Errors
    /// [`GatewayError`].
    async fn find_subscription(&self, customer: &str, number: i64) -> Result<Reading, GatewayError>;
}

/// An order to be paid.
#[derive(Clone, Copy, Debug)]
pub struct CheckoutOrder<'a> {
    /// Whose.
    pub org: OrgId,
    /// What.
    pub purchase: &'a Purchase,
    /// Whom Stripe knows the organization as.
    pub customer: &'a str,
    /// Until when it can be paid.
    pub until: Instant,
    /// Where people reach this server, without a slash at the end.
    pub site: &'a str,
}

/// A page of Stripe's to pay on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkout {
    /// `cs_…`.
    pub session: String,
    /// Where it is.
    pub url: String,
}

/// Why Stripe did not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GatewayError {
    /// It cannot be reached, does not answer in time, or is out of order. Whether it did something is not known; the same
    /// request may be sent again.
    #[error("Stripe does not answer: {0}")]
    Unavailable(String),
    /// It says no.
    #[error("Stripe refuses: {0}")]
    Refused(String),
    /// Its answer cannot be read.
    #[error("Stripe's answer cannot be read: {0}")]
    Unreadable(&'static str),
}

/// Under which name Stripe keeps the price of a plan; another price has another name.
pub fn price_key(plan: &Plan) -> String {
    format!("brightmeter-{}-{}-usd-month", plan.name, plan.price_cents)
}

/// Where a purchase's page of ours is: where Stripe sends people back to.
pub fn purchase_path(purchase: PurchaseId) -> String {
    format!("/billing/purchases/{purchase}")
}
