//! Plans at Stripe: their prices, and what is asked of subscriptions.

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
    /// Stripe's name for the price of a plan; made if there is none yet.
    async fn price(&self, plan: &Plan) -> Result<String, GatewayError> {
        let key = price_key(plan);
        let list = ListPrice::new().lookup_keys(vec![key.clone()]).active(true).limit(1);
        let unnamed = "a price without an id";
        let found = self.send(&list, None).await?;
        if let Some(price) = found["data"].get(0) {
            return required(price, "id", unnamed);
        }
        let request = CreatePrice::new(Currency::USD)
            .unit_amount(i64::from(plan.price_cents))
            .lookup_key(&key)
            .recurring(CreatePriceRecurring::new(CreatePriceRecurringInterval::Month))
            .product_data(CreatePriceProductData::new(&plan.label))
            // From one that was made at the same time, or was archived.
            .transfer_lookup_key(true)
            .metadata(HashMap::from([(PLAN.to_owned(), plan.name.to_string())]));
        // Stripe keeps what it first answered to a key for a day, failures included: the plan could not be sold until then.
        let price = self.send(&request, Some(format!("price-{}", Uuid::now_v7()))).await?;
        required(&price, "id", unnamed)
    }

    pub(super) async fn open_plan_checkout(&self, order: &PlanOrder<'_>) -> Result<Checkout, GatewayError> {
        let PlanOrder { org, id, plan, customer, trial_days, until, site } = *order;
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
            .success_url(format!("{site}{RETURN_PATH}"))
            .cancel_url(format!("{site}{RETURN_PATH}?left=1"));
        let session = self.send(&request, Some(format!("subscribe-{org}-{id}"))).await?;
        let what = "a session without an id and a url";
        Ok(Checkout { session: required(&session, "id", what)?, url: required(&session, "url", what)? })
    }

    pub(super) async fn preview(&self, change: &SubscriptionChange<'_>) -> Result<u64, GatewayError> {
        let ChangeTiming::Now(plan, from) = change.to else { return Ok(0) };
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
        invoice["amount_due"].as_u64().ok_or(GatewayError::Unreadable("an invoice without an amount"))
    }

    pub(super) async fn update(&self, change: &SubscriptionChange<'_>) -> Result<(), GatewayError> {
        let SubscriptionChange { org, id, subscription, to, .. } = change;
        let request = UpdateSubscription::new(subscription.id.as_str());
        let request = match to {
            ChangeTiming::Cancel => request.cancel_at_period_end(true),
            ChangeTiming::Now(plan, _) | ChangeTiming::AtRenewal(plan) => {
                let mut item = UpdateSubscriptionItems::new();
                (item.id, item.price) = (Some(subscription.item.clone()), Some(self.price(plan).await?));
                let metadata = HashMap::from([(PLAN.to_owned(), plan.name.to_string())]);
                let request = request.items(vec![item]).metadata(metadata).cancel_at_period_end(false);
                match to {
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
