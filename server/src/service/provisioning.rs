//! Provisioning: creating organizations, users and memberships.

use std::sync::Arc;

use brightmeter::{
    access::{
        email::{Email, EmailError},
        role::Role,
    },
    billing::period::Anchor,
    catalog::Catalog,
    display_name::{DISPLAY_NAME_CHARS, DisplayName, DisplayNameError},
    ids::{MemberId, OrgId, UserId},
    ledger::account::Account,
    names::PlanName,
    time::Instant,
    time_zone::UnknownTimeZone,
};
use rand::distr::{Alphanumeric, SampleString};
use sqlx::{Connection, PgConnection, PgPool, postgres::PgConnectOptions};

use super::passwords::{PasswordError, Passwords};
use crate::{
    clock::Clock,
    deadlines::CONNECT,
    storage::{
        StorageError, accounts, memberships,
        organizations::{self, Organization},
        outage::within,
        tenant,
        users::{self, NewUser},
    },
};

/// Why an organization, user or membership could not be created.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// The slug is taken.
    #[error("an organization `{0}` already exists: choose another slug")]
    SlugTaken(String),
    /// The slug is malformed.
    #[error("`{0}` isn't a valid slug: use 2 to 40 characters of a-z, 0-9 and -, starting with a letter")]
    BadSlug(String),
    /// The name is empty, too long or not one line.
    #[error(transparent)]
    BadName(#[from] DisplayNameError),
    /// The time zone is unknown.
    #[error(transparent)]
    UnknownTimeZone(#[from] UnknownTimeZone),
    /// The email is taken.
    #[error("a user with the email {0} already exists")]
    EmailTaken(String),
    /// The email is malformed.
    #[error("`{0}` isn't a valid email address")]
    BadEmail(String),
    /// The catalog has no such plan.
    #[error("unknown plan `{0}`: the catalog has {1}")]
    UnknownPlan(String, String),
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The password could not be hashed.
    #[error(transparent)]
    Password(#[from] PasswordError),
}

impl From<sqlx::Error> for ProvisionError {
    fn from(error: sqlx::Error) -> Self {
        Self::Storage(error.into())
    }
}

/// An organization to create.
#[derive(Clone, Debug)]
pub struct NewOrganization<'a> {
    /// The name in URLs.
    pub slug: &'a str,
    /// The display name.
    pub name: &'a str,
    /// The IANA name of the time zone.
    pub time_zone: &'a str,
    /// The plan to start on.
    pub plan: &'a str,
    /// The anchor of its billing periods.
    pub anchor: Instant,
}

/// Creates organizations, users and memberships.
#[derive(Clone)]
pub struct Provisioning {
    /// A pool with the writer's role.
    pub pool: PgPool,
    /// Hashes passwords.
    pub passwords: Passwords,
    /// The plans to choose from.
    pub catalog: Arc<Catalog>,
    /// The source of the time and of ids.
    pub clock: Arc<dyn Clock>,
}

impl Provisioning {
    /// Creates an organization with its account. Its first allowance is granted when the account is first used.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn create_organization(&self, new: NewOrganization<'_>) -> Result<OrgId, ProvisionError> {
        let id = OrgId(self.clock.new_id());
        let mut tx = tenant::begin(&self.pool, id).await?;
        self.insert_organization(&mut tx, id, &new).await?;
        tx.commit().await?;
        Ok(id)
    }

    /// Creates an organization and its owner in one transaction. Returns the owner's password if the user is new.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn create_owned_organization(
        &self,
        new: NewOrganization<'_>,
        owner_email: &str,
    ) -> Result<Option<String>, ProvisionError> {
        let email = check_email(owner_email)?;
        let id = OrgId(self.clock.new_id());
        let mut tx = tenant::begin(&self.pool, id).await?;
        self.insert_organization(&mut tx, id, &new).await?;
        let (user, password) = match users::find_by_email(&mut tx, email.as_str()).await? {
            Some(user) => (user, None),
            None => {
                let password = random_password();
                (self.insert_user(&mut tx, &email, email.as_str(), &password, false).await?, Some(password))
            }
        };
        self.insert_member(&mut tx, id, user, Role::Owner).await?;
        tx.commit().await?;
        Ok(password)
    }

    /// Creates a user who can sign in.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn create_user(&self, email: &str, display_name: &str, password: &str) -> Result<UserId, ProvisionError> {
        let email = check_email(email)?;
        let mut conn = self.pool.acquire().await?;
        self.insert_user(&mut conn, &email, display_name, password, false).await
    }

    /// Creates a staff user, as `owner` of the schema: no role of the server may.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn create_staff(
        &self,
        owner: &PgConnectOptions,
        email: &str,
        display_name: &str,
        password: &str,
    ) -> Result<UserId, ProvisionError> {
        let email = check_email(email)?;
        let mut conn = within(CONNECT, PgConnection::connect_with(owner)).await?;
        let created = self.insert_user(&mut conn, &email, display_name, password, true).await;
        conn.close().await?;
        created
    }

    /// Adds a user to an organization.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn add_member(&self, org: OrgId, user: UserId, role: Role) -> Result<MemberId, ProvisionError> {
        let mut tx = tenant::begin(&self.pool, org).await?;
        let member = self.insert_member(&mut tx, org, user, role).await?;
        tx.commit().await?;
        Ok(member)
    }

    async fn insert_organization(
        &self,
        conn: &mut PgConnection,
        id: OrgId,
        new: &NewOrganization<'_>,
    ) -> Result<(), ProvisionError> {
        let well_formed = (2..=40).contains(&new.slug.len())
            && new.slug.starts_with(|c: char| c.is_ascii_lowercase())
            && new.slug.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if !well_formed {
            return Err(ProvisionError::BadSlug(new.slug.into()));
        }
        let name: DisplayName = new.name.parse()?;
        let plan = new.plan.parse::<PlanName>().ok().filter(|plan| self.catalog.plan(plan).is_some());
        let plan = plan.ok_or_else(|| {
            let names: Vec<&str> = self.catalog.plans.iter().map(|plan| plan.name.as_str()).collect();
            ProvisionError::UnknownPlan(new.plan.into(), names.join(", "))
        })?;
        let now = self.clock.now();
        let time_zone = new.time_zone.parse()?;
        let organization = Organization { id, slug: new.slug.into(), name: name.to_string(), time_zone };
        organizations::insert(conn, &organization, now).await.map_err(|error| {
            if error.violates("organization_slugs_pkey") {
                ProvisionError::SlugTaken(new.slug.into())
            } else {
                error.into()
            }
        })?;
        accounts::insert(conn, &Account::open(id, plan, Anchor(new.anchor)), now).await?;
        Ok(())
    }

    async fn insert_user(
        &self,
        conn: &mut PgConnection,
        email: &Email,
        display_name: &str,
        password: &str,
        is_staff: bool,
    ) -> Result<UserId, ProvisionError> {
        let password_hash = self.passwords.hash(password).await?;
        let id = UserId(self.clock.new_id());
        // A longer email that serves as the name is cut.
        let display_name: String = display_name.chars().take(DISPLAY_NAME_CHARS).collect();
        let display_name: DisplayName = display_name.parse()?;
        let display_name = display_name.as_str();
        let (user, now) =
            (NewUser { id, email: email.as_str(), display_name, password_hash: &password_hash }, self.clock.now());
        let inserted =
            if is_staff { users::insert_staff(conn, &user, now).await } else { users::insert(conn, &user, now).await };
        inserted.map_err(|error| {
            if error.violates("users_email_key") { ProvisionError::EmailTaken(email.to_string()) } else { error.into() }
        })?;
        Ok(id)
    }

    async fn insert_member(
        &self,
        conn: &mut PgConnection,
        org: OrgId,
        user: UserId,
        role: Role,
    ) -> Result<MemberId, ProvisionError> {
        let id = MemberId(self.clock.new_id());
        memberships::insert(conn, org, id, user, role, self.clock.now()).await?;
        Ok(id)
    }
}

/// Generates a random password: 20 characters of base62, 119 bits.
pub fn random_password() -> String {
    Alphanumeric.sample_string(&mut rand::rng(), 20)
}

fn check_email(email: &str) -> Result<Email, ProvisionError> {
    email.parse().map_err(|EmailError| ProvisionError::BadEmail(email.into()))
}
