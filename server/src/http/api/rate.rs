//! The fields that tell a client how much of its rate is left (IETF draft "RateLimit header fields for HTTP", version 10).

use axum::http::{HeaderName, HeaderValue, Response};
use brightmeter::{
    access::guard::RateStatus,
    time::{Instant, seconds_until},
};

const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// Writes the fields for a caller at that pace; none where no limit applies.
pub(super) fn add<B>(response: &mut Response<B>, rate_status: Option<RateStatus>, now: Instant) {
    let Some(RateStatus { requests, window_seconds, remaining, resets_at }) = rate_status else { return };
    for (name, text) in fields(requests, window_seconds, remaining, seconds_until(now, resets_at)) {
        if let Ok(value) = HeaderValue::from_str(&text) {
            response.headers_mut().insert(name, value);
        }
    }
}

/// The fields for a caller who has nothing left until `until`.
pub(super) fn spent(requests: u16, window_seconds: u32, until: Instant, now: Instant) -> [(HeaderName, String); 2] {
    fields(requests, window_seconds, 0, seconds_until(now, until))
}

fn fields(requests: u16, window_seconds: u32, remaining: u16, seconds: u32) -> [(HeaderName, String); 2] {
    [
        (RATE_LIMIT_POLICY, format!("\"requests\";q={requests};w={window_seconds}")),
        (RATE_LIMIT, format!("\"requests\";r={remaining};t={seconds}")),
    ]
}
