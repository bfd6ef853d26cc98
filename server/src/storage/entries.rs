//! `ai_token_usage_log`: the append-only log.
//!
//! All functions return [`StorageError`](super::StorageError) if the database fails.

use brightmeter::{
    command::{Caller, Metadata},
    ids::{HoldId, MemberId, OrgId, PurchaseId, TransactionId},
    ledger::{
        account::PastSpend,
        balance::Balance,
        entry::{Entry, EntryHash, EntryKind},
        grant::{GrantPart, Source},
    },
    names::{FeatureName, TokenType},
    time::Instant,
};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::{Result, decode, unknown};

const TABLE: &str = "ai_token_usage_log";

#[derive(Debug)]
pub(super) struct Row {
    pub(super) seq: i64,
    pub(super) transaction_id: Uuid,
    pub(super) kind: String,
    pub(super) token_type: String,
    pub(super) settled_before: i64,
    pub(super) settled_after: i64,
    pub(super) held_before: i64,
    pub(super) held_after: i64,
    pub(super) debt_before: i64,
    pub(super) debt_after: i64,
    pub(super) parts: Json<Vec<GrantPart>>,
    pub(super) source: Option<String>,
    pub(super) feature: Option<String>,
    pub(super) caller_kind: String,
    pub(super) caller_id: Option<Uuid>,
    pub(super) member_id: Option<Uuid>,
    pub(super) hold_id: Option<Uuid>,
    pub(super) reverses: Option<Uuid>,
    pub(super) purchase_id: Option<Uuid>,
    pub(super) note: Option<String>,
    pub(super) metadata: Option<String>,
    pub(super) created_at: Instant,
    pub(super) hash: Vec<u8>,
}

impl Row {
    pub(super) fn decode(self, org: OrgId) -> Result<(Entry, EntryHash)> {
        let seq = self.seq;
        let at = format_args!("{org}/{seq}");
        let source = |text: String| Source::parse(&text).ok_or_else(|| unknown(TABLE, "source", at, &text));
        let entry = Entry {
            seq,
            transaction: TransactionId(self.transaction_id),
            kind: EntryKind::parse(&self.kind).ok_or_else(|| unknown(TABLE, "kind", at, &self.kind))?,
            token_type: decode(TABLE, "token_type", at, self.token_type)?,
            before: Balance {
                settled: decode(TABLE, "settled_before", at, self.settled_before)?,
                held: decode(TABLE, "held_before", at, self.held_before)?,
                debt: decode(TABLE, "debt_before", at, self.debt_before)?,
            },
            after: Balance {
                settled: decode(TABLE, "settled_after", at, self.settled_after)?,
                held: decode(TABLE, "held_after", at, self.held_after)?,
                debt: decode(TABLE, "debt_after", at, self.debt_after)?,
            },
            parts: self.parts.0,
            source: self.source.map(source).transpose()?,
            feature: self.feature.map(|feature| decode(TABLE, "feature", at, feature)).transpose()?,
            caller: Caller::from_columns(&self.caller_kind, self.caller_id, self.member_id)
                .ok_or_else(|| unknown(TABLE, "caller_kind", at, &self.caller_kind))?,
            member: self.member_id.map(MemberId),
            hold: self.hold_id.map(HoldId),
            reverses: self.reverses.map(TransactionId),
            purchase: self.purchase_id.map(PurchaseId),
            note: self.note,
            metadata: self.metadata.map(|text| decode::<Metadata, _>(TABLE, "metadata", at, text)).transpose()?,
            at: self.created_at,
        };
        Ok((entry, EntryHash(decode(TABLE, "hash", at, self.hash.as_slice())?)))
    }
}

/// A filter for the entries of an organization.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only entries with a smaller `seq`.
    pub before_seq: Option<i64>,
    /// Only this token type.
    pub token_type: Option<TokenType>,
    /// Only this feature.
    pub feature: Option<FeatureName>,
    /// Only by or for this member.
    pub member: Option<Uuid>,
    /// Only at or after this instant.
    pub from: Option<Instant>,
    /// Only before this instant.
    pub until: Option<Instant>,
}

/// Returns a page of the log, newest first, with the hash of each entry.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn list(conn: &mut PgConnection, org: OrgId, filter: &Filter, limit: i64) -> Result<Vec<(Entry, EntryHash)>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select seq, transaction_id, kind, token_type, settled_before, settled_after, held_before, held_after,
             debt_before, debt_after, parts as "parts: Json<Vec<GrantPart>>", source, feature, caller_kind, caller_id,
             member_id, hold_id, reverses, purchase_id, note, metadata, created_at, hash
         from ai_token_usage_log
         where org_id = $1 and seq < $2 and ($3::text is null or token_type = $3)
             and ($4::text is null or feature = $4) and ($5::uuid is null or member_id = $5)
             and ($6::timestamptz is null or created_at >= $6) and ($7::timestamptz is null or created_at < $7)
         order by seq desc limit $8"#,
        org.0,
        // A plain bound: Postgres doesn't use the index for an expression around it.
        filter.before_seq.unwrap_or(i64::MAX),
        filter.token_type.as_ref().map(TokenType::as_str),
        filter.feature.as_ref().map(FeatureName::as_str),
        filter.member,
        filter.from,
        filter.until,
        limit
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| row.decode(org)).collect()
}

/// Returns the spends and captures in `named`, each an organization and a transaction, with their refunds. Missing ones are left
/// out.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn list_spends(
    conn: &mut PgConnection,
    named: &[(Uuid, TransactionId)],
) -> Result<Vec<(Uuid, TransactionId, PastSpend)>> {
    let (orgs, ids): (Vec<Uuid>, Vec<Uuid>) = named.iter().map(|(org, id)| (*org, id.0)).unzip();
    let rows = sqlx::query!(
        r#"select s.org_id, s.transaction_id, s.token_type, s.feature as "feature!", s.member_id, s.parts as "parts: Json<Vec<GrantPart>>",
             r.transaction_id as "refunded_by?"
         from unnest($1::uuid[], $2::uuid[]) n(org_id, id)
         cross join lateral (
             select * from ai_token_usage_log s
             where s.org_id = n.org_id and s.transaction_id = n.id and s.kind in ('spent', 'captured') limit 1
         ) s
         left join ai_token_usage_log r on r.org_id = s.org_id and r.reverses = s.transaction_id"#,
        &orgs,
        &ids
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let at = format_args!("transaction {}", row.transaction_id);
            let spend = PastSpend {
                token_type: decode(TABLE, "token_type", at, row.token_type)?,
                feature: decode(TABLE, "feature", at, row.feature)?,
                member: row.member_id.map(MemberId),
                parts: row.parts.0,
                refunded_by: row.refunded_by.map(TransactionId),
            };
            Ok((row.org_id, TransactionId(row.transaction_id), spend))
        })
        .collect()
}
