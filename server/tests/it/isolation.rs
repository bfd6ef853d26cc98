//! Row-level security: an organization cannot read or write another's rows, no matter which statement runs.

mod roles;
mod rows;
mod settings;
mod sweeps;
mod users;

use std::sync::Arc;

use brightmeter::{
    billing::{
        invoices::{Invoice, Invoices},
        money::Currency,
    },
    ids::{HoldId, MemberId, OrgId, PlanOrderId},
};
use server::{
    ai::built_in::BuiltIn,
    clock::Clock,
    service::jobs::Jobs,
    storage::{
        plan_orders,
        purchases::{self, Checkout},
        stripe_customers,
    },
};
use sqlx::{AssertSqlSafe, PgConnection};

use crate::support::{TestServer, member, usage};

/// An organization with rows in every table.
struct Tenant {
    org: OrgId,
    member: MemberId,
    job: HoldId,
}

/// Creates an organization with rows in every table: a spend, a purchase, a plan order, an invoice, quests and more.
async fn tenant(server: &TestServer, slug: &str) -> Tenant {
    let org = server.org(slug, "pro").await;
    let id = server.member(org, &format!("robin@{slug}.test")).await;
    let spend = brightmeter::command::Command::Spend(usage(member(id), "ping"));
    server.submit_as(org, "order-1", spend).await.unwrap();
    server.key(org, brightmeter::access::api_key::Scope::Read).await;
    let purchase = crate::billing::shop::order(server, org, id).await;
    let customer = format!("cus_{slug}").replace('-', "_");
    let mut tx = server::storage::tenant::begin(&server.pools.app, org).await.unwrap();
    stripe_customers::insert(&mut tx, org, &customer, server.clock.now()).await.unwrap();
    let (session, url) = (format!("cs_{}", purchase.0.simple()), "https://checkout.stripe.test".into());
    purchases::set_checkout(&mut tx, org, purchase, &Checkout { session, url, until: server.clock.now() })
        .await
        .unwrap();
    let (order, plan) = (PlanOrderId(server.clock.new_id()), "pro".parse().unwrap());
    plan_orders::insert(&mut tx, org, order, (&plan, Currency::USD), id, server.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    let failed = Invoice { failed_at: Some(server.clock.now()), ..Invoice::default() };
    let facts = Invoices([("in_1".into(), failed)].into());
    server.submit(org, brightmeter::command::Command::RecordInvoices { facts }).await.unwrap();
    server.advance(5);
    let jobs = Jobs::new(server.writer.clone(), Arc::new(BuiltIn { faults: false })).unwrap();
    let goal = "Sell more posters".to_owned().try_into().unwrap();
    let started = jobs.start(org, id, goal, "job-1".parse().unwrap()).await.unwrap();
    started.running.unwrap().await.unwrap();
    // Stores its progress.
    assert!(server.audit().await.ok);
    Tenant { org, member: id, job: started.job }
}

/// Returns every table with tenant data from the schema, with the column of its organization.
async fn tenant_tables(server: &TestServer) -> Vec<(String, &'static str)> {
    let tables: Vec<String> = sqlx::query_scalar(
        "select c.relname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where n.nspname = 'public' and c.relkind in ('r', 'p') and (c.relname = 'organizations' or exists (
             select from pg_attribute a where a.attrelid = c.oid and a.attname = 'org_id' and not a.attisdropped))
         order by 1",
    )
    .fetch_all(&mut server.owner().await)
    .await
    .unwrap();
    assert!(tables.len() >= 12, "{tables:?}");
    tables.into_iter().map(|table| if table == "organizations" { (table, "id") } else { (table, "org_id") }).collect()
}

/// Returns the number of visible rows of `org`, and of all visible rows.
async fn count(conn: &mut PgConnection, (table, column): &(String, &str), org: OrgId) -> sqlx::Result<(i64, i64)> {
    let sql = format!("select count(*) filter (where {column} = $1), count(*) from {table}");
    sqlx::query_as(AssertSqlSafe(sql)).bind(org.0).fetch_one(conn).await
}

/// Returns the SQLSTATE of a database error, or `None` for a success.
fn code<T>(result: sqlx::Result<T>) -> Option<String> {
    match result {
        Ok(_) => None,
        Err(sqlx::Error::Database(error)) => error.code().map(Into::into),
        Err(other) => panic!("{other}"),
    }
}

/// The SQLSTATE for a missing privilege, and for a row that a policy rejects.
const REFUSED: &str = "42501";
