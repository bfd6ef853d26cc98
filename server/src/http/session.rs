//! Who is signed in.

use std::collections::HashMap;

use app::{error::AppError, flash::Flash, form::Form};
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

use super::{
    AppState,
    headers::keep_nowhere,
    pages::{Posted, again, status},
    session_store::PgSessions,
};
use crate::{http::viewer::ViewerIdentity, storage::memberships::Membership};

/// A session that nobody used for so long ends.
const IDLE_TIMEOUT: time::Duration = time::Duration::days(7);
/// Every session ends so long after it began.
const MAX_SESSION_AGE: TimeDelta = TimeDelta::days(30);
/// How often a session that is in use is written, to move its idle end.
const TOUCH_INTERVAL: TimeDelta = TimeDelta::minutes(10);
/// What the session's record is kept under.
const SESSION_DATA_KEY: &str = "signed_in";

/// Pages and forms for members of an organization.
const FOR_MEMBERS: [&str; 9] =
    ["/dashboard", "/quests", "/activity", "/billing", "/license", "/activity.csv", "/switch", "/account", "/keys"];
/// Pages and forms for staff.
const FOR_STAFF: &str = "/admin";

/// What a session remembers.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct SessionData {
    user: UserId,
    /// None for staff who belong to no organization.
    #[serde(flatten)]
    membership: Option<ActiveMembership>,
    signed_in_at: Instant,
    touched_at: Instant,
}

/// A membership in an organization.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct ActiveMembership {
    org: OrgId,
    member: MemberId,
}

impl ActiveMembership {
    fn of(membership: &Membership) -> Self {
        Self { org: membership.organization.id, member: membership.id }
    }
}

/// Sessions by cookie: not readable by scripts, not sent along from other sites but for following a link (the way back from
/// a payment page is one), and on https bound to this very host.
pub(super) fn layer(state: &AppState) -> SessionManagerLayer<PgSessions> {
    let idle = TimeDelta::seconds(IDLE_TIMEOUT.whole_seconds());
    let store = PgSessions { pool: state.pool.clone(), clock: state.clock.clone(), idle };
    SessionManagerLayer::new(store)
        .with_name(if state.https { "__Host-brightmeter" } else { "brightmeter" })
        .with_secure(state.https)
        .with_same_site(SameSite::Lax)
        .with_path("/")
        .with_expiry(Expiry::OnInactivity(IDLE_TIMEOUT))
}

/// Who is signed in with the session that has `data`.
pub(super) fn user_of(data: &HashMap<String, serde_json::Value>) -> Option<UserId> {
    let remembered = data.get(SESSION_DATA_KEY)?;
    SessionData::deserialize(remembered).ok().map(|remembered| remembered.user)
}

/// Puts [`SignedIn`](app::backend::SignedIn) and [`StaffMember`](app::backend::StaffMember) into the request, and sends those who
/// are neither to the sign-in, where a page needs it. For whoever is no staff there is no staff console.
pub(super) async fn identify(
    State(state): State<AppState>,
    session: Session,
    mut request: Request,
    next: Next,
) -> Response {
    let viewer = match recall(&state, &session).await {
        Ok(viewer) => viewer,
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a session could not be read");
            return axum::http::StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
    };
    let path = request.uri().path();
    match (&viewer, request.method()) {
        (Some(viewer), &Method::GET) if path == "/" || path == "/signin" => {
            return Redirect::to(viewer.home()).into_response();
        }
        (Some(ViewerIdentity::Staff(_)), &Method::GET) if is_for_members(path) => {
            return Redirect::to(FOR_STAFF).into_response();
        }
        (Some(ViewerIdentity::Staff(_)), _) if is_for_members(path) => {
            return status(&AppError::NotFound).into_response();
        }
        (None, &Method::GET) if needs_sign_in(path) => {
            let next = request.uri().path_and_query().map_or("/dashboard", |path| path.as_str());
            return Redirect::to(&sign_in_url(next)).into_response();
        }
        (None, _) if needs_sign_in(path) => return Redirect::to(&Flash::SessionEnded.on("/signin")).into_response(),
        _ => {}
    }
    let hidden = is_in(path, FOR_STAFF) && viewer.as_ref().is_some_and(|viewer| viewer.staff().is_none());
    let (who, staff) = match viewer {
        Some(ViewerIdentity::Member(who, staff)) => (Some(*who), staff),
        Some(ViewerIdentity::Staff(staff)) => (None, Some(staff)),
        None => (None, None),
    };
    if let Some(who) = who {
        request.extensions_mut().insert(who);
    }
    if let Some(staff) = staff {
        request.extensions_mut().insert(staff);
    }
    keep_nowhere(if hidden { nothing_here(&state, request).await } else { next.run(request).await })
}

/// What an address without a page answers, whatever was sent to it.
async fn nothing_here(state: &AppState, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let posted = Posted { uri: parts.uri, headers: parts.headers, extensions: parts.extensions };
    again(state, posted, Form { values: Vec::new(), error: Some(AppError::NotFound) }).await
}

/// Starts a session under a new id, so that one known from before is worth nothing.
///
/// # Errors
/// If the store does not answer.
pub(super) async fn begin(session: &Session, user: UserId, to: Option<&Membership>, now: Instant) -> Result<(), Error> {
    session.cycle_id().await?;
    let remembered = SessionData { user, membership: to.map(ActiveMembership::of), signed_in_at: now, touched_at: now };
    session.insert(SESSION_DATA_KEY, remembered).await
}

/// Goes on in another organization of the same person.
///
/// # Errors
/// If the store does not answer.
pub(super) async fn change(session: &Session, to: &Membership) -> Result<(), Error> {
    if let Some(remembered) = session.get::<SessionData>(SESSION_DATA_KEY).await? {
        session
            .insert(SESSION_DATA_KEY, SessionData { membership: Some(ActiveMembership::of(to)), ..remembered })
            .await?;
    }
    Ok(())
}

async fn recall(state: &AppState, session: &Session) -> Result<Option<ViewerIdentity>, Error> {
    let Some(remembered) = session.get::<SessionData>(SESSION_DATA_KEY).await? else { return Ok(None) };
    let now = state.clock.now();
    if now - remembered.signed_in_at >= MAX_SESSION_AGE {
        session.flush().await?;
        return Ok(None);
    }
    // A membership that has ended ends the session with it, whatever was asked for; so does being staff, for those without one.
    let found = state
        .viewers
        .find(remembered.user, remembered.membership.map(|membership| (membership.org, membership.member)))
        .await;
    let found = found.map_err(|error| Error::Store(session_store::Error::Backend(error.to_string())))?;
    if found.is_none() {
        session.flush().await?;
    } else if now - remembered.touched_at >= TOUCH_INTERVAL {
        session.insert(SESSION_DATA_KEY, SessionData { touched_at: now, ..remembered }).await?;
    }
    Ok(found)
}

fn needs_sign_in(path: &str) -> bool {
    is_for_members(path) || is_in(path, FOR_STAFF)
}

fn is_for_members(path: &str) -> bool {
    FOR_MEMBERS.iter().any(|section| is_in(path, section))
}

fn is_in(path: &str, section: &str) -> bool {
    path.strip_prefix(section).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
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

    #[test]
    fn a_session_with_or_without_a_seat_is_read_as_it_was_written() {
        let (user, id) = (UserId(uuid::Uuid::from_u128(1)), uuid::Uuid::from_u128(2));
        let now: Instant = "2026-03-10T09:00:00Z".parse().unwrap();
        for membership in [None, Some(ActiveMembership { org: OrgId(id), member: MemberId(id) })] {
            let written = SessionData { user, membership, signed_in_at: now, touched_at: now };
            let written = serde_json::to_value(written).unwrap();
            assert_eq!(
                written.get("org").is_some(),
                membership.is_some(),
                "the names are those of older sessions: {written}"
            );
            let read: SessionData = serde_json::from_value(written.clone()).unwrap();
            assert_eq!(
                read.membership.map(|membership| (membership.org.0, membership.member.0)),
                membership.map(|_| (id, id))
            );
            assert_eq!(user_of(&HashMap::from([(SESSION_DATA_KEY.to_owned(), written)])), Some(user));
        }
    }
}
