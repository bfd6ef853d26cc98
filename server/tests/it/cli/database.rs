//! Commands that use a database.

use std::process::Command;

use server::postgres::PrivatePostgres;

use super::program::{Output, TempDir, brightmeter};
use crate::support::{TestServer, spend, with_server, with_tampered_server};

/// Returns a command that uses the database of `server`.
pub fn on(server: &TestServer, line: &str) -> Command {
    let mut command = brightmeter(line);
    let (socket, database) = (server.owner.get_socket().unwrap(), server.owner.get_database().unwrap());
    let (owner, socket) = (PrivatePostgres::OWNER, socket.display());
    command.env("DATABASE_URL", format!("postgres://{owner}@localhost/{database}?host={socket}&port=5432"));
    command
}

/// Returns the password at the end of the output.
fn password(output: &Output) -> String {
    assert_eq!(output.code, 0, "{output:?}");
    let (_, rest) = output.stdout.split_once("with the password ").unwrap_or_else(|| panic!("{output:?}"));
    rest.trim().to_owned()
}

#[test]
fn org_create_creates_an_organization_and_its_owner() {
    with_server(async |server| {
        let create = "org create --slug bright-audio --plan pro --owner-email Robin@bright-audio.test";
        let output = Output::of(&mut on(server, create));
        let password = password(&output);
        assert_eq!(password.len(), 20);
        assert_eq!(
            output.stdout.matches(&password).count() + output.stderr.matches(&password).count(),
            1,
            "printed once"
        );
        let stored: String =
            server.query_value("select password_hash from users where email = 'robin@bright-audio.test'").await;
        assert!(server.provisioning.passwords.verify(&password, Some(&stored)).await.unwrap());
        let owner = "select count(*) from members join organizations o on o.id = org_id where slug = 'bright-audio' and role = 'owner'";
        assert_eq!(server.query_value::<i64>(owner).await, 1);

        let second = Output::of(&mut on(server, &create.replace("bright-audio --plan", "stagecraft --plan")));
        assert_eq!(second.code, 0, "{second:?}");
        assert!(
            second.stdout.contains("signs in with the existing password"),
            "an existing user gets no new password: {second:?}"
        );
    });
}

#[test]
fn a_failed_org_create_leaves_nothing_behind() {
    with_server(async |server| {
        server.org("taken", "pro").await;
        let create = |slug: &str, plan: &str, email: &str| {
            format!("org create --slug {slug} --plan {plan} --owner-email {email}")
        };
        let robin = "robin@bright-audio.test";
        for (line, reason) in [
            (create("taken", "pro", robin), "choose another slug"),
            (create("Bright", "pro", robin), "isn't a valid slug"),
            (create("bright-audio", "gold", robin), "the catalog has starter, pro, enterprise"),
            (create("bright-audio", "pro", "robin"), "isn't a valid email address"),
            (create("bright-audio", "pro", robin) + " --time-zone Mars/Olympus", "unknown time zone"),
            (
                create("bright-audio", "pro", robin) + &format!(" --name {}", "x".repeat(101)),
                "a name must have 1 to 100 characters on one line",
            ),
        ] {
            let output = Output::of(&mut on(server, &line));
            assert_eq!((output.code, output.stdout.as_str()), (1, ""), "{line}: {output:?}");
            assert!(output.one_line().contains(reason), "{line}: {output:?}");
        }
        let things = "select (select count(*) from organizations) + (select count(*) from users) + (select count(*) from members)";
        assert_eq!(server.query_value::<i64>(things).await, 1, "only the existing organization");

        server.as_owner("alter table members add constraint test check (role <> 'owner')").await;
        let output = Output::of(&mut on(server, &create("bright-audio", "pro", robin)));
        assert_eq!((output.code, output.stdout.as_str()), (1, ""), "interrupted in the middle: {output:?}");
        assert_eq!(server.query_value::<i64>(things).await, 1, "no organization without an owner");
    });
}

#[test]
fn an_owner_may_have_a_long_email() {
    with_server(async |server| {
        let email = format!("{}@bright-audio.test", "r".repeat(120));
        let line = format!("org create --slug bright-audio --plan pro --owner-email {email}");
        assert_eq!(password(&Output::of(&mut on(server, &line))).len(), 20);
        assert_eq!(server.query_value::<i64>("select count(*) from members").await, 1);
    });
}

#[test]
fn create_staff_creates_a_staff_user_once() {
    with_server(async |server| {
        let line = "admin create-staff --email staff@brightmeter.test";
        assert_eq!(password(&Output::of(&mut on(server, line))).len(), 20);
        assert_eq!(server.query_value::<i64>("select count(*) from users where is_staff").await, 1);
        let again = Output::of(&mut on(server, line));
        assert!(again.code == 1 && again.one_line().contains("already"), "{again:?}");
        let invalid = Output::of(&mut on(server, "admin create-staff --email staff"));
        assert!(invalid.code == 1 && invalid.one_line().contains("isn't a valid email address"), "{invalid:?}");
    });
}

#[test]
fn an_audit_exits_with_0_only_if_all_invariants_hold() {
    with_tampered_server(async |server| {
        let org = server.org("bright-audio", "pro").await;
        server.submit(org, spend("ping")).await.unwrap();
        let output = Output::of(&mut on(server, "audit"));
        assert_eq!(
            (output.code, output.stdout.as_str()),
            (0, "1 organizations, 3 ledger entries\nAll invariants (I1 to I8) hold.\n"),
            "{output:?}"
        );
        let output = Output::of(&mut on(server, "audit --json"));
        let report: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
        assert_eq!((output.code, &report["ok"], &report["entries"]), (0, &true.into(), &3.into()));
        assert_eq!(report["violations"], serde_json::json!([]));

        server.as_owner("update ai_tokens set settled = settled + 1 where token_type = 'ai'").await;
        let output = Output::of(&mut on(server, "audit"));
        assert!(output.code == 1 && output.stdout.contains("I1 is violated"), "{output:?}");
        let output = Output::of(&mut on(server, "audit --json"));
        let report: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
        assert_eq!((output.code, &report["ok"]), (1, &false.into()));
        assert_eq!(report["violations"][0]["invariant"], "I1");
        assert_eq!(report["violations"][0]["org"], org.to_string());
    });
}

#[test]
fn a_data_directory_allows_one_server_and_admin_commands_beside_it() {
    let directory = TempDir::new();
    let run = |line: &str| Output::of(brightmeter(line).env("BRIGHTMETER_DATA_DIR", &directory.0));
    let output = run("migrate");
    assert_eq!((output.code, output.stdout.as_str()), (0, "The schema is up to date.\n"), "{output:?}");
    assert_eq!(run("migrate").code, 0, "a second run succeeds");
    let doctor = run("doctor");
    assert!(doctor.stdout.contains(" MB free at "), "{doctor:?}");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let running = PrivatePostgres::start(&directory.0.join("postgres")).await.unwrap();
        let site = directory.0.join("site");
        std::fs::create_dir_all(site.join("pkg")).unwrap();
        let second = Output::of(
            brightmeter("demo")
                .env("BRIGHTMETER_DATA_DIR", &directory.0)
                .env("BRIGHTMETER_ADDR", "127.0.0.1:0")
                .env("LEPTOS_SITE_ROOT", &site),
        );
        assert!(second.code == 1 && second.one_line().contains("in use by another Brightmeter"), "{second:?}");
        let beside = run("audit");
        assert_eq!(
            (beside.code, beside.stdout.as_str()),
            (0, "0 organizations, 0 ledger entries\nAll invariants (I1 to I8) hold.\n"),
            "{beside:?}"
        );
        running.stop().await.unwrap();
    });
    assert_eq!(
        password(&run("org create --slug bright-audio --plan pro --owner-email robin@bright-audio.test")).len(),
        20
    );
    let output = run("audit");
    assert_eq!(
        (output.code, output.stdout.as_str()),
        (0, "1 organizations, 2 ledger entries\nAll invariants (I1 to I8) hold.\n"),
        "{output:?}"
    );
}

#[test]
fn a_database_of_an_earlier_development_version_is_refused_with_what_to_do() {
    with_tampered_server(async |server| {
        let oldest = "(select min(version) from _sqlx_migrations)";
        for change in [
            format!("update _sqlx_migrations set checksum = '\\x00' where version = {oldest}"),
            format!("update _sqlx_migrations set version = 20261122000001 where version = {oldest}"),
        ] {
            server.as_owner(change.as_str()).await;
            let schema: i64 = server.query_value("select max(version) from _sqlx_migrations").await;
            let output = Output::of(&mut on(server, "migrate"));
            assert_eq!((output.code, output.stdout.as_str()), (1, ""), "{change}: {output:?}");
            let expected = format!(
                "brightmeter: this database was made by an earlier development version (schema {schema}) and cannot be \
                 upgraded: export what you need, then start with an empty data directory or database"
            );
            assert_eq!(output.one_line(), expected, "{change}");
        }
    });
}

#[test]
fn a_database_of_a_newer_version_is_refused() {
    with_tampered_server(async |server| {
        let newer = "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
                     values (29991231000001, 'later', true, '\\x00', 0)";
        server.as_owner(newer).await;
        let output = Output::of(&mut on(server, "migrate"));
        assert_eq!((output.code, output.stdout.as_str()), (1, ""), "{output:?}");
        assert!(
            output.one_line().contains("made by a newer version (schema 29991231000001, this program has "),
            "{output:?}"
        );
    });
}

#[test]
fn doctor_reports_a_healthy_database_as_ok() {
    with_server(async |server| {
        let output = Output::of(&mut on(server, "doctor"));
        for line in
            ["ok    schema        current", "sees one organization at a time", "ok    durability", "ok    clock"]
        {
            assert!(output.stdout.contains(line), "{output:?}");
        }
        assert!(output.stdout.contains("BAD   site"), "the test has no browser files: {output:?}");
        assert_eq!(output.code, 1, "{output:?}");
    });
}

#[test]
fn doctor_reports_problems_and_their_fixes() {
    with_tampered_server(async |server| {
        server.as_owner("alter table quests no force row level security").await;
        let output = Output::of(&mut on(server, "doctor"));
        assert!(
            output.stdout.contains("BAD   isolation     table quests is not under forced row-level security"),
            "{output:?}"
        );
        server
            .as_owner("delete from _sqlx_migrations where version = (select max(version) from _sqlx_migrations)")
            .await;
        let output = Output::of(&mut on(server, "doctor"));
        assert!(output.stdout.contains("BAD   schema        not current: run `brightmeter migrate`"), "{output:?}");
        assert_eq!(output.code, 1);
        let mut nowhere = brightmeter("doctor");
        nowhere
            .env("DATABASE_URL", "postgres://nobody:hunter2@127.0.0.1:9/none")
            .env("AI_BASE_URL", "http://127.0.0.1:9")
            .env("AI_MODEL", "m");
        let output = Output::of(&mut nowhere);
        assert!(output.stdout.contains("BAD   Postgres") && output.stdout.contains("BAD   AI"), "{output:?}");
        assert!(!output.stdout.contains("hunter2") && !output.stderr.contains("hunter2"), "{output:?}");
        let mut wrong = brightmeter("doctor");
        wrong.env("BRIGHTMETER_ADDR", "here");
        let output = Output::of(&mut wrong);
        assert!(
            output.stdout.starts_with("BAD   configuration") && output.stdout.contains("BRIGHTMETER_ADDR"),
            "{output:?}"
        );
    });
}
