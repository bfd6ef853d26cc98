//! Quest jobs: charged when they deliver, and never otherwise.

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

/// Answers as often as it is told to, and counts how often it was asked.
#[derive(Default)]
struct Waits {
    asked: AtomicUsize,
    answers: Answers,
}

struct Answers(Semaphore);

impl Default for Answers {
    fn default() -> Self {
        Self(Semaphore::new(0))
    }
}

#[async_trait]
impl AiProvider for Waits {
    fn name(&self) -> &str {
        "waits"
    }

    async fn generate_quests(&self, goal: &Goal) -> Result<Vec<QuestDraft>, AiError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.answers.0.acquire().await.unwrap().forget();
        BuiltIn { faults: false }.generate_quests(goal).await
    }
}

/// Fails, each time in the way that the goal asks for.
struct Fails;

#[async_trait]
impl AiProvider for Fails {
    fn name(&self) -> &str {
        "fails"
    }

    async fn generate_quests(&self, goal: &Goal) -> Result<Vec<QuestDraft>, AiError> {
        match goal.as_str() {
            "crash" => panic!("as asked for"),
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

/// How the hold of a job stands, with its reason, and how many quests the job has.
async fn stands(server: &TestServer, job: HoldId) -> (String, i64) {
    let state = format!("select concat_ws(': ', state, reason) from ai_token_holds where id = '{job}'");
    let quests = format!("select count(*) from quests where job_id = '{job}'");
    (server.ask(state).await, server.ask(quests).await)
}

#[test]
fn a_job_that_delivers_is_charged_in_the_transaction_that_stores_its_quests() {
    with_server(async |server| {
        let robin = robin(server).await;
        let waits = Arc::new(Waits::default());
        let jobs = Jobs::new(server.writer.clone(), waits.clone()).unwrap();
        let started = start(&jobs, robin, "Sell more posters", "order-1").await.unwrap();
        assert_eq!(stands(server, started.job).await, ("open".into(), 0));
        assert_eq!(server.available(robin.0, "ai").await, 195, "reserved while it runs");
        waits.answers.0.add_permits(1);
        started.running.unwrap().await.unwrap();
        let (state, quests) = stands(server, started.job).await;
        assert!(state == "captured" && quests >= 3, "{state} with {quests}");
        let transactions = "select count(distinct id) from (select xmin::text id from quests union all
            select xmin::text from ai_token_usage_log where kind = 'captured' union all
            select xmin::text from ai_token_holds union all select xmin::text from ai_tokens where token_type = 'ai') t";
        assert_eq!(server.ask::<i64>(transactions).await, 1, "charged and delivered at one instant");
        assert_eq!(server.available(robin.0, "ai").await, 195);
    });
}

#[test]
fn a_job_that_fails_is_not_charged_and_says_why_without_internals() {
    with_server(async |server| {
        let robin = robin(server).await;
        let jobs = jobs(server, Fails);
        for (goal, reason) in [
            ("timeout", "The AI service took too long to answer."),
            ("refused", "The AI service declined this goal; try other words."),
            ("nonsense", "The AI service gave an answer that could not be used."),
            ("crash", "The AI service crashed while it worked on this."),
        ] {
            let started = start(&jobs, robin, goal, goal).await.unwrap();
            started.running.unwrap().await.unwrap();
            assert_eq!(stands(server, started.job).await, (format!("released: {reason}"), 0));
            assert_eq!(server.available(robin.0, "ai").await, 200);
            server.pass(5);
        }
    });
}

#[test]
fn a_killed_server_charges_nothing_and_the_next_one_returns_the_tokens() {
    with_server(async |server| {
        let robin = robin(server).await;
        let (writer, tasks) = server.replica();
        let waits = Arc::new(Waits::default());
        let jobs = Jobs::new(writer, waits.clone()).unwrap();
        let started = start(&jobs, robin, "Sell more posters", "order-1").await.unwrap();
        until("the provider is asked", async || waits.asked.load(Ordering::SeqCst) == 1).await;
        started.running.unwrap().abort();
        drop((jobs, waits));
        tasks.finish().await;
        assert_eq!(stands(server, started.job).await, ("open".into(), 0), "the server was killed in the middle");
        server.pass(119);
        assert_eq!(server.sweeper.sweep().await.unwrap(), 0);
        server.pass(1);
        assert_eq!(server.sweeper.sweep().await.unwrap(), 1);
        assert_eq!(stands(server, started.job).await, ("expired".into(), 0));
        assert_eq!(server.available(robin.0, "ai").await, 200);
    });
}

#[test]
fn an_answer_that_comes_too_late_is_neither_charged_nor_delivered() {
    with_server(async |server| {
        for swept in [true, false] {
            let slug = if swept { "swept" } else { "unswept" };
            let org = server.org(slug, "pro").await;
            let robin = (org, server.member(org, &format!("robin@{slug}.test")).await);
            let waits = Arc::new(Waits::default());
            let jobs = Jobs::new(server.writer.clone(), waits.clone()).unwrap();
            let started = start(&jobs, robin, "Sell more posters", "order-1").await.unwrap();
            server.pass(120);
            if swept {
                server.sweeper.sweep().await.unwrap();
            }
            waits.answers.0.add_permits(1);
            started.running.unwrap().await.unwrap();
            assert_eq!(server.available(org, "ai").await, 200, "{slug}");
            assert_eq!(stands(server, started.job).await, ("expired".into(), 0), "{slug}");
        }
    });
}

#[test]
fn the_same_form_sent_twice_is_one_job() {
    with_server(async |server| {
        let robin = robin(server).await;
        let waits = Arc::new(Waits::default());
        let jobs = Jobs::new(server.writer.clone(), waits.clone()).unwrap();
        let sent = (0..10).map(|_| start(&jobs, robin, "Sell more posters", "order-1"));
        let started: Vec<Started> = futures::future::join_all(sent).await.into_iter().map(Result::unwrap).collect();
        assert!(started.iter().all(|each| each.job == started[0].job));
        let other = start(&jobs, robin, "Sell more shirts", "order-1").await;
        assert!(matches!(other, Err(SubmitError::KeyReused)), "{other:?}");
        waits.answers.0.add_permits(10);
        let mut running: Vec<_> = started.into_iter().filter_map(|each| each.running).collect();
        assert_eq!(running.len(), 1);
        running.pop().unwrap().await.unwrap();
        assert_eq!(waits.asked.load(Ordering::SeqCst), 1);
        assert_eq!(server.available(robin.0, "ai").await, 195);
    });
}

#[test]
fn what_starts_no_job_asks_no_provider() {
    with_server(async |server| {
        let org = server.org("nightshift-labs", "starter").await;
        let robin = (org, server.member(org, "robin@nightshift-labs.test").await);
        let waits = Arc::new(Waits::default());
        let jobs = Jobs::new(server.writer.clone(), waits.clone()).unwrap();
        let refused = start(&jobs, robin, "Sell more posters", "order-1").await;
        assert!(matches!(refused, Err(SubmitError::Refused(_))), "{refused:?}");
        jobs.finish(Duration::from_secs(5)).await;
        assert_eq!(waits.asked.load(Ordering::SeqCst), 0);
        assert_eq!(server.ask::<i64>("select count(*) from ai_token_jobs").await, 0);
    });
}

#[test]
fn a_server_that_stops_lets_its_jobs_end() {
    with_server(async |server| {
        let robin = robin(server).await;
        let waits = Arc::new(Waits::default());
        let jobs = Jobs::new(server.writer.clone(), waits.clone()).unwrap();
        let started = start(&jobs, robin, "Sell more posters", "order-1").await.unwrap();
        let stop = tokio::spawn(async move { jobs.finish(Duration::from_secs(20)).await });
        until("the provider is asked", async || waits.asked.load(Ordering::SeqCst) == 1).await;
        assert!(!stop.is_finished());
        waits.answers.0.add_permits(1);
        stop.await.unwrap();
        assert_eq!(stands(server, started.job).await.0, "captured");
    });
}
