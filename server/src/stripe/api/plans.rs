//! Requests for plans: prices, Checkout for subscriptions, and changes of subscriptions.

use std::collections::HashMap;

use brightmeter::catalog::Plan;
use stripe_billing::{
    invoice::{
        CreatePreviewInvoice, CreatePreviewInvoiceSubscriptionDetails, CreatePreviewInvoiceSubscriptionDetailsItems,
        CreatePreviewInvoiceSubscriptionDetailsProrationBehavior,
    },
    subscription::{
        UpdateSubscription, UpdateSubscriptionItems, UpdateSubscriptionPaymentBehavior,
        UpdateSubscriptionProrationBehavior,
    },
};
use stripe_checkout::{
    CheckoutSessionMode,
    checkout_session::{CreateCheckoutSession, CreateCheckoutSessionLineItems, CreateCheckoutSessionSubscriptionData},
};
use stripe_product::price::{
    CreatePrice, CreatePriceProductData, CreatePriceRecurring, CreatePriceRecurringInterval, ListPrice,
};
use stripe_types::Currency;
use uuid::Uuid;

use super::{StripeApi, required};
use crate::stripe::{
    gateway::{ChangeTiming, Checkout, GatewayError, PlanOrder, RETURN_PATH, SubscriptionChange, price_key},
    webhook_facts::{ORG, PLAN},
};

impl StripeApi {
    /// Returns the Stripe id of a plan's price. Creates the price if it does not exist yet.
    async fn price(&self, plan: &Plan) -> Result<String, GatewayError> {
        let lookup_key = price_key(plan);
        let list = ListPrice::new().lookup_keys(vec![lookup_key.clone()]).active(true).limit(1);
        let missing = "a price without an id";
        let found = self.send(&list, None).await?;
        if let Some(price) = found["data"].get(0) {
            return required(price, "id", missing);
        }
        let request = CreatePrice::new(Currency::USD)
            .unit_amount(i64::from(plan.price_cents))
            .lookup_key(&lookup_key)
            .recurring(CreatePriceRecurring::new(CreatePriceRecurringInterval::Month))
            .product_data(CreatePriceProductData::new(&plan.label))
            // From a price that was created at the same time or has been archived.
            .transfer_lookup_key(true)
            .metadata(HashMap::from([(PLAN.to_owned(), plan.name.to_string())]));
        // A fresh idempotency key each time: Stripe stores the first response to a key for a day, failures included,
        // and the plan could not be sold until then.
        let price = self.send(&request, Some(format!("price-{}", Uuid::now_v7()))).await?;
        required(&price, "id", missing)
    }

    pub(super) async fn open_plan_checkout(&self, order: &PlanOrder<'_>) -> Result<Checkout, GatewayError> {
        let PlanOrder { org, id, plan, customer, trial_days, until, base_url } = *order;
        let metadata = HashMap::from([(ORG.to_owned(), org.to_string()), (PLAN.to_owned(), plan.name.to_string())]);
        let mut item = CreateCheckoutSessionLineItems::new();
        (item.price, item.quantity) = (Some(self.price(plan).await?), Some(1));
        let mut subscription = CreateCheckoutSessionSubscriptionData::new();
        subscription.metadata = Some(metadata.clone());
        subscription.trial_period_days = (trial_days > 0).then(|| trial_days.into());
        let request = CreateCheckoutSession::new()
            .mode(CheckoutSessionMode::Subscription)
            .customer(customer)
            .client_reference_id(id.to_string())
            .metadata(metadata)
            .subscription_data(subscription)
            .line_items(vec![item])
            .expires_at(until.timestamp())
            .success_url(format!("{base_url}{RETURN_PATH}"))
            .cancel_url(format!("{base_url}{RETURN_PATH}?left=1"));
        let session = self.send(&request, Some(format!("subscribe-{org}-{id}"))).await?;
        let missing = "a session without an id and a url";
        Ok(Checkout { session: required(&session, "id", missing)?, url: required(&session, "url", missing)? })
    }

    pub(super) async fn preview(&self, change: &SubscriptionChange<'_>) -> Result<u64, GatewayError> {
        let ChangeTiming::Now(plan, from) = change.timing else { return Ok(0) };
        let mut item = CreatePreviewInvoiceSubscriptionDetailsItems::new();
        (item.id, item.price) = (Some(change.subscription.item.clone()), Some(self.price(plan).await?));
        let mut details = CreatePreviewInvoiceSubscriptionDetails::new();
        details.items = Some(vec![item]);
        details.proration_behavior = Some(CreatePreviewInvoiceSubscriptionDetailsProrationBehavior::AlwaysInvoice);
        details.proration_date = Some(from.timestamp());
        let request = CreatePreviewInvoice::new()
            .customer(change.customer)
            .subscription(&change.subscription.id)
            .subscription_details(details);
        let invoice = self.send(&request, None).await?;
        invoice["amount_due"].as_u64().ok_or_else(|| GatewayError::Unreadable("an invoice without an amount".into()))
    }

    pub(super) async fn update(&self, change: &SubscriptionChange<'_>) -> Result<(), GatewayError> {
        let SubscriptionChange { org, id, subscription, timing, .. } = change;
        let request = UpdateSubscription::new(subscription.id.as_str());
        let request = match timing {
            ChangeTiming::Cancel => request.cancel_at_period_end(true),
            ChangeTiming::Now(plan, _) | ChangeTiming::AtRenewal(plan) => {
                let mut item = UpdateSubscriptionItems::new();
                (item.id, item.price) = (Some(subscription.item.clone()), Some(self.price(plan).await?));
                let metadata = HashMap::from([(PLAN.to_owned(), plan.name.to_string())]);
                let request = request.items(vec![item]).metadata(metadata).cancel_at_period_end(false);
                match timing {
                    ChangeTiming::Now(_, from) => request
                        .proration_behavior(UpdateSubscriptionProrationBehavior::AlwaysInvoice)
                        .proration_date(from.timestamp())
                        .payment_behavior(UpdateSubscriptionPaymentBehavior::ErrorIfIncomplete),
                    _ => request.proration_behavior(UpdateSubscriptionProrationBehavior::None),
                }
            }
        };
        self.send(&request, Some(format!("plan-{org}-{id}"))).await.map(drop)
    }
}
