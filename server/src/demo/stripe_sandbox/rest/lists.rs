//! Reads: one object, or a page of a list.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use serde_json::Value;

use crate::demo::stripe_sandbox::{
    Sandbox,
    error::ApiError,
    objects,
    params::{Params, whole_number},
    state::State,
};

/// The length of a list if the request sets no `limit`, as at Stripe.
const DEFAULT_LIMIT: u64 = 10;
/// The longest list.
const MAX_LIMIT: u64 = 100;

/// Answers a read. `query` is the URL's query string.
pub(super) fn read(
    sandbox: &Sandbox,
    query: Option<String>,
    execute: impl FnOnce(&State, Params) -> Result<Value, ApiError>,
) -> Response {
    let params = Params::parse(query.unwrap_or_default().as_bytes());
    match params.and_then(|params| execute(&sandbox.state(), params)) {
        Ok(object) => Json(object).into_response(),
        Err(error) => error.into_response(),
    }
}

/// A page of a list: its length, and the id of the object that it comes after.
pub(super) struct Page {
    limit: usize,
    starting_after: Option<String>,
}

impl Page {
    pub(super) fn take(params: &mut Params) -> Result<Self, ApiError> {
        let limit = params.take("limit").map(|limit| whole_number("limit", &limit, &(1..=MAX_LIMIT))).transpose()?;
        let limit = usize::try_from(limit.unwrap_or(DEFAULT_LIMIT)).unwrap_or_default();
        Ok(Self { limit, starting_after: params.take("starting_after") })
    }

    /// Returns the page's part of `all` objects as a list of `/v1/{path}`.
    pub(super) fn list(self, path: &str, all: Vec<Value>) -> Result<Value, ApiError> {
        let start = match &self.starting_after {
            None => 0,
            Some(id) => {
                let found = all.iter().position(|object| object["id"] == id.as_str());
                found.ok_or_else(|| ApiError::unknown("starting_after", path.trim_end_matches('s'), id))? + 1
            }
        };
        let has_more = all.len() > start + self.limit;
        let data = all.into_iter().skip(start).take(self.limit).collect();
        Ok(objects::list(&format!("/v1/{path}"), has_more, data))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::demo::stripe_sandbox::testing::params;

    fn page(fields: &[(&str, &str)]) -> Result<Value, ApiError> {
        let all = (1..=12).map(|n| json!({ "id": format!("sub_{n}") })).collect();
        Page::take(&mut params(fields))?.list("subscriptions", all)
    }

    #[track_caller]
    fn check(fields: &[(&str, &str)], first: &str, len: usize, has_more: bool) {
        let list = page(fields).unwrap();
        let data = list["data"].as_array().unwrap();
        assert_eq!((&data[0]["id"], data.len(), &list["has_more"]), (&first.into(), len, &has_more.into()));
    }

    #[test]
    fn a_list_has_pages() {
        check(&[], "sub_1", 10, true);
        check(&[("limit", "12")], "sub_1", 12, false);
        check(&[("starting_after", "sub_10")], "sub_11", 2, false);
        check(&[("limit", "3"), ("starting_after", "sub_8")], "sub_9", 3, true);
        assert_eq!(page(&[("starting_after", "sub_12")]).unwrap()["data"], json!([]));
    }

    #[test]
    fn malformed_pages_are_refused() {
        for fields in [("limit", "0"), ("limit", "101"), ("limit", "all"), ("starting_after", "sub_13")] {
            assert!(page(&[fields]).is_err(), "{fields:?}");
        }
    }
}
