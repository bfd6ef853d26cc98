//! The rows that a sweep sees across organizations.

use brightmeter::ids::OrgId;
use server::{
    clock::Clock,
    storage::{organizations, sweeps, tenant},
};
use sqlx::{AssertSqlSafe, PgPool, Postgres, Transaction};

use super::{count, tenant as fill, tenant_tables};
use crate::support::{TestServer, hold, with_server};

/// Returns the rows per table that are visible in a sweep's transaction.
async fn visible(server: &TestServer, pool: &PgPool, org: OrgId) -> Vec<(String, i64, i64)> {
    let tx = tenant::begin_sweep(pool, server.clock.now()).await.unwrap();
    visible_in(server, tx, org).await
}

async fn visible_in(
    server: &TestServer,
    mut tx: Transaction<'static, Postgres>,
    org: OrgId,
) -> Vec<(String, i64, i64)> {
    let mut seen = Vec::new();
    for table in tenant_tables(server).await {
        let (own, all) = count(&mut tx, &table, org).await.unwrap();
        if all > 0 {
            seen.push((table.0, own, all));
        }
    }
    seen
}

#[test]
fn a_sweep_sees_only_the_accounts_that_are_due() {
    with_server(async |server| {
        let (due, _) = (fill(server, "bright-audio").await, fill(server, "stagecraft").await);
        let nothing: [(String, i64, i64); 0] = [];
        assert_eq!(visible(server, &server.pools.writer, due.org).await, nothing);
        server.submit(due.org, hold("ping", 30)).await.unwrap();
        server.advance(31);
        let account = ("ai_token_accounts".to_owned(), 1, 1);
        assert_eq!(visible(server, &server.pools.writer, due.org).await, [account]);
        assert_eq!(visible(server, &server.pools.app, due.org).await, nothing, "only the sweeper's role");

        let mut tx = tenant::begin_sweep(&server.pools.writer, server.clock.now()).await.unwrap();
        assert_eq!(sweeps::list_due(&mut tx, server.clock.now(), 10).await.unwrap(), [due.org]);
        for sql in ["update ai_token_accounts set plan = 'starter'", "select from ai_token_accounts for update"] {
            let done = sqlx::query(AssertSqlSafe(sql)).execute(&mut *tx).await.unwrap();
            assert_eq!(done.rows_affected(), 0, "visible rows cannot be changed: {sql}");
        }
    });
}

#[test]
fn a_transaction_for_all_accounts_sees_accounts_organization_names_and_open_holds_only() {
    with_server(async |server| {
        let (mine, _) = (fill(server, "bright-audio").await, fill(server, "stagecraft").await);
        server.submit(mine.org, hold("ping", 30)).await.unwrap();
        let expected = [("ai_token_accounts", 1, 2), ("ai_token_holds", 1, 1), ("organizations", 1, 2)];
        let tx = tenant::begin_for_all_accounts(&server.pools.writer).await.unwrap();
        let seen = visible_in(server, tx, mine.org).await;
        assert_eq!(seen, expected.map(|(table, own, all)| (table.to_owned(), own, all)));
        let tx = tenant::begin_for_all_accounts(&server.pools.app).await.unwrap();
        assert_eq!(visible_in(server, tx, mine.org).await, [], "only the writer's role");

        let mut tx = tenant::begin_for_all_accounts(&server.pools.writer).await.unwrap();
        let found = organizations::search(&mut tx, "AUDIO", 10).await.unwrap();
        assert_eq!(found.iter().map(|found| found.slug.as_str()).collect::<Vec<_>>(), ["bright-audio"]);
        let renamed = sqlx::query(AssertSqlSafe("update organizations set name = 'mine'")).execute(&mut *tx).await;
        assert_eq!(super::code(renamed).as_deref(), Some(super::REFUSED), "visible rows cannot be changed");
    });
}
