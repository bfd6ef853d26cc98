//! A server on a database of its own, with a clock that stands still.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    panic::AssertUnwindSafe,
    path::PathBuf,
    sync::Arc,
};

use brightmeter::{
    catalog::Catalog,
    command::{Caller, Command, Quantity, Use},
    ids::{KeyId, MemberId, OrgId},
    time::Instant,
};
use futures::FutureExt;
use server::{
    clock::{Clock, ManualClock},
    postgres::PrivatePostgres,
    service::{
        audit,
        passwords::Passwords,
        provisioning::{NewOrganization, Provisioning},
        question::Reader,
        sweeper::Sweeper,
        writer::{Answer, Submission, SubmitError, Writer, WriterTasks},
    },
    storage::{databases, migrations, pools::Pools},
};
use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
use uuid::Uuid;

/// When every test starts.
pub const START: &str = "2026-03-10T09:00:00Z";
pub const APP_ROLE: &str = "brightmeter_app";

/// The catalog of the tests: the default one, and a feature that costs a single token.
pub fn catalog() -> Arc<Catalog> {
    let ping = "[[features]]\nname = \"ping\"\nlabel = \"Ping\"\nsummary = \"Costs one token\"\n\
                token_type = \"ai\"\ncost = 1\nfrom_plan = \"pro\"\n";
    Arc::new(Catalog::parse(&format!("{}\n{ping}", brightmeter::DEFAULT_CATALOG)).unwrap())
}

pub fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

pub struct TestServer {
    pub pools: Pools,
    pub owner: PgConnectOptions,
    pub catalog: Arc<Catalog>,
    pub clock: Arc<ManualClock>,
    pub writer: Writer,
    pub reader: Reader,
    pub sweeper: Sweeper,
    pub provisioning: Provisioning,
    tasks: WriterTasks,
}

/// Runs `test` against a server on a fresh database, and holds the database against every invariant afterwards.
pub fn with_server<T>(test: impl AsyncFnOnce(&TestServer) -> T) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let cluster = PrivatePostgres::start_shared(&directory()).await.unwrap();
        let maintenance = cluster.options("postgres", PrivatePostgres::OWNER);
        let template = template(&cluster, &maintenance).await;
        let name = format!("test_{}", Uuid::now_v7().simple());
        databases::copy(&maintenance, &template, &name).await.unwrap();
        let outcome = AssertUnwindSafe(async {
            let server = TestServer::start(&cluster, &name).await;
            test(&server).await;
            server.finish().await;
        })
        .catch_unwind()
        .await;
        databases::drop(&maintenance, &name).await.unwrap();
        cluster.leave_running();
        if let Err(panic) = outcome {
            std::panic::resume_unwind(panic);
        }
    });
}

/// One cluster for all test processes of this checkout.
fn directory() -> PathBuf {
    let mut hasher = DefaultHasher::new();
    env!("CARGO_MANIFEST_DIR").hash(&mut hasher);
    std::env::temp_dir().join(format!("brightmeter-test-{:08x}", hasher.finish() as u32))
}

/// A migrated database to copy, made by whichever test comes first.
async fn template(cluster: &PrivatePostgres, maintenance: &PgConnectOptions) -> String {
    let schema = [
        include_str!("../../../migrations/20261122000001_organizations.sql"),
        include_str!("../../../migrations/20261122000002_tokens.sql"),
        include_str!("../../../migrations/20261122000003_quests.sql"),
        include_str!("../../../migrations/roles.sql"),
    ];
    let mut hasher = DefaultHasher::new();
    schema.hash(&mut hasher);
    let name = format!("template_{:016x}", hasher.finish());
    let mut turn = PgConnection::connect_with(maintenance).await.unwrap();
    sqlx::query("select pg_advisory_lock(3)").execute(&mut turn).await.unwrap();
    if !databases::exists(maintenance, &name).await.unwrap() {
        let half = format!("{name}_new");
        databases::drop(maintenance, &half).await.unwrap();
        cluster.create_database(&half).await.unwrap();
        migrations::run(&cluster.options(&half, PrivatePostgres::OWNER), APP_ROLE).await.unwrap();
        databases::rename(maintenance, &half, &name).await.unwrap();
    }
    turn.close().await.unwrap();
    name
}

impl TestServer {
    async fn start(cluster: &PrivatePostgres, database: &str) -> Self {
        let writer_role = format!("{APP_ROLE}_writer");
        let pools = Pools::open(cluster.options(database, APP_ROLE), cluster.options(database, &writer_role));
        let (catalog, clock) = (catalog(), Arc::new(ManualClock::with_counted_ids(at(START), 1)));
        let (writer, tasks) = Writer::start(pools.writer.clone(), catalog.clone(), clock.clone());
        let reader = Reader {
            pool: pools.app.clone(),
            catalog: catalog.clone(),
            clock: clock.clone(),
            writer: writer.clone(),
        };
        let sweeper = Sweeper {
            writer_pool: pools.writer.clone(),
            app_pool: pools.app.clone(),
            writer: writer.clone(),
            clock: clock.clone(),
        };
        let provisioning = Provisioning {
            pool: pools.writer.clone(),
            passwords: Passwords::new(2).unwrap(),
            catalog: catalog.clone(),
            clock: clock.clone(),
        };
        let owner = cluster.options(database, PrivatePostgres::OWNER);
        Self { pools, owner, catalog, clock, writer, reader, sweeper, provisioning, tasks }
    }

    /// Ends the server; whatever the test did, every invariant holds.
    async fn finish(self) {
        let Self { pools, clock, writer, reader, sweeper, tasks, .. } = self;
        let report = audit::run(&pools, &(clock as Arc<dyn Clock>)).await.unwrap();
        assert!(report.ok, "{:#?}", report.violations);
        drop((writer, reader, sweeper));
        tasks.finish().await;
        pools.close().await;
    }

    /// An organization on `plan`, with its first allowance.
    pub async fn org(&self, slug: &str, plan: &str) -> OrgId {
        let new = NewOrganization { slug, name: slug, time_zone: "Europe/Berlin", plan, anchor: self.clock.now() };
        let org = self.provisioning.create_organization(new).await.unwrap();
        self.submit(org, Command::Advance).await.unwrap();
        org
    }

    /// A person who signs in with `email` and the password `correct horse`, and is a member of `org`.
    pub async fn member(&self, org: OrgId, email: &str) -> MemberId {
        let user = self.provisioning.create_user(email, "Robin", "correct horse", false).await.unwrap();
        self.provisioning.add_member(org, user, "member").await.unwrap()
    }

    pub async fn submit(&self, org: OrgId, command: Command) -> Result<Answer, SubmitError> {
        self.writer.submit(Submission { org, key: None, command }).await
    }

    pub async fn submit_as(&self, org: OrgId, key: &str, command: Command) -> Result<Answer, SubmitError> {
        self.writer.submit(Submission { org, key: Some(key.parse().unwrap()), command }).await
    }

    /// What can be spent of `token_type`, as a reader sees it.
    pub async fn available(&self, org: OrgId, token_type: &str) -> i64 {
        let (account, _) = self.reader.account(org, None).await.unwrap();
        account.balance(&token_type.parse().unwrap()).available().get()
    }

    /// Moves the clock by `seconds`.
    pub fn pass(&self, seconds: i64) {
        self.clock.set(self.clock.now() + chrono::TimeDelta::seconds(seconds));
    }
}

/// A service's key that acts for no member: under no limit but the tokens there are.
pub fn service() -> Caller {
    Caller::Key { key: KeyId(Uuid::from_u128(7)), member: None }
}

pub fn usage(caller: Caller, feature: &str) -> Use {
    Use { caller, feature: feature.parse().unwrap(), quantity: Quantity::ONE, metadata: None }
}

pub fn spend(feature: &str) -> Command {
    Command::Spend(usage(service(), feature))
}

pub fn hold(feature: &str, ttl_seconds: u32) -> Command {
    Command::OpenHold { r#use: usage(service(), feature), ttl_seconds: Some(ttl_seconds), job: None }
}
