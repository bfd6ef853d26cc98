//! The caller of the API: authentication, and the access to accounts that checks what the caller may do. API keys are
//! checked in the statement or transaction that uses them, so a revoked key fails immediately on every replica.

use app::backend::SignedIn;
use axum::{
    extract::FromRequestParts,
    http::{header::AUTHORIZATION, request::Parts},
};
use brightmeter::{
    access::{
        api_key::{ApiKey, Denial, Scope, Secret},
        role::Action,
    },
    command::{Caller, Command},
    idempotency_key::IdempotencyKey,
    ids::{MemberId, OrgId, TransactionId},
    ledger::account::Account,
};
use chrono::NaiveDate;

use crate::{
    bearer_token,
    http::{problem::Problem, state::AppState},
    service::{
        account_reader::{AccountRead, Group, Requester, Sum},
        api_keys::Credential,
        org_reads::OrgReads,
        writer::{Answer, Permit, Submission},
    },
};

/// The caller: a service with an API key, or a member in a browser.
#[derive(Clone, Debug)]
pub(super) enum ApiCaller {
    /// A service. Its API key is known, but only checked for validity and scope where it is used.
    ApiKey(Credential),
    /// A member. The session layer has checked the session.
    Member(Box<SignedIn>),
}

impl FromRequestParts<AppState> for ApiCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        if !parts.headers.contains_key(AUTHORIZATION) {
            let member = parts.extensions.get::<SignedIn>().cloned().map(Box::new).map(Self::Member);
            return member.ok_or(Problem::NoCredential("Send an API key: Authorization: Bearer bm_…"));
        }
        let secret: Option<Secret> = bearer_token::presented(&parts.headers).and_then(|token| token.parse().ok());
        let secret = secret.ok_or(Problem::NoCredential(
            "The Authorization header has no API key. API keys start with bm_live_ or bm_test_ and end with a checksum.",
        ))?;
        let credential = state.api_keys.identify(&secret).await?;
        credential.map(Self::ApiKey).ok_or(Problem::Denied(Denial::InvalidKey))
    }
}

impl ApiCaller {
    /// The caller's organization.
    pub(super) fn org(&self) -> OrgId {
        match self {
            Self::ApiKey(credential) => credential.org,
            Self::Member(signed_in) => signed_in.org,
        }
    }

    /// Returns the command's caller. A service may act for any `member`; a member only for themselves.
    ///
    /// # Errors
    /// [`Problem::Invalid`] if a member names another member.
    pub(super) fn acting_for(&self, member: Option<MemberId>) -> Result<Caller, Problem> {
        match self {
            Self::ApiKey(credential) => Ok(Caller::ApiKey { api_key: credential.key, member }),
            Self::Member(signed_in) if member.is_none_or(|member| member == signed_in.member) => {
                Ok(Caller::Member { member: signed_in.member })
            }
            Self::Member(_) => {
                Err(Problem::on("member", "in a browser session you can only act for yourself: omit it"))
            }
        }
    }

    /// Checks that the caller may refund spends of others: services may, and of the members those whose role permits
    /// it.
    ///
    /// # Errors
    /// [`Problem::Denied`] if the member's role doesn't permit it.
    pub(super) fn authorize_refund(&self) -> Result<(), Problem> {
        match self {
            Self::ApiKey(_) => Ok(()),
            Self::Member(signed_in) => {
                signed_in.authorize(Action::RefundSpends).map_err(|_| Problem::Denied(Denial::ManagersOnly))
            }
        }
    }

    /// Checks that the caller may read.
    pub(super) async fn authorize_read(&self, state: &AppState) -> Result<(), Problem> {
        if let Self::ApiKey(credential) = self {
            state.api_keys.check(*credential, Scope::Read).await?.map_err(Problem::Denied)?;
            state.api_keys.touch(*credential);
        }
        Ok(())
    }

    /// Loads the account as of now, with due resets and expiries applied, and the guard of `caller`.
    pub(super) async fn load_account(&self, state: &AppState, caller: Option<Caller>) -> Result<Account, Problem> {
        let requester = self.requester(caller);
        let read = state.reader.load(self.org(), &requester).await;
        self.authorize(state, &requester, read.map_err(|error| Problem::of_read(error, state.clock.now()))?)
    }

    /// Begins reads that see the account as [`load_account`](Self::load_account) would return it, to read more from it.
    pub(super) async fn begin_read(&self, state: &AppState) -> Result<OrgReads, Problem> {
        let requester = self.requester(None);
        let opened = state.reader.open(self.org(), &requester).await;
        let (read, reads) = opened.map_err(|error| Problem::of_read(error, state.clock.now()))?;
        self.authorize(state, &requester, read)?;
        Ok(reads)
    }

    /// Returns the organization's usage from `from` to `to`, both included, summed by `group`.
    pub(super) async fn usage_sums(
        &self,
        state: &AppState,
        from: NaiveDate,
        to: NaiveDate,
        group: Group,
    ) -> Result<Vec<Sum>, Problem> {
        let key = self.requester(None).key;
        let (api_key, sums) = state.reader.usage_sums(self.org(), key, from, to, group).await?;
        self.check_api_key(state, api_key)?;
        Ok(sums)
    }

    /// Whether a spend of the organization has been refunded.
    pub(super) async fn is_refunded(&self, state: &AppState, spend: TransactionId) -> Result<bool, Problem> {
        Ok(OrgReads::begin(&state.pool, self.org()).await?.is_refunded(spend).await?)
    }

    fn requester(&self, caller: Option<Caller>) -> Requester {
        let guard = caller.and_then(|caller| caller.guard());
        match self {
            Self::ApiKey(credential) => {
                Requester { guard, key: Some(credential.key), member: caller.and_then(|caller| caller.member()) }
            }
            Self::Member(_) => Requester { guard, ..Requester::default() },
        }
    }

    /// Returns the account if the API key is valid and the member that it acts for exists.
    fn authorize(&self, state: &AppState, requester: &Requester, read: AccountRead) -> Result<Account, Problem> {
        self.check_api_key(state, read.key)?;
        if requester.member.is_some() && !read.member {
            return Err(Problem::Denied(Denial::UnknownMember));
        }
        Ok(read.account)
    }

    /// Checks that the caller's API key, as just read from the database, is valid. Members have none.
    fn check_api_key(&self, state: &AppState, api_key: Option<ApiKey>) -> Result<(), Problem> {
        let Self::ApiKey(credential) = self else { return Ok(()) };
        let api_key = api_key.ok_or(Denial::InvalidKey);
        api_key.and_then(|api_key| api_key.check(Scope::Read, state.clock.now())).map_err(Problem::Denied)?;
        state.api_keys.touch(*credential);
        Ok(())
    }

    /// Submits a command. The writer checks the API key in the transaction that decides the command.
    pub(super) async fn submit(
        &self,
        state: &AppState,
        idempotency_key: IdempotencyKey,
        command: Command,
    ) -> Result<Answer, Problem> {
        let mut submission = Submission::new(self.org(), Some(idempotency_key), command);
        if let Self::ApiKey(credential) = self {
            submission.permit = Some(Permit { api_key: credential.key, needs: Scope::Spend });
        }
        let answer = state.reader.writer.submit(submission).await;
        if let (Ok(_), Self::ApiKey(credential)) = (&answer, self) {
            state.api_keys.touch(*credential);
        }
        answer.map_err(|error| Problem::of_submit(error, state.clock.now()))
    }
}
