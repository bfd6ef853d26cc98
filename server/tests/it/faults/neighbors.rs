//! What stands around the server: an AI provider and a Stripe that never answer, a queue that is full, a clock that jumps.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::http::StatusCode;
use brightmeter::ids::{OrgId, TransactionId};
use futures::future::join_all;
use server::{
    ai::openai::{Limits, OpenAi},
    service::{
        purchases::Purchases,
        writer::{Submission, SubmitError, Writer},
    },
    stripe::api::StripeApi,
};
use tokio::{
    net::TcpListener,
    time::{Instant, sleep},
};
use uuid::Uuid;

use super::{REQUEST_LIMIT, rounds};
use crate::{
    http::browser::Site,
    support::{TestServer, adjust, at, hold, spend, waiting::until, with_server},
};

/// What the clients spend while something is slow, to show that they are not held up.
const SPENDS_BESIDE: usize = 100;

/// Spends without a pause until it is stopped. Busy answers are repeated under their idempotency key.
struct Spender {
    writer: Writer,
    org: OrgId,
    stop: AtomicBool,
    spent: AtomicUsize,
}

impl Spender {
    fn new(writer: &Writer, org: OrgId) -> Self {
        Self { writer: writer.clone(), org, stop: AtomicBool::default(), spent: AtomicUsize::default() }
    }

    /// Runs 16 clients. Returns the transactions of their spends, and the slowest answer.
    async fn run(&self) -> (BTreeSet<TransactionId>, Duration) {
        let clients = join_all((0..16).map(|_| self.client())).await;
        let slowest = clients.iter().map(|(_, slowest)| *slowest).max().unwrap();
        (clients.into_iter().flat_map(|(spent, _)| spent).collect(), slowest)
    }

    async fn client(&self) -> (Vec<TransactionId>, Duration) {
        let (mut spent, mut slowest) = (Vec::new(), Duration::ZERO);
        while !self.stop.load(Ordering::Relaxed) {
            let started = Instant::now();
            spent.push(spend_once(&self.writer, self.org).await.0);
            slowest = slowest.max(started.elapsed());
            self.spent.fetch_add(1, Ordering::Relaxed);
        }
        (spent, slowest)
    }

    /// Waits until the clients have spent [`SPENDS_BESIDE`] more.
    async fn until_more(&self) {
        let enough = self.spent.load(Ordering::Relaxed) + SPENDS_BESIDE;
        until("spends go on", async || self.spent.load(Ordering::Relaxed) >= enough).await;
    }
}

/// Spends a token under a new idempotency key, which it repeats while the writer is busy. Returns how often it was.
async fn spend_once(writer: &Writer, org: OrgId) -> (TransactionId, usize) {
    let key = Uuid::new_v4().to_string();
    for busy in 0.. {
        match writer.submit(Submission::new(org, Some(key.parse().unwrap()), spend("ping"))).await {
            Ok(answer) => return (answer.outcome.transaction, busy),
            Err(SubmitError::Busy) => sleep(Duration::from_millis(20)).await,
            Err(error) => panic!("{error}"),
        }
    }
    unreachable!("it repeats until it is answered")
}

/// Asserts that the log has exactly these spends. [`with_server`] audits the rest.
async fn check(server: &TestServer, org: OrgId, name: &str, spent: &BTreeSet<TransactionId>, figures: &str) {
    let sql = format!("select count(*) from ai_token_usage_log where org_id = '{org}' and kind = 'spent'");
    let in_log = usize::try_from(server.query_value::<i64>(sql).await).unwrap();
    let transactions: Vec<String> = spent.iter().map(|transaction| format!("'{transaction}'")).collect();
    let sql = format!(
        "select count(*) from ai_token_usage_log where org_id = '{org}' and kind = 'spent' and transaction_id in ({})",
        transactions.join(", ")
    );
    let acknowledged = usize::try_from(server.query_value::<i64>(sql).await).unwrap();
    let (lost, doubled) = (spent.len() - acknowledged, in_log - acknowledged);
    println!("{name}: {} spends, {lost} lost, {doubled} doubled; {figures}", spent.len());
    assert_eq!((lost, doubled), (0, 0), "{name}");
}

/// The URL of a service that accepts connections and never answers.
async fn silent_service() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((connection, _)) = listener.accept().await {
            open.push(connection);
        }
    });
    url
}

#[test]
fn an_ai_provider_and_a_stripe_that_never_answer_hold_up_nobody_else() {
    with_server(async |server| {
        let org = server.org("bright-audio", "enterprise").await;
        server.submit(org, adjust(100_000, "plenty")).await.unwrap();
        let url = silent_service().await;
        let limits = Limits { deadline: Duration::from_secs(3), ..Limits::default() };
        let ai = OpenAi::with_limits(&url, None, "none", limits).unwrap();
        let stripe = StripeApi::new("sk_test_1", Some(&url)).unwrap();
        let selling = Purchases { gateway: Some(Arc::new(stripe)), ..server.purchases(&server.writer) };
        let asking = Site::with(server, server.writer.clone(), Arc::new(ai), false);
        let selling = Site::selling(server, selling);
        server.person(org, "owner@bright-audio.test", "owner").await;
        let (mut buyer, mut asker) =
            (selling.signed_in("owner@bright-audio.test").await, asking.signed_in("owner@bright-audio.test").await);
        let spender = Spender::new(&server.writer, org);
        let slow = async {
            let order = Uuid::new_v4().to_string();
            let bought = async {
                let started = Instant::now();
                let page = buyer.post("/billing/buy", &[("id", &order), ("pack", "booster")]).await;
                (page.status, started.elapsed())
            };
            let key = Uuid::new_v4().to_string();
            let goal = [("goal", "Sell more posters"), ("key", &*key)];
            let asked = asker.post("/quests", &goal);
            let beside = spender.until_more();
            let ((status, took), asked, ()) = tokio::join!(bought, asked, beside);
            assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
            assert!(took < REQUEST_LIMIT, "Stripe held up its own page for {took:?}");
            assert!(asked.location().starts_with("/quests?job="), "{}", asked.location());
            // The job has ended, and was not charged.
            let open = "select count(*) from ai_token_holds where state = 'open'";
            until("the job's hold is released", async || server.query_value::<i64>(open).await == 0).await;
            let captured = "select count(*) from ai_token_usage_log where kind = 'captured'";
            assert_eq!(server.query_value::<i64>(captured).await, 0);
            spender.stop.store(true, Ordering::Relaxed);
            took
        };
        let ((spent, slowest), took) = tokio::join!(spender.run(), slow);
        assert!(slowest < REQUEST_LIMIT, "{slowest:?}");
        let figures = format!("slowest {slowest:?}; the order was answered 503 after {took:?}");
        check(server, org, "AI and Stripe silent", &spent, &figures).await;
    });
}

#[test]
fn a_full_queue_loses_and_doubles_nothing() {
    with_server(async |server| {
        let org = server.org("bright-audio", "enterprise").await;
        server.submit(org, adjust(100_000, "plenty")).await.unwrap();
        let mut all = BTreeSet::new();
        for _ in 0..rounds() {
            let lock = server.lock(org).await;
            // More than the queue takes of one organization.
            let spends = join_all((0..5_000).map(|_| spend_once(&server.writer, org)));
            let released = async {
                server.until_waiting(1).await;
                lock.release().await;
                Instant::now()
            };
            let (spent, released) = tokio::join!(spends, released);
            let took = released.elapsed();
            let busy: usize = spent.iter().map(|(_, busy)| busy).sum();
            assert!(busy > 0, "the queue was full");
            all.extend(spent.into_iter().map(|(transaction, _)| transaction));
            let figures = format!("{busy} answered 503; all done {took:?} after it moved on");
            check(server, org, "queue full", &all, &figures).await;
        }
    });
}

#[test]
fn a_clock_that_jumps_under_load_grants_each_period_once_and_ends_each_hold() {
    with_server(async |server| {
        server.clock.set(at("2026-01-31T09:00:00Z"));
        let org = server.org("bright-audio", "enterprise").await;
        server.submit(org, adjust(1_000_000, "plenty")).await.unwrap();
        let spender = Spender::new(&server.writer, org);
        let jumps = async {
            for instant in [
                "2026-01-31T09:20:00Z",
                // Back by a day, and over the end of a short month.
                "2026-01-30T09:00:00Z",
                "2026-02-28T08:59:59.999999Z",
                "2026-02-28T09:00:00Z",
                "2026-02-28T08:00:00Z",
                // The anchor's day comes back.
                "2026-03-30T09:00:00Z",
                "2026-03-31T09:00:00Z",
                // Over several months and a leap day, and back before all of it.
                "2028-02-29T09:00:00Z",
                "2026-02-01T00:00:00Z",
                "2028-03-31T09:00:01Z",
            ] {
                // A minute for each, while the clock still stands where it was.
                server.submit(org, hold("quest_generation", 60)).await.unwrap();
                server.clock.set(at(instant));
                spender.until_more().await;
            }
            spender.stop.store(true, Ordering::Relaxed);
        };
        let ((spent, slowest), ()) = tokio::join!(spender.run(), jumps);
        let starts =
            "select string_agg(to_char(period_start at time zone 'UTC', 'YYYY-MM-DD'), ' ' order by period_start)
            from ai_token_grants where source = 'plan' and token_type = 'ai'";
        assert_eq!(
            server.query_value::<String>(starts).await,
            "2026-01-31 2026-02-28 2026-03-31 2028-02-29 2028-03-31"
        );
        // Each hold has expired, a minute after its TTL at the latest.
        server.advance(120);
        server.sweeper.sweep().await.unwrap();
        let open = "select count(*) from ai_token_holds where state = 'open'";
        assert_eq!(server.query_value::<i64>(open).await, 0);
        check(server, org, "clock jumps", &spent, &format!("slowest answer {slowest:?}")).await;
    });
}
