//! The inbox: processes Stripe's events after their webhook requests have been answered.
//!
//! An event is retried until it has been processed. One that refers to an unknown Stripe id waits for that id. Safe
//! with several replicas: each event is leased, and processing it twice changes nothing.

use std::{error::Error, sync::Once, time::Duration};

use brightmeter::{access::refusal::Refusal, time::Instant};
use chrono::TimeDelta;
use futures::{StreamExt, stream};
use sqlx::PgPool;
use tokio::time::timeout;

use super::{
    plans::Plans,
    purchases::{Purchases, SyncError},
    writer::SubmitError,
};
use crate::{
    deadlines::BATCH,
    metrics,
    storage::{
        Result,
        outage::within,
        stripe_events::{self, Disposal, Taken},
    },
    stripe::{
        event::Event,
        webhook_facts::{self, CustomerFact, PaymentFact, PurchaseRef, WebhookFacts},
    },
};

/// The interval between checks for events that other replicas received or whose retry is due.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// The number of events leased at once.
const PAGE_SIZE: i64 = 64;
/// The number of events processed concurrently.
const CONCURRENCY: usize = 16;
/// The duration of a lease, in which only one replica processes the event.
const LEASE_DURATION: TimeDelta = TimeDelta::seconds(60);
/// The timeout of processing one event, which sends a few requests to Stripe.
const PROCESS_TIMEOUT: Duration = Duration::from_secs(30);
/// The delay after the first failure. It doubles with each further one.
const FIRST_RETRY_DELAY: TimeDelta = TimeDelta::seconds(5);
/// The longest delay between two attempts.
const MAX_RETRY_DELAY: TimeDelta = TimeDelta::hours(6);
/// The time for which an event is retried, the same as Stripe's own. After that it needs attention.
const GIVE_UP_AFTER: TimeDelta = TimeDelta::days(3);

/// Processes Stripe's events.
#[derive(Clone)]
pub struct Inbox {
    /// Records payments of packs.
    pub purchases: Purchases,
    /// Records invoices and subscriptions.
    pub plans: Plans,
    /// Whether our Stripe API key is for live mode; `None` accepts both modes. Events of the other mode are refused.
    pub live: Option<bool>,
}

/// The result of an attempt to process an event.
enum Attempt {
    /// The event was processed, with this outcome.
    Done(&'static str),
    /// The event is about another product on the same Stripe account. It is processed only if one of these Stripe ids
    /// turns out to be ours.
    NotOurs(Vec<String>),
    /// The event is refused, for this reason.
    Refused(&'static str),
    /// The event must be retried.
    Retry {
        reason: String,
        /// The Stripe ids that it waits for. It is retried as soon as one of them is recorded.
        waits_for: Vec<String>,
    },
    /// The event cannot be processed without a person, for this reason.
    NeedsAttention(&'static str),
}

impl Inbox {
    /// Processes events until the future is dropped.
    pub async fn run(self) {
        loop {
            match self.work().await {
                Ok(0) => drop(timeout(POLL_INTERVAL, self.purchases.new_events.notified()).await),
                Ok(_) => {}
                Err(error) => {
                    // The writers report an outage.
                    if !error.is_outage() {
                        tracing::error!(error = &error as &dyn Error, "the inbox could not be read; trying again");
                    }
                    tokio::time::sleep(POLL_INTERVAL).await;
                }
            }
        }
    }

    /// Processes a page of due events and returns their number.
    ///
    /// # Errors
    /// [`StorageError`](crate::storage::StorageError) if the events cannot be leased or their results cannot be
    /// recorded: they are due again when their lease ends.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn work(&self) -> Result<usize> {
        let now = self.purchases.clock.now();
        let taken = within(BATCH, async {
            let mut conn = self.purchases.pool.acquire().await?;
            stripe_events::take(&mut conn, now, now + LEASE_DURATION, PAGE_SIZE).await
        });
        let taken = taken.await?;
        let count = taken.len();
        let process = |taken| within(PROCESS_TIMEOUT, self.process(taken));
        let results = stream::iter(taken.into_iter().map(process)).buffer_unordered(CONCURRENCY);
        results.collect::<Vec<Result<()>>>().await.into_iter().collect::<Result<()>>()?;
        Ok(count)
    }

    async fn process(&self, taken: Taken) -> Result<()> {
        let attempt = self.handle(&taken).await?;
        let (now, id, kind) = (self.purchases.clock.now(), &taken.event.id, &taken.event.kind);
        let mut conn = self.purchases.pool.acquire().await?;
        match attempt {
            Attempt::Done(outcome) => {
                tracing::info!(event = id, kind, outcome, "an event was processed");
                metrics::stripe_event(Disposal::Processed.as_str());
                stripe_events::finish(&mut conn, id, (Disposal::Processed, outcome), &[], now).await
            }
            Attempt::NotOurs(stripe_ids) => {
                note_foreign_event();
                metrics::stripe_event(Disposal::NotOurs.as_str());
                let outcome = "about another product on the same Stripe account";
                stripe_events::finish(&mut conn, id, (Disposal::NotOurs, outcome), &stripe_ids, now).await
            }
            Attempt::Refused(reason) => {
                tracing::warn!(event = id, kind, reason, "an event was refused");
                metrics::stripe_event(Disposal::Refused.as_str());
                stripe_events::finish(&mut conn, id, (Disposal::Refused, reason), &[], now).await
            }
            Attempt::Retry { reason, waits_for } => {
                let due_at = (now - taken.tried_since < GIVE_UP_AFTER).then(|| now + retry_delay(taken.attempts));
                if due_at.is_none() {
                    tracing::error!(event = id, kind, reason, "an event needs attention: its retries have ended");
                }
                stripe_events::record_failure(&mut conn, &taken, &reason, due_at, &waits_for).await.map(drop)
            }
            Attempt::NeedsAttention(reason) => {
                tracing::error!(event = id, kind, reason, "an event needs attention: it cannot be read");
                stripe_events::record_failure(&mut conn, &taken, reason, None, &[]).await.map(drop)
            }
        }
    }

    async fn handle(&self, taken: &Taken) -> Result<Attempt> {
        let event_mode = webhook_facts::is_live(&taken.event);
        if let (Some(ours), Some(events)) = (self.live, event_mode)
            && ours != events
        {
            let reason = if ours {
                "it comes from test mode, but this server uses a live API key"
            } else {
                "it comes from live mode, but this server uses a test API key"
            };
            return Ok(Attempt::Refused(reason));
        }
        match webhook_facts::read(&taken.event) {
            Ok(None) => Ok(Attempt::Done("not relevant to Brightmeter")),
            Ok(Some(WebhookFacts::Payment(payment))) => self.handle_payment(payment).await,
            Ok(Some(WebhookFacts::Customer(fact))) => self.handle_customer_fact(fact).await,
            Err(missing) => Ok(Attempt::NeedsAttention(missing)),
        }
    }

    async fn handle_payment(&self, fact: PaymentFact) -> Result<Attempt> {
        let (org, purchase) = match fact.purchase.clone() {
            PurchaseRef::Ids(org, purchase) => (org, purchase),
            PurchaseRef::StripeIds(stripe_ids) => match self.purchases.find_by_stripe_id(&stripe_ids).await? {
                Some(found) => found,
                None => return self.handle_unknown_payment(stripe_ids, fact).await,
            },
        };
        Ok(match self.purchases.record_payment(org, purchase, fact.payment).await {
            Ok(()) => Attempt::Done("payment recorded"),
            Err(SyncError::Submit(
                SubmitError::Refused(Refusal::PurchaseNotFound) | SubmitError::UnknownOrganization,
            )) => Attempt::Retry { reason: "its purchase does not exist".into(), waits_for: Vec::new() },
            Err(error) => Attempt::Retry { reason: unrecorded(&error), waits_for: Vec::new() },
        })
    }

    /// Handles a payment that no purchase has: it is for a purchase whose own event has not arrived yet, for a plan, or for
    /// another product on the same Stripe account.
    async fn handle_unknown_payment(&self, stripe_ids: Vec<String>, fact: PaymentFact) -> Result<Attempt> {
        let payment_intent = fact.payment.stripe_ids.payment_intents.first().cloned();
        let owner = match (fact.owner, &payment_intent, &self.purchases.gateway) {
            (Some(owner), ..) => Some(owner),
            // Refunds and disputes do not say whose payment it was.
            (None, Some(payment_intent), Some(gateway)) => {
                let found = gateway.find_payment_owner(payment_intent).await;
                found
                    .inspect_err(|error| tracing::warn!(error = error as &dyn Error, "a payment's owner is unknown"))
                    .ok()
            }
            (None, ..) => None,
        };
        let Some(owner) = owner.filter(|owner| !owner.has_our_metadata) else {
            let reason = "no purchase has its payment's id yet".into();
            return Ok(Attempt::Retry { reason, waits_for: stripe_ids });
        };
        let Some(customer) = owner.customer else { return Ok(Attempt::NotOurs(stripe_ids)) };
        let Some(org) = self.plans.find_org(&customer).await? else {
            return Ok(Attempt::NotOurs([stripe_ids, vec![customer]].concat()));
        };
        let invoice = match (fact.invoice, &payment_intent) {
            (Some(invoice), _) => Ok(Some(invoice)),
            (None, Some(payment_intent)) => self.plans.find_invoice_of(payment_intent).await,
            (None, None) => Ok(None),
        };
        let recorded = match invoice {
            Ok(Some(invoice)) => self.plans.record_invoice_payment(org, invoice, fact.payment).await,
            Ok(None) => return Ok(Attempt::Done("a payment for neither a pack nor a plan")),
            Err(error) => Err(error.into()),
        };
        Ok(match recorded {
            Ok(()) => Attempt::Done("the payment of a plan recorded"),
            Err(error) => Attempt::Retry { reason: unrecorded(&error), waits_for: Vec::new() },
        })
    }

    async fn handle_customer_fact(&self, fact: CustomerFact) -> Result<Attempt> {
        let customer = fact.customer.clone();
        let Some(org) = self.plans.find_org(&customer).await? else {
            if !fact.has_our_metadata {
                return Ok(Attempt::NotOurs(vec![customer]));
            }
            let reason = "no organization has its customer's id yet".into();
            return Ok(Attempt::Retry { reason, waits_for: vec![customer] });
        };
        Ok(match self.plans.record(org, fact).await {
            Ok(()) => Attempt::Done("plan and license in sync with Stripe"),
            Err(error) => Attempt::Retry { reason: unrecorded(&error), waits_for: Vec::new() },
        })
    }
}

/// Logs once that events of other products arrive. The counter has their number.
fn note_foreign_event() {
    static NOTED: Once = Once::new();
    NOTED.call_once(|| {
        tracing::info!("events of another product on the same Stripe account arrive; they are kept and ignored");
    });
}

/// Stores an event that Stripe delivered. Returns whether it is new.
///
/// # Errors
/// [`StorageError`](crate::storage::StorageError) if the database fails.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn record(pool: &PgPool, event: &Event, now: Instant) -> crate::storage::Result<bool> {
    stripe_events::insert(&mut *pool.acquire().await?, event, now).await
}

/// Logs why an event was not recorded, with the sources. The text for staff has no sources: those are for operators.
fn unrecorded(error: &SyncError) -> String {
    tracing::warn!(error = error as &dyn Error, "an event was not recorded");
    error.to_string()
}

/// Returns the delay before the next attempt.
fn retry_delay(attempts: i32) -> TimeDelta {
    let doublings = u32::try_from(attempts.clamp(1, 20) - 1).unwrap_or_default();
    (FIRST_RETRY_DELAY * 2_i32.pow(doublings)).min(MAX_RETRY_DELAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_delays_double_up_to_six_hours() {
        let seconds: Vec<i64> = [0, 1, 2, 3, 13, 14, 1_000].map(|attempts| retry_delay(attempts).num_seconds()).into();
        assert_eq!(seconds, [5, 5, 10, 20, 20_480, 21_600, 21_600]);
    }
}
