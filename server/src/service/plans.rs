//! Plans that are paid through Stripe.
//!
//! Events about subscriptions and invoices make us fetch all of the customer's from Stripe ([`Plans::sync`]), as does
//! every return from Checkout and every plan choice.

mod choice;
mod error;

use std::sync::Arc;

use brightmeter::{
    billing::{
        invoices::{Invoice, Invoices},
        payment::Payment,
        standing::{Problem, Standing, assess},
        subscription::{SubscriptionSnapshot, Subscriptions},
    },
    catalog::Catalog,
    command::Command,
    ids::OrgId,
    ledger::account::Terms,
    time::Instant,
};
use sqlx::PgPool;

pub use self::{
    choice::{Choice, Next, check_license},
    error::PlanError,
};
use super::{
    customers,
    purchases::{Purchases, SyncError},
    writer::{Submission, Writer},
};
use crate::{
    clock::Clock,
    storage::{StorageError, accounts, licenses, stripe_customers, tenant},
    stripe::{
        gateway::{Gateway, GatewayError, RETURN_PATH},
        webhook_facts::CustomerFact,
    },
};

/// Sells plans, and keeps plans and licenses in sync with Stripe.
#[derive(Clone)]
pub struct Plans {
    /// A pool with the application's role.
    pub pool: PgPool,
    /// Records Stripe's facts.
    pub writer: Writer,
    /// Stripe. `None` if nothing is for sale.
    pub gateway: Option<Arc<dyn Gateway>>,
    /// The plans on sale.
    pub catalog: Arc<Catalog>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// This server's public base URL, without a trailing slash.
    pub base_url: Arc<str>,
}

/// What is on record about an organization's subscriptions and invoices.
#[derive(Clone, Debug, Default)]
pub struct BillingFacts {
    /// The subscriptions.
    pub subscriptions: Subscriptions,
    /// The invoices.
    pub invoices: Invoices,
}

impl BillingFacts {
    /// Returns what follows from them at `now`.
    pub fn standing<'a>(&'a self, catalog: &'a Catalog, now: Instant) -> Standing<'a> {
        assess(&self.subscriptions, &self.invoices, catalog, now)
    }

    /// Loads what is on record about an organization.
    ///
    /// # Errors
    /// [`StorageError`] if the database fails.
    pub async fn load(pool: &PgPool, org: OrgId) -> Result<Self, StorageError> {
        let mut tx = tenant::begin(pool, org).await?;
        let (invoices, subscriptions) = licenses::find_billing_facts(&mut tx, org).await?;
        Ok(Self { subscriptions, invoices })
    }
}

/// How our record of an organization's plan compares with Stripe's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// Whether both agree.
    pub in_sync: bool,
    /// The problems that only a person can solve.
    pub problems: Vec<Problem>,
    /// The invoices at Stripe, with refunds and disputes.
    pub invoices: Invoices,
}

impl Plans {
    /// Uses the same pool, writer, gateway, catalog, clock and base URL as `purchases`.
    pub fn from_purchases(purchases: &Purchases) -> Self {
        let Purchases { pool, writer, gateway, catalog, clock, base_url, .. } = purchases.clone();
        Self { pool, writer, gateway, catalog, clock, base_url }
    }

    /// Records a fact about an organization's plan, with Stripe's current state of all its subscriptions and invoices.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn record(&self, org: OrgId, fact: CustomerFact) -> Result<(), SyncError> {
        if self.gateway.is_none() && !fact.invoices.0.is_empty() {
            // Nothing is for sale any more, so Stripe cannot be asked. The invoice's own facts still count.
            let command = Command::RecordInvoices { facts: fact.invoices };
            self.writer.submit(Submission::new(org, None, command)).await?;
            return Ok(());
        }
        // The event may name a customer that was replaced since.
        let customer = self.find_customer(org).await?.unwrap_or_else(|| fact.customer.clone());
        self.sync(org, &customer, fact).await.map(drop)
    }

    /// Records refunds and disputes of an invoice's payment.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn record_invoice_payment(&self, org: OrgId, invoice: String, payment: Payment) -> Result<(), SyncError> {
        let invoices = Invoices([(invoice, Invoice { payment, ..Invoice::default() })].into());
        self.record(org, CustomerFact { invoices, ..CustomerFact::default() }).await
    }

    /// Finds the invoice that a payment is for.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn find_invoice_of(&self, payment_intent: &str) -> Result<Option<String>, GatewayError> {
        self.gateway()?.find_invoice_of(payment_intent).await
    }

    /// Fetches an organization's subscriptions and invoices from Stripe, records them together with `fact`, which an event
    /// reports, and returns all that is on record then.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn sync(&self, org: OrgId, customer: &str, fact: CustomerFact) -> Result<BillingFacts, SyncError> {
        let mut conn = self.pool.acquire().await.map_err(StorageError::from)?;
        // Drawn before the request, so that a snapshot with a higher number is at least as recent.
        let number = stripe_customers::next_snapshot_number(&mut conn).await?;
        drop(conn);
        let (snapshot, mut invoices) = self.fetch(customer, number).await?;
        invoices.join(&fact.invoices);
        let reported = fact.subscription.into_iter().collect();
        let command = Command::SyncSubscriptions { snapshot, reported, invoices };
        self.writer.submit(Submission::new(org, None, command)).await?;
        let facts = BillingFacts::load(&self.pool, org).await?;
        for problem in facts.standing(&self.catalog, self.clock.now()).problems {
            tracing::error!(%org, ?problem, "the subscriptions of an organization need attention at Stripe");
        }
        Ok(facts)
    }

    /// Fetches a customer's subscriptions and invoices. A customer that Stripe no longer has, has none.
    async fn fetch(&self, customer: &str, number: i64) -> Result<(SubscriptionSnapshot, Invoices), GatewayError> {
        let (gateway, now) = (self.gateway()?, self.clock.now());
        let (snapshot, invoices) =
            tokio::join!(gateway.find_subscriptions(customer, number, now), gateway.find_invoices(customer));
        let none = SubscriptionSnapshot { number, read_at: now, subscriptions: Vec::new() };
        match (snapshot, invoices) {
            (Err(GatewayError::CustomerMissing(_)), _) => Ok((none, Invoices::default())),
            (Ok(snapshot), Err(GatewayError::CustomerMissing(_))) => Ok((snapshot, Invoices::default())),
            (Ok(snapshot), Ok(invoices)) => Ok((snapshot, invoices)),
            (Err(error), _) | (_, Err(error)) => Err(error),
        }
    }

    /// Finds the organization with this Stripe customer id.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn find_org(&self, customer: &str) -> Result<Option<OrgId>, StorageError> {
        let Ok(id) = customer.parse() else { return Ok(None) };
        let mut tx = tenant::begin_for_stripe_id(&self.pool, &id).await?;
        stripe_customers::find_by_stripe_id(&mut tx, customer).await
    }

    /// Fetches an organization's subscriptions and invoices from Stripe and records them, for people who return from
    /// Stripe before its events arrive. Does nothing for an organization without a Stripe customer.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn refresh_from_stripe(&self, org: OrgId) -> Result<(), SyncError> {
        self.apply(org, Invoices::default()).await
    }

    /// Compares our record of an organization's subscriptions and invoices, and the plan that follows from it, with
    /// Stripe, and changes nothing. Includes refunds and disputes of invoices paid at or after `since`. Returns `None` for
    /// an organization without a Stripe customer.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn compare(&self, org: OrgId, since: Instant) -> Result<Option<Comparison>, SyncError> {
        let Some(customer) = self.find_customer(org).await? else { return Ok(None) };
        let stored = BillingFacts::load(&self.pool, org).await?;
        let (snapshot, mut invoices) = self.fetch(&customer, stored.subscriptions.number + 1).await?;
        self.fetch_returns(&mut invoices, since).await?;
        let mut current = stored.clone();
        current.subscriptions.record(&snapshot, &[]);
        let same = current.subscriptions.has_same_state(&stored.subscriptions) && !stored.invoices.lacks(&invoices);
        current.invoices.join(&invoices);
        let standing = current.standing(&self.catalog, self.clock.now());
        let plan = standing.in_force.as_ref().and_then(|in_force| in_force.plan);
        let terms = self.terms(org).await?;
        let in_sync = same && plan.is_none_or(|plan| plan.name == terms.plan);
        Ok(Some(Comparison { in_sync, problems: standing.problems, invoices }))
    }

    /// Adds the refunds and disputes of the invoices that were paid at or after `since`.
    async fn fetch_returns(&self, invoices: &mut Invoices, since: Instant) -> Result<(), GatewayError> {
        for invoice in invoices.0.values_mut().filter(|it| it.paid_at.is_some_and(|at| at >= since)) {
            for payment_intent in invoice.payment.stripe_ids.payment_intents.clone() {
                let returns = self.gateway()?.find_refunds_and_disputes(&payment_intent, self.clock.now()).await?;
                invoice.payment.join(&returns);
            }
        }
        Ok(())
    }

    /// Applies Stripe's state, and these invoices, to an organization with a Stripe customer.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn apply(&self, org: OrgId, invoices: Invoices) -> Result<(), SyncError> {
        let Some(customer) = self.find_customer(org).await? else { return Ok(()) };
        self.sync(org, &customer, CustomerFact { invoices, ..CustomerFact::default() }).await.map(drop)
    }

    /// Opens Stripe's customer portal and returns its URL.
    ///
    /// # Errors
    /// [`PlanError::NoSubscription`] if the organization has no Stripe customer.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn open_portal(&self, org: OrgId) -> Result<String, PlanError> {
        let customer = self.find_customer(org).await?.ok_or(PlanError::NoSubscription)?;
        let (gateway, return_url) = (&**self.gateway()?, &format!("{}{RETURN_PATH}", self.base_url));
        let open = |customer: String| async move { gateway.open_portal(&customer, return_url).await };
        Ok(customers::send_for(&self.pool, gateway, &*self.clock, (org, &customer), open).await?)
    }

    async fn terms(&self, org: OrgId) -> Result<Terms, StorageError> {
        let mut tx = tenant::begin(&self.pool, org).await?;
        let found = accounts::find(&mut tx, org).await?;
        Ok(found.ok_or_else(|| StorageError::missing("ai_token_accounts", org))?.account.terms)
    }

    fn gateway(&self) -> Result<&Arc<dyn Gateway>, GatewayError> {
        self.gateway.as_ref().ok_or_else(|| GatewayError::Refused("Stripe is not configured".into()))
    }

    /// Finds the Stripe id of an organization's customer.
    async fn find_customer(&self, org: OrgId) -> Result<Option<String>, StorageError> {
        let mut tx = tenant::begin(&self.pool, org).await?;
        stripe_customers::find(&mut tx, org).await
    }
}
