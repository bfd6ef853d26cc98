//! Stripe over HTTP: parameters as Stripe's own types have them, answers read as little as needed.

mod plans;

use std::{collections::HashMap, time::Duration};

use async_trait::async_trait;
use brightmeter::{
    billing::{invoices::Invoices, payment::Payment, subscription::SubscriptionSnapshot},
    ids::OrgId,
    time::Instant,
};
use miniserde::json::Value as Raw;
use serde_json::Value;
use stripe::{Client, ClientBuilder, IdempotencyKey, RequestStrategy, StripeError, StripeRequest};
use stripe_billing::{
    billing_portal_session::CreateBillingPortalSession,
    invoice::ListInvoice,
    subscription::{ListSubscription, ListSubscriptionStatus},
};
use stripe_checkout::{
    CheckoutSessionMode,
    checkout_session::{
        CreateCheckoutSession, CreateCheckoutSessionLineItems, CreateCheckoutSessionLineItemsPriceData,
        CreateCheckoutSessionPaymentIntentData, ExpireCheckoutSession, ProductData, RetrieveCheckoutSession,
    },
};
use stripe_core::{customer::CreateCustomer, dispute::ListDispute, refund::ListRefund};
use stripe_types::Currency;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::{
    gateway::{Checkout, CheckoutOrder, Gateway, GatewayError, PlanOrder, SubscriptionChange, purchase_path},
    webhook_facts::{self, ORG, PURCHASE, PurchaseRef},
};

/// How long one try may take.
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(2_500);
/// How long to wait before the second and the third try.
const RETRY_DELAYS: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(600)];

/// How many refunds and disputes of a payment, and subscriptions and invoices of a customer, are read: as many as Stripe lists at once.
const LIST_LIMIT: i64 = 100;
/// How long a page may wait for Stripe in all.
const PAGE_TIMEOUT: Duration = Duration::from_secs(10);
const _: () = assert!(
    ATTEMPT_TIMEOUT.as_millis() * 3 + RETRY_DELAYS[0].as_millis() + RETRY_DELAYS[1].as_millis()
        < PAGE_TIMEOUT.as_millis()
);

/// Stripe, or what stands in for it.
#[derive(Clone, Debug)]
pub struct StripeApi {
    client: Client,
    r#try: Duration,
}

impl StripeApi {
    /// With `secret_key`; at `base` if it is not Stripe itself.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] if key or address cannot be used.
    pub fn new(secret_key: &str, base: Option<&str>) -> Result<Self, GatewayError> {
        let mut builder = ClientBuilder::new(secret_key).app_info("Brightmeter", None, None);
        if let Some(base) = base {
            builder = builder.url(format!("{}/", base.trim_end_matches('/')));
        }
        let client =
            builder.build().map_err(|_| GatewayError::Refused("the key or STRIPE_API_BASE cannot be used".into()))?;
        Ok(Self { client, r#try: ATTEMPT_TIMEOUT })
    }

    /// The same, with another time for each try.
    #[must_use]
    pub fn with_try(self, r#try: Duration) -> Self {
        Self { r#try, ..self }
    }

    /// Sends a request that may be sent again: one that changes nothing, or one with a `key` of its own.
    async fn send(&self, request: &impl StripeRequest, key: Option<String>) -> Result<Value, GatewayError> {
        let mut last = GatewayError::Unavailable("it was not asked".into());
        for pause in [None].into_iter().chain(RETRY_DELAYS.map(Some)) {
            if let Some(pause) = pause {
                sleep(pause).await;
            }
            let strategy = match &key {
                None => RequestStrategy::Once,
                Some(key) => RequestStrategy::Idempotent(
                    IdempotencyKey::new(key).map_err(|error| GatewayError::Refused(error.to_string()))?,
                ),
            };
            let sent = request.build().customize::<Raw>().request_strategy(strategy).send(&self.client);
            last = match timeout(self.r#try, sent).await {
                Ok(Ok(raw)) => return read(&raw),
                Ok(Err(error)) => explain(error),
                Err(_) => GatewayError::Unavailable(format!("no answer within {:?}", self.r#try)),
            };
            if !matches!(last, GatewayError::Unavailable(_)) {
                break;
            }
        }
        Err(last)
    }
}

#[async_trait]
impl Gateway for StripeApi {
    async fn create_customer(&self, org: OrgId, order: Uuid, name: &str) -> Result<String, GatewayError> {
        let metadata = HashMap::from([(ORG.to_owned(), org.to_string())]);
        let request = CreateCustomer::new().name(name).metadata(metadata);
        // Not by the organization alone: Stripe keeps what it first answered to a key for a day, failures included.
        let customer = self.send(&request, Some(format!("customer-{org}-{order}"))).await?;
        required(&customer, "id", "a customer without an id")
    }

    async fn open_checkout(&self, order: &CheckoutOrder<'_>) -> Result<Checkout, GatewayError> {
        let CheckoutOrder { org, purchase, customer, until, site } = *order;
        let metadata =
            HashMap::from([(ORG.to_owned(), org.to_string()), (PURCHASE.to_owned(), purchase.id.to_string())]);
        let mut price = CreateCheckoutSessionLineItemsPriceData::new(Currency::USD);
        price.unit_amount = Some(i64::from(purchase.price_cents));
        price.product_data = Some(ProductData::new(&purchase.label));
        let mut item = CreateCheckoutSessionLineItems::new();
        (item.price_data, item.quantity) = (Some(price), Some(1));
        // The payment carries the ids, too: its charge and their events then name the order by themselves.
        let mut payment = CreateCheckoutSessionPaymentIntentData::new();
        payment.metadata = Some(metadata.clone());
        let path = purchase_path(purchase.id);
        let request = CreateCheckoutSession::new()
            .mode(CheckoutSessionMode::Payment)
            .customer(customer)
            .client_reference_id(purchase.id.to_string())
            .metadata(metadata)
            .payment_intent_data(payment)
            .line_items(vec![item])
            .expires_at(until.timestamp())
            .success_url(format!("{site}{path}?from=stripe"))
            .cancel_url(format!("{site}{path}?from=stripe&canceled=1"));
        let session = self.send(&request, Some(format!("checkout-{org}-{}", purchase.id))).await?;
        let what = "a session without an id and a url";
        Ok(Checkout { session: required(&session, "id", what)?, url: required(&session, "url", what)? })
    }

    async fn find_session(&self, session: &str) -> Result<Option<(PurchaseRef, Payment)>, GatewayError> {
        let object = self.send(&RetrieveCheckoutSession::new(session), None).await?;
        webhook_facts::session(&object, None).transpose().map_err(GatewayError::Unreadable)
    }

    async fn find_returned(&self, payment_intent: &str, now: Instant) -> Result<Payment, GatewayError> {
        let refunds = self.send(&ListRefund::new().payment_intent(payment_intent).limit(LIST_LIMIT), None).await?;
        let disputes = self.send(&ListDispute::new().payment_intent(payment_intent).limit(LIST_LIMIT), None).await?;
        webhook_facts::returned(&refunds, &disputes, now).map_err(GatewayError::Unreadable)
    }

    async fn open_subscription(&self, order: &PlanOrder<'_>) -> Result<Checkout, GatewayError> {
        self.open_plan_checkout(order).await
    }

    async fn close_checkout(&self, session: &str) -> Result<(), GatewayError> {
        // To close it twice does no harm, and Stripe keeps what it first answered to a key for a day, failures included.
        self.send(&ExpireCheckoutSession::new(session), Some(format!("close-{}", Uuid::now_v7()))).await.map(drop)
    }

    async fn price_change(&self, change: &SubscriptionChange<'_>) -> Result<u64, GatewayError> {
        self.preview(change).await
    }

    async fn change_subscription(&self, change: &SubscriptionChange<'_>) -> Result<(), GatewayError> {
        self.update(change).await
    }

    async fn open_portal(&self, customer: &str, back: &str) -> Result<String, GatewayError> {
        let request = CreateBillingPortalSession::new().customer(customer).return_url(back);
        // A page for one visit: made twice, the first is of no use to anybody.
        let portal = self.send(&request, Some(format!("portal-{}", Uuid::now_v7()))).await?;
        required(&portal, "url", "a portal without a url")
    }

    async fn find_invoices(&self, customer: &str) -> Result<Invoices, GatewayError> {
        let request = ListInvoice::new().customer(customer).limit(LIST_LIMIT);
        webhook_facts::invoices::list(&self.send(&request, None).await?).map_err(GatewayError::Unreadable)
    }

    async fn find_subscription(&self, customer: &str, number: i64) -> Result<SubscriptionSnapshot, GatewayError> {
        let request = ListSubscription::new().customer(customer).status(ListSubscriptionStatus::All).limit(LIST_LIMIT);
        webhook_facts::subscriptions(&self.send(&request, None).await?, number).map_err(GatewayError::Unreadable)
    }
}

fn read(raw: &Raw) -> Result<Value, GatewayError> {
    serde_json::from_str(&miniserde::json::to_string(raw)).map_err(|_| GatewayError::Unreadable("it is no JSON"))
}

fn required(object: &Value, field: &str, what: &'static str) -> Result<String, GatewayError> {
    object[field].as_str().map(Into::into).ok_or(GatewayError::Unreadable(what))
}

/// What is said of an error: neither what was sent nor anything about whoever pays.
fn explain(error: StripeError) -> GatewayError {
    match error {
        // A key that may not ask is no answer to what was asked.
        StripeError::Stripe(error, status @ (401 | 403 | 409 | 429 | 500..)) => {
            GatewayError::Unavailable(format!("status {status}, {}", error.type_))
        }
        StripeError::Stripe(_, 402) => GatewayError::Declined,
        StripeError::Stripe(error, status) => {
            let (kind, param) = (error.type_, error.param.unwrap_or_default());
            GatewayError::Refused(format!("status {status}, {kind}, {param}"))
        }
        // An error page of something in between, most likely.
        StripeError::JSONDeserialize(_) => GatewayError::Unavailable("an answer that is not in Stripe's form".into()),
        StripeError::ClientError(reason) => GatewayError::Unavailable(reason),
        StripeError::ConfigError(reason) => GatewayError::Refused(reason),
        StripeError::Timeout => GatewayError::Unavailable("no answer in time".into()),
    }
}
