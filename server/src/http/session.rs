//! Who is signed in.

use std::collections::HashMap;

use app::{backend::SignedIn, told::Told};
use axum::{
    extract::{Request, State},
    http::Method,
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use brightmeter::{
    ids::{MemberId, OrgId, UserId},
    time::Instant,
};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use tower_sessions::{
    Expiry, Session, SessionManagerLayer,
    cookie::{SameSite, time},
    session::Error,
    session_store,
};

use super::{AppState, headers::keep_nowhere, session_store::PgSessions};
use crate::storage::memberships::Membership;

/// A session that nobody used for so long ends.
const IDLE: time::Duration = time::Duration::days(7);
/// Every session ends so long after it began.
const ABSOLUTE: TimeDelta = TimeDelta::days(30);
/// How often a session that is in use is written, to move its idle end.
const TOUCH: TimeDelta = TimeDelta::minutes(10);
/// What the session's record is kept under.
const KEY: &str = "signed_in";

/// What a session remembers.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Remembered {
    user: UserId,
    org: OrgId,
    member: MemberId,
    signed_in_at: Instant,
    touched_at: Instant,
}

/// Sessions by cookie: not readable by scripts, not sent along from other sites but for following a link (the way back from
/// a payment page is one), and on https bound to this very host.
pub(super) fn layer(state: &AppState) -> SessionManagerLayer<PgSessions> {
    let idle = TimeDelta::seconds(IDLE.whole_seconds());
    let store = PgSessions { pool: state.pool.clone(), clock: state.clock.clone(), idle };
    SessionManagerLayer::new(store)
        .with_name(if state.https { "__Host-brightmeter" } else { "brightmeter" })
        .with_secure(state.https)
        .with_same_site(SameSite::Lax)
        .with_path("/")
        .with_expiry(Expiry::OnInactivity(IDLE))
}

/// Who is signed in with the session that has `data`.
pub(super) fn user_of(data: &HashMap<String, serde_json::Value>) -> Option<UserId> {
    let remembered = data.get(KEY)?;
    Remembered::deserialize(remembered).ok().map(|remembered| remembered.user)
}

/// Puts [`SignedIn`] into the request, and sends those who are not to the sign-in, where a page needs it.
pub(super) async fn identify(
    State(state): State<AppState>,
    session: Session,
    mut request: Request,
    next: Next,
) -> Response {
    let who = match recall(&state, &session).await {
        Ok(who) => who,
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a session could not be read");
            return axum::http::StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
    };
    let path = request.uri().path();
    match (&who, request.method()) {
        (Some(_), &Method::GET) if path == "/" || path == "/signin" => {
            return Redirect::to("/dashboard").into_response();
        }
        (None, &Method::GET) if needs_sign_in(path) => {
            let next = request.uri().path_and_query().map_or("/dashboard", |path| path.as_str());
            return Redirect::to(&sign_in_url(next)).into_response();
        }
        (None, _) if needs_sign_in(path) => return Redirect::to(&Told::SessionEnded.on("/signin")).into_response(),
        _ => {}
    }
    if let Some(who) = who {
        request.extensions_mut().insert(who);
    }
    keep_nowhere(next.run(request).await)
}

/// Starts a session under a new id, so that one known from before is worth nothing.
///
/// # Errors
/// If the store does not answer.
pub(super) async fn begin(session: &Session, user: UserId, to: &Membership, now: Instant) -> Result<(), Error> {
    session.cycle_id().await?;
    let (org, member) = (to.organization.id, to.id);
    let remembered = Remembered { user, org, member, signed_in_at: now, touched_at: now };
    session.insert(KEY, remembered).await
}

/// Goes on in another organization of the same person.
///
/// # Errors
/// If the store does not answer.
pub(super) async fn change(session: &Session, to: &Membership) -> Result<(), Error> {
    if let Some(remembered) = session.get::<Remembered>(KEY).await? {
        session.insert(KEY, Remembered { org: to.organization.id, member: to.id, ..remembered }).await?;
    }
    Ok(())
}

async fn recall(state: &AppState, session: &Session) -> Result<Option<SignedIn>, Error> {
    let Some(remembered) = session.get::<Remembered>(KEY).await? else { return Ok(None) };
    let now = state.clock.now();
    if now - remembered.signed_in_at >= ABSOLUTE {
        session.flush().await?;
        return Ok(None);
    }
    // A membership that has ended ends the session with it, whatever was asked for.
    let found = state.visitors.find(remembered.user, remembered.org, remembered.member).await;
    let found = found.map_err(|error| Error::Store(session_store::Error::Backend(error.to_string())))?;
    if found.is_none() {
        session.flush().await?;
    } else if now - remembered.touched_at >= TOUCH {
        session.insert(KEY, Remembered { touched_at: now, ..remembered }).await?;
    }
    Ok(found)
}

fn needs_sign_in(path: &str) -> bool {
    let sections = ["/dashboard", "/quests", "/activity", "/billing", "/activity.csv", "/switch", "/account", "/keys"];
    sections
        .iter()
        .any(|section| path.strip_prefix(section).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

/// The sign-in that leads back to `next`.
pub(super) fn sign_in_url(next: &str) -> String {
    let query = serde_urlencoded::to_string([("next", next)]).unwrap_or_default();
    format!("/signin?{query}")
}

/// A path of this site to go to, or the dashboard: never another site, however it is written.
pub(super) fn local(next: &str) -> &str {
    let local = next.starts_with('/')
        && !next.starts_with("//")
        && !next.starts_with("/\\")
        && next.len() <= 2_000
        && !next.chars().any(char::is_control);
    if local { next } else { "/dashboard" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_site() {
        for next in ["https://evil.example", "//evil.example", "/\\evil.example", "", "javascript:alert(1)", "/\n/evil"]
        {
            assert_eq!(local(next), "/dashboard", "{next}");
        }
        assert_eq!(local("/quests?job=1"), "/quests?job=1");
    }
}
