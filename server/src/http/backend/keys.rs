//! `/keys`: the keys of services.

use app::{
    backend::SignedIn,
    views::{ApiKeyState, ApiKeyView, ApiKeysView},
};
use brightmeter::access::api_key::ApiKey;

use super::{AppBackend, BackendError, Wording};

pub(super) async fn keys(backend: &AppBackend, who: &SignedIn) -> Result<ApiKeysView, BackendError> {
    if !who.viewer.manages() {
        return Err(BackendError::Forbidden);
    }
    let wording = Wording::new(backend, who);
    let keys = backend.api_keys.list(who.org).await?;
    Ok(ApiKeysView {
        keys: keys.into_iter().map(|key| view(key, wording)).collect(),
        new_id: backend.reader.clock.new_id().to_string(),
    })
}

fn view(key: ApiKey, wording: Wording) -> ApiKeyView {
    let state = match (key.revoked_at, key.expires_at) {
        (Some(at), _) => ApiKeyState::Revoked { at: wording.when(at) },
        (None, Some(at)) if at <= wording.now => ApiKeyState::Expired { at: wording.when(at) },
        (None, until) => ApiKeyState::Holds { until: until.map(|at| wording.when(at)) },
    };
    ApiKeyView {
        id: key.id.to_string(),
        name: key.name,
        shown: key.shown,
        scope: key.scope.to_string(),
        created_at: wording.when(key.created_at),
        last_used_at: key.last_used_at.map(|at| wording.when(at)),
        state,
    }
}
