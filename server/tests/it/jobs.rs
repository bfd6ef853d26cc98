//! Quest jobs: charged only if they deliver.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use brightmeter::{
    features::quest::{Goal, QuestDraft},
    ids::{HoldId, MemberId, OrgId},
};
use server::{
    ai::{AiError, AiProvider, built_in::BuiltIn},
    service::{
        jobs::{Jobs, Started},
        writer::SubmitError,
    },
};
use tokio::sync::Semaphore;

use crate::support::{TestServer, waiting::until, with_server};

/// A provider that provider for a permit before each answer, and counts its requests.
struct GatedProvider {
    requests: AtomicUsize,
    permits: Semaphore,
}

impl Default for GatedProvider {
    fn default() -> Self {
        Self { requests: AtomicUsize::new(0), permits: Semaphore::new(0) }
    }
}

#[async_trait]
impl AiProvider for GatedProvider {
    fn name(&self) -> &str {
        "gated"
    }

    async fn generate_quests(&self, goal: &Goal) -> Result<Vec<QuestDraft>, AiError> {
        self.requests.fetch_add(1, Ordering::SeqCst);
        self.permits.acquire().await.unwrap().forget();
        BuiltIn { faults: false }.generate_quests(goal).await
    }
}

/// A provider that fails in the way that the goal names.
struct FailingProvider;

#[async_trait]
impl AiProvider for FailingProvider {
    fn name(&self) -> &str {
        "failing"
    }

    async fn generate_quests(&self, goal: &Goal) -> Result<Vec<QuestDraft>, AiError> {
        match goal.as_str() {
            "crash" => panic!("the goal is crash"),
            "timeout" => Err(AiError::Timeout),
            "refused" => Err(AiError::Refused),
            "nonsense" => Err(AiError::BadAnswer("a secret of the vendor".into())),
            _ => Ok(Vec::new()),
        }
    }
}

fn jobs(server: &TestServer, provider: impl AiProvider + 'static) -> Jobs {
    Jobs::new(server.writer.clone(), Arc::new(provider)).unwrap()
}

async fn robin(server: &TestServer) -> (OrgId, MemberId) {
    let org = server.org("bright-audio", "pro").await;
    (org, server.member(org, "robin@bright-audio.test").await)
}

async fn start(jobs: &Jobs, (org, member): (OrgId, MemberId), goal: &str, key: &str) -> Result<Started, SubmitError> {
    jobs.start(org, member, Goal::parse(goal).unwrap(), key.parse().unwrap()).await
}

/// Returns the state of the job's hold, with its reason, and the number of the job's quests.
async fn job_state(server: &TestServer, job: HoldId) -> (String, i64) {
    let state = format!("select concat_ws(': ', state, reason) from ai_token_holds where id = '{job}'");
    let quests = format!("select count(*) from quests where job_id = '{job}'");
    (server.query_value(state).await, server.query_value(quests).await)
}

#[test]
fn a_job_that_delivers_is_charged_in_the_transaction_that_stores_its_quests() {
    with_server(async |server| {
        let robin = robin(server).await;
        let provider = Arc::new(GatedProvider::default());
        let jobs = Jobs::new(server.writer.clone(), provider.clone()).unwrap();
        let started = start(&jobs, robin, "Sell more posters", "order-1").await.unwrap();
        assert_eq!(job_state(server, started.job).await, ("open".into(), 0));
        assert_eq!(server.available(robin.0, "ai").await, 195, "reserved while it runs");
        provider.permits.add_permits(1);
        started.running.unwrap().await.unwrap();
        let (state, quests) = job_state(server, started.job).await;
        assert!(state == "captured" && quests >= 3, "{state} with {quests}");
        let transactions = "select count(distinct id) from (select xmin::text id from quests union all
            select xmin::text from ai_token_usage_log where kind = 'captured' union all
            select xmin::text from ai_token_holds union all select xmin::text from ai_tokens where token_type = 'ai') t";
        assert_eq!(server.query_value::<i64>(transactions).await, 1, "charged and delivered in one transaction");
        assert_eq!(server.available(robin.0, "ai").await, 195);
    });
}

#[test]
fn a_job_that_fails_is_not_charged_and_says_why_without_internals() {
    with_server(async |server| {
        let robin = robin(server).await;
        let jobs = jobs(server, FailingProvider);
        for (goal, reason) in [
            ("timeout", "The AI service took too long to answer."),
            ("refused", "The AI service declined this goal. Try rephrasing it."),
            ("nonsense", "The AI service returned an unusable answer."),
            ("crash", "The AI service crashed while it worked on this."),
        ] {
            let started = start(&jobs, robin, goal, goal).await.unwrap();
            started.running.unwrap().await.unwrap();
            assert_eq!(job_state(server, started.job).await, (format!("released: {reason}"), 0));
            assert_eq!(server.available(robin.0, "ai").await, 200);
            server.advance(5);
        }
    });
}

#[test]
fn a_killed_server_charges_nothing_and_the_sweeper_returns_the_tokens() {
    with_server(async |server| {
        let robin = robin(server).await;
        let (writer, tasks) = server.replica();
        let provider = Arc::new(GatedProvider::default());
        let jobs = Jobs::new(writer, provider.clone()).unwrap();
        let started = start(&jobs, robin, "Sell more posters", "order-1").await.unwrap();
        until("the provider gets the request", async || provider.requests.load(Ordering::SeqCst) == 1).await;
        started.running.unwrap().abort();
        drop((jobs, provider));
        tasks.finish().await;
        assert_eq!(job_state(server, started.job).await, ("open".into(), 0), "the server was killed in the middle");
        server.advance(119);
        assert_eq!(server.sweeper.sweep().await.unwrap(), 0);
        server.advance(1);
        assert_eq!(server.sweeper.sweep().await.unwrap(), 1);
        assert_eq!(job_state(server, started.job).await, ("expired".into(), 0));
        assert_eq!(server.available(robin.0, "ai").await, 200);
    });
}

#[test]
fn a_late_answer_is_neither_charged_nor_delivered() {
    with_server(async |server| {
        for swept in [true, false] {
            let slug = if swept { "swept" } else { "unswept" };
            let org = server.org(slug, "pro").await;
            let robin = (org, server.member(org, &format!("robin@{slug}.test")).await);
            let provider = Arc::new(GatedProvider::default());
            let jobs = Jobs::new(server.writer.clone(), provider.clone()).unwrap();
            let started = start(&jobs, robin, "Sell more posters", "order-1").await.unwrap();
            server.advance(120);
            if swept {
                server.sweeper.sweep().await.unwrap();
            }
            provider.permits.add_permits(1);
            started.running.unwrap().await.unwrap();
            assert_eq!(server.available(org, "ai").await, 200, "{slug}");
            assert_eq!(job_state(server, started.job).await, ("expired".into(), 0), "{slug}");
        }
    });
}

#[test]
fn a_form_sent_twice_starts_one_job() {
    with_server(async |server| {
        let robin = robin(server).await;
        let provider = Arc::new(GatedProvider::default());
        let jobs = Jobs::new(server.writer.clone(), provider.clone()).unwrap();
        let sent = (0..10).map(|_| start(&jobs, robin, "Sell more posters", "order-1"));
        let started: Vec<Started> = futures::future::join_all(sent).await.into_iter().map(Result::unwrap).collect();
        assert!(started.iter().all(|each| each.job == started[0].job));
        let other = start(&jobs, robin, "Sell more shirts", "order-1").await;
        assert!(matches!(other, Err(SubmitError::KeyReused)), "{other:?}");
        provider.permits.add_permits(10);
        let mut running: Vec<_> = started.into_iter().filter_map(|each| each.running).collect();
        assert_eq!(running.len(), 1);
        running.pop().unwrap().await.unwrap();
        assert_eq!(provider.requests.load(Ordering::SeqCst), 1);
        assert_eq!(server.available(robin.0, "ai").await, 195);
    });
}

#[test]
fn a_refused_job_does_not_call_the_provider() {
    with_server(async |server| {
        let org = server.org("nightshift-labs", "starter").await;
        let robin = (org, server.member(org, "robin@nightshift-labs.test").await);
        let provider = Arc::new(GatedProvider::default());
        let jobs = Jobs::new(server.writer.clone(), provider.clone()).unwrap();
        let refused = start(&jobs, robin, "Sell more posters", "order-1").await;
        assert!(matches!(refused, Err(SubmitError::Refused(_))), "{refused:?}");
        jobs.finish(Duration::from_secs(5)).await;
        assert_eq!(provider.requests.load(Ordering::SeqCst), 0);
        assert_eq!(server.query_value::<i64>("select count(*) from ai_token_jobs").await, 0);
    });
}

#[test]
fn a_stopping_server_waits_for_its_jobs() {
    with_server(async |server| {
        let robin = robin(server).await;
        let provider = Arc::new(GatedProvider::default());
        let jobs = Jobs::new(server.writer.clone(), provider.clone()).unwrap();
        let started = start(&jobs, robin, "Sell more posters", "order-1").await.unwrap();
        let stop = tokio::spawn(async move { jobs.finish(Duration::from_secs(20)).await });
        until("the provider gets the request", async || provider.requests.load(Ordering::SeqCst) == 1).await;
        assert!(!stop.is_finished());
        provider.permits.add_permits(1);
        stop.await.unwrap();
        assert_eq!(job_state(server, started.job).await.0, "captured");
    });
}
