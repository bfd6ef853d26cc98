//! The schema: checked at every start, changed only by a migration, and never at the cost of a request.

use std::{
    fs,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use server::{
    database::Database,
    service::writer::{Submission, Writer},
    storage::{
        databases,
        migrations::{self, MigrationError},
    },
};
use sqlx::{Connection, PgConnection, migrate::Migrator, postgres::PgConnectOptions};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    cli::program::TempDir,
    support::{APP_ROLE, TestServer, spend, waiting::until, with_server, with_tampered_server},
};

const NEWEST_MIGRATION: &str = "select max(version) from _sqlx_migrations";

/// Runs a test with an empty database in the cluster of `server`.
async fn with_empty_database(server: &TestServer, test: impl AsyncFnOnce(&PgConnectOptions)) {
    let maintenance = server.owner.clone().database("postgres");
    let name = format!("test_{}", Uuid::now_v7().simple());
    databases::create(&maintenance, &name).await.unwrap();
    test(&server.owner.clone().database(&name)).await;
    databases::drop(&maintenance, &name).await.unwrap();
}

#[test]
fn an_older_schema_is_refused_until_it_is_migrated() {
    with_server(async |server| {
        server.as_owner("drop table role_setups; delete from _sqlx_migrations where version >= 20261130000012").await;
        let schema: i64 = server.query_value(NEWEST_MIGRATION).await;
        let refused = migrations::check(&server.owner, APP_ROLE).await.unwrap_err();
        assert!(matches!(refused, MigrationError::Older { schema: found, .. } if found == schema), "{refused}");
        assert!(refused.to_string().contains("run `brightmeter migrate`"), "{refused}");
        assert_eq!(server.query_value::<i64>(NEWEST_MIGRATION).await, schema, "nothing is changed");
    });
}

#[test]
fn another_role_is_refused_until_it_is_set_up() {
    with_server(async |server| {
        let refused = migrations::check(&server.owner, "someone_else").await.unwrap_err();
        assert!(matches!(refused, MigrationError::Roles { .. }), "{refused}");
        server.as_owner("update role_setups set checksum = 'old'").await;
        assert!(matches!(migrations::check(&server.owner, APP_ROLE).await, Err(MigrationError::Roles { .. })));
        migrations::migrate(&server.owner, APP_ROLE).await.unwrap();
        migrations::check(&server.owner, APP_ROLE).await.unwrap();
    });
}

#[test]
fn of_several_starts_on_an_empty_database_all_succeed() {
    with_tampered_server(async |server| {
        with_empty_database(server, async |owner| {
            let starts = (0..4).map(|_| Database::open(owner, APP_ROLE));
            for started in futures::future::join_all(starts).await {
                started.unwrap().close().await.unwrap();
            }
        })
        .await;
        with_empty_database(server, async |owner| {
            let mut conn = PgConnection::connect_with(owner).await.unwrap();
            sqlx::raw_sql("create table orders (id int)").execute(&mut conn).await.unwrap();
            conn.close().await.unwrap();
            let refused = migrations::check(owner, APP_ROLE).await.unwrap_err();
            assert!(matches!(refused, MigrationError::Foreign), "{refused}");
        })
        .await;
    });
}

/// A transaction that has read every table and stays open, as of a dump.
async fn reader(server: &TestServer) -> PgConnection {
    let mut reader = server.owner().await;
    let lock_all = "begin; do $$ declare name regclass; begin
        for name in select oid from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace loop
            execute format('lock table %s in access share mode', name);
        end loop; end $$";
    sqlx::raw_sql(lock_all).execute(&mut reader).await.unwrap();
    reader
}

#[test]
fn starts_and_commands_beside_a_long_reader_wait_for_nothing() {
    with_server(async |server| {
        let org = server.org("bright-audio", "pro").await;
        let reader = reader(server).await;
        let opened = timeout(Duration::from_secs(3), Database::open(&server.owner, APP_ROLE)).await;
        opened.expect("no lock is waited for").unwrap().close().await.unwrap();
        let migrated = timeout(Duration::from_secs(3), migrations::migrate(&server.owner, APP_ROLE)).await;
        migrated.expect("nothing is left to migrate").unwrap();
        server.submit(org, spend("ping")).await.unwrap();
        reader.close().await.unwrap();
    });
}

/// This program's migrations and a further one, as of the next version.
async fn next_version() -> Migrator {
    let directory = TempDir::new();
    for file in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations")).unwrap() {
        let path = file.unwrap().path();
        fs::copy(&path, directory.0.join(path.file_name().unwrap())).unwrap();
    }
    let next = "alter table ai_token_accounts add column next_version int;
        alter table ai_token_usage_log add column next_version int";
    fs::write(directory.0.join("29991231000000_next_version.sql"), next).unwrap();
    Migrator::new(directory.0.as_path()).await.unwrap()
}

#[test]
fn a_rolling_upgrade_of_two_replicas_loses_no_request() {
    with_server(async |server| {
        let org = server.org("bright-audio", "enterprise").await;
        let (second, tasks) = server.replica();
        let (stop, applied) = (CancellationToken::new(), AtomicUsize::new(0));
        let load = |writer: Writer| {
            let (stop, applied) = (&stop, &applied);
            async move {
                while !stop.is_cancelled() {
                    writer.submit(Submission::new(org, None, spend("ping"))).await.expect("no request is lost");
                    applied.fetch_add(1, Ordering::Relaxed);
                }
            }
        };
        let upgrade = async {
            let migrator = next_version().await;
            let reader = reader(server).await;
            let (migrated, ()) = tokio::join!(migrations::migrate_to(&migrator, &server.owner, APP_ROLE), async {
                let waits = "select count(*) from pg_locks where not granted and mode = 'AccessExclusiveLock'";
                until("the migration waits for the reader", async || server.query_value::<i64>(waits).await > 0).await;
                let before = applied.load(Ordering::Relaxed);
                until("requests go on", async || applied.load(Ordering::Relaxed) > before + 10).await;
                reader.close().await.unwrap();
            });
            migrated.unwrap();
            let before = applied.load(Ordering::Relaxed);
            until("both replicas go on", async || applied.load(Ordering::Relaxed) > before + 20).await;
            stop.cancel();
        };
        tokio::join!(load(server.writer.clone()), load(second.clone()), upgrade);
        let spent: i64 = server.query_value("select count(*) from ai_token_usage_log where kind = 'spent'").await;
        assert_eq!(usize::try_from(spent).unwrap(), applied.load(Ordering::Relaxed));
        drop(second);
        tasks.finish().await;
    });
}
