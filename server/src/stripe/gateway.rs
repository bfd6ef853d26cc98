//! What is asked of Stripe, and how it answers. The trait is one of the three things that differ between production and a test.

use async_trait::async_trait;
use brightmeter::{
    billing::{
        invoices::Invoices,
        payment::{Payment, Purchase},
        subscription::{Subscription, SubscriptionSnapshot},
    },
    catalog::Plan,
    ids::{OrgId, PlanOrderId, PurchaseId},
    time::Instant,
};
use uuid::Uuid;

use super::webhook_facts::PurchaseRef;

/// Asks Stripe. No lock of ours is held meanwhile, and what is asked is on record before.
#[async_trait]
pub trait Gateway: Send + Sync {
    /// Makes the organization known as a customer, on account of an order; asked again for the same order, Stripe answers with the
    /// same.
    ///
    /// # Errors
    /// [`GatewayError`].
    async fn create_customer(&self, org: OrgId, order: Uuid, name: &str) -> Result<String, GatewayError>;

    /// Opens a page to pay an order on; asked again for the same order, Stripe answers with the same page.
    ///
    /// # Errors
    /// [`GatewayError`].
    async fn open_checkout(&self, order: &CheckoutOrder<'_>) -> Result<Checkout, GatewayError>;

    /// What Stripe knows of the session of an order; nothing if it sells no pack.
    ///
    /// # Errors
    /// [`GatewayError`].
    async fn find_session(&self, session: &str) -> Result<Option<(PurchaseRef, Payment)>, GatewayError>;

    /// What Stripe knows of a payment's refunds and disputes, at `now`.
    ///
    /// # Errors
    /// [`GatewayError`].
    async fn find_returned(&self, payment_intent: &str, now: Instant) -> Result<Payment, GatewayError>;

    /// Opens a page to subscribe on; asked again for the same order, Stripe answers with the same page.
    ///
    /// # Errors
    /// [`GatewayError`].
    async fn open_subscription(&self, order: &PlanOrder<'_>) -> Result<Checkout, GatewayError>;

    /// Closes a page to pay on, so that nobody pays there any more.
    ///
    /// # Errors
    /// [`GatewayError`]: it is refused where somebody has paid there already.
    async fn close_checkout(&self, session: &str) -> Result<(), GatewayError>;

    /// What a change costs at once, in cents.
    ///
    /// # Errors
    /// [`GatewayError`].
    async fn price_change(&self, change: &SubscriptionChange<'_>) -> Result<u64, GatewayError>;

    /// Changes what a subscription is for; sent again, it is done once.
    ///
    /// # Errors
    /// [`GatewayError`]; [`GatewayError::Declined`] if it costs something and the card does not pay: then nothing was changed.
    async fn change_subscription(&self, change: &SubscriptionChange<'_>) -> Result<(), GatewayError>;

    /// Opens a page where a customer pays invoices and changes cards, which leads back to `back`.
    ///
    /// # Errors
    /// [`GatewayError`].
    async fn open_portal(&self, customer: &str, back: &str) -> Result<String, GatewayError>;

    /// What is to be known of a customer's latest invoices.
    ///
    /// # Errors
    /// [`GatewayError`].
    async fn find_invoices(&self, customer: &str) -> Result<Invoices, GatewayError>;

    /// How the subscriptions of a customer stand; `number` was drawn before.
    ///
    /// # Errors
    /// [`GatewayError`].
    async fn find_subscription(&self, customer: &str, number: i64) -> Result<SubscriptionSnapshot, GatewayError>;
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

/// A plan to be subscribed to.
#[derive(Clone, Copy, Debug)]
pub struct PlanOrder<'a> {
    /// Whose.
    pub org: OrgId,
    /// The order's id.
    pub id: PlanOrderId,
    /// What.
    pub plan: &'a Plan,
    /// Whom Stripe knows the organization as.
    pub customer: &'a str,
    /// How many days are free first.
    pub trial_days: u16,
    /// Until when it can be paid.
    pub until: Instant,
    /// Where people reach this server, without a slash at the end.
    pub site: &'a str,
}

/// Another plan, or an end, for a subscription.
#[derive(Clone, Copy, Debug)]
pub struct SubscriptionChange<'a> {
    /// Whose.
    pub org: OrgId,
    /// The order's id.
    pub id: PlanOrderId,
    /// Whom Stripe knows the organization as.
    pub customer: &'a str,
    /// What is changed.
    pub subscription: &'a Subscription,
    /// How.
    pub to: ChangeTiming<'a>,
}

/// How a subscription is changed.
#[derive(Clone, Copy, Debug)]
pub enum ChangeTiming<'a> {
    /// To a larger plan: the rest of the month is paid at once, counted from this instant.
    Now(&'a Plan, Instant),
    /// To a plan that the next month is paid for.
    AtRenewal(&'a Plan),
    /// It ends with the month.
    Cancel,
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
    /// The card does not pay.
    #[error("the card was declined")]
    Declined,
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

/// Where Stripe sends people back to who were there about a plan, an invoice or a card; with `?left=1` who left before paying.
pub const RETURN_PATH: &str = "/billing/back";

/// Where a purchase's page of ours is: where Stripe sends people back to.
pub fn purchase_path(purchase: PurchaseId) -> String {
    format!("/billing/purchases/{purchase}")
}
