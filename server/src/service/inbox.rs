//! The inbox: processes Stripe's events after their webhook requests have been answered.
//!
//! An event is retried until it has been processed. One that refers to an unknown Stripe id waits for that id. Safe
//! with several replicas: each event is leased, and processing it twice changes nothing.

use std::{error::Error, time::Duration};

use brightmeter::{access::refusal::Refusal, billing::payment::Payment, time::Instant};
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
    storage::{
        Result,
        stripe_events::{self, Taken},
    },
    stripe::{
        event::Event,
        webhook_facts::{self, BillingFact, PurchaseRef, WebhookFacts},
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
}

/// The result of an attempt to process an event.
enum Disposition {
    /// The event was processed, with this outcome.
    Done(&'static str),
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
                    tracing::error!(error = &error as &dyn Error, "the inbox could not be read; trying again");
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
        let mut conn = self.purchases.pool.acquire().await?;
        let taken = stripe_events::take(&mut conn, now, now + LEASE_DURATION, PAGE_SIZE).await?;
        drop(conn);
        let count = taken.len();
        let results = stream::iter(taken.into_iter().map(|taken| self.process(taken))).buffer_unordered(CONCURRENCY);
        results.collect::<Vec<Result<()>>>().await.into_iter().collect::<Result<()>>()?;
        Ok(count)
    }

    async fn process(&self, taken: Taken) -> Result<()> {
        let disposition = self.handle(&taken).await?;
        let (now, id, kind) = (self.purchases.clock.now(), &taken.event.id, &taken.event.kind);
        let mut conn = self.purchases.pool.acquire().await?;
        match disposition {
            Disposition::Done(outcome) => {
                tracing::info!(event = id, kind, outcome, "an event was processed");
                stripe_events::finish(&mut conn, id, outcome, now).await
            }
            Disposition::Retry { reason, waits_for } => {
                let due_at = (now - taken.tried_since < GIVE_UP_AFTER).then(|| now + retry_delay(taken.attempts));
                if due_at.is_none() {
                    tracing::error!(event = id, kind, reason, "an event needs attention: its retries have ended");
                }
                stripe_events::record_failure(&mut conn, &taken, &reason, due_at, &waits_for).await.map(drop)
            }
            Disposition::NeedsAttention(reason) => {
                tracing::error!(event = id, kind, reason, "an event needs attention: it cannot be read");
                stripe_events::record_failure(&mut conn, &taken, reason, None, &[]).await.map(drop)
            }
        }
    }

    async fn handle(&self, taken: &Taken) -> Result<Disposition> {
        match webhook_facts::read(&taken.event) {
            Ok(None) => Ok(Disposition::Done("not relevant to Brightmeter")),
            Ok(Some(WebhookFacts::Payment(purchase, payment))) => self.handle_payment(purchase, payment).await,
            Ok(Some(WebhookFacts::Customer(customer, fact))) => self.handle_billing_fact(customer, fact).await,
            Err(missing) => Ok(Disposition::NeedsAttention(missing)),
        }
    }

    async fn handle_payment(&self, purchase: PurchaseRef, payment: Payment) -> Result<Disposition> {
        let (org, purchase) = match purchase {
            PurchaseRef::Ids(org, purchase) => (org, purchase),
            PurchaseRef::StripeIds(stripe_ids) => match self.purchases.find_by_stripe_id(&stripe_ids).await? {
                Some(found) => found,
                None => {
                    let reason = "no purchase has its payment's id yet".into();
                    return Ok(Disposition::Retry { reason, waits_for: stripe_ids });
                }
            },
        };
        Ok(match self.purchases.record_payment(org, purchase, payment).await {
            Ok(()) => Disposition::Done("payment recorded"),
            Err(SyncError::Submit(
                SubmitError::Refused(Refusal::PurchaseNotFound) | SubmitError::UnknownOrganization,
            )) => Disposition::Retry { reason: "its purchase does not exist".into(), waits_for: Vec::new() },
            Err(error) => Disposition::Retry { reason: unrecorded(&error), waits_for: Vec::new() },
        })
    }

    async fn handle_billing_fact(&self, customer: String, fact: BillingFact) -> Result<Disposition> {
        let Some(org) = self.plans.find_org(&customer).await? else {
            let reason = "no organization has its customer's id yet".into();
            return Ok(Disposition::Retry { reason, waits_for: vec![customer] });
        };
        let recorded = match fact {
            BillingFact::Invoice(invoices) => self.plans.record_invoices(org, invoices).await,
            BillingFact::Subscription => self.plans.sync_subscription(org, &customer).await.map(drop),
        };
        Ok(match recorded {
            Ok(()) => Disposition::Done("plan and license in sync with Stripe"),
            Err(error) => Disposition::Retry { reason: unrecorded(&error), waits_for: Vec::new() },
        })
    }
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
