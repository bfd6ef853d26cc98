//! The setting with the organization that a transaction sees.

use brightmeter::ids::{OrgId, UserId};
use server::storage::tenant;
use sqlx::{PgConnection, postgres::PgPoolOptions};

use super::{code, count, tenant as fill, tenant_tables};
use crate::support::{APP_ROLE, TestServer, with_server};

/// Returns the number of visible rows in all tenant tables.
async fn visible(server: &TestServer, conn: &mut PgConnection) -> i64 {
    let mut all = 0;
    for table in tenant_tables(server).await {
        all += count(conn, &table, OrgId(uuid::Uuid::nil())).await.unwrap().1;
    }
    all
}

#[test]
fn without_a_setting_nothing_is_visible() {
    with_server(async |server| {
        fill(server, "bright-audio").await;
        for pool in [&server.pools.app, &server.pools.writer] {
            let mut conn = pool.acquire().await.unwrap();
            assert_eq!(visible(server, &mut conn).await, 0);
            sqlx::raw_sql("set app.org_id = ''").execute(&mut *conn).await.unwrap();
            assert_eq!(visible(server, &mut conn).await, 0, "an empty setting");
        }
    });
}

#[test]
fn the_next_user_of_a_connection_sees_no_rows_of_the_previous_one() {
    with_server(async |server| {
        let mine = fill(server, "bright-audio").await;
        let options = server.owner.clone().username(APP_ROLE);
        let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with(options);
        let pid = async |conn: &mut PgConnection| -> i32 {
            sqlx::query_scalar("select pg_backend_pid()").fetch_one(conn).await.unwrap()
        };
        let mut tx = tenant::begin(&pool, mine.org).await.unwrap();
        let first = pid(&mut tx).await;
        assert!(visible(server, &mut tx).await > 0);
        tx.commit().await.unwrap();
        for end in ["commit", "rollback", "drop", "error"] {
            let mut tx = tenant::begin(&pool, mine.org).await.unwrap();
            match end {
                "commit" => tx.commit().await.unwrap(),
                "rollback" => tx.rollback().await.unwrap(),
                "drop" => drop(tx),
                _ => {
                    sqlx::query("select 1 / 0").execute(&mut *tx).await.unwrap_err();
                    drop(tx);
                }
            }
            let mut conn = pool.acquire().await.unwrap();
            assert_eq!(pid(&mut conn).await, first, "another connection, so the test proves nothing");
            assert_eq!(visible(server, &mut conn).await, 0, "after {end}");
        }
        pool.close().await;
    });
}

#[test]
fn a_transaction_for_several_organizations_sees_exactly_those() {
    with_server(async |server| {
        let (one, two) = (fill(server, "bright-audio").await, fill(server, "stagecraft").await);
        let hidden = fill(server, "nightshift-labs").await;
        let mut conn = server.pools.writer.acquire().await.unwrap();
        let mut tx = tenant::begin_batch(&mut conn, &[one.org, two.org]).await.unwrap();
        for table in tenant_tables(server).await {
            let (first, all) = count(&mut tx, &table, one.org).await.unwrap();
            let (second, _) = count(&mut tx, &table, two.org).await.unwrap();
            assert!(first > 0 && second > 0 && all == first + second, "{table:?}: {first} and {second} of {all}");
            assert_eq!(count(&mut tx, &table, hidden.org).await.unwrap().0, 0);
        }
    });
}

#[test]
fn a_setting_that_is_not_an_id_is_an_error() {
    with_server(async |server| {
        let mine = fill(server, "bright-audio").await;
        for garbage in ["*", "%", "null", "bright-audio", "' or true --", ",", " ", "{}", &format!("{},x", mine.org)] {
            for table in tenant_tables(server).await {
                let mut tx = server.pools.app.begin().await.unwrap();
                let set = sqlx::query("select set_config('app.org_id', $1, true)").bind(garbage);
                set.execute(&mut *tx).await.unwrap();
                let answer = count(&mut tx, &table, mine.org).await;
                assert_eq!(code(answer).as_deref(), Some("22P02"), "{garbage:?} in {table:?}");
            }
        }
    });
}

#[test]
fn a_user_sees_only_their_memberships_and_the_names_of_those_organizations() {
    with_server(async |server| {
        let (mine, other) = (fill(server, "bright-audio").await, fill(server, "stagecraft").await);
        let user: uuid::Uuid =
            server.query_value(format!("select user_id from members where id = '{}'", mine.member)).await;
        let mut tx = tenant::begin_for_user(&server.pools.app, UserId(user)).await.unwrap();
        for table in tenant_tables(server).await {
            let expected = if ["members", "organizations"].contains(&table.0.as_str()) { (1, 1) } else { (0, 0) };
            assert_eq!(count(&mut tx, &table, mine.org).await.unwrap(), expected, "{table:?}");
            assert_eq!(count(&mut tx, &table, other.org).await.unwrap().0, 0, "{table:?}");
        }
    });
}
