//! Choosing a plan: subscribing through Checkout, or changing the subscription.
//!
//! A choice is recorded before we call Stripe, and the calls are idempotent.

use brightmeter::{
    billing::{
        license::{License, SuspensionCause},
        money::{Currency, Money},
        plan_change::{PlanChange, Subscribed},
        standing::InForce,
        subscription::Status,
    },
    catalog::Plan,
    ids::{MemberId, OrgId, PlanOrderId},
    names::PlanName,
    time::Instant,
};
use chrono::TimeDelta;
use tokio::time::timeout;

use super::{BillingFacts, PlanError, Plans};
use crate::{
    deadlines::STRIPE,
    service::customers,
    storage::{
        StorageError,
        plan_orders::{self, PlanOrder},
        purchases::Checkout,
        tenant,
    },
    stripe::{
        gateway::{self, ChangeTiming, Changed, GatewayError, PricedPlan, SubscriptionChange},
        webhook_facts::CustomerFact,
    },
};

/// The time in which a Checkout page for a plan can be paid. It is short because a choice from yesterday is no longer
/// meant.
const CHECKOUT_TTL: TimeDelta = TimeDelta::hours(1);
/// The shortest lifetime of a Checkout page that Stripe accepts: 30 minutes, plus a margin for clocks that differ.
const MIN_CHECKOUT_TTL: TimeDelta = TimeDelta::minutes(31);
/// The number of choices per organization within [`CHOICE_WINDOW`]. Each is a row and calls to Stripe, whose rate limit
/// all organizations share.
const MAX_CHOICES_PER_WINDOW: i64 = 30;
/// The window in which [`MAX_CHOICES_PER_WINDOW`] counts choices.
const CHOICE_WINDOW: TimeDelta = TimeDelta::hours(1);
/// The time before the end of a billing period in which the plan cannot be changed: the period that a change applies to
/// must not depend on whose clock is ahead.
const PERIOD_END_LOCKOUT: TimeDelta = TimeDelta::minutes(5);

/// The next step after a choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Pay on the Checkout page at this URL.
    Pay(String),
    /// Confirm the payment on Stripe's page at this URL. Nothing is changed until then.
    Confirm(String),
    /// No further step: the subscription has been changed.
    Done,
}

/// A choice of a plan, as it was shown to the user.
#[derive(Clone, Copy, Debug)]
pub struct Choice<'a> {
    /// The plan.
    pub plan: &'a PlanName,
    /// The currency to subscribe in. `None`: the catalog's own. A subscription that exists keeps its own.
    pub currency: Option<Currency>,
    /// The kind of change that was shown.
    pub plan_change: PlanChange,
    /// The instant that an upgrade is prorated from.
    pub from: Instant,
}

impl Plans {
    /// Changes an organization's plan: subscribes, or changes or cancels the subscription. Idempotent by `id`: a form
    /// that is sent twice takes effect once. Fails if the kind of change is not the one that was shown.
    ///
    /// # Errors
    /// [`PlanError::Unconfirmed`] if Stripe does not respond in time; the choice may then be repeated with the same
    /// `id`.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn choose(
        &self,
        org: OrgId,
        member: MemberId,
        id: PlanOrderId,
        choice: Choice<'_>,
    ) -> Result<Next, PlanError> {
        let chosen = timeout(STRIPE, self.choose_without_timeout(org, member, id, choice)).await;
        chosen.unwrap_or_else(|_| Err(PlanError::Unconfirmed(GatewayError::Unavailable("the choice timed out".into()))))
    }

    /// [`Self::choose`] without its timeout. Safe to drop at any point: the choice is on record, and repeating the
    /// calls to Stripe has no further effect.
    async fn choose_without_timeout(
        &self,
        org: OrgId,
        member: MemberId,
        id: PlanOrderId,
        Choice { plan, currency, plan_change, from }: Choice<'_>,
    ) -> Result<Next, PlanError> {
        let plan = self.catalog.plan(plan).ok_or(PlanError::UnknownPlan)?;
        check_license(self.terms(org).await?.license, plan)?;
        let facts = BillingFacts::load(&self.pool, org).await?;
        let currency = facts.standing(&self.catalog, self.clock.now()).currency(currency, &self.catalog);
        let order = self.record_order(org, member, id, (plan, currency)).await?;
        if order.done_at.is_some() {
            // With a Checkout page, the order was done by closing the page: it has changed nothing.
            return if order.checkout.is_some() { Err(PlanError::Outdated) } else { Ok(Next::Done) };
        }
        if let Some(checkout) = order.checkout.as_ref().filter(|checkout| checkout.until > self.clock.now()) {
            return Ok(Next::Pay(checkout.url.clone()));
        }
        let customer = customers::find_or_create(&self.pool, &**self.gateway()?, &*self.clock, org, id.0).await?;
        self.close_other_checkouts(org, id).await?;
        // Stripe's current state, not our record of it: this prevents a second subscription.
        let facts = self.sync(org, &customer, CustomerFact::default()).await?;
        let standing = facts.standing(&self.catalog, self.clock.now());
        let subscriptions = &facts.subscriptions;
        let next = match (&standing.in_force, subscriptions.paused()) {
            (Some(in_force), _) if in_force.subscription.status != Status::Paused => {
                let timing = self.change_timing(org, in_force, plan, (Some(plan_change), from)).await?;
                let InForce { subscription, line, .. } = *in_force;
                self.change(&SubscriptionChange { org, id, customer: &customer, subscription, line, timing }).await?
            }
            (_, Some(paused)) if plan_change == PlanChange::Resume => {
                self.resume(org, id, &customer, &paused.id).await?
            }
            // Another subscription would have another free trial, and both would be charged.
            (_, Some(_)) => return Err(PlanError::Paused),
            (_, None) if subscriptions.incomplete().is_some() => return Err(PlanError::PaymentPending),
            (_, None) if plan_change != PlanChange::Subscribe => return Err(PlanError::Outdated),
            (_, None) => self.subscribe(org, &order, plan, &customer, !subscriptions.had_any()).await?,
        };
        if next == Next::Done {
            self.finish_order(org, id).await?;
        }
        Ok(next)
    }

    /// Returns what an upgrade to a plan would cost immediately. `None` if the organization has no
    /// subscription or the change costs nothing now.
    ///
    /// # Errors
    /// Also the reasons why the change could not be made.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn price(&self, org: OrgId, plan: &PlanName, from: Instant) -> Result<Option<Money>, PlanError> {
        let priced = timeout(STRIPE, self.price_without_timeout(org, plan, from)).await;
        priced.unwrap_or_else(|_| Err(GatewayError::Unavailable("the price preview timed out".into()).into()))
    }

    async fn price_without_timeout(
        &self,
        org: OrgId,
        plan: &PlanName,
        from: Instant,
    ) -> Result<Option<Money>, PlanError> {
        let plan = self.catalog.plan(plan).ok_or(PlanError::UnknownPlan)?;
        let Some(customer) = self.find_customer(org).await? else { return Ok(None) };
        let facts = self.sync(org, &customer, CustomerFact::default()).await?;
        let standing = facts.standing(&self.catalog, self.clock.now());
        let Some(in_force) = standing.in_force else { return Ok(None) };
        let timing = self.change_timing(org, &in_force, plan, (None, from)).await?;
        let (ChangeTiming::Now(..) | ChangeTiming::EndTrial(_)) = timing else { return Ok(None) };
        let id = PlanOrderId(self.clock.new_id());
        let InForce { subscription, line, .. } = in_force;
        let change = SubscriptionChange { org, id, customer: &customer, subscription, line, timing };
        Ok(Some(self.gateway()?.preview_change(&change).await?))
    }

    /// Records a choice, or returns the order that was recorded under the same id.
    async fn record_order(
        &self,
        org: OrgId,
        member: MemberId,
        id: PlanOrderId,
        (plan, currency): (&Plan, Currency),
    ) -> Result<PlanOrder, PlanError> {
        let mut tx = tenant::begin(&self.pool, org).await?;
        let now = self.clock.now();
        let order = plan_orders::insert(&mut tx, org, id, (&plan.name, currency), member, now).await?;
        if order.plan != plan.name {
            return Err(PlanError::Outdated);
        }
        if plan_orders::count(&mut tx, org, now - CHOICE_WINDOW).await? > MAX_CHOICES_PER_WINDOW {
            return Err(PlanError::TooMany);
        }
        tx.commit().await.map_err(StorageError::from)?;
        Ok(order)
    }

    /// Closes the Checkout pages of other choices, so that only one can be paid. If a newer choice exists, closes this
    /// choice's page instead and fails. Returns whether all closed pages were still open; one that was not may have
    /// been paid.
    async fn close_other_checkouts(&self, org: OrgId, id: PlanOrderId) -> Result<bool, PlanError> {
        let mut tx = tenant::begin(&self.pool, org).await?;
        let open = plan_orders::list_open(&mut tx, org, self.clock.now()).await?;
        drop(tx);
        let newest = open.iter().map(|order| (order.ordered_at, order.id)).max();
        let outdated = newest.is_some_and(|(_, newest)| newest != id) && open.iter().any(|order| order.id == id);
        let mut all_open = true;
        for order in open {
            let should_close = (order.id == id) == outdated;
            let Some(checkout) = order.checkout.filter(|_| should_close) else { continue };
            all_open &= self.close_checkout(org, order.id, &checkout.session).await?;
        }
        if outdated { Err(PlanError::Outdated) } else { Ok(all_open) }
    }

    /// Closes one Checkout page. Returns whether it was still open; if not, the customer's subscriptions show whether
    /// it was paid.
    async fn close_checkout(&self, org: OrgId, id: PlanOrderId, session: &str) -> Result<bool, PlanError> {
        let was_open = match self.gateway()?.close_checkout(session).await {
            Ok(()) => true,
            Err(GatewayError::Refused(_) | GatewayError::NotFound(_)) => false,
            Err(error) => return Err(error.into()),
        };
        self.finish_order(org, id).await?;
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
        // Computed from the order: a repeat under the same idempotency key must send the same parameters.
        let (id, until) = (order.id, order.ordered_at + CHECKOUT_TTL);
        if until - self.clock.now() < MIN_CHECKOUT_TTL {
            return Err(PlanError::Outdated);
        }
        let price = self.catalog.plan_price(plan, order.currency);
        let trial_days = if first { plan.trial_days } else { 0 };
        let (gateway, base_url, plan) = (&**self.gateway()?, &*self.base_url, PricedPlan { plan, price });
        let open = |customer: String| async move {
            let order = gateway::PlanOrder { org, id, plan, customer: &customer, trial_days, until, base_url };
            gateway.open_subscription(&order).await
        };
        let checkout = customers::send_for(&self.pool, gateway, &*self.clock, (org, customer), open).await?;
        let checkout = Checkout { session: checkout.session, url: checkout.url, until };
        let mut tx = tenant::begin(&self.pool, org).await?;
        plan_orders::set_checkout(&mut tx, org, id, &checkout).await?;
        tx.commit().await.map_err(StorageError::from)?;
        // Two concurrent choices may each have found no other page open.
        if !self.close_other_checkouts(org, id).await? {
            // The other page may have been paid just now: prevent a second payment.
            self.close_checkout(org, id, &checkout.session).await?;
            return Err(PlanError::Outdated);
        }
        Ok(Next::Pay(checkout.url))
    }

    /// Changes a subscription at Stripe, then records its new state.
    async fn change(&self, change: &SubscriptionChange<'_>) -> Result<Next, PlanError> {
        let changed = self.gateway()?.change_subscription(change).await.map_err(PlanError::from_change)?;
        self.refresh_after_change(change.org, change.customer).await;
        match changed {
            Changed::Applied => Ok(Next::Done),
            Changed::NeedsConfirmation(Some(url)) => Ok(Next::Confirm(url)),
            Changed::NeedsConfirmation(None) => Err(PlanError::Gateway(GatewayError::NeedsConfirmation)),
        }
    }

    /// Resumes a paused subscription at Stripe, then records its new state.
    async fn resume(&self, org: OrgId, id: PlanOrderId, customer: &str, paused: &str) -> Result<Next, PlanError> {
        self.gateway()?.resume_subscription(org, id, paused).await.map_err(PlanError::from_change)?;
        self.refresh_after_change(org, customer).await;
        Ok(Next::Done)
    }

    async fn refresh_after_change(&self, org: OrgId, customer: &str) {
        if let Err(error) = self.sync(org, customer, CustomerFact::default()).await {
            // The change is made; its event will bring the new state.
            tracing::warn!(error = &error as &dyn std::error::Error, "a changed subscription could not be fetched");
        }
    }

    /// Determines how and when the subscription has to change for the organization to move to `plan`. `requested` is
    /// the kind of change that was shown, if any.
    async fn change_timing<'a>(
        &self,
        org: OrgId,
        in_force: &InForce<'_>,
        plan: &'a Plan,
        (requested, from): (Option<PlanChange>, Instant),
    ) -> Result<ChangeTiming<'a>, PlanError> {
        let terms = self.terms(org).await?;
        let now = self.clock.now();
        let period = terms.period(now);
        if period.end - now < PERIOD_END_LOCKOUT {
            return Err(PlanError::PeriodEnding(period.end));
        }
        let plan_change = PlanChange::to(plan, &terms, Subscribed::Live, &self.catalog);
        // The upgrade has already been made, by another form or by this one.
        let already_upgraded = plan_change == PlanChange::Keep && requested == Some(PlanChange::Upgrade);
        // Another kind of change was shown, or the price of another billing period.
        if (requested.is_some_and(|requested| requested != plan_change) && !already_upgraded)
            || (plan_change == PlanChange::Upgrade && from < period.start)
        {
            return Err(PlanError::Outdated);
        }
        // At Stripe, another interval starts a new billing period now, which a downgrade must not.
        let has_other_interval =
            self.catalog.plan(&terms.plan).is_some_and(|current| current.interval != plan.interval);
        let unpaid = matches!(
            terms.license,
            License::Grace { .. } | License::Suspended { cause: SuspensionCause::NonPayment, .. }
        );
        let price = self.catalog.plan_price(plan, in_force.subscription.currency);
        let (plan, has_price) = (PricedPlan { plan, price }, price.currency == in_force.subscription.currency);
        let is_scheduled = in_force
            .plan
            .is_some_and(|current| in_force.subscription.scheduled_change(current, &self.catalog, now).is_some());
        match plan_change {
            PlanChange::Subscribe | PlanChange::Resume => Err(PlanError::Outdated),
            PlanChange::Upgrade | PlanChange::Downgrade if !has_price => Err(PlanError::NoPrice),
            PlanChange::Upgrade if unpaid => Err(PlanError::Unpaid),
            PlanChange::Upgrade if in_force.subscription.pending.is_some() => Err(PlanError::ConfirmationPending),
            // The unused time of the current plan would be credited at the price of the smaller one.
            PlanChange::Upgrade if in_force.line.plan != terms.plan.as_str() => Err(PlanError::ChangePending),
            PlanChange::Upgrade if is_scheduled => Err(PlanError::ChangePending),
            // A free trial of the larger plan would follow otherwise.
            PlanChange::Upgrade if in_force.subscription.status == Status::Trialing => Ok(ChangeTiming::EndTrial(plan)),
            PlanChange::Upgrade => Ok(ChangeTiming::Now(plan, from.min(now))),
            PlanChange::Keep if terms.next_plan.is_none() => Err(PlanError::AlreadyOnPlan),
            PlanChange::Keep if !has_price => Err(PlanError::NoPrice),
            PlanChange::Downgrade if has_other_interval => Err(PlanError::OtherInterval),
            PlanChange::Keep | PlanChange::Downgrade => Ok(ChangeTiming::AtRenewal(plan)),
            PlanChange::Cancel => Ok(ChangeTiming::Cancel),
        }
    }

    async fn finish_order(&self, org: OrgId, id: PlanOrderId) -> Result<(), PlanError> {
        let mut tx = tenant::begin(&self.pool, org).await?;
        plan_orders::finish(&mut tx, org, id, self.clock.now()).await?;
        Ok(tx.commit().await.map_err(StorageError::from)?)
    }
}

/// Checks that the license allows to pay for `plan`. Organizations suspended by staff cannot pay for a plan that they
/// cannot use; canceling stays possible.
///
/// # Errors
/// [`PlanError::Suspended`].
pub fn check_license(license: License, plan: &Plan) -> Result<(), PlanError> {
    if license.allows_purchases() || plan.price_cents == 0 { Ok(()) } else { Err(PlanError::Suspended) }
}
