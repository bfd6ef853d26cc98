//! Buying packs.
//!
//! An order is recorded before we call Stripe. All payment facts go through one function,
//! [`Purchases::record_payment`], whether they come from an event or from the customer's return from Checkout.

use std::sync::Arc;

use brightmeter::{
    billing::{
        money::Currency,
        payment::{Payment, Purchase, Stage},
        standing::assess,
    },
    catalog::Catalog,
    command::Command,
    ids::{MemberId, OrgId, PurchaseId},
    ledger::account::Terms,
    names::{PackName, PlanName},
};
use chrono::TimeDelta;
use sqlx::{PgConnection, PgPool};
use tokio::sync::Notify;

use super::{
    customers::{self, CustomerError},
    writer::{Submission, SubmitError, Writer},
};
use crate::{
    clock::Clock,
    storage::{
        StorageError, accounts, licenses,
        purchases::{self, Checkout, Order},
        stripe_events, tenant,
    },
    stripe::{
        gateway::{CheckoutOrder, Gateway, GatewayError},
        webhook_facts::PurchaseRef,
    },
};

/// The time in which an order can be paid. Stripe allows 24 hours from the request, which follows a moment after the
/// order.
const CHECKOUT_TTL: TimeDelta = TimeDelta::hours(23);

/// The number of unpaid orders per organization within [`ORDER_WINDOW`]. Each is a row and a call to Stripe, whose rate
/// limit all organizations share.
const MAX_OPEN_ORDERS: i64 = 30;
/// The window in which [`MAX_OPEN_ORDERS`] counts orders.
const ORDER_WINDOW: TimeDelta = TimeDelta::hours(1);

/// Sells packs.
#[derive(Clone)]
pub struct Purchases {
    /// A pool with the application's role.
    pub pool: PgPool,
    /// Credits tokens and claws them back.
    pub writer: Writer,
    /// Stripe. `None` if nothing is for sale.
    pub gateway: Option<Arc<dyn Gateway>>,
    /// The packs on sale.
    pub catalog: Arc<Catalog>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// This server's public base URL, without a trailing slash.
    pub base_url: Arc<str>,
    /// Wakes the inbox when there is an event to process.
    pub new_events: Arc<Notify>,
}

/// Why a pack could not be ordered, or the order cannot be paid now.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// The catalog has no such pack.
    #[error("unknown pack")]
    UnknownPack,
    /// The plan includes no AI features, so the tokens could not be spent.
    #[error("the plan includes no AI features")]
    PlanWithoutAi,
    /// Staff have suspended the license, so the tokens could not be spent.
    #[error("the license is suspended by staff")]
    Suspended,
    /// The organization has too many unpaid orders.
    #[error("too many unpaid orders")]
    TooMany,
    /// The order's id was used before, for another pack.
    #[error("this order's id was used for another pack")]
    IdReused,
    /// The request to Stripe failed. The order remains.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl From<CustomerError> for OrderError {
    fn from(error: CustomerError) -> Self {
        match error {
            CustomerError::Gateway(error) => Self::Gateway(error),
            CustomerError::Storage(error) => Self::Storage(error),
        }
    }
}

/// Why Stripe's facts could not be recorded.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The writer did not apply the command, or may not have.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// The request to Stripe failed.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl Purchases {
    /// Orders a pack and returns the URL of the Checkout page. Idempotent by `id`: a form that is sent twice orders
    /// once and leads to the same page. The price is in `currency` if it can be: see [`Standing::currency`](brightmeter::billing::standing::Standing::currency).
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn order(
        &self,
        org: OrgId,
        member: MemberId,
        id: PurchaseId,
        pack: &PackName,
        currency: Option<Currency>,
    ) -> Result<String, OrderError> {
        let mut tx = tenant::begin(&self.pool, org).await?;
        let found = accounts::find(&mut tx, org).await?;
        let found = found.ok_or_else(|| StorageError::missing("ai_token_accounts", org))?;
        let Terms { plan, license, .. } = found.account.terms;
        // Do not let people pay for what they cannot use, not even for an earlier order.
        if !license.allows_purchases() {
            return Err(OrderError::Suspended);
        }
        let order = match purchases::find(&mut tx, org, id).await? {
            Some(order) => order,
            None => {
                let purchase = self.build_purchase(&mut tx, org, id, (pack, currency), &plan).await?;
                purchases::insert(&mut tx, org, &purchase, member, self.clock.now()).await?;
                // Of two concurrent orders with this id, the first one counts.
                let order = purchases::find(&mut tx, org, id).await?;
                order.ok_or_else(|| StorageError::missing("ai_token_purchases", id))?
            }
        };
        tx.commit().await.map_err(StorageError::from)?;
        if order.purchase.pack != *pack {
            return Err(OrderError::IdReused);
        }
        if let Some(checkout) = order.checkout {
            return Ok(checkout.url);
        }
        let gateway = &**self.gateway()?;
        let customer = customers::find_or_create(&self.pool, gateway, &*self.clock, org, id.0).await?;
        let until = order.ordered_at + CHECKOUT_TTL;
        let (purchase, base_url) = (&order.purchase, &*self.base_url);
        let open = |customer: String| async move {
            let customer = &*customer;
            gateway.open_checkout(&CheckoutOrder { org, purchase, customer, until, base_url }).await
        };
        let checkout = customers::send_for(&self.pool, gateway, &*self.clock, (org, &customer), open).await?;
        let mut tx = tenant::begin(&self.pool, org).await?;
        let checkout = Checkout { session: checkout.session, url: checkout.url, until };
        purchases::set_checkout(&mut tx, org, id, &checkout).await?;
        tx.commit().await.map_err(StorageError::from)?;
        Ok(checkout.url)
    }

    /// Builds an unpaid purchase from the pack's current price and tokens, if the plan can spend them.
    async fn build_purchase(
        &self,
        conn: &mut PgConnection,
        org: OrgId,
        id: PurchaseId,
        (pack, currency): (&PackName, Option<Currency>),
        plan: &PlanName,
    ) -> Result<Purchase, OrderError> {
        let pack =
            self.catalog.packs.iter().find(|candidate| candidate.name == *pack).ok_or(OrderError::UnknownPack)?;
        if !self.catalog.can_spend(plan) {
            return Err(OrderError::PlanWithoutAi);
        }
        if purchases::count_open(conn, org, self.clock.now() - ORDER_WINDOW).await? >= MAX_OPEN_ORDERS {
            return Err(OrderError::TooMany);
        }
        let (invoices, subscriptions) = licenses::find_billing_facts(conn, org).await?;
        let standing = assess(&subscriptions, &invoices, &self.catalog, self.clock.now());
        let price = self.catalog.pack_price(pack, standing.currency(currency, &self.catalog));
        let (label, tokens) = (pack.label.clone(), pack.tokens.clone());
        let (pack, payment, credit) = (pack.name.clone(), Payment::default(), None);
        Ok(Purchase { id, pack, label, price, tokens, payment, credit })
    }

    fn gateway(&self) -> Result<&Arc<dyn Gateway>, GatewayError> {
        self.gateway.as_ref().ok_or_else(|| GatewayError::Refused("Stripe is not configured".into()))
    }

    /// Records payment facts for a purchase, then retries the events that were waiting for its Stripe ids.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn record_payment(&self, org: OrgId, purchase: PurchaseId, facts: Payment) -> Result<(), SyncError> {
        let stripe_ids: Vec<String> = facts.stripe_ids.names().cloned().collect();
        self.writer.submit(Submission::new(org, None, Command::RecordPayment { purchase, facts })).await?;
        let mut conn = self.pool.acquire().await.map_err(StorageError::from)?;
        if stripe_events::wake(&mut conn, &stripe_ids, self.clock.now()).await? > 0 {
            self.new_events.notify_one();
        }
        Ok(())
    }

    /// Fetches an order's payment from Stripe and records it, for customers who return from Checkout before the event
    /// arrives. Returns whether the order was open and has a Checkout session, that is, whether Stripe was asked.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn refresh_from_stripe(&self, org: OrgId, order: &Order) -> Result<bool, SyncError> {
        let Some(checkout) = order.checkout.as_ref().filter(|_| order.purchase.payment.stage.is_open()) else {
            return Ok(false);
        };
        let facts = self.fetch_facts(org, order.purchase.id, &checkout.session).await?;
        let facts = facts.ok_or_else(|| GatewayError::Unreadable("the session belongs to another order".into()))?;
        self.record_payment(org, order.purchase.id, facts).await?;
        Ok(true)
    }

    /// Fetches all payment facts of a purchase, refunds and disputes included. Returns `None` if the session belongs to
    /// another order: its facts must not be applied.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn fetch_facts(
        &self,
        org: OrgId,
        id: PurchaseId,
        session: &str,
    ) -> Result<Option<Payment>, GatewayError> {
        let gateway = self.gateway()?;
        let Some((purchase, mut facts)) = gateway.find_session(session).await? else { return Ok(None) };
        if purchase != PurchaseRef::Ids(org, id) {
            return Ok(None);
        }
        if facts.stage == Stage::Paid {
            for payment_intent in facts.stripe_ids.payment_intents.clone() {
                facts.join(&gateway.find_refunds_and_disputes(&payment_intent, self.clock.now()).await?);
            }
        }
        Ok(Some(facts))
    }

    /// Finds the purchase that has one of `stripe_ids`.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn find_by_stripe_id(&self, stripe_ids: &[String]) -> Result<Option<(OrgId, PurchaseId)>, StorageError> {
        for stripe_id in stripe_ids {
            let Ok(id) = stripe_id.parse() else { continue };
            let mut tx = tenant::begin_for_stripe_id(&self.pool, &id).await?;
            if let Some(found) = purchases::find_by_stripe_id(&mut tx, stripe_id).await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}
