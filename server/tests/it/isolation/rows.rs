//! Isolation in every table, with rows of two organizations.

use server::storage::tenant;
use sqlx::{AssertSqlSafe, Row};

use super::{REFUSED, code, count, tenant as fill, tenant_tables};
use crate::support::{APP_ROLE, with_server};

#[test]
fn a_transaction_sees_only_its_own_organization() {
    with_server(async |server| {
        let (mine, other) = (fill(server, "bright-audio").await, fill(server, "stagecraft").await);
        for table in tenant_tables(server).await {
            let (own, all) = count(&mut server.owner().await, &table, other.org).await.unwrap();
            assert!(own > 0 && all > own, "{table:?} has no rows to hide, so the test proves nothing");
            for pool in [&server.pools.app, &server.pools.writer] {
                let mut tx = tenant::begin(pool, mine.org).await.unwrap();
                let (own, all) = count(&mut tx, &table, mine.org).await.unwrap();
                assert!(own > 0, "{table:?} hides its own organization's rows");
                assert_eq!(all, own, "{table:?} shows other organizations' rows");
            }
        }
    });
}

#[test]
fn a_row_of_another_organization_cannot_be_changed_or_deleted() {
    with_server(async |server| {
        let (mine, other) = (fill(server, "bright-audio").await, fill(server, "stagecraft").await);
        let mut by_policy = 0;
        for (pool, role) in [(&server.pools.app, APP_ROLE), (&server.pools.writer, "brightmeter_app_writer")] {
            for (table, column) in tenant_tables(server).await {
                // A column that the role may update, if there is one: then only the policy prevents the update.
                let changeable: Option<String> = sqlx::query_scalar(
                    "select column_name::text from information_schema.column_privileges
                     where grantee = $1 and table_name = $2 and privilege_type = 'UPDATE' order by 1 limit 1",
                )
                .bind(role)
                .bind(&table)
                .fetch_optional(&mut server.owner().await)
                .await
                .unwrap();
                let change = changeable.as_deref().unwrap_or(column);
                for sql in [
                    format!("update {table} set {change} = {change} where {column} = $1"),
                    format!("delete from {table} where {column} = $1"),
                ] {
                    let mut tx = tenant::begin(pool, mine.org).await.unwrap();
                    match sqlx::query(AssertSqlSafe(sql.clone())).bind(other.org.0).execute(&mut *tx).await {
                        Ok(done) => {
                            assert_eq!(done.rows_affected(), 0, "{role}: {sql}");
                            by_policy += 1;
                        }
                        refused => assert_eq!(code(refused).as_deref(), Some(REFUSED), "{role}: {sql}"),
                    }
                }
            }
        }
        assert!(by_policy >= 6, "missing privileges rejected nearly everything: {by_policy}");
    });
}

#[test]
fn the_policies_alone_keep_organizations_apart() {
    with_server(async |server| {
        let (mine, other) = (fill(server, "bright-audio").await, fill(server, "stagecraft").await);
        // As if a later migration had granted too much by mistake.
        server
            .as_owner(format!(
                "grant select, insert, update, delete on all tables in schema public to {APP_ROLE};
                 revoke all on users from {APP_ROLE}"
            ))
            .await;
        for (table, column) in tenant_tables(server).await {
            let run = async |sql: &str, row: Option<&str>| {
                let mut tx = tenant::begin(&server.pools.app, mine.org).await.unwrap();
                let query = sqlx::query(AssertSqlSafe(sql.to_owned())).bind(other.org.0);
                let query = if let Some(row) = row { query.bind(row.to_owned()) } else { query };
                query.execute(&mut *tx).await.map(|done| done.rows_affected())
            };
            let update = format!("update {table} set {column} = {column} where {column} = $1");
            assert_eq!(run(&update, None).await.unwrap(), 0, "{update}");
            let delete = format!("delete from {table} where {column} = $1");
            assert_eq!(run(&delete, None).await.unwrap(), 0, "{delete}");

            let select = format!("select to_jsonb({table})::text from {table} where {column} = $1 limit 1");
            let select = sqlx::query(AssertSqlSafe(select)).bind(other.org.0);
            let row: String = select.fetch_one(&mut server.owner().await).await.unwrap().get(0);
            let insert = format!(
                "insert into {table} select row.* from jsonb_populate_record(null::{table}, $2::jsonb) row where $1 is not null"
            );
            let error = run(&insert, Some(&row)).await.unwrap_err().to_string();
            assert!(error.contains("row-level security"), "{insert}: {error}");

            let reassign = format!("update {table} set {column} = $1");
            assert_eq!(code(run(&reassign, None).await).as_deref(), Some(REFUSED), "{reassign}");
        }
    });
}

#[test]
fn quests_and_jobs_cannot_point_at_another_organization() {
    with_server(async |server| {
        let (mine, other) = (fill(server, "bright-audio").await, fill(server, "stagecraft").await);
        let constraint = async |sql: &str| {
            let query = sqlx::query(AssertSqlSafe(sql.to_owned())).bind(mine.org.0).bind(other.job.0);
            let error = query.execute(&mut server.owner().await).await.unwrap_err();
            error.into_database_error().unwrap().constraint().unwrap().to_owned()
        };
        // Even the owner, whom no policy binds.
        let job = "insert into ai_token_jobs (org_id, id, goal, created_at) values ($1, $2, 'stolen', now())";
        assert_eq!(constraint(job).await, "ai_token_jobs_hold_fkey");
        let quest = "insert into quests select $1, job_id, position, title, why, steps, reward, difficulty, due_on,
                     done_at, created_at from quests where job_id = $2";
        assert_eq!(constraint(quest).await, "quests_job_fkey");
        let loose: Vec<String> = sqlx::query_scalar(
            "select conname::text from pg_constraint c
             where contype = 'f' and connamespace = 'public'::regnamespace
                 and exists (select from pg_attribute where attrelid = conrelid and attname = 'org_id')
                 and exists (select from pg_attribute where attrelid = confrelid and attname = 'org_id')
                 and not exists (select from unnest(conkey, confkey) pair(mine, theirs)
                     join pg_attribute m on m.attrelid = conrelid and m.attnum = mine and m.attname = 'org_id'
                     join pg_attribute t on t.attrelid = confrelid and t.attnum = theirs and t.attname = 'org_id')",
        )
        .fetch_all(&mut server.owner().await)
        .await
        .unwrap();
        assert_eq!(loose, [""; 0], "foreign keys between tenant tables that do not lead through org_id");
    });
}
