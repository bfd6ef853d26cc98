//! The Stripe port over HTTP. Requests use the types of Stripe's client library; responses are read as JSON, only the
//! fields we need.

mod plans;

use std::{collections::HashMap, time::Duration};

use async_trait::async_trait;
use brightmeter::{
    billing::{
        invoices::Invoices,
        money::{Currency, Money},
        payment::Payment,
        subscription::SubscriptionSnapshot,
    },
    ids::{OrgId, PlanOrderId},
    time::Instant,
};
use miniserde::json::Value as Raw;
use serde_json::Value;
use stripe::{Client, ClientBuilder, IdempotencyKey, RequestStrategy, StripeError, StripeRequest};
use stripe_billing::{
    billing_portal_session::CreateBillingPortalSession,
    invoice::ListInvoice,
    invoice_payment::{ListInvoicePayment, ListInvoicePaymentPayment, ListInvoicePaymentPaymentType},
    subscription::{ListSubscription, ListSubscriptionStatus},
};
use stripe_checkout::{
    CheckoutSessionBillingAddressCollection, CheckoutSessionMode,
    checkout_session::{
        CreateCheckoutSession, CreateCheckoutSessionAutomaticTax, CreateCheckoutSessionCustomerUpdate,
        CreateCheckoutSessionCustomerUpdateAddress, CreateCheckoutSessionCustomerUpdateName,
        CreateCheckoutSessionInvoiceCreation, CreateCheckoutSessionInvoiceCreationInvoiceData,
        CreateCheckoutSessionLineItems, CreateCheckoutSessionLineItemsPriceData,
        CreateCheckoutSessionLineItemsPriceDataTaxBehavior, CreateCheckoutSessionPaymentIntentData,
        CreateCheckoutSessionTaxIdCollection, ExpireCheckoutSession, ProductData, RetrieveCheckoutSession,
    },
};
use stripe_core::{
    customer::CreateCustomer, dispute::ListDispute, payment_intent::RetrievePaymentIntent, refund::ListRefund,
};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use crate::deadlines::STRIPE;

use super::{
    gateway::{
        Changed, Checkout, CheckoutOrder, Gateway, GatewayError, PaymentOwner, PlanOrder, SubscriptionChange,
        purchase_path,
    },
    webhook_facts::{self, ORG, PURCHASE, PurchaseRef},
};

/// The timeout of one attempt.
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(2_200);
/// The delays before the second and the third attempt.
const RETRY_DELAYS: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(600)];

/// The page size of lists (refunds, disputes, subscriptions, invoices): the most that Stripe returns at once.
const LIST_LIMIT: i64 = 100;
const _: () = assert!(
    ATTEMPT_TIMEOUT.as_millis() * 3 + RETRY_DELAYS[0].as_millis() + RETRY_DELAYS[1].as_millis() < STRIPE.as_millis()
);

/// Stripe's API, or the sandbox's.
#[derive(Clone, Debug)]
pub struct StripeApi {
    client: Client,
    attempt_timeout: Duration,
    /// Whether Stripe Tax adds the taxes of the buyer's country to each price.
    automatic_tax: bool,
}

impl StripeApi {
    /// Creates a client that signs in with `secret_key`. `base_url` replaces Stripe's own URL.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] if the secret key or the URL is malformed.
    pub fn new(secret_key: &str, base_url: Option<&str>) -> Result<Self, GatewayError> {
        let mut builder = ClientBuilder::new(secret_key).app_info("Brightmeter", None, None);
        if let Some(base_url) = base_url {
            builder = builder.url(format!("{}/", base_url.trim_end_matches('/')));
        }
        let client = builder.build().map_err(|error| GatewayError::Refused(ClientConfigError(error).into()))?;
        Ok(Self { client, attempt_timeout: ATTEMPT_TIMEOUT, automatic_tax: false })
    }

    /// Sets the timeout of each attempt.
    #[must_use]
    pub fn with_attempt_timeout(self, attempt_timeout: Duration) -> Self {
        Self { attempt_timeout, ..self }
    }

    /// Sets whether Stripe Tax adds the taxes of the buyer's country to each price.
    #[must_use]
    pub fn with_automatic_tax(self, automatic_tax: bool) -> Self {
        Self { automatic_tax, ..self }
    }

    /// Sends a request, and repeats it while Stripe is unavailable. So it must be safe to repeat: a read, or a write
    /// with an `idempotency_key`.
    async fn send(&self, request: &impl StripeRequest, idempotency_key: Option<String>) -> Result<Value, GatewayError> {
        let mut last = GatewayError::Unavailable("no attempt was made".into());
        for delay in [None].into_iter().chain(RETRY_DELAYS.map(Some)) {
            if let Some(delay) = delay {
                sleep(delay).await;
            }
            let strategy = match &idempotency_key {
                None => RequestStrategy::Once,
                Some(key) => RequestStrategy::Idempotent(
                    IdempotencyKey::new(key).map_err(|error| GatewayError::Refused(error.into()))?,
                ),
            };
            let sent = request.build().customize::<Raw>().request_strategy(strategy).send(&self.client);
            last = match timeout(self.attempt_timeout, sent).await {
                Ok(Ok(raw)) => return read(&raw),
                Ok(Err(error)) => error.into(),
                Err(elapsed) => GatewayError::Unavailable(elapsed.into()),
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
        // Not per organization: Stripe stores the first response to an idempotency key for a day, failures included.
        let customer = self.send(&request, Some(format!("customer-{org}-{order}"))).await?;
        required(&customer, "id", "a customer without an id")
    }

    async fn open_checkout(&self, order: &CheckoutOrder<'_>) -> Result<Checkout, GatewayError> {
        let CheckoutOrder { org, purchase, customer, until, base_url } = *order;
        let metadata =
            HashMap::from([(ORG.to_owned(), org.to_string()), (PURCHASE.to_owned(), purchase.id.to_string())]);
        let mut price = CreateCheckoutSessionLineItemsPriceData::new(stripe_currency(purchase.price.currency));
        price.unit_amount = Some(purchase.price.minor);
        price.product_data = Some(ProductData::new(&purchase.label));
        price.tax_behavior =
            self.automatic_tax.then_some(CreateCheckoutSessionLineItemsPriceDataTaxBehavior::Exclusive);
        let mut item = CreateCheckoutSessionLineItems::new();
        (item.price_data, item.quantity) = (Some(price), Some(1));
        // The payment carries the ids too, so that its charge and their events identify the order.
        let mut payment = CreateCheckoutSessionPaymentIntentData::new();
        payment.metadata = Some(metadata.clone());
        let mut invoice_data = CreateCheckoutSessionInvoiceCreationInvoiceData::new();
        invoice_data.metadata = Some(metadata.clone());
        let mut invoice = CreateCheckoutSessionInvoiceCreation::new(true);
        invoice.invoice_data = Some(invoice_data);
        let path = purchase_path(purchase.id);
        let request = CreateCheckoutSession::new()
            .mode(CheckoutSessionMode::Payment)
            .customer(customer)
            .client_reference_id(purchase.id.to_string())
            .metadata(metadata)
            .payment_intent_data(payment)
            .line_items(vec![item])
            .invoice_creation(invoice)
            .billing_address_collection(CheckoutSessionBillingAddressCollection::Required)
            .tax_id_collection(CreateCheckoutSessionTaxIdCollection::new(true))
            .customer_update(customer_update())
            .automatic_tax(CreateCheckoutSessionAutomaticTax::new(self.automatic_tax))
            .expires_at(until.timestamp())
            .success_url(format!("{base_url}{path}?from=stripe"))
            .cancel_url(format!("{base_url}{path}?from=stripe&canceled=1"));
        let session = self.send(&request, Some(format!("checkout-{org}-{}-{customer}", purchase.id))).await?;
        let missing = "a session without an id and a url";
        Ok(Checkout { session: required(&session, "id", missing)?, url: required(&session, "url", missing)? })
    }

    async fn find_session(&self, session: &str) -> Result<Option<(PurchaseRef, Payment)>, GatewayError> {
        let object = self.send(&RetrieveCheckoutSession::new(session), None).await?;
        webhook_facts::session(&object, None).transpose().map_err(|missing| GatewayError::Unreadable(missing.into()))
    }

    async fn find_refunds_and_disputes(&self, payment_intent: &str, now: Instant) -> Result<Payment, GatewayError> {
        let refunds = self.send(&ListRefund::new().payment_intent(payment_intent).limit(LIST_LIMIT), None).await?;
        let disputes = self.send(&ListDispute::new().payment_intent(payment_intent).limit(LIST_LIMIT), None).await?;
        webhook_facts::refunds_and_disputes(&refunds, &disputes, now)
            .map_err(|missing| GatewayError::Unreadable(missing.into()))
    }

    async fn open_subscription(&self, order: &PlanOrder<'_>) -> Result<Checkout, GatewayError> {
        self.open_plan_checkout(order).await
    }

    async fn close_checkout(&self, session: &str) -> Result<(), GatewayError> {
        // A fresh idempotency key each time: closing twice is harmless, and Stripe stores the first response to a key
        // for a day, failures included.
        self.send(&ExpireCheckoutSession::new(session), Some(format!("close-{}", Uuid::now_v7()))).await.map(drop)
    }

    async fn preview_change(&self, change: &SubscriptionChange<'_>) -> Result<Money, GatewayError> {
        self.preview(change).await
    }

    async fn change_subscription(&self, change: &SubscriptionChange<'_>) -> Result<Changed, GatewayError> {
        self.update(change).await
    }

    async fn resume_subscription(&self, org: OrgId, id: PlanOrderId, subscription: &str) -> Result<(), GatewayError> {
        self.resume(org, id, subscription).await
    }

    async fn open_portal(&self, customer: &str, return_url: &str) -> Result<String, GatewayError> {
        let request = CreateBillingPortalSession::new().customer(customer).return_url(return_url);
        // A fresh idempotency key each time: the page is for one visit, and a second request may open another one.
        let portal = self.send(&request, Some(format!("portal-{}", Uuid::now_v7()))).await?;
        required(&portal, "url", "a portal without a url")
    }

    async fn find_invoices(&self, customer: &str) -> Result<Invoices, GatewayError> {
        let request = ListInvoice::new().customer(customer).limit(LIST_LIMIT).expand(vec!["data.payments".to_owned()]);
        webhook_facts::invoices::list(&self.send(&request, None).await?)
            .map_err(|missing| GatewayError::Unreadable(missing.into()))
    }

    async fn find_subscriptions(
        &self,
        customer: &str,
        number: i64,
        now: Instant,
    ) -> Result<SubscriptionSnapshot, GatewayError> {
        let request = ListSubscription::new().customer(customer).status(ListSubscriptionStatus::All).limit(LIST_LIMIT);
        let mut snapshot = webhook_facts::subscriptions::list(&self.send(&request, None).await?, number, now)
            .map_err(|missing| GatewayError::Unreadable(missing.into()))?;
        for subscription in &mut snapshot.subscriptions {
            if let Some(schedule) = subscription.schedule.take().filter(|_| !subscription.status.is_over()) {
                subscription.schedule = self.find_schedule(&schedule.id).await?;
            }
        }
        Ok(snapshot)
    }

    async fn find_payment_owner(&self, payment_intent: &str) -> Result<PaymentOwner, GatewayError> {
        let object = self.send(&RetrievePaymentIntent::new(payment_intent), None).await?;
        webhook_facts::payment_owner(&object, payment_intent)
            .map_err(|missing| GatewayError::Unreadable(missing.into()))
    }

    async fn find_invoice_of(&self, payment_intent: &str) -> Result<Option<String>, GatewayError> {
        let mut payment = ListInvoicePaymentPayment::new(ListInvoicePaymentPaymentType::PaymentIntent);
        payment.payment_intent = Some(payment_intent.into());
        let payments = self.send(&ListInvoicePayment::new().payment(payment).limit(1), None).await?;
        webhook_facts::invoices::of_payment(&payments).map_err(|missing| GatewayError::Unreadable(missing.into()))
    }
}

/// The currency as a parameter of a request.
fn stripe_currency(currency: Currency) -> stripe_types::Currency {
    let Ok(currency) = currency.as_str().parse::<stripe_types::Currency>();
    currency
}

/// Saves the name and the address that the customer enters at Checkout: invoices show them, and taxes depend on them.
fn customer_update() -> CreateCheckoutSessionCustomerUpdate {
    let mut update = CreateCheckoutSessionCustomerUpdate::new();
    update.address = Some(CreateCheckoutSessionCustomerUpdateAddress::Auto);
    update.name = Some(CreateCheckoutSessionCustomerUpdateName::Auto);
    update
}

fn read(raw: &Raw) -> Result<Value, GatewayError> {
    serde_json::from_str(&miniserde::json::to_string(raw)).map_err(|error| GatewayError::Unreadable(error.into()))
}

fn required(object: &Value, field: &str, missing: &'static str) -> Result<String, GatewayError> {
    object[field].as_str().map(Into::into).ok_or_else(|| GatewayError::Unreadable(missing.into()))
}

/// The client could not be built from its configuration.
#[derive(Debug, thiserror::Error)]
#[error("the secret key or STRIPE_API_BASE is malformed")]
struct ClientConfigError(#[source] StripeError);

/// The messages about a customer without a payment method. They have no code of their own.
const NO_PAYMENT_METHOD: [&str; 2] =
    ["This customer has no attached payment source", "Cannot charge a customer that has no active card"];

/// An error response of Stripe's API, reduced to fields that contain no personal data: the message and the payment
/// method are left out.
#[derive(Debug, thiserror::Error)]
#[error("status {status}, {kind} {code}{}", .param.as_ref().map(|param| format!(", {param}")).unwrap_or_default())]
struct ErrorResponse {
    status: u16,
    kind: String,
    code: String,
    param: Option<String>,
}

impl From<StripeError> for GatewayError {
    fn from(error: StripeError) -> Self {
        match error {
            StripeError::Stripe(error, status) => {
                let code = error.code.as_ref().map(ToString::to_string).unwrap_or_default();
                let message = error.message.unwrap_or_default();
                let needs_confirmation = code.ends_with("payment_intent_requires_action")
                    || [Some(code.as_str()), error.decline_code.as_deref()].contains(&Some("authentication_required"));
                let is_missing = code == "resource_missing" || status == 404;
                // With an API key of the wrong mode, Stripe reports every customer as missing, and says this.
                let is_in_other_mode = message.contains("a similar object exists in");
                let response = ErrorResponse { status, kind: error.type_.to_string(), code, param: error.param };
                match status {
                    400 | 402 if NO_PAYMENT_METHOD.iter().any(|start| message.starts_with(start)) => {
                        Self::NoPaymentMethod
                    }
                    402 if needs_confirmation => Self::NeedsConfirmation,
                    402 => Self::Declined,
                    400 | 404 if is_missing && !is_in_other_mode => match response.param.as_deref() {
                        Some("customer") => Self::CustomerMissing(response.into()),
                        _ => Self::NotFound(response.into()),
                    },
                    // These say nothing about the request itself: a wrong API key, a conflict, a rate limit, an outage.
                    401 | 403 | 409 | 429 | 500.. => Self::Unavailable(response.into()),
                    _ => Self::Refused(response.into()),
                }
            }
            // Most likely an error page of a proxy.
            error @ (StripeError::JSONDeserialize(_) | StripeError::ClientError(_) | StripeError::Timeout) => {
                Self::Unavailable(error.into())
            }
            error @ StripeError::ConfigError(_) => Self::Refused(error.into()),
        }
    }
}
