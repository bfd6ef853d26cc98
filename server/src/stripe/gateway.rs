//! The Stripe port: the requests we make and the errors they return.
//!
//! [`Gateway`] is one of the three traits whose implementation differs between production and tests. All its methods
//! return [`GatewayError`] if Stripe is unavailable, refuses the request, or sends a response that cannot be read.

use std::error::Error;

use async_trait::async_trait;
use brightmeter::{
    billing::{
        invoices::Invoices,
        money::Money,
        payment::{Payment, Purchase},
        subscription::{PlanLine, Subscription, SubscriptionSnapshot},
    },
    catalog::Plan,
    ids::{OrgId, PlanOrderId, PurchaseId},
    time::Instant,
};
use uuid::Uuid;

use super::webhook_facts::PurchaseRef;

/// Sends requests to Stripe. Callers hold no lock of ours meanwhile, and record what they intend before they call.
#[async_trait]
pub trait Gateway: Send + Sync {
    /// Creates a Stripe customer for an organization and returns the customer's id. Idempotent per order.
    async fn create_customer(&self, org: OrgId, order: Uuid, name: &str) -> Result<String, GatewayError>;

    /// Opens a Checkout page to pay for an order. Idempotent per order: a repeat returns the same page.
    async fn open_checkout(&self, order: &CheckoutOrder<'_>) -> Result<Checkout, GatewayError>;

    /// Fetches the payment of an order's Checkout session, or `None` if the session is not for a pack.
    async fn find_session(&self, session: &str) -> Result<Option<(PurchaseRef, Payment)>, GatewayError>;

    /// Fetches a payment's refunds and disputes, as of `now`.
    async fn find_refunds_and_disputes(&self, payment_intent: &str, now: Instant) -> Result<Payment, GatewayError>;

    /// Opens a Checkout page to subscribe to a plan. Idempotent per order: a repeat returns the same page.
    async fn open_subscription(&self, order: &PlanOrder<'_>) -> Result<Checkout, GatewayError>;

    /// Expires a Checkout session, so that it can no longer be paid.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] also if the session has already been paid.
    async fn close_checkout(&self, session: &str) -> Result<(), GatewayError>;

    /// Returns what a change would cost immediately.
    async fn preview_change(&self, change: &SubscriptionChange<'_>) -> Result<Money, GatewayError>;

    /// Changes a subscription. Idempotent per order.
    ///
    /// # Errors
    /// [`GatewayError::Declined`] if the change has to be paid now and the card is declined: then nothing was changed.
    async fn change_subscription(&self, change: &SubscriptionChange<'_>) -> Result<Changed, GatewayError>;

    /// Resumes a paused subscription: a new billing period starts now and is charged. Idempotent per order.
    async fn resume_subscription(&self, org: OrgId, id: PlanOrderId, subscription: &str) -> Result<(), GatewayError>;

    /// Opens Stripe's customer portal, where invoices are paid and cards are changed. It links back to `return_url`.
    async fn open_portal(&self, customer: &str, return_url: &str) -> Result<String, GatewayError>;

    /// Fetches a customer's latest invoices and the Stripe ids of their payments.
    async fn find_invoices(&self, customer: &str) -> Result<Invoices, GatewayError>;

    /// Fetches a snapshot of a customer's subscriptions. `number` orders snapshots; draw it before this call.
    async fn find_subscriptions(
        &self,
        customer: &str,
        number: i64,
        now: Instant,
    ) -> Result<SubscriptionSnapshot, GatewayError>;

    /// Fetches the owner of a payment.
    async fn find_payment_owner(&self, payment_intent: &str) -> Result<PaymentOwner, GatewayError>;

    /// Fetches the Stripe id of the invoice that a payment is for, or `None` if it is for none.
    async fn find_invoice_of(&self, payment_intent: &str) -> Result<Option<String>, GatewayError>;
}

/// A pack order to be paid through Checkout.
#[derive(Clone, Copy, Debug)]
pub struct CheckoutOrder<'a> {
    /// The organization that ordered.
    pub org: OrgId,
    /// The ordered pack, its price and its tokens.
    pub purchase: &'a Purchase,
    /// The customer's Stripe id.
    pub customer: &'a str,
    /// When the Checkout page expires.
    pub until: Instant,
    /// This server's public base URL, without a trailing slash.
    pub base_url: &'a str,
}

/// A plan order to be paid through Checkout.
#[derive(Clone, Copy, Debug)]
pub struct PlanOrder<'a> {
    /// The organization that ordered.
    pub org: OrgId,
    /// The order's id.
    pub id: PlanOrderId,
    /// The plan to subscribe to, and its price.
    pub plan: PricedPlan<'a>,
    /// The customer's Stripe id.
    pub customer: &'a str,
    /// The length of the free trial in days; 0 for no trial.
    pub trial_days: u16,
    /// When the Checkout page expires.
    pub until: Instant,
    /// This server's public base URL, without a trailing slash.
    pub base_url: &'a str,
}

/// A plan with its monthly price in the currency of the subscription.
#[derive(Clone, Copy, Debug)]
pub struct PricedPlan<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The price.
    pub price: Money,
}

/// A change of a subscription: another plan, or its cancellation.
#[derive(Clone, Copy, Debug)]
pub struct SubscriptionChange<'a> {
    /// The organization that subscribes.
    pub org: OrgId,
    /// The order's id.
    pub id: PlanOrderId,
    /// The customer's Stripe id.
    pub customer: &'a str,
    /// The subscription to change.
    pub subscription: &'a Subscription,
    /// The line of its plan, which is replaced. Other items stay.
    pub line: &'a PlanLine,
    /// The new plan and when it takes effect.
    pub timing: ChangeTiming<'a>,
}

/// The result of a change that Stripe accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// The change is made.
    Applied,
    /// The bank wants the customer to confirm the payment on Stripe's page at this URL, if Stripe named one. Until then
    /// nothing is changed or charged.
    NeedsConfirmation(Option<String>),
}

/// The owner of a payment, as far as Stripe knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentOwner {
    /// The customer's Stripe id, if any.
    pub customer: Option<String>,
    /// Whether our metadata is on the payment: it is for a pack.
    pub has_our_metadata: bool,
}

/// The new plan of a subscription and when it takes effect.
#[derive(Clone, Copy, Debug)]
pub enum ChangeTiming<'a> {
    /// Upgrades to a larger plan now. The rest of the billing period, from this instant, is paid immediately.
    Now(PricedPlan<'a>, Instant),
    /// Ends the free trial and upgrades to a larger plan now. A new billing period starts and is paid immediately.
    EndTrial(PricedPlan<'a>),
    /// Switches to this plan at the next renewal.
    AtRenewal(PricedPlan<'a>),
    /// Cancels at the end of the billing period.
    Cancel,
}

/// A Stripe Checkout page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkout {
    /// The session's Stripe id: `cs_…`.
    pub session: String,
    /// The page's URL.
    pub url: String,
}

/// Why a request to Stripe failed. The sources contain no personal data.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// Stripe cannot be reached, did not respond in time, or reports a fault of its own. The request may or may not
    /// have taken effect; it is safe to send it again.
    #[error("Stripe is unavailable")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// The card was declined.
    #[error("the card was declined")]
    Declined,
    /// The bank wants the customer to confirm the payment.
    #[error("the payment needs the customer's confirmation")]
    NeedsConfirmation,
    /// The customer has no card or other payment method.
    #[error("the customer has no payment method")]
    NoPaymentMethod,
    /// Stripe no longer has the customer.
    #[error("Stripe does not have the customer")]
    CustomerMissing(#[source] Box<dyn Error + Send + Sync>),
    /// Stripe does not have the object.
    #[error("Stripe does not have the object")]
    NotFound(#[source] Box<dyn Error + Send + Sync>),
    /// The request was refused, by Stripe or because it could not be sent.
    #[error("the request to Stripe was refused")]
    Refused(#[source] Box<dyn Error + Send + Sync>),
    /// Stripe's response could not be read.
    #[error("Stripe's response could not be read")]
    Unreadable(#[source] Box<dyn Error + Send + Sync>),
}

/// Returns the lookup key of a plan's price at Stripe. A plan whose price changes gets another key.
pub fn price_key(PricedPlan { plan, price }: PricedPlan<'_>) -> String {
    format!("brightmeter-{}-{}-{}-{}", plan.name, price.minor, price.currency, plan.interval.as_str())
}

/// The path that Stripe returns people to after Checkout for a plan and after the customer portal. `?left=1` means that
/// they left Checkout without paying.
pub const RETURN_PATH: &str = "/billing/back";

/// Returns the path of a purchase's page, which is where Stripe returns people to after Checkout.
pub fn purchase_path(purchase: PurchaseId) -> String {
    format!("/billing/purchases/{purchase}")
}
