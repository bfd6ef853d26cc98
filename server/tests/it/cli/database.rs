//! Commands that work on a database.

use std::process::Command;

use server::postgres::PrivatePostgres;

use super::ran::{Directory, Ran, brightmeter};
use crate::support::{TestServer, spend, with_server, with_tampered_server};

/// The program on the database of `server`.
pub fn on(server: &TestServer, line: &str) -> Command {
    let mut command = brightmeter(line);
    let (socket, database) = (server.owner.get_socket().unwrap(), server.owner.get_database().unwrap());
    let (owner, socket) = (PrivatePostgres::OWNER, socket.display());
    command.env("DATABASE_URL", format!("postgres://{owner}@localhost/{database}?host={socket}&port=5432"));
    command
}

/// The password at the end of what was printed.
fn password(ran: &Ran) -> String {
    assert_eq!(ran.code, 0, "{ran:?}");
    let (_, rest) = ran.out.split_once("with the password ").unwrap_or_else(|| panic!("{ran:?}"));
    rest.trim().to_owned()
}

#[test]
fn an_organization_is_made_with_its_owner() {
    with_server(async |server| {
        let create = "org create --slug bright-audio --plan pro --owner-email Robin@bright-audio.test";
        let ran = Ran::of(&mut on(server, create));
        let password = password(&ran);
        assert_eq!(password.len(), 20);
        assert_eq!(ran.out.matches(&password).count() + ran.err.matches(&password).count(), 1, "printed once");
        let stored: String =
            server.ask("select password_hash from users where email = 'robin@bright-audio.test'").await;
        assert!(server.provisioning.passwords.verify(&password, Some(&stored)).await.unwrap());
        let owner = "select count(*) from members join organizations o on o.id = org_id where slug = 'bright-audio' and role = 'owner'";
        assert_eq!(server.ask::<i64>(owner).await, 1);

        let second = Ran::of(&mut on(server, &create.replace("bright-audio --plan", "stagecraft --plan")));
        assert_eq!(second.code, 0, "{second:?}");
        assert!(second.out.contains("signs in as before"), "one who is known gets no new password: {second:?}");
    });
}

#[test]
fn an_organization_that_cannot_be_made_leaves_nothing_behind() {
    with_server(async |server| {
        server.org("taken", "pro").await;
        let create = |slug: &str, plan: &str, email: &str| {
            format!("org create --slug {slug} --plan {plan} --owner-email {email}")
        };
        let robin = "robin@bright-audio.test";
        for (line, reason) in [
            (create("taken", "pro", robin), "choose another slug"),
            (create("Bright", "pro", robin), "is no slug"),
            (create("bright-audio", "gold", robin), "the catalog has starter, pro, enterprise"),
            (create("bright-audio", "pro", "robin"), "is no email address"),
            (create("bright-audio", "pro", robin) + " --time-zone Mars/Olympus", "there is no time zone"),
            (
                create("bright-audio", "pro", robin) + &format!(" --name {}", "x".repeat(101)),
                "a name has 1 to 100 characters",
            ),
        ] {
            let ran = Ran::of(&mut on(server, &line));
            assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{line}: {ran:?}");
            assert!(ran.one_line().contains(reason), "{line}: {ran:?}");
        }
        let things = "select (select count(*) from organizations) + (select count(*) from users) + (select count(*) from members)";
        assert_eq!(server.ask::<i64>(things).await, 1, "only the one that was there before");

        server.as_owner("alter table members add constraint test check (role <> 'owner')").await;
        let ran = Ran::of(&mut on(server, &create("bright-audio", "pro", robin)));
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "cut off in the middle: {ran:?}");
        assert_eq!(server.ask::<i64>(things).await, 1, "an organization without its owner");
    });
}

#[test]
fn a_long_email_makes_an_owner_like_any_other() {
    with_server(async |server| {
        let email = format!("{}@bright-audio.test", "r".repeat(120));
        let line = format!("org create --slug bright-audio --plan pro --owner-email {email}");
        assert_eq!(password(&Ran::of(&mut on(server, &line))).len(), 20);
        assert_eq!(server.ask::<i64>("select count(*) from members").await, 1);
    });
}

#[test]
fn staff_is_made_once() {
    with_server(async |server| {
        let line = "admin create-staff --email staff@brightmeter.test";
        assert_eq!(password(&Ran::of(&mut on(server, line))).len(), 20);
        assert_eq!(server.ask::<i64>("select count(*) from users where is_staff").await, 1);
        let again = Ran::of(&mut on(server, line));
        assert!(again.code == 1 && again.one_line().contains("already"), "{again:?}");
        let nobody = Ran::of(&mut on(server, "admin create-staff --email staff"));
        assert!(nobody.code == 1 && nobody.one_line().contains("no email address"), "{nobody:?}");
    });
}

#[test]
fn an_audit_is_0_only_if_all_holds() {
    with_tampered_server(async |server| {
        let org = server.org("bright-audio", "pro").await;
        server.submit(org, spend("ping")).await.unwrap();
        let ran = Ran::of(&mut on(server, "audit"));
        assert_eq!((ran.code, ran.out.as_str()), (0, "1 organizations, 3 entries\nI1 to I8 hold\n"), "{ran:?}");
        let ran = Ran::of(&mut on(server, "audit --json"));
        let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!((ran.code, &report["ok"], &report["entries"]), (0, &true.into(), &3.into()));
        assert_eq!(report["violations"], serde_json::json!([]));

        server.as_owner("update ai_tokens set settled = settled + 1 where token_type = 'ai'").await;
        let ran = Ran::of(&mut on(server, "audit"));
        assert!(ran.code == 1 && ran.out.contains("I1 does not hold"), "{ran:?}");
        let ran = Ran::of(&mut on(server, "audit --json"));
        let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!((ran.code, &report["ok"]), (1, &false.into()));
        assert_eq!(report["violations"][0]["invariant"], "I1");
        assert_eq!(report["violations"][0]["org"], org.to_string());
    });
}

#[test]
fn a_data_directory_has_one_server_and_admin_commands_work_beside_it() {
    let directory = Directory::new();
    let run = |line: &str| Ran::of(brightmeter(line).env("BRIGHTMETER_DATA_DIR", &directory.0));
    let ran = run("migrate");
    assert_eq!((ran.code, ran.out.as_str()), (0, "the schema is up to date\n"), "{ran:?}");
    assert_eq!(run("migrate").code, 0, "a second time there is nothing to do");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let running = PrivatePostgres::start(&directory.0.join("postgres")).await.unwrap();
        let site = directory.0.join("site");
        std::fs::create_dir_all(site.join("pkg")).unwrap();
        let second = Ran::of(
            brightmeter("demo")
                .env("BRIGHTMETER_DATA_DIR", &directory.0)
                .env("BRIGHTMETER_ADDR", "127.0.0.1:0")
                .env("LEPTOS_SITE_ROOT", &site),
        );
        assert!(second.code == 1 && second.one_line().contains("in use by another Brightmeter"), "{second:?}");
        let beside = run("audit");
        assert_eq!(
            (beside.code, beside.out.as_str()),
            (0, "0 organizations, 0 entries\nI1 to I8 hold\n"),
            "{beside:?}"
        );
        running.stop().await.unwrap();
    });
    assert_eq!(
        password(&run("org create --slug bright-audio --plan pro --owner-email robin@bright-audio.test")).len(),
        20
    );
    let ran = run("audit");
    assert_eq!((ran.code, ran.out.as_str()), (0, "1 organizations, 2 entries\nI1 to I8 hold\n"), "{ran:?}");
}

#[test]
fn a_doctor_finds_nothing_wrong_with_a_database_that_is_well() {
    with_server(async |server| {
        let ran = Ran::of(&mut on(server, "doctor"));
        for line in
            ["ok    schema        current", "sees one organization at a time", "ok    durability", "ok    clock"]
        {
            assert!(ran.out.contains(line), "{ran:?}");
        }
        assert!(ran.out.contains("BAD   site"), "the test has no browser's files: {ran:?}");
        assert_eq!(ran.code, 1, "{ran:?}");
    });
}

#[test]
fn a_doctor_says_what_is_wrong_and_the_mend() {
    with_tampered_server(async |server| {
        server.as_owner("alter table quests no force row level security").await;
        let ran = Ran::of(&mut on(server, "doctor"));
        assert!(ran.out.contains("BAD   isolation     table quests is not under forced row-level security"), "{ran:?}");
        server
            .as_owner("delete from _sqlx_migrations where version = (select max(version) from _sqlx_migrations)")
            .await;
        let ran = Ran::of(&mut on(server, "doctor"));
        assert!(ran.out.contains("BAD   schema        not current: run `brightmeter migrate`"), "{ran:?}");
        assert_eq!(ran.code, 1);
        let mut nowhere = brightmeter("doctor");
        nowhere
            .env("DATABASE_URL", "postgres://nobody:hunter2@127.0.0.1:9/none")
            .env("AI_BASE_URL", "http://127.0.0.1:9")
            .env("AI_MODEL", "m");
        let ran = Ran::of(&mut nowhere);
        assert!(ran.out.contains("BAD   Postgres") && ran.out.contains("BAD   AI"), "{ran:?}");
        assert!(!ran.out.contains("hunter2") && !ran.err.contains("hunter2"), "{ran:?}");
        let mut wrong = brightmeter("doctor");
        wrong.env("BRIGHTMETER_ADDR", "here");
        let ran = Ran::of(&mut wrong);
        assert!(ran.out.starts_with("BAD   configuration") && ran.out.contains("BRIGHTMETER_ADDR"), "{ran:?}");
    });
}
