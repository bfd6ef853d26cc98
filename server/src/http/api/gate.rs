//! Who asks, and the ways in: every one checks what the caller may do where it counts.

use app::backend::SignedIn;
use axum::{
    extract::FromRequestParts,
    http::{header::AUTHORIZATION, request::Parts},
};
use brightmeter::{
    access::api_key::{ApiKey, Denial, Scope, Secret},
    command::{Caller, Command},
    idempotency_key::IdempotencyKey,
    ids::{MemberId, OrgId},
    ledger::account::Account,
};
use chrono::NaiveDate;
use sqlx::{Postgres, Transaction};

use super::problem::Problem;
use crate::{
    http::AppState,
    service::{
        api_keys::Credential,
        writer::{Answer, Permit, Submission},
    },
    storage::{
        StorageError,
        account_reads::{AccountRead, Requester},
        daily::{self, Group, Sum},
        tenant,
    },
};

/// Who asks: a service with a key, or a person in a browser.
#[derive(Clone, Debug)]
pub(super) enum Who {
    /// Whose key was presented. Whether it holds is looked up wherever it is used.
    Key(Credential),
    /// Whose session it is; the session layer has looked that up.
    Member(Box<SignedIn>),
}

impl FromRequestParts<AppState> for Who {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let Some(header) = parts.headers.get(AUTHORIZATION) else {
            let who = parts.extensions.get::<SignedIn>().cloned().map(Box::new).map(Self::Member);
            return who.ok_or(Problem::NoCredential("Send an API key: Authorization: Bearer bm_…"));
        };
        let bearer = header.to_str().ok().and_then(|text| text.split_once(' '));
        let bearer = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let secret: Secret = bearer.and_then(|(_, secret)| secret.trim().parse().ok()).ok_or(Problem::NoCredential(
            "That is no API key: one starts with bm_live_ or bm_test_ and ends in a checksum.",
        ))?;
        let credential = state.api_keys.identify(&secret).await?;
        credential.map(Self::Key).ok_or(Problem::Denied(Denial::NoKey))
    }
}

impl Who {
    /// The organization.
    pub(super) fn org(&self) -> OrgId {
        match self {
            Self::Key(credential) => credential.org,
            Self::Member(who) => who.org,
        }
    }

    /// As whom a command is given. A person only ever acts for that person.
    ///
    /// # Errors
    /// [`Problem::Invalid`] if a person names somebody else.
    pub(super) fn caller(&self, member: Option<MemberId>) -> Result<Caller, Problem> {
        match self {
            Self::Key(credential) => Ok(Caller::ApiKey { api_key: credential.key, member }),
            Self::Member(who) if member.is_none_or(|member| member == who.member) => {
                Ok(Caller::Member { member: who.member })
            }
            Self::Member(_) => {
                Err(Problem::on("member", "in a browser session this can only be yourself: leave it out"))
            }
        }
    }

    /// Lets through whoever may take back what others have spent: a service, and in a browser an owner or admin.
    ///
    /// # Errors
    /// [`Problem::Denied`].
    pub(super) fn manages(&self) -> Result<(), Problem> {
        match self {
            Self::Member(who) if !who.viewer.manages() => Err(Problem::Denied(Denial::ManagersOnly)),
            _ => Ok(()),
        }
    }

    /// A transaction that sees the organization as it stands at one instant, for whoever may read it.
    ///
    /// # Errors
    /// [`Problem`].
    pub(super) async fn read(&self, state: &AppState) -> Result<Transaction<'static, Postgres>, Problem> {
        let mut tx = tenant::begin_snapshot(&state.pool, self.org()).await?;
        if let Self::Key(credential) = self {
            state.api_keys.check(&mut tx, *credential, Scope::Read).await?.map_err(Problem::Denied)?;
            state.api_keys.touch(*credential);
        }
        Ok(tx)
    }

    /// The account, with what time has brought booked, and the guard of whoever `caller` names.
    ///
    /// # Errors
    /// [`Problem`].
    pub(super) async fn account(&self, state: &AppState, caller: Option<Caller>) -> Result<Account, Problem> {
        let requester = self.requester(caller);
        let look = state.reader.load(self.org(), &requester).await;
        self.admit(state, &requester, look.map_err(|error| Problem::of_read(error, state.clock.now()))?)
    }

    /// A transaction in which the account stands as [`account`](Self::account) would show it, so that more can be read.
    ///
    /// # Errors
    /// [`Problem`].
    pub(super) async fn open(&self, state: &AppState) -> Result<Transaction<'static, Postgres>, Problem> {
        let requester = self.requester(None);
        let opened = state.reader.open(self.org(), &requester).await;
        let (look, tx) = opened.map_err(|error| Problem::of_read(error, state.clock.now()))?;
        self.admit(state, &requester, look)?;
        Ok(tx)
    }

    /// What the organization used, for whoever may read it.
    ///
    /// # Errors
    /// [`Problem`].
    pub(super) async fn sums(
        &self,
        state: &AppState,
        from: NaiveDate,
        to: NaiveDate,
        group: Group,
    ) -> Result<Vec<Sum>, Problem> {
        let mut conn = state.pool.acquire().await?;
        let (key, sums) = daily::sum(&mut conn, self.org(), self.requester(None).key, from, to, group).await?;
        self.check_key(state, key)?;
        Ok(sums)
    }

    fn requester(&self, caller: Option<Caller>) -> Requester {
        let guard = caller.and_then(|caller| caller.guard());
        match self {
            Self::Key(credential) => {
                Requester { guard, key: Some(credential.key), member: caller.and_then(|caller| caller.member()) }
            }
            Self::Member(_) => Requester { guard, ..Requester::default() },
        }
    }

    /// Lets through whose key holds, for a member that is there.
    fn admit(&self, state: &AppState, requester: &Requester, look: AccountRead) -> Result<Account, Problem> {
        self.check_key(state, look.key)?;
        if requester.member.is_some() && !look.member {
            return Err(Problem::Denied(Denial::NoMember));
        }
        Ok(look.account)
    }

    /// Lets through a person, and a service whose key, as it was found, holds.
    fn check_key(&self, state: &AppState, found: Option<ApiKey>) -> Result<(), Problem> {
        let Self::Key(credential) = self else { return Ok(()) };
        let key = found.ok_or(Denial::NoKey).and_then(|key| key.check(Scope::Read, state.clock.now()));
        key.map_err(Problem::Denied)?;
        state.api_keys.touch(*credential);
        Ok(())
    }

    /// Gives a command. Whether the key holds for it is looked up in the transaction that decides.
    ///
    /// # Errors
    /// [`Problem`].
    pub(super) async fn submit(
        &self,
        state: &AppState,
        key: IdempotencyKey,
        command: Command,
    ) -> Result<Answer, Problem> {
        let mut submission = Submission::new(self.org(), Some(key), command);
        if let Self::Key(credential) = self {
            submission.permit = Some(Permit { key: credential.key, needs: Scope::Spend });
        }
        let answer = state.reader.writer.submit(submission).await;
        if let (Ok(_), Self::Key(credential)) = (&answer, self) {
            state.api_keys.touch(*credential);
        }
        answer.map_err(|error| Problem::of_submit(error, state.clock.now()))
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        StorageError::from(error).into()
    }
}
