//! The `RateLimit` and `RateLimit-Policy` response headers (IETF draft "RateLimit header fields for HTTP", version 10).

use axum::http::{HeaderName, HeaderValue, Response};
use brightmeter::{
    access::{guard::RateStatus, refusal::Refusal},
    time::{Instant, seconds_until},
};

const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// The policy that limits the requests in a window.
const REQUESTS: &str = "requests";
/// The policy that limits how soon one request may follow another: one in each interval.
const INTERVAL: &str = "interval";

/// Adds the headers for `rate_status`, or none if no limit applies.
pub(super) fn add<B>(response: &mut Response<B>, rate_status: Option<RateStatus>, now: Instant) {
    let Some(RateStatus { requests, window_seconds, remaining, resets_at }) = rate_status else { return };
    for (name, text) in headers(REQUESTS, (requests, window_seconds), remaining, seconds_until(now, resets_at)) {
        if let Ok(value) = HeaderValue::from_str(&text) {
            response.headers_mut().insert(name, value);
        }
    }
}

/// Returns the headers for a caller who has no requests left, or `None` if the refusal has another reason.
pub(super) fn exhausted(refusal: &Refusal, now: Instant) -> Option<[(HeaderName, String); 2]> {
    match refusal {
        Refusal::RateLimited { requests, window_seconds, until } => {
            Some(headers(REQUESTS, (*requests, *window_seconds), 0, seconds_until(now, *until)))
        }
        Refusal::TooFrequent { interval_seconds, until } => {
            Some(headers(INTERVAL, (1, *interval_seconds), 0, seconds_until(now, *until)))
        }
        _ => None,
    }
}

/// Returns the headers of a policy: so many requests in so many seconds, of which some remain for `seconds` more.
fn headers(policy: &str, (quota, window): (u16, u32), remaining: u16, seconds: u32) -> [(HeaderName, String); 2] {
    [
        (RATE_LIMIT_POLICY, format!("\"{policy}\";q={quota};w={window}")),
        (RATE_LIMIT, format!("\"{policy}\";r={remaining};t={seconds}")),
    ]
}
