//! Real clusters, each in a directory of its own that is gone afterwards.
#![allow(clippy::unwrap_used)]

use std::{
    env,
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{self, Command},
    sync::atomic::{AtomicU32, Ordering},
};

use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection};

use super::{postmaster::PidFile, *};

const OWNER: &str = PrivatePostgres::OWNER;

/// A directory that any user can reach; what runs and lies in it ends with the test.
struct Place {
    root: PathBuf,
    dir: PathBuf,
}

impl Place {
    fn new() -> Self {
        Self::below("data")
    }

    fn below(name: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let root = env::temp_dir().join(format!("brightmeter-test-{}-{number}", process::id()));
        fs::create_dir(&root).unwrap();
        fs::set_permissions(&root, Permissions::from_mode(0o755)).unwrap();
        let dir = root.join(name);
        Self { root, dir }
    }

    fn home(&self) -> PathBuf {
        directory::home(&self.dir)
    }

    fn data(&self) -> PathBuf {
        self.home().join("data")
    }

    fn pid(&self) -> u32 {
        PidFile::read(&self.data()).unwrap().pid
    }

    async fn start(&self) -> PrivatePostgres {
        PrivatePostgres::start(&self.dir).await.unwrap()
    }

    async fn start_with(&self, search: Search) -> Result<PrivatePostgres, PostgresError> {
        PrivatePostgres::bring_up(&self.dir, Sharing::UnbatchedWriter, search).await
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Only a test that failed leaves a server.
        if let Some(file) = PidFile::read(&self.data()) {
            signal("QUIT", file.pid);
        }
        let removed = fs::remove_dir_all(&self.root);
        assert!(removed.is_ok() || std::thread::panicking(), "{removed:?}");
    }
}

fn signal(name: &str, pid: u32) {
    let script = format!("kill -{name} {pid}");
    let status = Command::new("sh").args(["-c", &script]).status();
    assert!(status.unwrap().success() || std::thread::panicking());
}

async fn connect(postgres: &PrivatePostgres) -> PgConnection {
    postgres.options("postgres", OWNER).connect().await.unwrap()
}

async fn ask(connection: &mut PgConnection, sql: &str) -> String {
    sqlx::query_scalar(AssertSqlSafe(format!("select ({sql})::text"))).fetch_one(connection).await.unwrap()
}

async fn tell(connection: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await.unwrap();
}

async fn started_at(postgres: &PrivatePostgres) -> String {
    ask(&mut connect(postgres).await, "select pg_postmaster_start_time()").await
}

#[tokio::test]
async fn a_first_start_makes_a_cluster_that_answers_on_its_socket_alone() {
    let place = Place::new();
    let postgres = place.start().await;

    let mut connection = connect(&postgres).await;
    for (setting, value) in [
        ("server_encoding", "UTF8"),
        ("data_checksums", "on"),
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("listen_addresses", ""),
        ("max_connections", "64"),
    ] {
        let found = ask(&mut connection, &format!("current_setting('{setting}')")).await;
        assert_eq!(found, value, "{setting}");
    }
    assert_eq!(fs::metadata(place.home()).unwrap().mode() & 0o777, 0o700);

    postgres.stop().await.unwrap();
    assert_eq!(PidFile::read(&place.data()), None);
}

#[tokio::test]
async fn a_second_start_in_the_same_directory_is_refused_until_the_first_ends() {
    let place = Place::new();
    let first = place.start().await;

    let refused = PrivatePostgres::start(&place.dir).await.unwrap_err();
    let message = refused.to_string();
    assert!(message.contains(place.dir.to_str().unwrap()), "{message}");
    assert!(message.contains("BRIGHTMETER_DATA_DIR"), "{message}");
    let shared = PrivatePostgres::start_shared(&place.dir).await.unwrap_err();
    assert!(matches!(shared, PostgresError::InUse { .. }), "{shared}");

    first.stop().await.unwrap();
    place.start().await.stop().await.unwrap();
}

#[tokio::test]
async fn a_cluster_that_still_runs_is_adopted() {
    let place = Place::new();
    let first = place.start().await;
    let start = started_at(&first).await;
    first.leave_running();

    let second = place.start().await;
    assert_eq!(started_at(&second).await, start);
    second.stop().await.unwrap();
}

#[tokio::test]
async fn what_was_committed_survives_a_killed_postmaster() {
    let place = Place::new();
    let first = place.start().await;
    let mut connection = connect(&first).await;
    tell(&mut connection, "create table kept (word text)").await;
    tell(&mut connection, "insert into kept values ('kept')").await;
    signal("KILL", place.pid());
    first.leave_running();

    let second = place.start().await;
    let word = ask(&mut connect(&second).await, "select word from kept").await;
    assert_eq!(word, "kept");
    second.stop().await.unwrap();
}

#[tokio::test]
async fn a_pid_that_belongs_to_another_program_by_now_does_not_keep_postgres_from_starting() {
    let place = Place::new();
    let first = place.start().await;
    let dead = place.pid().to_string();
    signal("KILL", place.pid());
    first.leave_running();

    let account = Account::for_cluster(&place.home()).unwrap();
    let mut other = account.command("sleep").arg("600").spawn().unwrap();
    let pid = other.id().unwrap().to_string();
    for path in [place.data().join("postmaster.pid"), place.home().join(".s.PGSQL.5432.lock")] {
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replacen(&dead, &pid, 1)).unwrap();
    }

    place.start().await.stop().await.unwrap();
    other.kill().await.unwrap();
}

#[tokio::test]
async fn a_half_made_cluster_is_made_anew() {
    let place = Place::new();
    let half_made = place.home().join("data.new");
    fs::create_dir_all(half_made.join("base")).unwrap();
    fs::write(half_made.join("PG_VERSION"), "15\n").unwrap();

    place.start().await.stop().await.unwrap();
    assert!(!half_made.exists());
}

#[tokio::test]
async fn a_path_too_long_for_a_socket_gets_a_private_directory_elsewhere() {
    let place = Place::below(&format!("{}/with 'quotes', \"$(more)\"", "long".repeat(25)));
    let first = place.start().await;
    let short = first.socket_dir.clone();
    assert_eq!(fs::metadata(&short).unwrap().mode() & 0o777, 0o700);
    first.leave_running();

    let second = place.start().await;
    assert_eq!(second.socket_dir, short);
    second.stop().await.unwrap();
    assert!(!short.exists());
}

#[tokio::test]
async fn a_socket_directory_that_others_may_write_to_is_not_trusted() {
    let place = Place::new();
    let account = Account::Own { uid: fs::metadata(&place.root).unwrap().uid() };
    let home = place.home();
    assert_eq!(socket::trusted(&home, &account, &place.root), None);

    fs::set_permissions(&place.root, Permissions::from_mode(0o700)).unwrap();
    let trusted = socket::trusted(&home, &account, &place.root);
    assert_eq!(trusted.as_ref(), Some(&place.root));
    let other = Account::Own { uid: u32::MAX - 1 };
    assert_eq!(socket::trusted(&home, &other, &place.root), None);
}

#[tokio::test]
async fn options_connect_as_the_role_they_name() {
    let place = Place::new();
    let postgres = place.start().await;
    postgres.create_database("tokens \"ai\"").await.unwrap();
    postgres.create_database("tokens \"ai\"").await.unwrap();
    tell(&mut connect(&postgres).await, "create role reader login").await;

    let options = postgres.options("tokens \"ai\"", "reader");
    let mut connection = options.connect().await.unwrap();
    assert_eq!(ask(&mut connection, "current_user").await, "reader");
    assert_eq!(ask(&mut connection, "current_database()").await, "tokens \"ai\"");
    let stranger = postgres.options("postgres", "stranger").connect().await;
    assert!(stranger.is_err());
    postgres.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn those_who_share_a_cluster_start_it_once_and_leave_it_running() {
    let place = Place::new();
    let tasks: Vec<_> = (0..6)
        .map(|_| {
            let dir = place.dir.clone();
            tokio::spawn(async move {
                let postgres = PrivatePostgres::start_shared(&dir).await.unwrap();
                postgres.create_database("shared").await.unwrap();
                let start = started_at(&postgres).await;
                (postgres, start)
            })
        })
        .collect();
    let mut sharers = Vec::new();
    for task in tasks {
        sharers.push(task.await.unwrap());
    }
    let start = sharers[0].1.clone();
    assert!(sharers.iter().all(|(_, other)| *other == start));

    let alone = PrivatePostgres::start(&place.dir).await.unwrap_err();
    assert!(matches!(alone, PostgresError::InUse { .. }), "{alone}");
    for (postgres, _) in sharers {
        postgres.stop().await.unwrap();
    }
    let alone = place.start().await;
    assert_eq!(started_at(&alone).await, start);
    alone.stop().await.unwrap();
}

#[tokio::test]
async fn ctrl_c_at_the_terminal_does_not_reach_postgres() {
    let place = Place::new();
    let postgres = place.start().await;
    assert_ne!(session_and_group(place.pid()), session_and_group(process::id()));
    let (session, group) = session_and_group(place.pid());
    let (our_session, our_group) = session_and_group(process::id());
    assert!(session != our_session && group != our_group);
    postgres.stop().await.unwrap();
}

fn session_and_group(pid: u32) -> (String, String) {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // After the name: state, parent, group, session.
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    (fields[3].to_owned(), fields[2].to_owned())
}

#[tokio::test]
async fn the_log_keeps_the_last_run_and_quotes_no_data() {
    let place = Place::new();
    let postgres = place.start().await;
    let mut connection = connect(&postgres).await;
    let failed = sqlx::query("select $1::text::int").bind("secret-value").execute(&mut connection).await;
    assert!(failed.is_err());
    postgres.stop().await.unwrap();
    let log = fs::read_to_string(place.home().join("log")).unwrap();
    assert!(log.contains("ready to accept connections"), "{log}");
    assert!(!log.contains("secret-value"), "{log}");

    place.start().await.stop().await.unwrap();
    assert_eq!(fs::read_to_string(place.home().join("log.1")).unwrap(), log);
}

#[tokio::test]
async fn a_cluster_that_cannot_start_says_why() {
    let place = Place::new();
    place.start().await.stop().await.unwrap();
    fs::write(place.data().join("postgresql.conf"), "nonsense = 1\n").unwrap();

    let failed = PrivatePostgres::start(&place.dir).await.unwrap_err();
    let message = failed.to_string();
    assert!(matches!(failed, PostgresError::NotStarted { .. }), "{message}");
    assert!(message.contains("\"nonsense\""), "{message}");
    assert!(!message.contains('\n'), "{message}");
}

fn nothing_but(named: Option<&Path>, path: &Path) -> Search {
    Search {
        named: named.map(Path::to_owned),
        debian: PathBuf::from("/nonexistent/debian"),
        path: path.into(),
        from: PathBuf::from("/nonexistent/project"),
    }
}

/// A directory with programs that claim to be of `version`.
fn fake_programs(place: &Place, version: &str) -> PathBuf {
    let bin = place.root.join(version);
    fs::create_dir(&bin).unwrap();
    // By a shell: a file this process has open for writing could not be run by it.
    let script = format!("#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n");
    let write = "for name in postgres initdb pg_ctl; do printf %s \"$1\" >$name; chmod 755 $name; done";
    let status = Command::new("sh").args(["-c", write, "sh", &script]).current_dir(&bin).status();
    assert!(status.unwrap().success());
    fs::set_permissions(&bin, Permissions::from_mode(0o755)).unwrap();
    bin
}

#[tokio::test]
async fn a_named_directory_without_postgres_is_refused_by_name() {
    let place = Place::new();
    let wrong = place.root.join("wrong");
    let usable = env::var_os("PATH").unwrap_or_default();
    let search = nothing_but(Some(&wrong), Path::new(&usable));
    let message = place.start_with(search).await.unwrap_err().to_string();
    let named = format!("BRIGHTMETER_POSTGRES_BIN={} cannot be used", wrong.display());
    assert!(message.contains(&named), "{message}");
    assert!(message.contains("there is no `postgres` in it"), "{message}");
}

#[tokio::test]
async fn without_a_recent_postgres_the_error_lists_what_was_found_and_what_to_install() {
    let place = Place::new();
    let old = fake_programs(&place, "14.9");
    let search = nothing_but(None, &old);
    let message = place.start_with(search).await.unwrap_err().to_string();
    let reason = format!("{}: it is version 14", old.display());
    for part in ["Postgres 15 or newer", &reason, "apt-get install postgresql", "DATABASE_URL"] {
        assert!(message.contains(part), "{part}: {message}");
    }
}

#[tokio::test]
async fn a_cluster_is_only_run_by_the_version_that_made_it() {
    let place = Place::new();
    let newer = fake_programs(&place, "16.1");
    fs::create_dir_all(place.data()).unwrap();
    fs::write(place.data().join("PG_VERSION"), "15\n").unwrap();

    let search = nothing_but(None, &newer);
    let message = place.start_with(search).await.unwrap_err().to_string();
    assert!(message.contains("Postgres 15, which made this cluster"), "{message}");
    assert!(message.contains("it is version 16"), "{message}");
}

#[test]
fn a_stand_in_for_root_is_refused_a_directory_it_cannot_reach() {
    let place = Place::new();
    let closed = place.root.join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, Permissions::from_mode(0o700)).unwrap();
    let account = Account::StandIn { name: "someone".to_owned(), uid: u32::MAX - 1, gid: u32::MAX - 1 };

    let refused = directory::create(&closed.join("data"), &account).unwrap_err();
    let message = refused.to_string();
    assert!(message.contains(closed.to_str().unwrap()), "{message}");
    assert!(message.contains("BRIGHTMETER_DATA_DIR"), "{message}");
    assert!(!closed.join("data").exists());

    fs::set_permissions(&closed, Permissions::from_mode(0o711)).unwrap();
    directory::create(&closed.join("data"), &account).unwrap();
}
