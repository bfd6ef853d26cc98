//! The inbox: acts on what Stripe told, after it was answered. An event is tried until it was acted on; one that tells of something
//! unknown waits for it. Safe with several replicas: each event is leased, and acting twice changes nothing.

use std::time::Duration;

use brightmeter::{access::refusal::Refusal, billing::payment::Payment};
use chrono::TimeDelta;
use futures::{StreamExt, stream};
use tokio::time::timeout;

use super::{
    plans::Plans,
    purchases::{Purchases, SettleError},
    writer::SubmitError,
};
use crate::{
    storage::{
        Result,
        stripe_events::{self, Taken},
    },
    stripe::webhook_facts::{self, BillingFact, PurchaseRef, WebhookFacts},
};

/// How often it looks for events that other replicas took in, or whose time has come.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// How many events it takes on at once, and how many of them it works on side by side.
const PAGE_SIZE: i64 = 64;
/// How many events are handled at once.
const CONCURRENCY: usize = 16;
/// How long an event belongs to whoever took it on.
const LEASE_DURATION: TimeDelta = TimeDelta::seconds(60);
/// How long to wait after the first failure; twice as long after each further one.
const FIRST_RETRY_DELAY: TimeDelta = TimeDelta::seconds(5);
/// The longest pause.
const MAX_RETRY_DELAY: TimeDelta = TimeDelta::hours(6);
/// How long an event is tried: as long as Stripe itself repeats it. Then it is left to a person.
const GIVE_UP_AFTER: TimeDelta = TimeDelta::days(3);

/// Acts on events.
#[derive(Clone)]
pub struct Inbox {
    /// Settles payments.
    pub purchases: Purchases,
    /// Has plans and licenses follow.
    pub plans: Plans,
}

/// What became of an event.
enum Disposition {
    /// Acted on; in words.
    Done(&'static str),
    /// Not yet: why, and for which of Stripe's names it waits.
    Later(String, Vec<String>),
    /// Never, by itself: why.
    Never(&'static str),
}

impl Inbox {
    /// Works until it is dropped.
    pub async fn run(self) {
        loop {
            match self.work().await {
                Ok(0) => drop(timeout(POLL_INTERVAL, self.purchases.news.notified()).await),
                Ok(_) => {}
                Err(error) => {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "the inbox could not be read; it is tried again"
                    );
                    tokio::time::sleep(POLL_INTERVAL).await;
                }
            }
        }
    }

    /// Acts on a page of what is due; answers how many events that were.
    ///
    /// # Errors
    /// [`StorageError`](crate::storage::StorageError) if they cannot be had, or what became of them cannot be noted: then they are
    /// due again when their lease ends.
    pub async fn work(&self) -> Result<usize> {
        let now = self.purchases.clock.now();
        let mut conn = self.purchases.pool.acquire().await?;
        let taken = stripe_events::take(&mut conn, now, now + LEASE_DURATION, PAGE_SIZE).await?;
        drop(conn);
        let count = taken.len();
        let noted = stream::iter(taken.into_iter().map(|taken| self.act(taken))).buffer_unordered(CONCURRENCY);
        noted.collect::<Vec<Result<()>>>().await.into_iter().collect::<Result<()>>()?;
        Ok(count)
    }

    async fn act(&self, taken: Taken) -> Result<()> {
        let disposition = self.decide(&taken).await?;
        let (now, id, kind) = (self.purchases.clock.now(), &taken.event.id, &taken.event.kind);
        let mut conn = self.purchases.pool.acquire().await?;
        match disposition {
            Disposition::Done(what) => {
                tracing::info!(event = id, kind, what, "an event was acted on");
                stripe_events::finish(&mut conn, id, what, now).await
            }
            Disposition::Later(why, waits_for) => {
                let due_at = (now - taken.tried_since < GIVE_UP_AFTER).then(|| now + pause(taken.attempts));
                if due_at.is_none() {
                    tracing::error!(event = id, kind, why, "an event is left to a person: it could not be acted on");
                }
                stripe_events::put_back(&mut conn, &taken, &why, due_at, &waits_for).await
            }
            Disposition::Never(why) => {
                tracing::error!(event = id, kind, why, "an event is left to a person: it cannot be read");
                stripe_events::put_back(&mut conn, &taken, why, None, &[]).await
            }
        }
    }

    async fn decide(&self, taken: &Taken) -> Result<Disposition> {
        match webhook_facts::read(&taken.event) {
            Ok(None) => Ok(Disposition::Done("it concerns nobody here")),
            Ok(Some(WebhookFacts::Payment(whose, payment))) => self.settle(whose, payment).await,
            Ok(Some(WebhookFacts::Customer(customer, news))) => self.follow(customer, news).await,
            Err(why) => Ok(Disposition::Never(why)),
        }
    }

    async fn settle(&self, whose: PurchaseRef, payment: Payment) -> Result<Disposition> {
        let (org, purchase) = match whose {
            PurchaseRef::Ids(org, purchase) => (org, purchase),
            PurchaseRef::StripeIds(names) => match self.purchases.find_named(&names).await? {
                Some(found) => found,
                None => return Ok(Disposition::Later("no purchase is known by its payment yet".into(), names)),
            },
        };
        Ok(match self.purchases.settle(org, purchase, payment).await {
            Ok(()) => Disposition::Done("the purchase is as it says"),
            Err(SettleError::Submit(
                SubmitError::Refused(Refusal::PurchaseNotFound) | SubmitError::UnknownOrganization,
            )) => Disposition::Later("the purchase that it names does not exist".into(), Vec::new()),
            Err(error) => Disposition::Later(error.to_string(), Vec::new()),
        })
    }

    async fn follow(&self, customer: String, news: BillingFact) -> Result<Disposition> {
        let Some(org) = self.plans.find_customer(&customer).await? else {
            return Ok(Disposition::Later("its customer is not known yet".into(), vec![customer]));
        };
        let taken_in = match news {
            BillingFact::Invoice(invoices) => self.plans.bill(org, invoices).await,
            BillingFact::Subscription => self.plans.follow(org, &customer).await.map(drop),
        };
        Ok(match taken_in {
            Ok(()) => Disposition::Done("plan and license are as Stripe says"),
            Err(error) => Disposition::Later(error.to_string(), Vec::new()),
        })
    }
}

/// How long to wait after so many tries.
fn pause(attempts: i32) -> TimeDelta {
    let doublings = u32::try_from(attempts.clamp(1, 20) - 1).unwrap_or_default();
    (FIRST_RETRY_DELAY * 2_i32.pow(doublings)).min(MAX_RETRY_DELAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_six_hours() {
        let seconds: Vec<i64> = [0, 1, 2, 3, 13, 14, 1_000].map(|attempts| pause(attempts).num_seconds()).into();
        assert_eq!(seconds, [5, 5, 10, 20, 20_480, 21_600, 21_600]);
    }
}
