//! `ai_token_jobs` and `quests`: quest jobs and their results.
//!
//! All functions return [`StorageError`](super::StorageError) if the database fails.

use std::collections::BTreeSet;

use brightmeter::{
    features::quest::{Goal, QuestDraft},
    ids::{HoldId, JobId, OrgId},
    time::Instant,
    time_zone::TimeZone,
};
use chrono::{Days, NaiveDate};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Result, decode};

/// A stored quest.
#[derive(Clone, Debug)]
pub struct Quest {
    /// The job that produced it.
    pub job: JobId,
    /// The job's goal.
    pub goal: String,
    /// The position in the job's result, from 1.
    pub position: i16,
    /// The title: what to do.
    pub title: String,
    /// The reason to do it.
    pub why: String,
    /// The steps, in order.
    pub steps: Vec<String>,
    /// The reward, in points.
    pub reward: i32,
    /// `easy`, `medium` or `hard`.
    pub difficulty: String,
    /// The due date.
    pub due_on: NaiveDate,
    /// When it was marked done. `None` while it is open.
    pub done_at: Option<Instant>,
}

/// Inserts the job of `hold`.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn insert_job(conn: &mut PgConnection, org: Uuid, hold: HoldId, goal: &Goal, now: Instant) -> Result<()> {
    sqlx::query!(
        "insert into ai_token_jobs (org_id, id, goal, created_at) values ($1, $2, $3, $4)",
        org,
        hold.0,
        goal.as_str(),
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Inserts the quests of the job of `hold`. Their due dates count from the day that it is `now` in `time_zone`.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn insert(
    conn: &mut PgConnection,
    org: Uuid,
    time_zone: TimeZone,
    hold: HoldId,
    quests: &[QuestDraft],
    now: Instant,
) -> Result<()> {
    let today = time_zone.day(now);
    for (position, quest) in (1_i16..).zip(quests) {
        let due_on = today.checked_add_days(Days::new(quest.due_in_days.into())).unwrap_or(NaiveDate::MAX);
        sqlx::query!(
            "insert into quests
                 (org_id, job_id, position, title, why, steps, reward, difficulty, due_on, created_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            org,
            hold.0,
            position,
            quest.title,
            quest.why,
            &quest.steps,
            i32::try_from(quest.reward).unwrap_or(i32::MAX),
            quest.difficulty.as_str(),
            due_on,
            now
        )
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

/// Returns the newest quests of an organization, or of one job, by job and position.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn list(conn: &mut PgConnection, org: OrgId, job: Option<JobId>, limit: i64) -> Result<Vec<Quest>> {
    let quests = sqlx::query!(
        "select q.job_id, j.goal, q.position, q.title, q.why, q.steps, q.reward, q.difficulty, q.due_on, q.done_at
         from quests q join ai_token_jobs j on j.org_id = q.org_id and j.id = q.job_id
         where q.org_id = $1 and ($2::uuid is null or q.job_id = $2)
         order by q.created_at desc, q.job_id, q.position limit $3",
        org.0,
        job.map(|job| job.0),
        limit
    )
    .fetch_all(conn)
    .await?;
    let quests = quests.into_iter().map(|row| Quest {
        job: JobId(row.job_id),
        goal: row.goal,
        position: row.position,
        title: row.title,
        why: row.why,
        steps: row.steps,
        reward: row.reward,
        difficulty: row.difficulty,
        due_on: row.due_on,
        done_at: row.done_at,
    });
    Ok(quests.collect())
}

/// Marks a quest done, or open if `done_at` is `None`. Returns whether the quest exists.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn set_done(
    conn: &mut PgConnection,
    org: OrgId,
    job: JobId,
    position: i16,
    done_at: Option<Instant>,
) -> Result<bool> {
    let done = sqlx::query!(
        "update quests set done_at = case when $4::timestamptz is null then null else coalesce(done_at, $4) end
         where org_id = $1 and job_id = $2 and position = $3",
        org.0,
        job.0,
        position,
        done_at
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Returns the goal of a job, or `None` if the job doesn't exist.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn find_goal(conn: &mut PgConnection, org: OrgId, job: JobId) -> Result<Option<Goal>> {
    let goal = sqlx::query_scalar!("select goal from ai_token_jobs where org_id = $1 and id = $2", org.0, job.0)
        .fetch_optional(conn)
        .await?;
    goal.map(|goal| decode("ai_token_jobs", "goal", job, goal)).transpose()
}

/// Returns the ids in `holds` that belong to a job.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn list_jobs_among(conn: &mut PgConnection, org: OrgId, holds: &[Uuid]) -> Result<BTreeSet<Uuid>> {
    let ids = sqlx::query_scalar!("select id from ai_token_jobs where org_id = $1 and id = any($2)", org.0, holds)
        .fetch_all(conn)
        .await?;
    Ok(ids.into_iter().collect())
}
