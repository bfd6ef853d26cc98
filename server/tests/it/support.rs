//! A test server on its own database, with a manual clock.

pub mod proxy;
pub mod waiting;

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    panic::AssertUnwindSafe,
    path::PathBuf,
    sync::Arc,
};

use brightmeter::{
    access::{
        api_key::{Scope, Secret},
        guard::Guard,
    },
    billing::license::StaffAction,
    catalog::Catalog,
    command::{Caller, Command, Usage},
    ids::{ApiKeyId, HoldId, MemberId, OrgId, UserId},
    ledger::{
        account::Account,
        entry::{Entry, EntryHash},
        outcome::Effect,
        tokens::Tokens,
    },
    quantity::Quantity,
    time::Instant,
};
use futures::FutureExt;
use server::{
    clock::{Clock, ManualClock},
    postgres::PrivatePostgres,
    service::{
        account_reader::AccountReader,
        api_keys::{ApiKeys, NewKey},
        audit::{self, AuditOptions, AuditReport},
        passwords::Passwords,
        plans::Plans,
        provisioning::{NewOrganization, Provisioning},
        purchases::Purchases,
        sweeper::Sweeper,
        writer::{Answer, Submission, SubmitError, Writer, WriterTasks},
    },
    storage::{account_reads::Requester, audit::log, databases, migrations, pools::Pools, tenant},
};
use sqlx::{
    AssertSqlSafe, Connection, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use uuid::Uuid;

use self::proxy::Proxy;

/// The time at which every test starts.
pub const START: &str = "2026-03-10T09:00:00Z";
pub const APP_ROLE: &str = "brightmeter_app";

/// Returns the tests' catalog: the default one, and a feature that costs a single token.
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
    owner_pool: PgPool,
    pub catalog: Arc<Catalog>,
    pub clock: Arc<ManualClock>,
    pub writer: Writer,
    pub reader: AccountReader,
    pub api_keys: ApiKeys,
    pub sweeper: Sweeper,
    pub provisioning: Provisioning,
    tasks: WriterTasks,
}

/// Runs `test` with a server on a fresh database, then audits the database.
pub fn with_server<T>(test: impl AsyncFnOnce(&TestServer) -> T) {
    run(test, TestServer::finish);
}

/// Runs a test that breaks the database on purpose: like [`with_server`], but without the audit.
pub fn with_tampered_server<T>(test: impl AsyncFnOnce(&TestServer) -> T) {
    run(test, TestServer::stop);
}

fn run<T>(test: impl AsyncFnOnce(&TestServer) -> T, end: impl AsyncFnOnce(TestServer)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let cluster = PrivatePostgres::start_shared(&directory()).await.unwrap();
        let maintenance = cluster.options("postgres", PrivatePostgres::OWNER);
        let template = template(&cluster, &maintenance).await;
        let name = format!("test_{}", Uuid::now_v7().simple());
        databases::copy(&maintenance, &template, &name).await.unwrap();
        let effect = AssertUnwindSafe(async {
            let server = TestServer::start(&cluster, &name).await;
            test(&server).await;
            end(server).await;
        })
        .catch_unwind()
        .await;
        databases::drop(&maintenance, &name).await.unwrap();
        cluster.leave_running();
        if let Err(panic) = effect {
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

/// Returns the migrated database to copy. The first test creates it.
async fn template(cluster: &PrivatePostgres, maintenance: &PgConnectOptions) -> String {
    let mut hasher = DefaultHasher::new();
    sqlx::migrate!("../migrations").iter().for_each(|file| (file.version, &file.checksum).hash(&mut hasher));
    include_str!("../../../migrations/roles.sql").hash(&mut hasher);
    let name = format!("template_{:016x}", hasher.finish());
    let mut turn = PgConnection::connect_with(maintenance).await.unwrap();
    sqlx::query("select pg_advisory_lock(3)").execute(&mut turn).await.unwrap();
    if !databases::exists(maintenance, &name).await.unwrap() {
        let half = format!("{name}_new");
        databases::drop(maintenance, &half).await.unwrap();
        cluster.create_database(&half).await.unwrap();
        migrations::migrate(&cluster.options(&half, PrivatePostgres::OWNER), APP_ROLE).await.unwrap();
        databases::rename(maintenance, &half, &name).await.unwrap();
    }
    turn.close().await.unwrap();
    name
}

impl TestServer {
    async fn start(cluster: &PrivatePostgres, database: &str) -> Self {
        let writer_role = format!("{APP_ROLE}_writer");
        let pools = Pools::open(cluster.options(database, APP_ROLE), cluster.options(database, &writer_role));
        Self::on(pools, cluster.options(database, PrivatePostgres::OWNER))
    }

    /// Starts a second server on the same database, which it reaches through `proxy`.
    pub fn behind(&self, proxy: &Proxy) -> Self {
        let role = |role: &str| proxy.options(&self.owner).username(role);
        Self::on(Pools::open(role(APP_ROLE), role(&format!("{APP_ROLE}_writer"))), self.owner.clone())
    }

    fn on(pools: Pools, owner: PgConnectOptions) -> Self {
        let (catalog, clock) = (catalog(), Arc::new(ManualClock::with_sequential_ids(at(START), 1)));
        let (writer, tasks) = Writer::start(pools.writer.clone(), catalog.clone(), clock.clone());
        let reader = AccountReader {
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
        let owner_pool = PgPoolOptions::new().max_connections(2).connect_lazy_with(owner.clone());
        let api_keys = ApiKeys::new(pools.app.clone(), clock.clone(), true);
        Self { pools, owner, owner_pool, catalog, clock, writer, reader, api_keys, sweeper, provisioning, tasks }
    }

    /// Audits the database, then stops the server.
    async fn finish(self) {
        let report = self.audit().await;
        assert!(report.ok, "{:#?}", report.violations);
        self.stop().await;
    }

    /// Stops the server, without an audit.
    pub async fn stop(self) {
        let Self { pools, owner_pool, writer, reader, sweeper, tasks, .. } = self;
        drop((writer, reader, sweeper));
        tasks.finish().await;
        pools.close().await;
        owner_pool.close().await;
    }

    /// Returns the purchases service, without Stripe.
    pub fn purchases(&self, writer: &Writer) -> Purchases {
        Purchases {
            pool: self.pools.app.clone(),
            writer: writer.clone(),
            gateway: None,
            catalog: self.catalog.clone(),
            clock: self.clock.clone(),
            base_url: "http://brightmeter.test".into(),
            new_events: Arc::default(),
        }
    }

    /// Returns the plans service, without Stripe.
    pub fn plans(&self, writer: &Writer) -> Plans {
        Plans::from_purchases(&self.purchases(writer))
    }

    /// Audits the database.
    pub async fn audit(&self) -> AuditReport {
        audit::run(&self.pools, &(self.clock.clone() as Arc<dyn Clock>)).await.unwrap()
    }

    /// Audits the database with these options.
    pub async fn audit_with(&self, options: &AuditOptions) -> AuditReport {
        audit::run_with(&self.pools, &(self.clock.clone() as Arc<dyn Clock>), options).await.unwrap()
    }

    /// Connects as the superuser, which owns everything.
    pub async fn owner(&self) -> PgConnection {
        PgConnection::connect_with(&self.owner).await.unwrap()
    }

    /// Runs statements as the owner.
    pub async fn as_owner(&self, sql: impl Into<String>) {
        let sql = sql.into();
        sqlx::raw_sql(AssertSqlSafe(sql.clone())).execute(&self.owner_pool).await.expect(&sql);
    }

    /// Runs a query as the owner, and returns its only value.
    pub async fn query_value<V>(&self, sql: impl Into<String>) -> V
    where
        for<'r> V: Send + Unpin + sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
    {
        let sql = sql.into();
        sqlx::query_scalar(AssertSqlSafe(sql.clone())).fetch_one(&self.owner_pool).await.expect(&sql)
    }

    /// Starts a second server on the same database: a writer with its own connections.
    pub fn replica(&self) -> (Writer, WriterTasks) {
        self.writer_through(self.owner.clone())
    }

    /// Starts a writer with its own connections, opened with `options` except for the role.
    pub fn writer_through(&self, options: PgConnectOptions) -> (Writer, WriterTasks) {
        let role = |role: &str| options.clone().username(role);
        let pools = Pools::open(role(APP_ROLE), role(&format!("{APP_ROLE}_writer")));
        Writer::start(pools.writer, self.catalog.clone(), self.clock.clone())
    }

    /// Creates an organization on `plan`, with its first allowance.
    pub async fn org(&self, slug: &str, plan: &str) -> OrgId {
        self.org_in("Europe/Berlin", slug, plan).await
    }

    /// Like [`org`](Self::org), in another time zone.
    pub async fn org_in(&self, time_zone: &str, slug: &str, plan: &str) -> OrgId {
        let new = NewOrganization { slug, name: slug, time_zone, plan, anchor: self.clock.now() };
        let org = self.provisioning.create_organization(new).await.unwrap();
        self.submit(org, Command::Advance).await.unwrap();
        org
    }

    /// Creates a user with `email` and the password `correct horse`, as a member of `org`.
    pub async fn member(&self, org: OrgId, email: &str) -> MemberId {
        self.person(org, email, "member").await
    }

    /// Like [`member`](Self::member), in another role.
    pub async fn person(&self, org: OrgId, email: &str, role: &str) -> MemberId {
        let user = self.provisioning.create_user(email, "Robin", "correct horse").await.unwrap();
        self.provisioning.add_member(org, user, role.parse().unwrap()).await.unwrap()
    }

    /// Creates a staff user with the password `correct horse`.
    pub async fn staff(&self, email: &str, name: &str) -> UserId {
        self.provisioning.create_staff(&self.owner, email, name, "correct horse").await.unwrap()
    }

    /// Creates a valid API key of `org`.
    pub async fn key(&self, org: OrgId, scope: Scope) -> (ApiKeyId, Secret) {
        let new = NewKey { id: ApiKeyId(self.clock.new_id()), name: "billing", scope, expires_at: None, maker: None };
        let (key, secret) = self.api_keys.create(org, new).await.unwrap();
        (key.id, secret)
    }

    pub async fn submit(&self, org: OrgId, command: Command) -> Result<Answer, SubmitError> {
        self.writer.submit(Submission::new(org, None, command)).await
    }

    pub async fn submit_as(&self, org: OrgId, key: &str, command: Command) -> Result<Answer, SubmitError> {
        self.writer.submit(Submission::new(org, Some(key.parse().unwrap()), command)).await
    }

    /// Returns all ledger entries of an organization, oldest first.
    pub async fn log(&self, org: OrgId) -> Vec<(Entry, EntryHash)> {
        let mut tx = tenant::begin(&self.pools.app, org).await.unwrap();
        let stored = log::list_after(&mut tx, org, 0, 100_000).await.unwrap();
        stored.into_iter().map(|entry| entry.decode(org).unwrap()).collect()
    }

    /// Returns the account as readers see it.
    pub async fn account(&self, org: OrgId) -> Account {
        self.reader.load(org, &Requester::default()).await.unwrap().account
    }

    /// Returns the guard of a caller.
    pub async fn guard(&self, org: OrgId, caller: Caller) -> Guard {
        let requester = Requester { guard: caller.guard(), ..Requester::default() };
        let mut guards = self.reader.load(org, &requester).await.unwrap().account.guards;
        guards.remove(&caller.guard().unwrap()).unwrap_or_default()
    }

    /// Returns the available tokens of `token_type`, as readers see them.
    pub async fn available(&self, org: OrgId, token_type: &str) -> i64 {
        self.account(org).await.balance(&token_type.parse().unwrap()).available().get()
    }

    /// Moves the clock forward by `seconds`.
    pub fn advance(&self, seconds: i64) {
        self.clock.set(self.clock.now() + chrono::TimeDelta::seconds(seconds));
    }
}

/// An API key that acts for no member, so no limit applies but the balance.
pub fn service() -> Caller {
    Caller::ApiKey { api_key: ApiKeyId(Uuid::from_u128(7)), member: None }
}

pub fn usage(caller: Caller, feature: &str) -> Usage {
    Usage { caller, feature: feature.parse().unwrap(), quantity: Quantity::ONE, metadata: None }
}

pub fn spend(feature: &str) -> Command {
    Command::Spend(usage(service(), feature))
}

pub fn hold(feature: &str, ttl_seconds: u32) -> Command {
    Command::OpenHold { usage: usage(service(), feature), ttl_seconds: Some(ttl_seconds), attachment: None }
}

/// A staff action with this reason.
pub fn by_staff(reason: &str) -> StaffAction {
    StaffAction { user: UserId(Uuid::from_u128(8)), reason: reason.parse().unwrap() }
}

/// A member as the caller.
pub fn member(id: MemberId) -> Caller {
    Caller::Member { member: id }
}

/// An adjustment of AI tokens by `amount`.
pub fn adjust(amount: i64, reason: &str) -> Command {
    Command::Adjust { caller: service(), token_type: "ai".parse().unwrap(), amount, reason: reason.into() }
}

pub fn capture(hold: HoldId, amount: Option<i64>) -> Command {
    Command::Capture { hold, amount: amount.map(tokens), attachment: None }
}

/// Converts a number to tokens.
pub fn tokens(amount: i64) -> Tokens {
    Tokens::try_from(amount).unwrap()
}

pub fn release(hold: HoldId) -> Command {
    Command::Release { hold, reason: "not needed".into() }
}

/// Returns the hold that the command opened.
pub fn held(answer: &Answer) -> HoldId {
    match &answer.outcome.effect {
        Effect::HoldOpened { hold, .. } => *hold,
        other => panic!("no hold was opened: {other:?}"),
    }
}
