//! `api_keys` and `api_key_hashes`: the API keys of services, without their secrets.
//!
//! All functions return [`StorageError`](super::StorageError) if the database fails.

use brightmeter::{
    access::api_key::{ApiKey, Secret},
    ids::{ApiKeyId, MemberId, OrgId},
    time::Instant,
};
use serde::Deserialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Result, expect_rows, unknown};

/// A row of `api_keys`.
#[derive(Debug, Deserialize)]
pub(super) struct Row {
    org_id: Uuid,
    id: Uuid,
    name: String,
    shown: String,
    scope: String,
    created_at: Instant,
    expires_at: Option<Instant>,
    last_used_at: Option<Instant>,
    revoked_at: Option<Instant>,
}

impl Row {
    pub(super) fn decode(self) -> Result<(OrgId, ApiKey)> {
        let key = ApiKey {
            id: ApiKeyId(self.id),
            name: self.name,
            shown: self.shown,
            scope: self.scope.parse().map_err(|_| unknown("api_keys", "scope", self.id, &self.scope))?,
            created_at: self.created_at,
            expires_at: self.expires_at,
            last_used_at: self.last_used_at,
            revoked_at: self.revoked_at,
        };
        Ok((OrgId(self.org_id), key))
    }
}

/// Inserts an API key and the hash of its secret. Returns false and changes nothing if the id exists.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn insert(
    conn: &mut PgConnection,
    org: OrgId,
    key: &ApiKey,
    secret: &Secret,
    created_by: Option<MemberId>,
) -> Result<bool> {
    let done = sqlx::query!(
        "insert into api_keys (org_id, id, name, shown, scope, created_by, created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (org_id, id) do nothing",
        org.0,
        key.id.0,
        key.name,
        key.shown,
        key.scope.as_str(),
        created_by.map(|member| member.0),
        key.created_at,
        key.expires_at
    )
    .execute(&mut *conn)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    let hash = secret.hash();
    sqlx::query!(
        "insert into api_key_hashes (hash, org_id, key_id) values ($1, $2, $3)",
        hash.as_slice(),
        org.0,
        key.id.0
    )
    .execute(conn)
    .await?;
    Ok(true)
}

/// Returns the API keys of an organization, newest first.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn list(conn: &mut PgConnection, org: OrgId) -> Result<Vec<ApiKey>> {
    let rows = sqlx::query_as!(
        Row,
        "select org_id, id, name, shown, scope, created_at, expires_at, last_used_at, revoked_at
         from api_keys where org_id = $1 order by id desc",
        org.0
    );
    rows.fetch_all(conn).await?.into_iter().map(|row| Ok(row.decode()?.1)).collect()
}

/// Returns the API keys in `named`, each an organization and a key. Missing ones are left out.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn list_named(conn: &mut PgConnection, named: &[(Uuid, Uuid)]) -> Result<Vec<(OrgId, ApiKey)>> {
    let (orgs, ids): (Vec<Uuid>, Vec<Uuid>) = named.iter().copied().unzip();
    let rows = sqlx::query_as!(
        Row,
        "select k.org_id, k.id, k.name, k.shown, k.scope, k.created_at, k.expires_at, k.last_used_at, k.revoked_at
         from unnest($1::uuid[], $2::uuid[]) n(org_id, id) join api_keys k on k.org_id = n.org_id and k.id = n.id",
        &orgs,
        &ids
    );
    rows.fetch_all(conn).await?.into_iter().map(Row::decode).collect()
}

/// Returns the API key whose secret has this hash, and its organization. Needs a transaction from
/// [`begin_for_api_key`](super::tenant::begin_for_api_key).
#[tracing::instrument(level = "trace", skip_all)]
pub async fn find_by_hash(conn: &mut PgConnection, hash: &[u8; 32]) -> Result<Option<(OrgId, ApiKeyId)>> {
    let row = sqlx::query!("select org_id, key_id from api_key_hashes where hash = $1", hash.as_slice());
    Ok(row.fetch_optional(conn).await?.map(|row| (OrgId(row.org_id), ApiKeyId(row.key_id))))
}

/// Revokes an API key; a revoked one keeps its `revoked_at`. Returns whether the key exists.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn revoke(conn: &mut PgConnection, org: OrgId, id: ApiKeyId, now: Instant) -> Result<bool> {
    let done = sqlx::query!(
        "update api_keys set revoked_at = coalesce(revoked_at, $3) where org_id = $1 and id = $2",
        org.0,
        id.0,
        now
    );
    Ok(done.execute(conn).await?.rows_affected() > 0)
}

/// Records that an API key was used.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn touch(conn: &mut PgConnection, org: OrgId, id: ApiKeyId, now: Instant) -> Result<()> {
    let done = sqlx::query!("update api_keys set last_used_at = $3 where org_id = $1 and id = $2", org.0, id.0, now)
        .execute(conn)
        .await?;
    expect_rows(done, 1, "api_keys", id)
}
