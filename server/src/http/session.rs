//! Sessions: starts and ends them, and identifies the viewer of each request.

use app::backend::SignedIn;
use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use brightmeter::{ids::UserId, time::Instant};
use chrono::TimeDelta;
use tower_sessions::{
    Expiry, Session, SessionManagerLayer,
    cookie::{SameSite, time},
    session::Error,
    session_store,
};

use super::{AppState, backend::internal, headers::no_store, viewer::ViewerIdentity};
use crate::service::{
    memberships::Membership,
    session_data::{ActiveMembership, SESSION_DATA_KEY, SessionData},
    session_store::PgSessions,
};

/// The lifetime of an unused session.
const IDLE_TIMEOUT: time::Duration = time::Duration::days(7);
/// The maximum lifetime of a session, used or not.
const MAX_SESSION_AGE: TimeDelta = TimeDelta::days(30);
/// The minimum interval between writes that extend an active session.
const TOUCH_INTERVAL: TimeDelta = TimeDelta::minutes(10);

/// The session layer. The cookie is HTTP-only, SameSite=Lax (so that it is sent when Stripe's payment page links back),
/// and on HTTPS bound to this host.
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

/// Adds the viewer to the request: a [`ViewerIdentity`], and of it the [`SignedIn`] member and the
/// [`StaffMember`](app::backend::StaffMember). Guards of route groups decide who may enter.
pub(super) async fn identify(
    State(state): State<AppState>,
    session: Session,
    mut request: Request,
    next: Next,
) -> Response {
    let viewer = match load_viewer(&state, &session).await {
        Ok(viewer) => viewer,
        Err(error) => {
            tracing::debug!(error = &error as &dyn std::error::Error, "the viewer is unknown");
            return axum::http::StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
    };
    match &viewer {
        Some(ViewerIdentity::Member(who, staff)) => {
            request.extensions_mut().insert(SignedIn::clone(who));
            if let Some(staff) = staff {
                request.extensions_mut().insert(staff.clone());
            }
        }
        Some(ViewerIdentity::Staff(staff)) => {
            request.extensions_mut().insert(staff.clone());
        }
        None => {}
    }
    if let Some(viewer) = viewer {
        request.extensions_mut().insert(viewer);
    }
    no_store(next.run(request).await)
}

/// Starts a session under a new id, which prevents session fixation.
///
/// # Errors
/// If the session store fails.
pub(super) async fn start_session(
    session: &Session,
    user: UserId,
    to: Option<&Membership>,
    now: Instant,
) -> Result<(), Error> {
    session.cycle_id().await?;
    let data = SessionData { user, membership: to.map(ActiveMembership::of), signed_in_at: now, touched_at: now };
    session.insert(SESSION_DATA_KEY, data).await
}

/// Switches the session to another organization of the same user.
///
/// # Errors
/// If the session store fails.
pub(super) async fn switch_organization(session: &Session, to: &Membership) -> Result<(), Error> {
    if let Some(data) = session.get::<SessionData>(SESSION_DATA_KEY).await? {
        session.insert(SESSION_DATA_KEY, SessionData { membership: Some(ActiveMembership::of(to)), ..data }).await?;
    }
    Ok(())
}

async fn load_viewer(state: &AppState, session: &Session) -> Result<Option<ViewerIdentity>, Error> {
    let Some(data) = session.get::<SessionData>(SESSION_DATA_KEY).await? else { return Ok(None) };
    let now = state.clock.now();
    if now - data.signed_in_at >= MAX_SESSION_AGE {
        session.flush().await?;
        return Ok(None);
    }
    // The session ends with the membership, or with the staff role for staff without one.
    let found =
        state.viewers.find(data.user, data.membership.map(|membership| (membership.org, membership.member))).await;
    let found = found.map_err(|error| {
        internal(&error);
        Error::Store(session_store::Error::Backend(error.to_string()))
    })?;
    if found.is_none() {
        session.flush().await?;
    } else if now - data.touched_at >= TOUCH_INTERVAL {
        session.insert(SESSION_DATA_KEY, SessionData { touched_at: now, ..data }).await?;
    }
    Ok(found)
}

/// The URL of the sign-in page that leads back to `next`.
pub(super) fn sign_in_url(next: &str) -> String {
    let query = serde_urlencoded::to_string([("next", next)]).unwrap_or_default();
    format!("/signin?{query}")
}

/// Returns `next` if it is a path on this site, otherwise the dashboard's: prevents open redirects.
pub(super) fn local_path(next: &str) -> &str {
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
    fn a_redirect_never_leaves_the_site() {
        for next in ["https://evil.example", "//evil.example", "/\\evil.example", "", "javascript:alert(1)", "/\n/evil"]
        {
            assert_eq!(local_path(next), "/dashboard", "{next}");
        }
        assert_eq!(local_path("/quests?job=1"), "/quests?job=1");
    }
}
