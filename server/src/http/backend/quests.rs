//! `/quests`: the price of a generation, the running job and the generated quests.

use app::{
    backend::SignedIn,
    views::{JobState, JobView, QuestView, QuestsView, QuoteView, RefusalView},
};
use brightmeter::{
    decide::entitlement,
    ids::{HoldId, JobId},
    ledger::{
        account::Account,
        hold::{Hold, HoldState},
        tokens::Tokens,
    },
};

use super::{
    AppBackend, BackendError, Wording,
    entry::{Names, feature_label},
};
use crate::service::{
    account_reader::{AccountRead, Requester},
    org_reads::{OrgReads, Quest},
};

/// The maximum number of quests on the page.
const MAX_QUESTS: i64 = 60;

pub(super) async fn quests(
    backend: &AppBackend,
    who: &SignedIn,
    job: Option<String>,
) -> Result<QuestsView, BackendError> {
    let usage = backend.jobs.usage(who.member);
    let wording = Wording::new(backend, who);
    let requester = Requester { guard: usage.caller.guard(), ..Requester::default() };
    let (AccountRead { account, .. }, mut reads) = backend.reader.open(who.org, &requester).await?;
    let job = match job {
        Some(id) => Some(find_job(backend, &mut reads, &id, wording).await?),
        None => None,
    };
    let quests = reads.quests(None, MAX_QUESTS).await?;
    Ok(QuestsView {
        quote: quote(backend, who, &account, wording),
        key: backend.reader.clock.new_id().to_string(),
        job,
        quests: quests.into_iter().map(quest).collect(),
    })
}

pub(super) async fn job(backend: &AppBackend, who: &SignedIn, id: &str) -> Result<JobView, BackendError> {
    let wording = Wording::new(backend, who);
    let mut reads = OrgReads::begin(&backend.pool, who.org).await?;
    find_job(backend, &mut reads, id, wording).await
}

/// Quotes a generation for the member.
fn quote(backend: &AppBackend, who: &SignedIn, account: &Account, wording: Wording) -> QuoteView {
    let (catalog, usage) = (&backend.reader.catalog, backend.jobs.usage(who.member));
    let feature = catalog.feature(&usage.feature);
    let cost = feature.map_or(Tokens::ZERO, |feature| feature.cost);
    let available = feature.map_or(Tokens::ZERO, |feature| account.balance(&feature.token_type).available());
    let token_label = feature.map_or_else(String::new, |feature| catalog.token_label(&feature.token_type).into());
    let quote = entitlement::quote(account, &usage, &backend.reader.context(wording.now));
    let after = quote.map(|quote| quote.available_after);
    let after =
        after.map_err(|refusal| RefusalView { until: refusal.resets_at().map(|at| wording.local_time(at)), refusal });
    QuoteView { cost, token_label, available, after }
}

/// Loads a job. An invalid id gives [`BackendError::NotFound`], like an unknown one.
async fn find_job(
    backend: &AppBackend,
    reads: &mut OrgReads,
    id: &str,
    wording: Wording,
) -> Result<JobView, BackendError> {
    let id: HoldId = id.parse().map_err(|_| BackendError::NotFound)?;
    let job = JobId(id.0);
    let goal = reads.goal(job).await?.ok_or(BackendError::NotFound)?;
    let hold = reads.hold(id).await?.ok_or(BackendError::NotFound)?;
    let names = Names::load(reads).await?;
    let quests = reads.quests(Some(job), MAX_QUESTS).await?;
    let catalog = &backend.reader.catalog;
    Ok(JobView {
        id: id.to_string(),
        goal: goal.as_str().into(),
        feature: feature_label(catalog, &hold.feature),
        who: names.caller(&hold.caller),
        reserved: hold.amount(),
        token_label: catalog.token_label(&hold.token_type).into(),
        started_at: wording.local_time(hold.opened_at),
        state: state(&hold, wording),
        quests: quests.into_iter().map(quest).collect(),
    })
}

fn state(hold: &Hold, wording: Wording) -> JobState {
    match &hold.state {
        // The sweeper books the expiry within seconds, but the page already shows it.
        HoldState::Open if hold.expires_at <= wording.now => expired(hold, wording),
        HoldState::Open => JobState::Running { until: wording.local_time(hold.expires_at) },
        HoldState::Captured { amount, at } => JobState::Delivered { charged: *amount, at: wording.local_time(*at) },
        HoldState::Released { reason, at } => {
            JobState::NotCharged { reason: reason.clone(), at: wording.local_time(*at) }
        }
        HoldState::Expired { .. } => expired(hold, wording),
    }
}

fn expired(hold: &Hold, wording: Wording) -> JobState {
    JobState::NotCharged { reason: "The job didn't finish in time.".into(), at: wording.local_time(hold.expires_at) }
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
