//! `/keys`: the keys of services.

use app::{
    backend::SignedIn,
    views::{KeyState, KeyView, KeysView},
};
use brightmeter::access::api_key::ApiKey;

use super::{Portal, PortalError, Wording};

pub(super) async fn keys(portal: &Portal, who: &SignedIn) -> Result<KeysView, PortalError> {
    if !who.viewer.manages() {
        return Err(PortalError::Forbidden);
    }
    let wording = Wording::new(portal, who);
    let keys = portal.keys.list(who.org).await?;
    Ok(KeysView {
        keys: keys.into_iter().map(|key| view(key, wording)).collect(),
        new_id: portal.reader.clock.new_id().to_string(),
    })
}

fn view(key: ApiKey, wording: Wording) -> KeyView {
    let state = match (key.revoked_at, key.expires_at) {
        (Some(at), _) => KeyState::Revoked { at: wording.when(at) },
        (None, Some(at)) if at <= wording.now => KeyState::Expired { at: wording.when(at) },
        (None, until) => KeyState::Holds { until: until.map(|at| wording.when(at)) },
    };
    KeyView {
        id: key.id.to_string(),
        name: key.name,
        shown: key.shown,
        scope: key.scope.to_string(),
        created_at: wording.when(key.created_at),
        last_used_at: key.last_used_at.map(|at| wording.when(at)),
        state,
    }
}
