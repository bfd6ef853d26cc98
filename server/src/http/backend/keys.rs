//! `/keys`: the organization's API keys.

use app::{
    backend::SignedIn,
    views::{ApiKeyState, ApiKeyView, ApiKeysView},
};
use brightmeter::access::{api_key::ApiKey, role::Action};

use super::{AppBackend, BackendError, Wording};

pub(super) async fn keys(backend: &AppBackend, who: &SignedIn) -> Result<ApiKeysView, BackendError> {
    who.authorize(Action::ManageApiKeys)?;
    let wording = Wording::new(backend, who);
    let keys = backend.api_keys.list(who.org).await?;
    Ok(ApiKeysView {
        keys: keys.into_iter().map(|key| view(key, wording)).collect(),
        new_id: backend.reader.clock.new_id().to_string(),
    })
}

fn view(key: ApiKey, wording: Wording) -> ApiKeyView {
    let state = match (key.revoked_at, key.expires_at) {
        (Some(at), _) => ApiKeyState::Revoked { at: wording.local_time(at) },
        (None, Some(at)) if at <= wording.now => ApiKeyState::Expired { at: wording.local_time(at) },
        (None, until) => ApiKeyState::Active { until: until.map(|at| wording.local_time(at)) },
    };
    ApiKeyView {
        id: key.id.to_string(),
        name: key.name,
        shown: key.shown,
        scope: key.scope.to_string(),
        created_at: wording.local_time(key.created_at),
        last_used_at: key.last_used_at.map(|at| wording.local_time(at)),
        state,
    }
}
