//! The tower-sessions store on Postgres, so that a session ends on every replica immediately.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use chrono::TimeDelta;
use sqlx::{PgConnection, PgPool, pool::PoolConnection};
use tower_sessions::{
    SessionStore,
    cookie::time::OffsetDateTime,
    session::{Id, Record},
    session_store::{Error, Result},
};

use crate::{
    clock::Clock,
    storage::{StorageError, sessions, sessions::StoredSession},
};

/// Sessions in Postgres.
#[derive(Clone)]
pub(crate) struct PgSessions {
    pub(crate) pool: PgPool,
    pub(crate) clock: Arc<dyn Clock>,
    /// The lifetime of an unused session.
    pub(crate) idle: TimeDelta,
}

impl fmt::Debug for PgSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PgSessions")
    }
}

impl PgSessions {
    async fn connect(&self) -> Result<PoolConnection<sqlx::Postgres>> {
        self.pool.acquire().await.map_err(|error| backend(error.into()))
    }

    /// Converts a record to its row. It expires by the server's clock, which differs from the machine's under a test
    /// clock.
    fn pack(&self, record: &Record) -> Result<StoredSession> {
        let data = rmp_serde::to_vec(&record.data).map_err(|error| Error::Encode(error.to_string()))?;
        let user = super::session_data::user_of(&record.data);
        Ok(StoredSession { id: record.id.to_string(), data, user, expires_at: self.clock.now() + self.idle })
    }
}

/// Logs the error, unless it is an outage, which the writers report.
fn backend(error: StorageError) -> Error {
    if !error.is_outage() {
        tracing::error!(error = &error as &dyn std::error::Error, "a session could not be read or written");
    }
    Error::Backend(error.to_string())
}

#[async_trait]
impl SessionStore for PgSessions {
    async fn create(&self, record: &mut Record) -> Result<()> {
        let mut conn = self.connect().await?;
        let conn: &mut PgConnection = &mut conn;
        loop {
            let session = self.pack(record)?;
            if sessions::insert(conn, &session).await.map_err(backend)? {
                return Ok(());
            }
            record.id = Id::default();
        }
    }

    async fn save(&self, record: &Record) -> Result<()> {
        let session = self.pack(record)?;
        sessions::update(&mut *self.connect().await?, &session).await.map(drop).map_err(backend)
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let found =
            sessions::find(&mut *self.connect().await?, &id.to_string(), self.clock.now()).await.map_err(backend)?;
        let Some((data, expires_at)) = found else { return Ok(None) };
        let data = rmp_serde::from_slice(&data).map_err(|error| Error::Decode(error.to_string()))?;
        let expiry_date = OffsetDateTime::from_unix_timestamp(expires_at.timestamp())
            .map_err(|error| Error::Decode(error.to_string()))?;
        Ok(Some(Record { id: *id, data, expiry_date }))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        sessions::delete(&mut *self.connect().await?, &id.to_string()).await.map(drop).map_err(backend)
    }
}
