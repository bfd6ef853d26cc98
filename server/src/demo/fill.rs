//! The demo: three organizations with thirty days of history, made by the real writer with the clock moved along.

use std::sync::Arc;

use app::form::DemoSignIns;
use brightmeter::{
    catalog::Catalog,
    command::{Caller, Command, Quantity, Usage},
    features::quest::Goal,
    ids::{HoldId, MemberId, OrgId},
    ledger::{
        grant::Source,
        outcome::{Effect, Outcome},
        tokens::Tokens,
    },
    time::Instant,
};
use chrono::{TimeDelta, Timelike};

pub use crate::demo::subscriptions::adopt;
use crate::{
    ai::{AiProvider, built_in::BuiltIn},
    clock::{Clock, ManualClock},
    database::DatabaseError,
    demo::story::{Event, Story},
    service::{
        passwords::{PasswordError, Passwords},
        provisioning::{NewOrganization, ProvisionError, Provisioning},
        writer::{Submission, SubmitError, Writer},
    },
    storage::{StorageError, pools::Pools},
};

/// The password of every demo account.
const PASSWORD: &str = "brightmeter-demo";
/// How far back the history goes.
const HISTORY_DAYS: i64 = 30;

/// Why the demo could not be filled.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// An organization or a person could not be made.
    #[error("the demo data could not be made")]
    Provision(#[from] ProvisionError),
    /// A command of the history was refused or failed.
    #[error("the demo's history could not be written")]
    Submit(#[from] SubmitError),
    /// A password could not be hashed.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The database did not answer.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The database could not be made.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The history names something that cannot be.
    #[error("the demo's history is wrong: {0}")]
    Story(String),
}

/// The demo's accounts, and what each shows.
pub fn sign_ins() -> DemoSignIns {
    let accounts = [
        ("member@bright-audio.test", "a member on Pro"),
        ("admin@bright-audio.test", "an admin on Pro, also in Nightshift Labs"),
        ("owner@bright-audio.test", "the owner on Pro"),
        ("owner@nightshift-labs.test", "an owner on Starter, where AI is not included"),
        ("owner@stagecraft.test", "an owner on Enterprise"),
        ("staff@brightmeter.test", "staff, who run Brightmeter: the staff console"),
    ];
    let accounts = accounts.into_iter().map(|(email, shows)| (email.into(), shows.into())).collect();
    DemoSignIns { accounts, password: PASSWORD.into() }
}

/// What the demo prints when it is up.
pub fn greeting(address: &str) -> Vec<String> {
    let mut lines = vec![
        String::new(),
        format!("  Brightmeter is up at {address}"),
        "  Demo data: nothing here is real, nothing is charged.".into(),
        String::new(),
        format!("  Sign in with the password {PASSWORD} as"),
    ];
    lines.extend(sign_ins().accounts.into_iter().map(|(email, shows)| format!("    {email:<30} {shows}")));
    lines.extend([
        String::new(),
        "  Try: Quests, type a goal, look at Activity. Then a goal with #fail in it.".into(),
        "  Stop with Ctrl-C.".into(),
        String::new(),
    ]);
    lines
}

/// Fills an empty database with the demo's organizations, their history ending at `now`.
///
/// # Errors
/// [`DemoError`].
pub async fn fill(pools: &Pools, catalog: Arc<Catalog>, now: Instant) -> Result<(), DemoError> {
    tracing::info!("making the demo data");
    let start = (now - TimeDelta::days(HISTORY_DAYS)).with_minute(0).and_then(|at| at.with_second(0)).unwrap_or(now);
    let clock = Arc::new(ManualClock::new(start));
    let (writer, tasks) = Writer::start(pools.writer.clone(), catalog.clone(), clock.clone());
    let provisioning =
        Provisioning { pool: pools.writer.clone(), passwords: Passwords::new(2)?, catalog, clock: clock.clone() };
    let scribe = Scribe { writer, clock: clock.clone(), provider: BuiltIn { faults: false } };
    let mut people: Vec<(&str, brightmeter::ids::UserId)> = Vec::new();
    for story in super::story::all() {
        clock.set(start);
        let new = NewOrganization {
            slug: story.slug,
            name: story.name,
            time_zone: story.time_zone,
            plan: story.plan,
            anchor: start + TimeDelta::days(story.anchor_days) + TimeDelta::hours(story.anchor_hour),
        };
        let org = provisioning.create_organization(new).await?;
        let mut members = Vec::new();
        for person in story.people {
            let user = match people.iter().find(|(email, _)| *email == person.email) {
                Some((_, user)) => *user,
                None => {
                    let user = provisioning.create_user(person.email, person.name, PASSWORD, false).await?;
                    people.push((person.email, user));
                    user
                }
            };
            members.push(provisioning.add_member(org, user, person.role).await?);
        }
        scribe.write(org, &members, &story, start, now).await?;
    }
    clock.set(now);
    provisioning.create_user("staff@brightmeter.test", "Brightmeter staff", PASSWORD, true).await?;
    drop(scribe);
    tasks.finish().await;
    Ok(())
}

/// Writes a story through the one door.
struct Scribe {
    writer: Writer,
    clock: Arc<ManualClock>,
    provider: BuiltIn,
}

impl Scribe {
    async fn write(
        &self,
        org: OrgId,
        members: &[MemberId],
        story: &Story,
        start: Instant,
        now: Instant,
    ) -> Result<(), DemoError> {
        for (minutes, member, event) in story.events(HISTORY_DAYS) {
            let at = start + TimeDelta::minutes(minutes);
            if at >= now {
                break;
            }
            self.clock.set(at);
            let member = members[member % members.len()];
            match event {
                Event::Spend(feature) => {
                    let usage = Usage {
                        caller: Caller::Member { member },
                        feature: feature.parse().map_err(wrong)?,
                        quantity: Quantity::ONE,
                        metadata: None,
                    };
                    self.submit_or_refused(org, Command::Spend(usage)).await?;
                }
                Event::Quests(goal) => self.quests(org, member, goal, true).await?,
                Event::FailedQuests(goal) => self.quests(org, member, goal, false).await?,
                Event::Grant(source, tokens, note) => {
                    for (token_type, amount) in tokens {
                        let command = Command::Grant {
                            caller: Caller::System,
                            token_type: token_type.parse().map_err(wrong)?,
                            amount: Tokens::new(*amount).map_err(wrong)?,
                            source,
                            expires_at: (source == Source::Promo).then(|| now + TimeDelta::days(12)),
                            note: Some((*note).into()),
                        };
                        self.submit(org, command).await?;
                    }
                }
            }
        }
        self.clock.set(now);
        self.submit(org, Command::Advance).await?;
        Ok(())
    }

    async fn quests(&self, org: OrgId, member: MemberId, goal: &str, succeeds: bool) -> Result<(), DemoError> {
        let goal = Goal::parse(goal).map_err(wrong)?;
        let usage = Usage {
            caller: Caller::Member { member },
            feature: crate::service::jobs::FEATURE.parse().map_err(wrong)?,
            quantity: Quantity::ONE,
            metadata: None,
        };
        let command = Command::OpenHold { usage, ttl_seconds: None, job: Some(goal.clone()) };
        let Some(outcome) = self.submit_or_refused(org, command).await? else { return Ok(()) };
        let Effect::HoldOpened { hold, .. } = outcome.effect else { return Ok(()) };
        self.clock.set(self.clock.now() + TimeDelta::seconds(4));
        let command = self.end(hold, &goal, succeeds).await?;
        self.submit(org, command).await?;
        Ok(())
    }

    async fn end(&self, hold: HoldId, goal: &Goal, succeeds: bool) -> Result<Command, DemoError> {
        if !succeeds {
            return Ok(Command::Release { hold, reason: "The AI service took too long to answer.".into() });
        }
        let quests = self.provider.generate_quests(goal).await.map_err(wrong)?;
        Ok(Command::Capture { hold, amount: None, quests })
    }

    async fn submit(&self, org: OrgId, command: Command) -> Result<Outcome, SubmitError> {
        Ok(self.writer.submit(Submission::new(org, None, command)).await?.outcome)
    }

    /// A story may run out of tokens or be on Starter: then that did not happen.
    async fn submit_or_refused(&self, org: OrgId, command: Command) -> Result<Option<Outcome>, SubmitError> {
        match self.submit(org, command).await {
            Ok(outcome) => Ok(Some(outcome)),
            Err(SubmitError::Refused(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn wrong(error: impl std::fmt::Display) -> DemoError {
    DemoError::Story(error.to_string())
}
