//! Clients that spend without a pause, repeat what has no certain answer under the same idempotency key, and count.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use sqlx::Connection;
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};
use uuid::Uuid;

use super::{REQUEST_LIMIT, process::Installation};

const CLIENTS: usize = 16;

/// The clients.
pub struct Load {
    stop: Arc<AtomicBool>,
    shared: Arc<Shared>,
    clients: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    /// The transactions that were acknowledged, one per idempotency key.
    acknowledged: Mutex<BTreeSet<String>>,
    /// The idempotency keys that were acknowledged.
    keys: AtomicUsize,
    /// The slowest answer, in milliseconds.
    slowest_ms: AtomicUsize,
    /// The statuses that no fault excuses, with their bodies.
    unexpected: Mutex<Vec<String>>,
}

impl Load {
    /// Starts the clients.
    pub fn start(on: &Installation) -> Self {
        Self::start_at(on, &on.url)
    }

    /// Starts clients of the server at `url`.
    pub fn start_at(on: &Installation, url: &str) -> Self {
        let (stop, shared) = (Arc::<AtomicBool>::default(), Arc::<Shared>::default());
        let clients = (0..CLIENTS).map(|_| {
            let (stop, shared, url, key) = (stop.clone(), shared.clone(), url.to_owned(), on.key.clone());
            tokio::spawn(async move {
                let http = reqwest::Client::builder().timeout(REQUEST_LIMIT * 2).build().unwrap();
                while !stop.load(Ordering::Relaxed) {
                    shared.spend(&http, &url, &key).await;
                }
            })
        });
        let clients = clients.collect();
        Self { stop, shared, clients }
    }

    /// The number of acknowledged spends so far.
    pub fn acknowledged(&self) -> usize {
        self.shared.keys.load(Ordering::Relaxed)
    }

    /// Waits until a spend is acknowledged that was sent after this call, and returns how long that took.
    pub async fn until_spending(&self, limit: Duration) -> Duration {
        let started = Instant::now();
        // Each client may have one answer under way.
        let enough = self.acknowledged() + CLIENTS + 1;
        while self.acknowledged() < enough {
            assert!(started.elapsed() < limit, "no spend is acknowledged within {limit:?}");
            sleep(Duration::from_millis(5)).await;
        }
        started.elapsed()
    }

    /// Stops the clients. Each first gets a certain answer to its last spend. The server must be running.
    pub async fn finish(self) -> Spent {
        self.stop.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.await.unwrap();
        }
        let unexpected = std::mem::take(&mut *self.shared.unexpected.lock().unwrap());
        assert_eq!(unexpected, [""; 0]);
        let slowest = Duration::from_millis(self.shared.slowest_ms.load(Ordering::Relaxed) as u64);
        assert!(slowest <= REQUEST_LIMIT, "a request took {slowest:?}");
        let transactions = std::mem::take(&mut *self.shared.acknowledged.lock().unwrap());
        Spent { keys: self.shared.keys.load(Ordering::Relaxed), transactions, slowest }
    }
}

impl Shared {
    /// Spends a token, and repeats it under the same key until the answer is certain.
    async fn spend(&self, http: &reqwest::Client, url: &str, key: &str) {
        let idempotency_key = Uuid::new_v4().to_string();
        loop {
            let started = Instant::now();
            let request = http.post(format!("{url}/api/v1/tokens/deduct")).bearer_auth(key);
            let request = request.header("idempotency-key", &idempotency_key).json(&json!({ "feature": "ping" }));
            let answer = match request.send().await {
                Ok(answer) => {
                    let (status, body) = (answer.status().as_u16(), answer.text().await);
                    body.map(|body| (status, body))
                }
                Err(error) => Err(error),
            };
            let took = usize::try_from(started.elapsed().as_millis()).unwrap();
            self.slowest_ms.fetch_max(took, Ordering::Relaxed);
            match answer {
                Ok((200, body)) => {
                    let body: Value = serde_json::from_str(&body).unwrap();
                    let transaction = body["transaction_id"].as_str().unwrap_or_else(|| panic!("{body}")).to_owned();
                    self.acknowledged.lock().unwrap().insert(transaction);
                    self.keys.fetch_add(1, Ordering::Relaxed);
                    return;
                }
                // The server is down, or says that it cannot answer now.
                Err(_) | Ok((503, _)) => sleep(Duration::from_millis(20)).await,
                Ok((status, body)) => {
                    self.unexpected.lock().unwrap().push(format!("{status}: {body}"));
                    return;
                }
            }
        }
    }
}

/// What the clients know to be spent.
pub struct Spent {
    /// The number of idempotency keys that were acknowledged.
    pub keys: usize,
    /// Their transactions.
    pub transactions: BTreeSet<String>,
    /// The slowest answer.
    pub slowest: Duration,
}

impl Spent {
    /// Adds what other clients know.
    pub fn join(mut self, other: Self) -> Self {
        self.transactions.extend(other.transactions);
        Self { keys: self.keys + other.keys, slowest: self.slowest.max(other.slowest), ..self }
    }

    /// Compares with the ledger, and returns how many spends were lost and how many were doubled.
    pub fn compare(&self, ledger: &BTreeSet<String>) -> (usize, usize) {
        (self.transactions.difference(ledger).count(), ledger.difference(&self.transactions).count())
    }

    /// Checks that exactly the acknowledged spends are in the ledger, and that all invariants hold. Prints the figures.
    pub async fn check(&self, name: &str, on: &Installation, figures: &str) {
        assert_eq!(self.transactions.len(), self.keys, "each key has a transaction of its own");
        let report: Value = serde_json::from_str(&on.run("audit --json")).unwrap();
        assert_eq!(report["ok"], true, "{report}");
        let (lost, doubled) = self.compare(&ledger(on).await);
        let (keys, slowest) = (self.keys, self.slowest);
        println!("{name}: {keys} spends, {lost} lost, {doubled} doubled; slowest answer {slowest:?}; {figures}");
        assert_eq!((lost, doubled), (0, 0), "{name}");
    }
}

/// The transactions of all spends in the ledger.
async fn ledger(on: &Installation) -> BTreeSet<String> {
    let mut conn = on.connect().await;
    let sql = "select transaction_id::text from ai_token_usage_log where kind = 'spent'";
    let found: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut conn).await.unwrap();
    conn.close().await.unwrap();
    found.into_iter().collect()
}
