//! Attachments of holds: each kind goes to the tables of its feature.
//!
//! All functions return [`StorageError`](super::StorageError) if the database fails.

use brightmeter::{
    features::quest::{self, Goal, QuestDraft},
    ids::HoldId,
    ledger::attachment::Attachment,
    time::Instant,
    time_zone::TimeZone,
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Result, StorageError, quests};

/// Stores `attachment` with `hold`, in the caller's transaction.
///
/// # Errors
/// [`StorageError::Corrupt`] if no feature has such a record.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn insert(
    conn: &mut PgConnection,
    org: Uuid,
    time_zone: TimeZone,
    hold: HoldId,
    attachment: &Attachment,
    now: Instant,
) -> Result<()> {
    let unreadable = |error| StorageError::Corrupt(format!("attachment {} of hold {hold}: {error}", attachment.kind()));
    match attachment.kind() {
        quest::GOAL_ATTACHMENT => {
            let goal: Goal = attachment.parse().map_err(unreadable)?;
            quests::insert_job(conn, org, hold, &goal, now).await
        }
        quest::QUESTS_ATTACHMENT => {
            let drafts: Vec<QuestDraft> = attachment.parse().map_err(unreadable)?;
            quests::insert(conn, org, time_zone, hold, &drafts, now).await
        }
        kind => Err(StorageError::Corrupt(format!("attachment of hold {hold}: no feature stores `{kind}`"))),
    }
}
