//! Buying packs: an order is on record before Stripe is asked; whatever Stripe says of it goes through one function,
//! [`Purchases::settle`], whether an event told it or the customer came back from Checkout.

use std::sync::Arc;

use brightmeter::{
    billing::payment::{Payment, Purchase, Stage},
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
        StorageError, accounts,
        purchases::{self, Checkout, Order},
        stripe_events, tenant,
    },
    stripe::{
        gateway::{CheckoutOrder, Gateway, GatewayError},
        webhook_facts::PurchaseRef,
    },
};

/// How long an order can be paid. Stripe allows 24 hours from when it is asked, which is a moment after the order was made.
const CHECKOUT_TTL: TimeDelta = TimeDelta::hours(23);

/// How many orders may wait to be paid that were made in this time: each is a row, and a call to Stripe, whose patience all share.
const MAX_OPEN_ORDERS: i64 = 30;
/// As [`MAX_OPEN_ORDERS`].
const ORDER_WINDOW: TimeDelta = TimeDelta::hours(1);

/// Sells packs.
#[derive(Clone)]
pub struct Purchases {
    /// As the application's role.
    pub pool: PgPool,
    /// Credits and takes back.
    pub writer: Writer,
    /// Stripe; none where nothing is for sale.
    pub gateway: Option<Arc<dyn Gateway>>,
    /// What is sold.
    pub catalog: Arc<Catalog>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where people reach this server, without a slash at the end.
    pub site: Arc<str>,
    /// Told when an event that waits may be acted on.
    pub news: Arc<Notify>,
}

/// Why an order was not made, or cannot be paid now.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// The catalog has no such pack.
    #[error("there is no such pack")]
    UnknownPack,
    /// The plan includes no AI, so the tokens could not be spent.
    #[error("the plan includes no AI feature")]
    PlanWithoutAi,
    /// Staff have suspended the license, so the tokens could not be spent.
    #[error("the license is suspended by staff")]
    Suspended,
    /// Too many orders wait to be paid.
    #[error("too many orders wait to be paid")]
    TooMany,
    /// The same form was sent before, for something else.
    #[error("this order was made for another pack")]
    OtherOrder,
    /// Stripe did not do it. The order is kept.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// The database did not answer.
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

/// Why what Stripe told could not be taken in.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    /// The writer did not apply it, or may not have.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// Stripe did not say.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// The database did not answer.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl Purchases {
    /// Orders a pack and answers where to pay it. `id` names the order: a form that is sent twice orders once, and leads to the
    /// same page.
    ///
    /// # Errors
    /// [`OrderError`].
    pub async fn order(
        &self,
        org: OrgId,
        member: MemberId,
        id: PurchaseId,
        pack: &PackName,
    ) -> Result<String, OrderError> {
        let mut tx = tenant::begin(&self.pool, org).await?;
        let found = accounts::find(&mut tx, org).await?;
        let found = found.ok_or_else(|| StorageError::Corrupt("an account vanished".into()))?;
        let Terms { plan, license, .. } = found.account.terms;
        // Nobody is led to pay for what they cannot use, not even for an order from before.
        if !license.sells() {
            return Err(OrderError::Suspended);
        }
        let order = match purchases::find(&mut tx, org, id).await? {
            Some(order) => order,
            None => {
                let purchase = self.price(&mut tx, org, id, pack, &plan).await?;
                purchases::insert(&mut tx, org, &purchase, member, self.clock.now()).await?;
                // Whichever of two came first.
                let order = purchases::find(&mut tx, org, id).await?;
                order.ok_or_else(|| StorageError::Corrupt("an order vanished".into()))?
            }
        };
        tx.commit().await.map_err(StorageError::from)?;
        if order.purchase.pack != *pack {
            return Err(OrderError::OtherOrder);
        }
        if let Some(checkout) = order.checkout {
            return Ok(checkout.url);
        }
        let gateway = self.gateway()?;
        let customer = customers::find_or_create(&self.pool, &**gateway, &*self.clock, org, id.0).await?;
        let until = order.ordered_at + CHECKOUT_TTL;
        let (purchase, site) = (&order.purchase, &*self.site);
        let asked = CheckoutOrder { org, purchase, customer: &customer, until, site };
        let checkout = gateway.open_checkout(&asked).await?;
        let mut tx = tenant::begin(&self.pool, org).await?;
        let checkout = Checkout { session: checkout.session, url: checkout.url, until };
        purchases::set_checkout(&mut tx, org, id, &checkout).await?;
        tx.commit().await.map_err(StorageError::from)?;
        Ok(checkout.url)
    }

    /// The pack as it is on sale now, to whoever can spend it.
    async fn price(
        &self,
        conn: &mut PgConnection,
        org: OrgId,
        id: PurchaseId,
        pack: &PackName,
        plan: &PlanName,
    ) -> Result<Purchase, OrderError> {
        let pack = self.catalog.packs.iter().find(|it| it.name == *pack).ok_or(OrderError::UnknownPack)?;
        if !self.catalog.can_spend(plan) {
            return Err(OrderError::PlanWithoutAi);
        }
        if purchases::count_open(conn, org, self.clock.now() - ORDER_WINDOW).await? >= MAX_OPEN_ORDERS {
            return Err(OrderError::TooMany);
        }
        let (label, price_cents, tokens) = (pack.label.clone(), pack.price_cents, pack.tokens.clone());
        let (pack, payment, credit) = (pack.name.clone(), Payment::default(), None);
        Ok(Purchase { id, pack, label, price_cents, tokens, payment, credit })
    }

    fn gateway(&self) -> Result<&Arc<dyn Gateway>, GatewayError> {
        self.gateway.as_ref().ok_or_else(|| GatewayError::Refused("nothing is for sale here".into()))
    }

    /// Takes in what Stripe told of a purchase. Once it is known under names that events wait for, they are tried again.
    ///
    /// # Errors
    /// [`SettleError`].
    pub async fn settle(&self, org: OrgId, purchase: PurchaseId, facts: Payment) -> Result<(), SettleError> {
        let names = [&facts.stripe_ids.session, &facts.stripe_ids.payment_intent, &facts.stripe_ids.charge];
        let names: Vec<String> = names.into_iter().flatten().cloned().collect();
        self.writer.submit(Submission::new(org, None, Command::RecordPayment { purchase, facts })).await?;
        let mut conn = self.pool.acquire().await.map_err(StorageError::from)?;
        if stripe_events::wake(&mut conn, &names, self.clock.now()).await? > 0 {
            self.news.notify_one();
        }
        Ok(())
    }

    /// Asks Stripe how an order stands and takes that in: for whoever comes back from Checkout before the event does. Answers whether
    /// there was anything to ask.
    ///
    /// # Errors
    /// [`SettleError`].
    pub async fn look_again(&self, org: OrgId, order: &Order) -> Result<bool, SettleError> {
        let Some(checkout) = order.checkout.as_ref().filter(|_| order.purchase.payment.stage.is_open()) else {
            return Ok(false);
        };
        let facts = self.ask(org, order.purchase.id, &checkout.session).await?;
        let facts = facts.ok_or(GatewayError::Unreadable("the session belongs to another order"))?;
        self.settle(org, order.purchase.id, facts).await?;
        Ok(true)
    }

    /// All that Stripe says now of a purchase and of what went back of its payment; nothing if its session says that it is another
    /// order's: that is not believed.
    ///
    /// # Errors
    /// [`GatewayError`].
    pub async fn ask(&self, org: OrgId, id: PurchaseId, session: &str) -> Result<Option<Payment>, GatewayError> {
        let gateway = self.gateway()?;
        let Some((whose, mut facts)) = gateway.find_session(session).await? else { return Ok(None) };
        if whose != PurchaseRef::Ids(org, id) {
            return Ok(None);
        }
        if let (Stage::Paid, Some(payment_intent)) = (facts.stage, facts.stripe_ids.payment_intent.clone()) {
            facts.join(&gateway.find_returned(&payment_intent, self.clock.now()).await?);
        }
        Ok(Some(facts))
    }

    /// Whose purchase it is that Stripe knows by one of `names`.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn find_named(&self, names: &[String]) -> Result<Option<(OrgId, PurchaseId)>, StorageError> {
        for name in names {
            let Some(mut tx) = tenant::begin_told(&self.pool, name).await? else { continue };
            if let Some(found) = purchases::find_told(&mut tx, name).await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}
