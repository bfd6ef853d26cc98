//! Requests for plans: prices, Checkout for subscriptions, and changes of subscriptions.

use std::collections::HashMap;

use brightmeter::{
    billing::{money::Money, period::Interval, schedule::Schedule},
    ids::{OrgId, PlanOrderId},
};
use stripe_billing::{
    invoice::{
        CreatePreviewInvoice, CreatePreviewInvoiceSubscriptionDetails, CreatePreviewInvoiceSubscriptionDetailsItems,
        CreatePreviewInvoiceSubscriptionDetailsProrationBehavior, CreatePreviewInvoiceSubscriptionDetailsTrialEnd,
    },
    subscription::{
        ResumeSubscription, UpdateSubscription, UpdateSubscriptionItems, UpdateSubscriptionPaymentBehavior,
        UpdateSubscriptionProrationBehavior, UpdateSubscriptionTrialEnd,
    },
    subscription_schedule::{ReleaseSubscriptionSchedule, RetrieveSubscriptionSchedule},
};
use stripe_checkout::{
    CheckoutSessionBillingAddressCollection, CheckoutSessionMode,
    checkout_session::{
        CreateCheckoutSession, CreateCheckoutSessionAutomaticTax, CreateCheckoutSessionLineItems,
        CreateCheckoutSessionSubscriptionData, CreateCheckoutSessionTaxIdCollection,
    },
};
use stripe_product::PriceTaxBehavior;
use stripe_product::price::{
    CreatePrice, CreatePriceProductData, CreatePriceRecurring, CreatePriceRecurringInterval, ListPrice,
};
use uuid::Uuid;

use super::{StripeApi, customer_update, required, stripe_currency};
use crate::stripe::{
    gateway::{
        ChangeTiming, Changed, Checkout, GatewayError, PlanOrder, PricedPlan, RETURN_PATH, SubscriptionChange,
        price_key,
    },
    webhook_facts::{ORG, PLAN, currency, https_url, schedules},
};

impl StripeApi {
    /// Returns the Stripe id of a plan's price. Creates the price if it does not exist yet.
    async fn price(&self, priced: PricedPlan<'_>) -> Result<String, GatewayError> {
        // Whether taxes are added is a property of a price that cannot be changed.
        let lookup_key = price_key(priced) + if self.automatic_tax { "-tax-exclusive" } else { "" };
        let PricedPlan { plan, price } = priced;
        let list = ListPrice::new().lookup_keys(vec![lookup_key.clone()]).active(true).limit(1);
        let missing = "a price without an id";
        let found = self.send(&list, None).await?;
        if let Some(found) = found["data"].get(0) {
            return required(found, "id", missing);
        }
        let metadata = plan_metadata(priced);
        let mut product = CreatePriceProductData::new(&plan.label);
        product.metadata = Some(metadata.clone());
        let request = CreatePrice::new(stripe_currency(price.currency))
            .unit_amount(price.minor)
            .lookup_key(&lookup_key)
            .recurring(CreatePriceRecurring::new(match plan.interval {
                Interval::Month => CreatePriceRecurringInterval::Month,
                Interval::Year => CreatePriceRecurringInterval::Year,
            }))
            .product_data(product)
            // From a price that was created at the same time or has been archived.
            .transfer_lookup_key(true)
            .metadata(metadata);
        let request = match self.automatic_tax {
            true => request.tax_behavior(PriceTaxBehavior::Exclusive),
            false => request,
        };
        // A fresh idempotency key each time: Stripe stores the first response to a key for a day, failures included,
        // and the plan could not be sold until then.
        let price = self.send(&request, Some(format!("price-{}", Uuid::now_v7()))).await?;
        required(&price, "id", missing)
    }

    pub(super) async fn open_plan_checkout(&self, order: &PlanOrder<'_>) -> Result<Checkout, GatewayError> {
        let PlanOrder { org, id, plan, customer, trial_days, until, base_url } = *order;
        let metadata =
            HashMap::from([(ORG.to_owned(), org.to_string()), (PLAN.to_owned(), plan.plan.name.to_string())]);
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
            .billing_address_collection(CheckoutSessionBillingAddressCollection::Required)
            .tax_id_collection(CreateCheckoutSessionTaxIdCollection::new(true))
            .customer_update(customer_update())
            .automatic_tax(CreateCheckoutSessionAutomaticTax::new(self.automatic_tax))
            .expires_at(until.timestamp())
            .success_url(format!("{base_url}{RETURN_PATH}"))
            .cancel_url(format!("{base_url}{RETURN_PATH}?left=1"));
        let session = self.send(&request, Some(format!("subscribe-{org}-{id}-{customer}"))).await?;
        let missing = "a session without an id and a url";
        Ok(Checkout { session: required(&session, "id", missing)?, url: required(&session, "url", missing)? })
    }

    pub(super) async fn preview(&self, change: &SubscriptionChange<'_>) -> Result<Money, GatewayError> {
        let (plan, from) = match change.timing {
            ChangeTiming::Now(plan, from) => (plan, Some(from)),
            ChangeTiming::EndTrial(plan) => (plan, None),
            ChangeTiming::AtRenewal(_) | ChangeTiming::Cancel => {
                return Ok(Money::new(0, change.subscription.currency));
            }
        };
        let mut item = CreatePreviewInvoiceSubscriptionDetailsItems::new();
        (item.id, item.price) = (Some(change.line.item.clone()), Some(self.price(plan).await?));
        let mut details = CreatePreviewInvoiceSubscriptionDetails::new();
        details.items = Some(vec![item]);
        if let Some(from) = from {
            let behavior = CreatePreviewInvoiceSubscriptionDetailsProrationBehavior::AlwaysInvoice;
            (details.proration_behavior, details.proration_date) = (Some(behavior), Some(from.timestamp()));
        } else {
            let behavior = CreatePreviewInvoiceSubscriptionDetailsProrationBehavior::None;
            let trial_end = CreatePreviewInvoiceSubscriptionDetailsTrialEnd::Now;
            (details.proration_behavior, details.trial_end) = (Some(behavior), Some(trial_end));
        }
        let request = CreatePreviewInvoice::new()
            .customer(change.customer)
            .subscription(&change.subscription.id)
            .subscription_details(details);
        let invoice = self.send(&request, None).await?;
        let due = invoice["amount_due"].as_u64();
        let due = due.ok_or_else(|| GatewayError::Unreadable("an invoice without an amount".into()))?;
        Ok(Money::new(due, currency(&invoice["currency"]).unwrap_or(change.subscription.currency)))
    }

    pub(super) async fn update(&self, change: &SubscriptionChange<'_>) -> Result<Changed, GatewayError> {
        let key = format!("plan-{}-{}", change.org, change.id);
        if let Some(schedule) = &change.subscription.schedule {
            // It would undo the change at its next phase, and Stripe refuses a cancellation under a schedule.
            let request = ReleaseSubscriptionSchedule::new(schedule.id.as_str());
            self.send(&request, Some(format!("{key}-release"))).await?;
        }
        let request = UpdateSubscription::new(change.subscription.id.as_str());
        match change.timing {
            ChangeTiming::Cancel => {
                self.send(&request.cancel_at_period_end(true), Some(key)).await?;
                Ok(Changed::Applied)
            }
            ChangeTiming::AtRenewal(plan) => {
                let request = request
                    .items(vec![self.new_item(change, plan).await?])
                    .metadata(plan_metadata(plan))
                    .cancel_at_period_end(false)
                    .proration_behavior(UpdateSubscriptionProrationBehavior::None);
                self.send(&request, Some(key)).await?;
                Ok(Changed::Applied)
            }
            ChangeTiming::Now(plan, from) => {
                let request = request
                    .items(vec![self.new_item(change, plan).await?])
                    .proration_behavior(UpdateSubscriptionProrationBehavior::AlwaysInvoice)
                    .proration_date(from.timestamp());
                self.upgrade(request, plan, key).await
            }
            ChangeTiming::EndTrial(plan) => {
                let request = request
                    .items(vec![self.new_item(change, plan).await?])
                    .proration_behavior(UpdateSubscriptionProrationBehavior::None)
                    .trial_end(UpdateSubscriptionTrialEnd::Now);
                self.upgrade(request, plan, key).await
            }
        }
    }

    /// Changes to a larger plan only if it is paid now. If the bank wants a confirmation, leaves the change pending at
    /// Stripe until its invoice is paid.
    async fn upgrade(
        &self,
        request: UpdateSubscription,
        plan: PricedPlan<'_>,
        key: String,
    ) -> Result<Changed, GatewayError> {
        let paid_now = request
            .clone()
            .metadata(plan_metadata(plan))
            .cancel_at_period_end(false)
            .payment_behavior(UpdateSubscriptionPaymentBehavior::ErrorIfIncomplete);
        match self.send(&paid_now, Some(key.clone())).await {
            Ok(_) => return Ok(Changed::Applied),
            Err(GatewayError::NeedsConfirmation) => {}
            Err(error) => return Err(error),
        }
        // Pending changes take neither metadata nor cancel_at_period_end. The price names the plan.
        let pending = request
            .payment_behavior(UpdateSubscriptionPaymentBehavior::PendingIfIncomplete)
            .expand(vec!["latest_invoice".to_owned()]);
        let subscription = self.send(&pending, Some(format!("{key}-pending"))).await?;
        if subscription["pending_update"].is_object() {
            Ok(Changed::NeedsConfirmation(https_url(&subscription["latest_invoice"]["hosted_invoice_url"])))
        } else {
            Ok(Changed::Applied)
        }
    }

    /// Fetches a subscription's schedule. Returns `None` if it has ended.
    pub(super) async fn find_schedule(&self, id: &str) -> Result<Option<Schedule>, GatewayError> {
        let expand = ["phases.items.price", "subscription"].map(str::to_owned).to_vec();
        match self.send(&RetrieveSubscriptionSchedule::new(id).expand(expand), None).await {
            Ok(object) => schedules::read(&object).map_err(|missing| GatewayError::Unreadable(missing.into())),
            Err(GatewayError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn new_item(
        &self,
        change: &SubscriptionChange<'_>,
        plan: PricedPlan<'_>,
    ) -> Result<UpdateSubscriptionItems, GatewayError> {
        let mut item = UpdateSubscriptionItems::new();
        (item.id, item.price) = (Some(change.line.item.clone()), Some(self.price(plan).await?));
        Ok(item)
    }

    pub(super) async fn resume(&self, org: OrgId, id: PlanOrderId, subscription: &str) -> Result<(), GatewayError> {
        self.send(&ResumeSubscription::new(subscription), Some(format!("resume-{org}-{id}"))).await.map(drop)
    }
}

fn plan_metadata(PricedPlan { plan, .. }: PricedPlan<'_>) -> HashMap<String, String> {
    HashMap::from([(PLAN.to_owned(), plan.name.to_string())])
}
