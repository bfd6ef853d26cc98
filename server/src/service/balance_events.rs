//! Whose tokens have moved: told to whoever follows an organization's balance, on every replica, by Postgres' NOTIFY.
//!
//! The writer only marks organizations; a task tells of them beside it, so that no commit waits for a notification (those of
//! Postgres wait for each other). A notification is a hint to look: whoever follows reads what is committed, also after a
//! connection was lost.

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
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use crate::{
    concurrency_limit::{ConcurrencyLimit, ConcurrencyPermit},
    storage::notices,
};

/// How many may follow one organization, on one replica.
const MAX_FOLLOWERS_PER_ORG: usize = 200;
/// How long the next telling waits for more to tell.
const COALESCE_DELAY: Duration = Duration::from_millis(50);
/// How long to wait before the database is tried again.
const RECONNECT_DELAY: Duration = Duration::from_secs(1);

/// Organizations whose tokens have moved since anybody was told. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct ChangedAccounts(Arc<(Mutex<HashSet<OrgId>>, Notify)>);

impl ChangedAccounts {
    /// Marks organizations.
    pub fn mark(&self, orgs: impl IntoIterator<Item = OrgId>) {
        lock(&self.0.0).extend(orgs);
        self.0.1.notify_one();
    }

    /// All that are marked, as soon as one is; they are marked no more.
    async fn take(&self) -> Vec<OrgId> {
        loop {
            let taken: Vec<OrgId> = lock(&self.0.0).drain().collect();
            if !taken.is_empty() {
                return taken;
            }
            self.0.1.notified().await;
        }
    }
}

/// Tells whose tokens have moved. Clones share everything.
#[derive(Clone)]
pub struct BalanceEvents {
    pool: PgPool,
    followed: Arc<Mutex<HashMap<OrgId, watch::Sender<()>>>>,
    listening: Arc<OnceCell<()>>,
    concurrency_limit: ConcurrencyLimit<OrgId>,
    stopped: CancellationToken,
}

/// Follows one organization until it is dropped.
pub struct BalanceFollower {
    news: watch::Receiver<()>,
    stopped: CancellationToken,
    _place: ConcurrencyPermit<OrgId>,
}

impl BalanceEvents {
    /// Tells of what is marked in `changed_accounts`, through `pool`.
    pub fn start(pool: PgPool, changed_accounts: ChangedAccounts) -> Self {
        let changes = Self {
            pool,
            followed: Arc::default(),
            listening: Arc::default(),
            concurrency_limit: ConcurrencyLimit::default(),
            stopped: CancellationToken::new(),
        };
        let (pool, stopped) = (changes.pool.clone(), changes.stopped.clone());
        tokio::spawn(stopped.run_until_cancelled_owned(tell(pool, changed_accounts)));
        changes
    }

    /// Follows `org`; nothing if too many do.
    pub async fn follow(&self, org: OrgId) -> Option<BalanceFollower> {
        let place = self.concurrency_limit.take(org, MAX_FOLLOWERS_PER_ORG)?;
        // Nobody listens to Postgres before somebody wants to know.
        self.listening
            .get_or_init(async || {
                let listen = listen(self.pool.clone(), self.followed.clone());
                tokio::spawn(self.stopped.clone().run_until_cancelled_owned(listen));
            })
            .await;
        let news = lock(&self.followed).entry(org).or_insert_with(|| watch::channel(()).0).subscribe();
        Some(BalanceFollower { news, stopped: self.stopped.clone(), _place: place })
    }

    /// Ends everything: the server is going down.
    pub fn stop(&self) {
        self.stopped.cancel();
    }
}

impl BalanceFollower {
    /// Waits for news; false once there will be none.
    pub async fn changed(&mut self) -> bool {
        tokio::select! {
            biased;
            news = self.news.changed() => news.is_ok(),
            () = self.stopped.cancelled() => false,
        }
    }
}

async fn tell(pool: PgPool, changed_accounts: ChangedAccounts) {
    loop {
        let orgs = changed_accounts.take().await;
        if let Err(error) = notices::tell(&pool, &orgs).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "nobody was told whose tokens have moved");
        }
        sleep(COALESCE_DELAY).await;
    }
}

async fn listen(pool: PgPool, followed: Arc<Mutex<HashMap<OrgId, watch::Sender<()>>>>) {
    // A connection of its own: one of the pool's would be missing there, and would keep it from closing.
    let own = PgPoolOptions::new().max_connections(1).connect_lazy_with((*pool.connect_options()).clone());
    loop {
        let listened = async {
            let mut listener = PgListener::connect_with(&own).await?;
            listener.listen(notices::CHANNEL).await?;
            // What happened before is not known: everybody looks.
            wake(&followed, None);
            loop {
                match listener.try_recv().await? {
                    Some(notice) => wake(&followed, notices::read(notice.payload())),
                    None => wake(&followed, None),
                }
            }
        };
        let lost: Result<(), sqlx::Error> = listened.await;
        if let Err(error) = lost {
            tracing::warn!(error = &error as &dyn std::error::Error, "notifications were lost; trying again");
        }
        sleep(RECONNECT_DELAY).await;
    }
}

/// Wakes those who follow `org`, or everybody; forgets whom nobody follows any more.
fn wake(followed: &Mutex<HashMap<OrgId, watch::Sender<()>>>, org: Option<OrgId>) {
    let mut followed = lock(followed);
    match org {
        Some(org) => {
            if followed.get(&org).is_some_and(|news| news.send(()).is_err()) {
                followed.remove(&org);
            }
        }
        None => followed.retain(|_, news| news.send(()).is_ok()),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
