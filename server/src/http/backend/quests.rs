//! `/quests`: what a generation costs, the job that runs, and what was made.

use app::{
    backend::SignedIn,
    views::{JobState, JobView, QuestView, QuestsView, QuoteView, RefusalView},
};
use brightmeter::{
    decide::entitlement,
    ids::{HoldId, JobId, OrgId},
    ledger::{
        account::Account,
        hold::{Hold, HoldState},
        tokens::Tokens,
    },
};
use sqlx::PgConnection;

use super::{
    AppBackend, BackendError, Wording,
    entry::{Names, feature_label},
};
use crate::storage::{
    account_reads::{AccountRead, Requester},
    holds,
    quests::{self as stored, Quest},
    tenant,
};

/// How many quests are listed.
const MAX_JOBS: i64 = 60;

pub(super) async fn quests(
    backend: &AppBackend,
    who: &SignedIn,
    job: Option<String>,
) -> Result<QuestsView, BackendError> {
    let usage = backend.jobs.usage(who.member);
    let wording = Wording::new(backend, who);
    let requester = Requester { guard: usage.caller.guard(), ..Requester::default() };
    let (AccountRead { account, .. }, mut tx) = backend.reader.open(who.org, &requester).await?;
    let job = match job {
        Some(id) => Some(find_job(backend, &mut tx, who.org, &id, wording).await?),
        None => None,
    };
    let quests = stored::list(&mut tx, who.org, None, MAX_JOBS).await?;
    Ok(QuestsView {
        quote: quote(backend, who, &account, wording),
        key: backend.reader.clock.new_id().to_string(),
        job,
        quests: quests.into_iter().map(quest).collect(),
    })
}

pub(super) async fn job(backend: &AppBackend, who: &SignedIn, id: &str) -> Result<JobView, BackendError> {
    let wording = Wording::new(backend, who);
    let mut tx = tenant::begin(&backend.pool, who.org).await?;
    find_job(backend, &mut tx, who.org, id, wording).await
}

/// What the member would pay now.
fn quote(backend: &AppBackend, who: &SignedIn, account: &Account, wording: Wording) -> QuoteView {
    let (catalog, usage) = (&backend.reader.catalog, backend.jobs.usage(who.member));
    let feature = catalog.feature(&usage.feature);
    let cost = feature.map_or(Tokens::ZERO, |feature| feature.cost);
    let available = feature.map_or(Tokens::ZERO, |feature| account.balance(&feature.token_type).available());
    let token_label = feature.map_or_else(String::new, |feature| catalog.token_label(&feature.token_type).into());
    let quote = entitlement::quote(account, &usage, &backend.reader.context(wording.now));
    let after = quote.map(|quote| quote.available_after);
    let after = after.map_err(|refusal| RefusalView { until: refusal.resets_at().map(|at| wording.when(at)), refusal });
    QuoteView { cost, token_label, available, after }
}

/// An id that is none is answered like one that does not exist.
async fn find_job(
    backend: &AppBackend,
    conn: &mut PgConnection,
    org: OrgId,
    id: &str,
    wording: Wording,
) -> Result<JobView, BackendError> {
    let id: HoldId = id.parse().map_err(|_| BackendError::NotFound)?;
    let job = JobId(id.0);
    let goal = stored::find_goal(conn, org, job).await?.ok_or(BackendError::NotFound)?;
    let hold = holds::find(conn, org, id).await?.ok_or(BackendError::NotFound)?;
    let names = Names::load(conn, org).await?;
    let quests = stored::list(conn, org, Some(job), MAX_JOBS).await?;
    let catalog = &backend.reader.catalog;
    Ok(JobView {
        id: id.to_string(),
        goal: goal.as_str().into(),
        feature: feature_label(catalog, &hold.feature),
        who: names.caller(&hold.caller),
        reserved: hold.amount(),
        token_label: catalog.token_label(&hold.token_type).into(),
        started_at: wording.when(hold.opened_at),
        state: state(&hold, wording),
        quests: quests.into_iter().map(quest).collect(),
    })
}

fn state(hold: &Hold, wording: Wording) -> JobState {
    match &hold.state {
        // The sweeper books it within seconds; the customer is told now.
        HoldState::Open if hold.expires_at <= wording.now => lapsed(hold, wording),
        HoldState::Open => JobState::Running { until: wording.when(hold.expires_at) },
        HoldState::Captured { amount, at } => JobState::Delivered { charged: *amount, at: wording.when(*at) },
        HoldState::Released { reason, at } => JobState::NotCharged { reason: reason.clone(), at: wording.when(*at) },
        HoldState::Expired { .. } => lapsed(hold, wording),
    }
}

fn lapsed(hold: &Hold, wording: Wording) -> JobState {
    JobState::NotCharged { reason: "The job did not finish in time.".into(), at: wording.when(hold.expires_at) }
}

fn quest(quest: Quest) -> QuestView {
    QuestView {
        job: quest.job.to_string(),
        goal: quest.goal,
        position: quest.position,
        title: quest.title,
        why: quest.why,
        steps: quest.steps,
        reward: quest.reward,
        difficulty: quest.difficulty,
        due: quest.due_on.format("%-d %B %Y").to_string(),
        done: quest.done_at.is_some(),
    }
}
