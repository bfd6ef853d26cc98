//! Users, who are not tenant data: who sees them, and that no role reads a password hash or makes staff.

use std::sync::Arc;

use brightmeter::{
    command::Command,
    ids::{OrgId, UserId},
};
use server::{
    clock::ManualClock,
    database::Database,
    service::{
        passwords::Passwords,
        provisioning::{NewOrganization, Provisioning},
    },
    storage::{databases, tenant, users},
};
use sqlx::{AssertSqlSafe, PgConnection, PgPool};
use uuid::Uuid;

use super::{REFUSED, code};
use crate::support::{START, TestServer, at, by_staff, catalog, with_server};

/// The pools of both roles.
fn pools(server: &TestServer) -> [(&'static str, &PgPool); 2] {
    [("app", &server.pools.app), ("writer", &server.pools.writer)]
}

/// Creates two organizations with a member each. Returns the organizations.
async fn two_organizations(server: &TestServer) -> (OrgId, OrgId) {
    let (mine, other) = (server.org("bright-audio", "pro").await, server.org("stagecraft", "pro").await);
    server.member(mine, "robin@bright-audio.test").await;
    server.member(other, "alex@stagecraft.test").await;
    (mine, other)
}

async fn emails(conn: &mut PgConnection) -> Vec<String> {
    sqlx::query_scalar("select email from users order by email").fetch_all(conn).await.unwrap()
}

async fn user_id(server: &TestServer, email: &str) -> UserId {
    UserId(server.query_value::<Uuid>(format!("select id from users where email = '{email}'")).await)
}

#[test]
fn no_role_reads_password_hashes() {
    with_server(async |server| {
        let (mine, _) = two_organizations(server).await;
        for (role, pool) in pools(server) {
            for sql in [
                "select * from users",
                "select password_hash from users",
                "select to_jsonb(users) from users",
                "select id from users where password_hash like '$argon2id%'",
                "select id from users order by password_hash",
                "copy users to stdout",
            ] {
                let mut tx = tenant::begin(pool, mine).await.unwrap();
                let answer = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut *tx).await;
                assert_eq!(code(answer).as_deref(), Some(REFUSED), "{role}: {sql}");
            }
        }
        for sql in [
            "select * from find_user_for_sign_in('robin@bright-audio.test')",
            "select find_password_hash(gen_random_uuid())",
            "select replace_password_hash(gen_random_uuid(), '', '')",
        ] {
            let answer = sqlx::query(AssertSqlSafe(sql)).fetch_all(&server.pools.writer).await;
            assert_eq!(code(answer).as_deref(), Some(REFUSED), "{sql}");
        }
    });
}

#[test]
fn users_are_visible_to_themselves_and_in_their_organizations_only() {
    with_server(async |server| {
        let (mine, other) = two_organizations(server).await;
        let robin = user_id(server, "robin@bright-audio.test").await;
        for (role, pool) in pools(server) {
            assert_eq!(emails(&mut pool.acquire().await.unwrap()).await, [""; 0], "{role} without a setting");
            assert_eq!(
                emails(&mut tenant::begin(pool, mine).await.unwrap()).await,
                ["robin@bright-audio.test"],
                "{role}"
            );
            assert_eq!(
                emails(&mut tenant::begin(pool, other).await.unwrap()).await,
                ["alex@stagecraft.test"],
                "{role}"
            );
            let mut tx = tenant::begin_for_user(pool, robin).await.unwrap();
            assert_eq!(emails(&mut tx).await, ["robin@bright-audio.test"], "{role} for a user");
            let mut tx = tenant::begin_for_all_accounts(pool).await.unwrap();
            assert_eq!(emails(&mut tx).await, [""; 0], "{role} for all accounts");
            let mut tx = pool.begin().await.unwrap();
            let found = users::find_by_email(&mut tx, "alex@stagecraft.test").await.unwrap();
            assert_eq!(found, Some(user_id(server, "alex@stagecraft.test").await), "{role}");
            assert_eq!(emails(&mut tx).await, ["alex@stagecraft.test"], "{role} for an email");
        }
    });
}

#[test]
fn an_organization_sees_the_staff_who_suspended_it() {
    with_server(async |server| {
        let (mine, other) = two_organizations(server).await;
        let staff = server.staff("staff@brightmeter.test", "Sam").await;
        server.staff("other@brightmeter.test", "Kim").await;
        let by = brightmeter::billing::license::StaffAction { user: staff, ..by_staff("chargebacks") };
        server.submit(mine, Command::Suspend(by)).await.unwrap();
        let seen = emails(&mut tenant::begin(&server.pools.app, mine).await.unwrap()).await;
        assert_eq!(seen, ["robin@bright-audio.test", "staff@brightmeter.test"]);
        let seen = emails(&mut tenant::begin(&server.pools.app, other).await.unwrap()).await;
        assert_eq!(seen, ["alex@stagecraft.test"]);
    });
}

#[test]
fn password_hashes_are_found_and_replaced_for_one_user_at_a_time() {
    with_server(async |server| {
        two_organizations(server).await;
        let mut conn = server.pools.app.acquire().await.unwrap();
        let found = users::find_for_sign_in(&mut conn, "alex@stagecraft.test").await.unwrap().unwrap();
        assert!(found.password_hash.starts_with("$argon2id$") && !found.is_staff);
        assert!(users::find_for_sign_in(&mut conn, "nobody@stagecraft.test").await.unwrap().is_none());
        let hash = users::find_password_hash(&mut conn, found.id).await.unwrap();
        assert_eq!(hash.as_deref(), Some(found.password_hash.as_str()));
        assert!(users::replace_password_hash(&mut conn, found.id, &found.password_hash, "new").await.unwrap());
        assert!(!users::replace_password_hash(&mut conn, found.id, &found.password_hash, "newer").await.unwrap());
        assert_eq!(server.query_value::<i64>("select count(*) from users where password_hash = 'new'").await, 1);
        assert_eq!(emails(&mut conn).await, [""; 0], "the next statement sees nothing");
    });
}

#[test]
fn no_role_makes_staff_or_changes_a_user() {
    with_server(async |server| {
        let (mine, _) = two_organizations(server).await;
        let robin = user_id(server, "robin@bright-audio.test").await;
        let insert = |columns: &str, values: &str| {
            format!(
                "insert into users (id, email, display_name, password_hash, created_at{columns})
                 values (gen_random_uuid(), 'new@stagecraft.test', 'New', '', now(){values})"
            )
        };
        for (role, pool) in pools(server) {
            for sql in [
                insert(", is_staff", ", true"),
                insert(", is_staff", ", false"),
                "update users set is_staff = true".into(),
                "update users set password_hash = ''".into(),
                "update users set email = 'mine@stagecraft.test'".into(),
                "delete from users".into(),
                "truncate users cascade".into(),
            ] {
                let mut tx = tenant::begin_for_member(pool, robin, mine).await.unwrap();
                let answer = sqlx::query(AssertSqlSafe(sql.clone())).execute(&mut *tx).await;
                assert_eq!(code(answer).as_deref(), Some(REFUSED), "{role}: {sql}");
            }
        }
        let plain = sqlx::query(AssertSqlSafe(insert("", ""))).execute(&server.pools.app).await;
        assert_eq!(code(plain).as_deref(), Some(REFUSED), "only the writer's role creates users");
        sqlx::query(AssertSqlSafe(insert("", ""))).execute(&server.pools.writer).await.unwrap();
        assert_eq!(server.query_value::<i64>("select count(*) from users where is_staff").await, 0);
    });
}

/// A managed Postgres gives out no superuser: the policies bind the owner of the schema, too.
#[test]
fn sign_in_and_staff_work_with_an_owner_who_is_no_superuser() {
    with_server(async |server| {
        let maintenance = server.owner.clone().database("postgres");
        let name = format!("test_{}", Uuid::now_v7().simple());
        let app_role = format!("{name}_app");
        server.as_owner(format!("create role {name} login createrole createdb")).await;
        databases::create(&server.owner.clone().username(&name).database("postgres"), &name).await.unwrap();
        let owner = server.owner.clone().username(&name).database(&name);
        let database = Database::open(&owner, &app_role).await.unwrap();
        let provisioning = Provisioning {
            pool: database.pools.writer.clone(),
            passwords: Passwords::new(1).unwrap(),
            catalog: catalog(),
            clock: Arc::new(ManualClock::new(at(START))),
        };
        let (slug, now) = ("bright-audio", provisioning.clock.now());
        let new = NewOrganization { slug, name: slug, time_zone: "UTC", plan: "pro", anchor: now };
        assert!(
            provisioning.create_owned_organization(new.clone(), "robin@bright-audio.test").await.unwrap().is_some()
        );
        let new = NewOrganization { slug: "second", ..new };
        assert!(provisioning.create_owned_organization(new, "robin@bright-audio.test").await.unwrap().is_none());
        let staff = provisioning.create_staff(&database.owner, "staff@brightmeter.test", "Sam", "correct horse");
        let staff = staff.await.unwrap();
        let mut conn = database.pools.app.acquire().await.unwrap();
        let found = users::find_for_sign_in(&mut conn, "staff@brightmeter.test").await.unwrap().unwrap();
        assert!(found.id == staff && found.is_staff);
        let robin = users::find_for_sign_in(&mut conn, "robin@bright-audio.test").await.unwrap().unwrap();
        assert!(!robin.is_staff);
        assert!(users::replace_password_hash(&mut conn, robin.id, &robin.password_hash, "new").await.unwrap());
        assert_eq!(users::find_password_hash(&mut conn, robin.id).await.unwrap().as_deref(), Some("new"));
        drop(conn);
        database.close().await.unwrap();
        databases::drop(&maintenance, &name).await.unwrap();
        for role in [format!("{app_role}_writer"), app_role, name] {
            server.as_owner(format!("drop role {role}")).await;
        }
    });
}
