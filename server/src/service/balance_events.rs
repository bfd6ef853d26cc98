//! Balance events: notify the followers of an organization's balance, on every replica, through Postgres' NOTIFY.
//!
//! The writer only marks organizations as changed. A separate task sends the notifications, so that commits do not wait
//! for them: Postgres serializes commits that notify. A notification carries no data; followers reload the committed
//! state. They also reload after a lost connection.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use brightmeter::ids::OrgId;
use sqlx::{
    PgPool,
    postgres::{PgListener, PgPoolOptions},
};
use tokio::{
    sync::{Notify, OnceCell, watch},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    concurrency_limit::{ConcurrencyLimit, ConcurrencyPermit},
    deadlines::{ACQUIRE, PING, STATEMENT},
    storage::{notices, outage::within},
};

/// The number of followers per organization and replica.
const MAX_FOLLOWERS_PER_ORG: usize = 200;
/// The delay after a notification, in which further changes are collected for the next one.
const COALESCE_DELAY: Duration = Duration::from_millis(50);
/// The time without a notification after which the connection is checked.
const CHECK_INTERVAL: Duration = Duration::from_secs(2);
/// The delay before reconnecting to the database.
const RECONNECT_DELAY: Duration = Duration::from_secs(1);

/// The organizations whose balance has changed since the last notification. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct ChangedAccounts(Arc<(Mutex<HashSet<OrgId>>, Notify)>);

impl ChangedAccounts {
    /// Marks organizations as changed.
    pub fn mark_changed(&self, orgs: impl IntoIterator<Item = OrgId>) {
        lock(&self.0.0).extend(orgs);
        self.0.1.notify_one();
    }

    /// Waits until an organization is marked, then returns and unmarks all marked ones.
    async fn next_batch(&self) -> Vec<OrgId> {
        loop {
            let taken: Vec<OrgId> = lock(&self.0.0).drain().collect();
            if !taken.is_empty() {
                return taken;
            }
            self.0.1.notified().await;
        }
    }
}

/// Notifies followers of balance changes. Clones share all state.
#[derive(Clone)]
pub struct BalanceEvents {
    pool: PgPool,
    followers: Arc<Mutex<HashMap<OrgId, watch::Sender<()>>>>,
    listening: Arc<OnceCell<()>>,
    concurrency_limit: ConcurrencyLimit<OrgId>,
    stopped: CancellationToken,
}

/// A follower of one organization's balance. Dropping it stops following.
pub struct BalanceFollower {
    changes: watch::Receiver<()>,
    stopped: CancellationToken,
    _permit: ConcurrencyPermit<OrgId>,
}

impl BalanceEvents {
    /// Starts the task that notifies of `changed_accounts` through `pool`.
    pub fn start(pool: PgPool, changed_accounts: ChangedAccounts) -> Self {
        let events = Self {
            pool,
            followers: Arc::default(),
            listening: Arc::default(),
            concurrency_limit: ConcurrencyLimit::default(),
            stopped: CancellationToken::new(),
        };
        let (pool, stopped) = (events.pool.clone(), events.stopped.clone());
        tokio::spawn(stopped.run_until_cancelled_owned(notify(pool, changed_accounts)));
        events
    }

    /// Follows an organization. Returns `None` if it has too many followers.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn follow(&self, org: OrgId) -> Option<BalanceFollower> {
        let permit = self.concurrency_limit.try_acquire(org, MAX_FOLLOWERS_PER_ORG)?;
        // Listens to Postgres only once there is a follower.
        self.listening
            .get_or_init(async || {
                let listen = listen(self.pool.clone(), self.followers.clone());
                tokio::spawn(self.stopped.clone().run_until_cancelled_owned(listen));
            })
            .await;
        let changes = lock(&self.followers).entry(org).or_insert_with(|| watch::channel(()).0).subscribe();
        Some(BalanceFollower { changes, stopped: self.stopped.clone(), _permit: permit })
    }

    /// Stops notifying and ends all followers, for the shutdown.
    pub fn stop(&self) {
        self.stopped.cancel();
    }
}

impl BalanceFollower {
    /// Waits for the next change. Returns false after [`BalanceEvents::stop`].
    pub async fn changed(&mut self) -> bool {
        tokio::select! {
            biased;
            changed = self.changes.changed() => changed.is_ok(),
            () = self.stopped.cancelled() => false,
        }
    }
}

async fn notify(pool: PgPool, changed_accounts: ChangedAccounts) {
    loop {
        let orgs = changed_accounts.next_batch().await;
        if let Err(error) = within(STATEMENT, notices::notify(&pool, &orgs)).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "followers could not be notified of balance changes"
            );
        }
        sleep(COALESCE_DELAY).await;
    }
}

async fn listen(pool: PgPool, followers: Arc<Mutex<HashMap<OrgId, watch::Sender<()>>>>) {
    // A dedicated connection: one from the pool would be missing there and would keep the pool from closing.
    let listener_pool = PgPoolOptions::new().max_connections(1).connect_lazy_with((*pool.connect_options()).clone());
    loop {
        let listened = async {
            let mut listener = within(ACQUIRE, PgListener::connect_with(&listener_pool)).await?;
            within(STATEMENT, listener.listen(notices::CHANNEL)).await?;
            // Changes before this point may have been missed: wake all followers.
            wake(&followers, None);
            loop {
                match timeout(CHECK_INTERVAL, listener.try_recv()).await {
                    Ok(Ok(Some(notice))) => wake(&followers, notices::read(notice.payload())),
                    Ok(Ok(None)) => wake(&followers, None),
                    Ok(Err(error)) => return Err(error),
                    // A silent connection would never report anything again.
                    Err(_) => within(PING, notices::ping(&mut listener)).await?,
                }
            }
        };
        let lost: Result<(), sqlx::Error> = listened.await;
        if let Err(error) = lost {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the connection for notifications was lost; reconnecting"
            );
        }
        sleep(RECONNECT_DELAY).await;
    }
}

/// Wakes the followers of `org`, or all followers if it is `None`. Removes organizations without followers.
fn wake(followers: &Mutex<HashMap<OrgId, watch::Sender<()>>>, org: Option<OrgId>) {
    let mut followers = lock(followers);
    match org {
        Some(org) => {
            if followers.get(&org).is_some_and(|changes| changes.send(()).is_err()) {
                followers.remove(&org);
            }
        }
        None => followers.retain(|_, changes| changes.send(()).is_ok()),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
