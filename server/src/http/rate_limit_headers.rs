//! The `RateLimit` and `RateLimit-Policy` response headers (IETF draft "RateLimit header fields for HTTP", version 10).

use axum::http::{HeaderName, HeaderValue, Response};
use brightmeter::{
    access::guard::RateStatus,
    time::{Instant, seconds_until},
};

const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// Adds the headers for `rate_status`, or none if no limit applies.
pub(super) fn add<B>(response: &mut Response<B>, rate_status: Option<RateStatus>, now: Instant) {
    let Some(RateStatus { requests, window_seconds, remaining, resets_at }) = rate_status else { return };
    for (name, text) in headers(requests, window_seconds, remaining, seconds_until(now, resets_at)) {
        if let Ok(value) = HeaderValue::from_str(&text) {
            response.headers_mut().insert(name, value);
        }
    }
}

/// Returns the headers for a caller who has no requests left until `until`.
pub(super) fn exhausted(requests: u16, window_seconds: u32, until: Instant, now: Instant) -> [(HeaderName, String); 2] {
    headers(requests, window_seconds, 0, seconds_until(now, until))
}

fn headers(requests: u16, window_seconds: u32, remaining: u16, seconds: u32) -> [(HeaderName, String); 2] {
    [
        (RATE_LIMIT_POLICY, format!("\"requests\";q={requests};w={window_seconds}")),
        (RATE_LIMIT, format!("\"requests\";r={remaining};t={seconds}")),
    ]
}
