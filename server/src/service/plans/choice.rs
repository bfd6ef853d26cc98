//! Choosing a plan: by a page of Stripe's to subscribe on, or by a change of the subscription. What is chosen is on record before Stripe
//! is asked, and asked again, Stripe does it once.

use std::time::Duration;

use brightmeter::{
    billing::{license::License, plan_change::PlanChange, subscription::Subscription},
    catalog::Plan,
    ids::{MemberId, OrgId, PlanOrderId},
    ledger::account::Terms,
    names::PlanName,
    time::Instant,
};
use chrono::TimeDelta;
use tokio::time::timeout;

use super::{PlanError, Plans};
use crate::{
    service::customers,
    storage::{
        StorageError, accounts,
        plan_orders::{self, PlanOrder},
        purchases::Checkout,
        tenant,
    },
    stripe::gateway::{self, ChangeTiming, GatewayError, SubscriptionChange},
};

/// How long a page to subscribe on is open: what was chosen yesterday nobody means any more.
const CHECKOUT_TTL: TimeDelta = TimeDelta::hours(1);
/// For how long Stripe opens a page at the least: half an hour, and a bit for clocks that differ.
const MIN_CHECKOUT_TTL: TimeDelta = TimeDelta::minutes(31);
/// How many choices may be made in this time: each is a row, and calls to Stripe, whose patience all share.
const MAX_CHOICES_PER_WINDOW: i64 = 30;
/// As [`MAX_CHOICES_PER_WINDOW`].
const CHOICE_WINDOW: TimeDelta = TimeDelta::hours(1);
/// How long before its end a month is left as it is: which month a change counts for must not hang on whose clock is ahead.
const NEW_CHOICE_AFTER: TimeDelta = TimeDelta::minutes(5);

/// How long all that one page asks of Stripe may take: the page answers within ten seconds.
pub const STRIPE_TIMEOUT: Duration = Duration::from_secs(9);

/// What comes after a choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// To pay on this page of Stripe's.
    Pay(String),
    /// Nothing: it is done.
    Done,
}

impl Plans {
    /// Has an organization go to a plan: subscribes to it, changes the subscription, or ends it. `id` names the choice: a form that
    /// is sent twice is done once. It goes the way that `plan_change` says, or nowhere: that is what was shown. A larger plan is paid for
    /// from `from` on.
    ///
    /// # Errors
    /// [`PlanError`].
    pub async fn choose(
        &self,
        org: OrgId,
        member: MemberId,
        id: PlanOrderId,
        plan: &PlanName,
        (plan_change, from): (PlanChange, Instant),
    ) -> Result<Next, PlanError> {
        let chosen = timeout(STRIPE_TIMEOUT, self.choose_slowly(org, member, id, plan, (plan_change, from))).await;
        chosen.unwrap_or_else(|_| Err(PlanError::Unconfirmed(GatewayError::Unavailable("it took too long".into()))))
    }

    /// The same, however long it takes. It may be dropped at any point: it is on record, and asking Stripe again changes nothing.
    async fn choose_slowly(
        &self,
        org: OrgId,
        member: MemberId,
        id: PlanOrderId,
        plan: &PlanName,
        (plan_change, from): (PlanChange, Instant),
    ) -> Result<Next, PlanError> {
        let plan = self.catalog.plan(plan).ok_or(PlanError::Unknown)?;
        check_license(self.terms(org).await?.license, plan)?;
        let order = self.record(org, member, id, plan).await?;
        if order.done_at.is_some() {
            // A page to subscribe on that was closed has changed nothing.
            return if order.checkout.is_some() { Err(PlanError::OtherOrder) } else { Ok(Next::Done) };
        }
        if let Some(checkout) = order.checkout.as_ref().filter(|checkout| checkout.until > self.clock.now()) {
            return Ok(Next::Pay(checkout.url.clone()));
        }
        let customer = customers::find_or_create(&self.pool, &**self.gateway()?, &*self.clock, org, id.0).await?;
        self.close_pages(org, id).await?;
        // As Stripe says now, not as we remember: nobody subscribes twice.
        let snapshot = self.follow(org, &customer).await?;
        let next = match &snapshot.live {
            None if plan_change != PlanChange::Subscribe => return Err(PlanError::OtherOrder),
            None => self.subscribe(org, &order, plan, &customer, snapshot.ended_at.is_none()).await?,
            Some(subscription) => {
                let to = self.turn(org, subscription, plan, (Some(plan_change), from)).await?;
                self.change(&SubscriptionChange { org, id, customer: &customer, subscription, to }).await?;
                Next::Done
            }
        };
        if next == Next::Done {
            self.finish(org, id).await?;
        }
        Ok(next)
    }

    /// What it costs at once, in cents, to go to a plan that is larger than what is subscribed to; nothing where nothing is paid
    /// through Stripe, and for a change that costs nothing now.
    ///
    /// # Errors
    /// [`PlanError`]: also why the change cannot be made.
    pub async fn price(&self, org: OrgId, plan: &PlanName, from: Instant) -> Result<Option<u64>, PlanError> {
        let priced = timeout(STRIPE_TIMEOUT, self.price_slowly(org, plan, from)).await;
        priced.unwrap_or_else(|_| Err(GatewayError::Unavailable("it took too long".into()).into()))
    }

    async fn price_slowly(&self, org: OrgId, plan: &PlanName, from: Instant) -> Result<Option<u64>, PlanError> {
        let plan = self.catalog.plan(plan).ok_or(PlanError::Unknown)?;
        let Some(customer) = self.customer_of(org).await? else { return Ok(None) };
        let Some(subscription) = self.follow(org, &customer).await?.live else { return Ok(None) };
        let to = self.turn(org, &subscription, plan, (None, from)).await?;
        let ChangeTiming::Now(..) = to else { return Ok(None) };
        let id = PlanOrderId(self.clock.new_id());
        let change = SubscriptionChange { org, id, customer: &customer, subscription: &subscription, to };
        Ok(Some(self.gateway()?.price_change(&change).await?))
    }

    async fn record(&self, org: OrgId, member: MemberId, id: PlanOrderId, plan: &Plan) -> Result<PlanOrder, PlanError> {
        let mut tx = tenant::begin(&self.pool, org).await?;
        let now = self.clock.now();
        let order = plan_orders::insert(&mut tx, org, id, &plan.name, member, now).await?;
        if order.plan != plan.name {
            return Err(PlanError::OtherOrder);
        }
        if plan_orders::count(&mut tx, org, now - CHOICE_WINDOW).await? > MAX_CHOICES_PER_WINDOW {
            return Err(PlanError::TooMany);
        }
        tx.commit().await.map_err(StorageError::from)?;
        Ok(order)
    }

    /// Closes the pages of other choices: who has two open could pay both. Where another choice was made after this one, it is
    /// this one's page that is closed. Answers whether each was open until then; one that was not may have been paid.
    async fn close_pages(&self, org: OrgId, id: PlanOrderId) -> Result<bool, PlanError> {
        let mut tx = tenant::begin(&self.pool, org).await?;
        let open = plan_orders::list_open(&mut tx, org, self.clock.now()).await?;
        drop(tx);
        let newest = open.iter().map(|order| (order.ordered_at, order.id)).max();
        let outdated = newest.is_some_and(|(_, newest)| newest != id) && open.iter().any(|order| order.id == id);
        let mut all_open = true;
        for order in open {
            let closes = (order.id == id) == outdated;
            let Some(checkout) = order.checkout.filter(|_| closes) else { continue };
            all_open &= self.close_page(org, order.id, &checkout.session).await?;
        }
        if outdated { Err(PlanError::OtherOrder) } else { Ok(all_open) }
    }

    /// Closes one page. Answers whether it was open until then: how else it ended, the subscriptions tell.
    async fn close_page(&self, org: OrgId, id: PlanOrderId, session: &str) -> Result<bool, PlanError> {
        let was_open = match self.gateway()?.close_checkout(session).await {
            Ok(()) => true,
            Err(GatewayError::Refused(_)) => false,
            Err(error) => return Err(error.into()),
        };
        self.finish(org, id).await?;
        Ok(was_open)
    }

    async fn subscribe(
        &self,
        org: OrgId,
        order: &PlanOrder,
        plan: &Plan,
        customer: &str,
        first: bool,
    ) -> Result<Next, PlanError> {
        if plan.price_cents == 0 {
            return Err(PlanError::NoSubscription);
        }
        // Asked again, Stripe has to be asked for the same.
        let (id, until) = (order.id, order.ordered_at + CHECKOUT_TTL);
        if until - self.clock.now() < MIN_CHECKOUT_TTL {
            return Err(PlanError::OtherOrder);
        }
        let trial_days = if first { plan.trial_days } else { 0 };
        let asked = gateway::PlanOrder { org, id, plan, customer, trial_days, until, site: &self.site };
        let checkout = self.gateway()?.open_subscription(&asked).await?;
        let checkout = Checkout { session: checkout.session, url: checkout.url, until };
        let mut tx = tenant::begin(&self.pool, org).await?;
        plan_orders::set_checkout(&mut tx, org, id, &checkout).await?;
        tx.commit().await.map_err(StorageError::from)?;
        // Two choices at the same time may each have found no other page open.
        if !self.close_pages(org, id).await? {
            // One of them may have been paid just now: then nobody pays this one, too.
            self.close_page(org, id, &checkout.session).await?;
            return Err(PlanError::OtherOrder);
        }
        Ok(Next::Pay(checkout.url))
    }

    /// Has Stripe change a subscription, and takes in how it stands then.
    async fn change(&self, change: &SubscriptionChange<'_>) -> Result<(), PlanError> {
        self.gateway()?.change_subscription(change).await.map_err(|error| match error {
            error @ (GatewayError::Declined | GatewayError::Refused(_)) => PlanError::Gateway(error),
            error @ (GatewayError::Unavailable(_) | GatewayError::Unreadable(_)) => PlanError::Unconfirmed(error),
        })?;
        if let Err(error) = self.follow(change.org, change.customer).await {
            // It is changed; what Stripe does not say now, its event will.
            tracing::warn!(error = &error as &dyn std::error::Error, "a changed subscription could not be read");
        }
        Ok(())
    }

    /// How the subscription has to be changed for the organization to go to `plan`.
    async fn turn<'a>(
        &self,
        org: OrgId,
        subscription: &Subscription,
        plan: &'a Plan,
        (asked, from): (Option<PlanChange>, Instant),
    ) -> Result<ChangeTiming<'a>, PlanError> {
        let terms = self.terms(org).await?;
        let now = self.clock.now();
        let month = terms.period(now);
        if month.end - now < NEW_CHOICE_AFTER {
            return Err(PlanError::MonthEnds(month.end));
        }
        let plan_change = PlanChange::to(plan, &terms, true, &self.catalog);
        // Done before, by another form or by this one.
        let is_there = plan_change == PlanChange::Keep && asked == Some(PlanChange::Upgrade);
        // What was shown was another way, or the price of another month.
        if (asked.is_some_and(|asked| asked != plan_change) && !is_there)
            || (plan_change == PlanChange::Upgrade && from < month.start)
        {
            return Err(PlanError::OtherOrder);
        }
        let unpaid = matches!(terms.license, License::Grace { .. } | License::Suspended { .. });
        match plan_change {
            PlanChange::Subscribe => Err(PlanError::OtherOrder),
            PlanChange::Upgrade if unpaid => Err(PlanError::Unpaid),
            // What is left of the present plan would be credited at the price of the smaller one.
            PlanChange::Upgrade if subscription.plan != terms.plan => Err(PlanError::ChangeWaits),
            PlanChange::Upgrade => Ok(ChangeTiming::Now(plan, from.min(now))),
            PlanChange::Keep if terms.next_plan.is_none() => Err(PlanError::Same),
            PlanChange::Keep | PlanChange::Downgrade => Ok(ChangeTiming::AtRenewal(plan)),
            PlanChange::Cancel => Ok(ChangeTiming::Cancel),
        }
    }

    async fn terms(&self, org: OrgId) -> Result<Terms, StorageError> {
        let mut tx = tenant::begin(&self.pool, org).await?;
        let found = accounts::find(&mut tx, org).await?;
        Ok(found.ok_or_else(|| StorageError::Corrupt("an account vanished".into()))?.account.terms)
    }

    async fn finish(&self, org: OrgId, id: PlanOrderId) -> Result<(), PlanError> {
        let mut tx = tenant::begin(&self.pool, org).await?;
        plan_orders::finish(&mut tx, org, id, self.clock.now()).await?;
        Ok(tx.commit().await.map_err(StorageError::from)?)
    }
}

/// Whom staff have suspended pays for no plan that they cannot use; to end what is paid stays possible.
///
/// # Errors
/// [`PlanError::Suspended`].
pub fn check_license(license: License, plan: &Plan) -> Result<(), PlanError> {
    if license.sells() || plan.price_cents == 0 { Ok(()) } else { Err(PlanError::Suspended) }
}
