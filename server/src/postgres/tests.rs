//! Tests with real clusters, each in a temporary directory.
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

/// A directory that any user can access. Dropping it stops its server and removes it.
struct TestDir {
    root: PathBuf,
    dir: PathBuf,
}

impl TestDir {
    fn new() -> Self {
        Self::with_name("data")
    }

    fn with_name(name: &str) -> Self {
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
        PrivatePostgres::open(&self.dir, LockMode::Exclusive, search).await
    }
}

impl Drop for TestDir {
    fn drop(&mut self) {
        // Only a failed test leaves a server running.
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

async fn query(connection: &mut PgConnection, sql: &str) -> String {
    sqlx::query_scalar(AssertSqlSafe(format!("select ({sql})::text"))).fetch_one(connection).await.unwrap()
}

async fn execute(connection: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await.unwrap();
}

async fn started_at(postgres: &PrivatePostgres) -> String {
    query(&mut connect(postgres).await, "select pg_postmaster_start_time()").await
}

#[tokio::test]
async fn the_first_start_creates_a_cluster_that_listens_only_on_its_socket() {
    let test_dir = TestDir::new();
    let postgres = test_dir.start().await;

    let mut connection = connect(&postgres).await;
    for (setting, value) in [
        ("server_encoding", "UTF8"),
        ("data_checksums", "on"),
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("listen_addresses", ""),
        ("max_connections", "64"),
    ] {
        let found = query(&mut connection, &format!("current_setting('{setting}')")).await;
        assert_eq!(found, value, "{setting}");
    }
    assert_eq!(fs::metadata(test_dir.home()).unwrap().mode() & 0o777, 0o700);

    postgres.stop().await.unwrap();
    assert_eq!(PidFile::read(&test_dir.data()), None);
}

#[tokio::test]
async fn a_second_start_in_the_same_directory_is_refused_until_the_first_stops() {
    let test_dir = TestDir::new();
    let first = test_dir.start().await;

    let refused = PrivatePostgres::start(&test_dir.dir).await.unwrap_err();
    let message = refused.to_string();
    assert!(message.contains(test_dir.dir.to_str().unwrap()), "{message}");
    assert!(message.contains("BRIGHTMETER_DATA_DIR"), "{message}");
    let shared = PrivatePostgres::start_shared(&test_dir.dir).await.unwrap_err();
    assert!(matches!(shared, PostgresError::InUse { .. }), "{shared}");

    first.stop().await.unwrap();
    test_dir.start().await.stop().await.unwrap();
}

#[tokio::test]
async fn a_running_cluster_is_adopted() {
    let test_dir = TestDir::new();
    let first = test_dir.start().await;
    let start = started_at(&first).await;
    first.leave_running();

    let second = test_dir.start().await;
    assert_eq!(started_at(&second).await, start);
    second.stop().await.unwrap();
}

#[tokio::test]
async fn committed_data_survives_a_killed_postmaster() {
    let test_dir = TestDir::new();
    let first = test_dir.start().await;
    let mut connection = connect(&first).await;
    execute(&mut connection, "create table kept (word text)").await;
    execute(&mut connection, "insert into kept values ('kept')").await;
    signal("KILL", test_dir.pid());
    first.leave_running();

    let second = test_dir.start().await;
    let word = query(&mut connect(&second).await, "select word from kept").await;
    assert_eq!(word, "kept");
    second.stop().await.unwrap();
}

#[tokio::test]
async fn a_pid_file_with_another_programs_pid_does_not_prevent_a_start() {
    let test_dir = TestDir::new();
    let first = test_dir.start().await;
    let dead = test_dir.pid().to_string();
    signal("KILL", test_dir.pid());
    first.leave_running();

    let os_user = OsUser::for_cluster(&test_dir.home()).unwrap();
    let mut other = os_user.command("sleep").arg("600").spawn().unwrap();
    let pid = other.id().unwrap().to_string();
    for path in [test_dir.data().join("postmaster.pid"), test_dir.home().join(".s.PGSQL.5432.lock")] {
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replacen(&dead, &pid, 1)).unwrap();
    }

    test_dir.start().await.stop().await.unwrap();
    other.kill().await.unwrap();
}

#[tokio::test]
async fn an_incomplete_cluster_is_created_again() {
    let test_dir = TestDir::new();
    let incomplete = test_dir.home().join("data.new");
    fs::create_dir_all(incomplete.join("base")).unwrap();
    fs::write(incomplete.join("PG_VERSION"), "15\n").unwrap();

    test_dir.start().await.stop().await.unwrap();
    assert!(!incomplete.exists());
}

#[tokio::test]
async fn a_path_too_long_for_a_socket_gets_a_private_socket_directory_elsewhere() {
    let test_dir = TestDir::with_name(&format!("{}/with 'quotes', \"$(more)\"", "long".repeat(25)));
    let first = test_dir.start().await;
    let short = first.socket_dir.clone();
    assert_eq!(fs::metadata(&short).unwrap().mode() & 0o777, 0o700);
    first.leave_running();

    let second = test_dir.start().await;
    assert_eq!(second.socket_dir, short);
    second.stop().await.unwrap();
    assert!(!short.exists());
}

#[tokio::test]
async fn a_socket_directory_that_other_users_can_access_is_not_trusted() {
    let test_dir = TestDir::new();
    let os_user = OsUser::Current { uid: fs::metadata(&test_dir.root).unwrap().uid() };
    let home = test_dir.home();
    assert_eq!(socket::trusted(&home, &os_user, &test_dir.root), None);

    fs::set_permissions(&test_dir.root, Permissions::from_mode(0o700)).unwrap();
    let trusted = socket::trusted(&home, &os_user, &test_dir.root);
    assert_eq!(trusted.as_ref(), Some(&test_dir.root));
    let other = OsUser::Current { uid: u32::MAX - 1 };
    assert_eq!(socket::trusted(&home, &other, &test_dir.root), None);
}

#[tokio::test]
async fn options_connect_as_the_role_they_name() {
    let test_dir = TestDir::new();
    let postgres = test_dir.start().await;
    postgres.create_database("tokens \"ai\"").await.unwrap();
    postgres.create_database("tokens \"ai\"").await.unwrap();
    execute(&mut connect(&postgres).await, "create role reader login").await;

    let options = postgres.options("tokens \"ai\"", "reader");
    let mut connection = options.connect().await.unwrap();
    assert_eq!(query(&mut connection, "current_user").await, "reader");
    assert_eq!(query(&mut connection, "current_database()").await, "tokens \"ai\"");
    let stranger = postgres.options("postgres", "stranger").connect().await;
    assert!(stranger.is_err());
    postgres.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn processes_that_share_a_cluster_start_it_once_and_leave_it_running() {
    let test_dir = TestDir::new();
    let tasks: Vec<_> = (0..6)
        .map(|_| {
            let dir = test_dir.dir.clone();
            tokio::spawn(async move {
                let postgres = PrivatePostgres::start_shared(&dir).await.unwrap();
                postgres.create_database("shared").await.unwrap();
                let start = started_at(&postgres).await;
                (postgres, start)
            })
        })
        .collect();
    let mut shared = Vec::new();
    for task in tasks {
        shared.push(task.await.unwrap());
    }
    let start = shared[0].1.clone();
    assert!(shared.iter().all(|(_, other)| *other == start));

    let alone = PrivatePostgres::start(&test_dir.dir).await.unwrap_err();
    assert!(matches!(alone, PostgresError::InUse { .. }), "{alone}");
    for (postgres, _) in shared {
        postgres.stop().await.unwrap();
    }
    let alone = test_dir.start().await;
    assert_eq!(started_at(&alone).await, start);
    alone.stop().await.unwrap();
}

#[tokio::test]
async fn ctrl_c_in_the_terminal_does_not_reach_postgres() {
    let test_dir = TestDir::new();
    let postgres = test_dir.start().await;
    assert_ne!(session_and_group(test_dir.pid()), session_and_group(process::id()));
    let (session, group) = session_and_group(test_dir.pid());
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
    let test_dir = TestDir::new();
    let postgres = test_dir.start().await;
    let mut connection = connect(&postgres).await;
    let failed = sqlx::query("select $1::text::int").bind("secret-value").execute(&mut connection).await;
    assert!(failed.is_err());
    postgres.stop().await.unwrap();
    let log = fs::read_to_string(test_dir.home().join("log")).unwrap();
    assert!(log.contains("ready to accept connections"), "{log}");
    assert!(!log.contains("secret-value"), "{log}");

    test_dir.start().await.stop().await.unwrap();
    assert_eq!(fs::read_to_string(test_dir.home().join("log.1")).unwrap(), log);
}

#[tokio::test]
async fn a_failed_start_quotes_the_log() {
    let test_dir = TestDir::new();
    test_dir.start().await.stop().await.unwrap();
    fs::write(test_dir.data().join("postgresql.conf"), "nonsense = 1\n").unwrap();

    let failed = PrivatePostgres::start(&test_dir.dir).await.unwrap_err();
    let message = failed.to_string();
    assert!(matches!(failed, PostgresError::NotStarted { .. }), "{message}");
    assert!(message.contains("\"nonsense\""), "{message}");
    assert!(!message.contains('\n'), "{message}");
}

/// A search of only these places.
fn search_only(configured: Option<&Path>, path: &Path) -> Search {
    Search {
        configured: configured.map(Path::to_owned),
        debian: PathBuf::from("/nonexistent/debian"),
        path: path.into(),
        current_dir: PathBuf::from("/nonexistent/project"),
    }
}

/// Creates a directory with programs that report `version`.
fn fake_programs(test_dir: &TestDir, version: &str) -> PathBuf {
    let bin = test_dir.root.join(version);
    fs::create_dir(&bin).unwrap();
    // Written by a shell: this process cannot run a file that it has open for writing.
    let script = format!("#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n");
    let write = "for name in postgres initdb pg_ctl; do printf %s \"$1\" >$name; chmod 755 $name; done";
    let status = Command::new("sh").args(["-c", write, "sh", &script]).current_dir(&bin).status();
    assert!(status.unwrap().success());
    fs::set_permissions(&bin, Permissions::from_mode(0o755)).unwrap();
    bin
}

#[tokio::test]
async fn a_configured_directory_without_postgres_is_named_in_the_error() {
    let test_dir = TestDir::new();
    let wrong = test_dir.root.join("wrong");
    let usable = env::var_os("PATH").unwrap_or_default();
    let search = search_only(Some(&wrong), Path::new(&usable));
    let message = test_dir.start_with(search).await.unwrap_err().to_string();
    let named = format!("BRIGHTMETER_POSTGRES_BIN={} cannot be used", wrong.display());
    assert!(message.contains(&named), "{message}");
    assert!(message.contains("it does not contain `postgres`"), "{message}");
}

#[tokio::test]
async fn without_a_recent_postgres_the_error_lists_what_was_found_and_how_to_install_one() {
    let test_dir = TestDir::new();
    let old = fake_programs(&test_dir, "14.9");
    let search = search_only(None, &old);
    let message = test_dir.start_with(search).await.unwrap_err().to_string();
    let reason = format!("{}: its version is 14", old.display());
    for part in ["Postgres 15 or newer", &reason, "apt-get install postgresql", "DATABASE_URL"] {
        assert!(message.contains(part), "{part}: {message}");
    }
}

#[tokio::test]
async fn a_cluster_runs_only_with_the_version_that_created_it() {
    let test_dir = TestDir::new();
    let newer = fake_programs(&test_dir, "16.1");
    fs::create_dir_all(test_dir.data()).unwrap();
    fs::write(test_dir.data().join("PG_VERSION"), "15\n").unwrap();

    let search = search_only(None, &newer);
    let message = test_dir.start_with(search).await.unwrap_err().to_string();
    assert!(message.contains("Postgres 15 (the version that created this cluster)"), "{message}");
    assert!(message.contains("its version is 16"), "{message}");
}

#[test]
fn a_directory_that_the_fallback_user_cannot_access_is_refused() {
    let test_dir = TestDir::new();
    let closed = test_dir.root.join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, Permissions::from_mode(0o700)).unwrap();
    let os_user = OsUser::Fallback { name: "someone".to_owned(), uid: u32::MAX - 1, gid: u32::MAX - 1 };

    let refused = directory::create(&closed.join("data"), &os_user).unwrap_err();
    let message = refused.to_string();
    assert!(message.contains(closed.to_str().unwrap()), "{message}");
    assert!(message.contains("BRIGHTMETER_DATA_DIR"), "{message}");
    assert!(!closed.join("data").exists());

    fs::set_permissions(&closed, Permissions::from_mode(0o711)).unwrap();
    directory::create(&closed.join("data"), &os_user).unwrap();
}

#[tokio::test]
async fn a_server_that_is_killed_is_started_again_on_the_same_socket() {
    let test_dir = TestDir::new();
    let postgres = test_dir.start().await;
    let watching = tokio::spawn(postgres.watch());
    for _ in 0..2 {
        let pid = test_dir.pid();
        assert!(Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
        let options = postgres.options("postgres", OWNER);
        let restarted = async {
            loop {
                let is_new = PidFile::read(&test_dir.data()).is_some_and(|file| file.pid != pid);
                if is_new && options.connect().await.is_ok() {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), restarted).await.expect("within ten seconds");
    }
    watching.abort();
    assert!(watching.await.unwrap_err().is_cancelled());
    postgres.stop().await.unwrap();
}
