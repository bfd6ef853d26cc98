//! The demo's data: three organizations with 30 days of history, written by the real writer with a manual clock.

use std::sync::Arc;

use app::form::DemoSignIns;
use brightmeter::{
    catalog::Catalog,
    command::{Caller, Command, Usage},
    features::quest::{Goal, QuestDraft},
    ids::{HoldId, MemberId, OrgId},
    ledger::{
        grant::Source,
        outcome::{Effect, Outcome},
        tokens::Tokens,
    },
    quantity::Quantity,
    time::Instant,
};
use chrono::{TimeDelta, Timelike};
use sqlx::postgres::PgConnectOptions;

pub use crate::demo::subscriptions::seed_subscriptions;
use crate::{
    ai::{AiProvider, built_in::BuiltIn},
    clock::{Clock, ManualClock},
    database::DatabaseError,
    demo::scenario::{self, Event, Scenario},
    service::{
        passwords::{PasswordError, Passwords},
        provisioning::{NewOrganization, ProvisionError, Provisioning},
        writer::{Submission, SubmitError, Writer},
    },
    storage::{StorageError, pools::Pools},
};

/// The password of every demo user.
const PASSWORD: &str = "brightmeter-demo";
/// The length of the history, in days.
const HISTORY_DAYS: i64 = 30;

/// Why the demo data could not be created.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// An organization or a user could not be created.
    #[error("the demo data could not be created")]
    Provision(#[from] ProvisionError),
    /// A command of the history was refused, or failed.
    #[error("the demo's history could not be written")]
    Submit(#[from] SubmitError),
    /// A password could not be hashed.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// A database query failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The database could not be created.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The scenario contains an invalid value.
    #[error("the demo's scenario is invalid: {0}")]
    Scenario(String),
}

/// Returns the demo's users, and what each one shows.
pub fn sign_ins() -> DemoSignIns {
    let accounts = [
        ("member@bright-audio.test", "member, Pro"),
        ("admin@bright-audio.test", "admin, Pro; also a member of Nightshift Labs"),
        ("owner@bright-audio.test", "owner, Pro"),
        ("owner@nightshift-labs.test", "owner, Starter (AI not included)"),
        ("owner@stagecraft.test", "owner, Enterprise"),
        ("staff@brightmeter.test", "staff, with the staff console"),
    ];
    let accounts = accounts.into_iter().map(|(email, shows)| (email.into(), shows.into())).collect();
    DemoSignIns { accounts, password: PASSWORD.into() }
}

/// Returns the lines that the demo prints when it has started.
pub fn startup_message(address: &str) -> Vec<String> {
    let mut lines = vec![
        String::new(),
        format!("  Brightmeter is running at {address}"),
        "  Demo: the data is fictional and no real money moves.".into(),
        String::new(),
        format!("  Password for all users: {PASSWORD}"),
    ];
    lines.extend(sign_ins().accounts.into_iter().map(|(email, shows)| format!("    {email:<30} {shows}")));
    lines.extend([
        String::new(),
        "  To try: describe a goal on Quests, then open Activity. A goal that contains #fail makes the AI fail.".into(),
        "  Press Ctrl-C to stop.".into(),
        String::new(),
    ]);
    lines
}

/// Fills an empty database with the demo's organizations. Their history ends at `now`. The staff user is created as
/// `owner`.
pub async fn fill(
    pools: &Pools,
    owner: &PgConnectOptions,
    catalog: Arc<Catalog>,
    now: Instant,
) -> Result<(), DemoError> {
    tracing::info!("creating the demo data");
    let start = (now - TimeDelta::days(HISTORY_DAYS)).with_minute(0).and_then(|at| at.with_second(0)).unwrap_or(now);
    let clock = Arc::new(ManualClock::new(start));
    let (writer, tasks) = Writer::start(pools.writer.clone(), catalog.clone(), clock.clone());
    let provisioning =
        Provisioning { pool: pools.writer.clone(), passwords: Passwords::new(2)?, catalog, clock: clock.clone() };
    let history = HistoryWriter { writer, clock: clock.clone(), provider: BuiltIn { faults: false } };
    let mut people: Vec<(&str, brightmeter::ids::UserId)> = Vec::new();
    for scenario in scenario::all() {
        clock.set(start);
        let new = NewOrganization {
            slug: scenario.slug,
            name: scenario.name,
            time_zone: scenario.time_zone,
            plan: scenario.plan,
            anchor: start + TimeDelta::days(scenario.anchor_days) + TimeDelta::hours(scenario.anchor_hour),
        };
        let org = provisioning.create_organization(new).await?;
        let mut members = Vec::new();
        for person in scenario.people {
            let user = match people.iter().find(|(email, _)| *email == person.email) {
                Some((_, user)) => *user,
                None => {
                    let user = provisioning.create_user(person.email, person.name, PASSWORD).await?;
                    people.push((person.email, user));
                    user
                }
            };
            members.push(provisioning.add_member(org, user, person.role).await?);
        }
        history.write(org, &members, &scenario, start, now).await?;
    }
    clock.set(now);
    provisioning.create_staff(owner, "staff@brightmeter.test", "Brightmeter staff", PASSWORD).await?;
    drop(history);
    tasks.finish().await;
    Ok(())
}

/// Replays scenarios through the writer.
struct HistoryWriter {
    writer: Writer,
    clock: Arc<ManualClock>,
    provider: BuiltIn,
}

impl HistoryWriter {
    async fn write(
        &self,
        org: OrgId,
        members: &[MemberId],
        scenario: &Scenario,
        start: Instant,
        now: Instant,
    ) -> Result<(), DemoError> {
        for (minutes, member, event) in scenario.events(HISTORY_DAYS) {
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
                        feature: feature.parse().map_err(invalid)?,
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
                            token_type: token_type.parse().map_err(invalid)?,
                            amount: Tokens::new(*amount).map_err(invalid)?,
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
        let goal = Goal::parse(goal).map_err(invalid)?;
        let usage = Usage {
            caller: Caller::Member { member },
            feature: crate::service::jobs::FEATURE.parse().map_err(invalid)?,
            quantity: Quantity::ONE,
            metadata: None,
        };
        let command = Command::OpenHold { usage, ttl_seconds: None, attachment: Some(goal.attachment()) };
        let Some(outcome) = self.submit_or_refused(org, command).await? else { return Ok(()) };
        let Effect::HoldOpened { hold, .. } = outcome.effect else { return Ok(()) };
        self.clock.set(self.clock.now() + TimeDelta::seconds(4));
        let command = self.end_command(hold, &goal, succeeds).await?;
        self.submit(org, command).await?;
        Ok(())
    }

    async fn end_command(&self, hold: HoldId, goal: &Goal, succeeds: bool) -> Result<Command, DemoError> {
        if !succeeds {
            return Ok(Command::Release { hold, reason: "The AI service took too long to answer.".into() });
        }
        let quests = self.provider.generate_quests(goal).await.map_err(invalid)?;
        let result = QuestDraft::attachment(&quests).map_err(invalid)?;
        Ok(Command::Capture { hold, amount: None, attachment: Some(result) })
    }

    async fn submit(&self, org: OrgId, command: Command) -> Result<Outcome, SubmitError> {
        Ok(self.writer.submit(Submission::new(org, None, command)).await?.outcome)
    }

    /// Submits a command, or returns `None` if it was refused: scenarios may run out of tokens or be on Starter.
    async fn submit_or_refused(&self, org: OrgId, command: Command) -> Result<Option<Outcome>, SubmitError> {
        match self.submit(org, command).await {
            Ok(outcome) => Ok(Some(outcome)),
            Err(SubmitError::Refused(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn invalid(error: impl std::fmt::Display) -> DemoError {
    DemoError::Scenario(error.to_string())
}
