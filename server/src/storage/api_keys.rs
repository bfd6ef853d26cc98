//! `api_keys`: the keys of services, without their secrets.

use brightmeter::{
    access::api_key::{ApiKey, Secret},
    ids::{ApiKeyId, MemberId, OrgId},
    time::Instant,
};
use serde::Deserialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Result, corrupt};

/// A key as it is kept, but for its secret's hash.
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
            scope: self.scope.parse().map_err(|_| corrupt(format!("scope {}", self.scope)))?,
            created_at: self.created_at,
            expires_at: self.expires_at,
            last_used_at: self.last_used_at,
            revoked_at: self.revoked_at,
        };
        Ok((OrgId(self.org_id), key))
    }
}

/// Inserts a key. Answers whether it is new: one that was made already under that id stays as it is.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn insert(
    conn: &mut PgConnection,
    org: OrgId,
    key: &ApiKey,
    secret: &Secret,
    maker: Option<MemberId>,
) -> Result<bool> {
    let hash = secret.hash();
    let done = sqlx::query!(
        "insert into api_keys (org_id, id, name, shown, hash, scope, created_by, created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (org_id, id) do nothing",
        org.0,
        key.id.0,
        key.name,
        key.shown,
        hash.as_slice(),
        key.scope.as_str(),
        maker.map(|maker| maker.0),
        key.created_at,
        key.expires_at
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// The keys of an organization, the newest first.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn list(conn: &mut PgConnection, org: OrgId) -> Result<Vec<ApiKey>> {
    let rows = sqlx::query_as!(
        Row,
        "select org_id, id, name, shown, scope, created_at, expires_at, last_used_at, revoked_at
         from api_keys where org_id = $1 order by id desc",
        org.0
    );
    rows.fetch_all(conn).await?.into_iter().map(|row| Ok(row.decode()?.1)).collect()
}

/// Those of `named`, each an organization and a key, that exist.
///
/// # Errors
/// [`StorageError`](super::StorageError).
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

/// The key whose secret has that hash, and its organization. Needs a transaction from
/// [`begin_presented`](super::tenant::begin_presented).
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn find_presented(conn: &mut PgConnection, hash: &[u8; 32]) -> Result<Option<(OrgId, ApiKeyId)>> {
    let row = sqlx::query!("select org_id, id from api_keys where hash = $1", hash.as_slice());
    Ok(row.fetch_optional(conn).await?.map(|row| (OrgId(row.org_id), ApiKeyId(row.id))))
}

/// Ends a key. Answers whether there is one; one that has ended keeps its end.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn revoke(conn: &mut PgConnection, org: OrgId, id: ApiKeyId, now: Instant) -> Result<bool> {
    let done = sqlx::query!(
        "update api_keys set revoked_at = coalesce(revoked_at, $3) where org_id = $1 and id = $2",
        org.0,
        id.0,
        now
    );
    Ok(done.execute(conn).await?.rows_affected() > 0)
}

/// Notes that a key was used.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn touch(conn: &mut PgConnection, org: OrgId, id: ApiKeyId, now: Instant) -> Result<()> {
    sqlx::query!("update api_keys set last_used_at = $3 where org_id = $1 and id = $2", org.0, id.0, now)
        .execute(conn)
        .await?;
    Ok(())
}
