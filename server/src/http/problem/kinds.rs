//! The kinds of problems: one table for the responses and for `/api/docs`.

use axum::http::StatusCode;

/// A kind of problem.
pub(in crate::http) struct Kind {
    /// The code, for programs. It never changes its meaning.
    pub(in crate::http) code: &'static str,
    /// The HTTP status.
    pub(in crate::http) status: StatusCode,
    /// The title, for people.
    pub(in crate::http) title: &'static str,
    /// What the client can do about it.
    pub(in crate::http) fix: &'static str,
}

const fn kind(code: &'static str, status: StatusCode, title: &'static str, fix: &'static str) -> Kind {
    Kind { code, status, title, fix }
}

/// The kinds that a request can meet, in the order of `/api/docs`. The codes of refusals are the domain's.
pub(in crate::http) const KINDS: [Kind; 30] = [
    kind("malformed", StatusCode::BAD_REQUEST, "Malformed request", "Send valid JSON in UTF-8."),
    kind(
        "idempotency_key_missing",
        StatusCode::BAD_REQUEST,
        "Missing or invalid Idempotency-Key",
        "Send the header with a unique value, such as a new UUID.",
    ),
    kind(
        "credential_invalid",
        StatusCode::UNAUTHORIZED,
        "Missing or invalid credential",
        "Send a valid API key. Owners and admins create API keys on /keys.",
    ),
    kind(
        "signature_invalid",
        StatusCode::BAD_REQUEST,
        "Invalid Stripe signature",
        "Stripe's webhook only: set STRIPE_WEBHOOK_SECRET to this endpoint's signing secret.",
    ),
    kind(
        "insufficient_tokens",
        StatusCode::PAYMENT_REQUIRED,
        "Not enough tokens",
        "Buy a pack, or wait until resets_at.",
    ),
    kind(
        "scope_missing",
        StatusCode::FORBIDDEN,
        "Insufficient scope",
        "Use an API key with a larger scope. In a browser session, ask an owner or admin.",
    ),
    kind(
        "feature_not_in_plan",
        StatusCode::FORBIDDEN,
        "Feature not in plan",
        "Upgrade to a plan that includes the feature.",
    ),
    kind(
        "license_suspended",
        StatusCode::FORBIDDEN,
        "License suspended",
        "Pay the open invoice: that restores everything immediately. If the detail says so, contact support.",
    ),
    kind("not_found", StatusCode::NOT_FOUND, "Not found", "Check the URL and the id."),
    kind("member_not_found", StatusCode::NOT_FOUND, "Member not found", "Use the id of a member of your organization."),
    kind("hold_not_found", StatusCode::NOT_FOUND, "Hold not found", "Check the hold's id."),
    kind(
        "spend_not_found",
        StatusCode::NOT_FOUND,
        "Spend not found",
        "Use the transaction_id of a deduct or a capture.",
    ),
    kind(
        "method_not_allowed",
        StatusCode::METHOD_NOT_ALLOWED,
        "Method not allowed",
        "Use a method that is listed above for the URL.",
    ),
    kind(
        "hold_closed",
        StatusCode::CONFLICT,
        "Hold closed",
        "The hold has already ended; the ledger shows how. Nothing was charged twice.",
    ),
    kind(
        "already_refunded",
        StatusCode::CONFLICT,
        "Already refunded",
        "No action needed: the tokens have been returned.",
    ),
    kind(
        "body_timeout",
        StatusCode::REQUEST_TIMEOUT,
        "Body too slow",
        "Send the whole body immediately. Repeat the request with the same Idempotency-Key.",
    ),
    kind("too_large", StatusCode::PAYLOAD_TOO_LARGE, "Body too large", "Send at most 64 KiB."),
    kind(
        "unsupported_media_type",
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "Not JSON",
        "Send Content-Type: application/json.",
    ),
    kind("invalid_field", StatusCode::UNPROCESSABLE_ENTITY, "Invalid field", "Fix the fields listed under errors."),
    kind(
        "key_reused",
        StatusCode::UNPROCESSABLE_ENTITY,
        "Idempotency-Key reused",
        "Use a new Idempotency-Key for a new request.",
    ),
    kind("unknown_feature", StatusCode::UNPROCESSABLE_ENTITY, "Unknown feature", "Use a feature from GET /catalog."),
    kind(
        "capture_exceeds_hold",
        StatusCode::UNPROCESSABLE_ENTITY,
        "Capture exceeds hold",
        "Capture at most the held amount.",
    ),
    kind("amount_out_of_range", StatusCode::UNPROCESSABLE_ENTITY, "Amount out of range", "Send a smaller amount."),
    kind(
        "ttl_out_of_range",
        StatusCode::UNPROCESSABLE_ENTITY,
        "Duration out of range",
        "Set ttl_seconds to at least 1 second and at most 24 hours.",
    ),
    kind("rate_limited", StatusCode::TOO_MANY_REQUESTS, "Too many requests", "Wait for Retry-After seconds."),
    kind("too_frequent", StatusCode::TOO_MANY_REQUESTS, "Too soon", "Wait for Retry-After seconds."),
    kind(
        "busy",
        StatusCode::SERVICE_UNAVAILABLE,
        "Busy",
        "The request had no effect. Repeat it with the same Idempotency-Key.",
    ),
    kind(
        "outcome_unknown",
        StatusCode::SERVICE_UNAVAILABLE,
        "Outcome unknown",
        "Repeat the request with the same Idempotency-Key.",
    ),
    kind("internal", StatusCode::INTERNAL_SERVER_ERROR, "Internal error", "Contact support with the request_id."),
    kind("http_error", StatusCode::BAD_REQUEST, "HTTP error", "Check the HTTP status."),
];

/// The kinds of refusals that no request can meet, so that `/api/docs` must not list them: no rule produces the first
/// three yet, and no route submits a command that the others refuse. Move a kind to [`KINDS`] when that changes.
const UNDOCUMENTED_KINDS: [Kind; 9] = [
    kind("account_closed", StatusCode::FORBIDDEN, "Account closed", "Contact support."),
    kind("blocked", StatusCode::FORBIDDEN, "Temporarily blocked", "Wait until resets_at, then send fewer requests."),
    kind(
        "quota_reached",
        StatusCode::TOO_MANY_REQUESTS,
        "Quota reached",
        "Ask an owner or admin for a higher quota, or wait until resets_at.",
    ),
    kind("purchase_not_found", StatusCode::NOT_FOUND, "Purchase not found", "Check the purchase's id."),
    kind(
        "plan_unchanged",
        StatusCode::CONFLICT,
        "Plan unchanged",
        "No action needed: the organization is on that plan.",
    ),
    kind(
        "already_suspended",
        StatusCode::CONFLICT,
        "Already suspended",
        "No action needed: staff have suspended the license.",
    ),
    kind(
        "not_suspended",
        StatusCode::CONFLICT,
        "Not suspended",
        "No action needed: staff have not suspended the license.",
    ),
    kind("unknown_plan", StatusCode::UNPROCESSABLE_ENTITY, "Unknown plan", "Use a plan from GET /catalog."),
    kind(
        "unknown_token_type",
        StatusCode::UNPROCESSABLE_ENTITY,
        "Unknown token type",
        "Use a token type from GET /catalog.",
    ),
];

/// Returns the kind with this code, or `http_error` if the code is unknown.
pub(super) fn kind_of(code: &str) -> &'static Kind {
    KINDS.iter().chain(&UNDOCUMENTED_KINDS).find(|kind| kind.code == code).unwrap_or(&KINDS[KINDS.len() - 1])
}

#[cfg(test)]
mod tests {
    use app::error::AppError;
    use brightmeter::{access::refusal::Refusal, time::Instant};

    use super::*;

    #[test]
    fn a_refusal_has_the_same_status_in_the_browser_and_in_the_api() {
        let instant: Instant = "2026-03-10T09:00:00Z".parse().unwrap();
        let tokens = Default::default;
        let name = |text: &str| text.to_owned();
        let refusals = [
            Refusal::AccountClosed { since: instant },
            Refusal::Blocked { until: instant },
            Refusal::FeatureNotInPlan {
                feature: name("ping").try_into().unwrap(),
                plan: name("starter").try_into().unwrap(),
                needs: name("pro").try_into().unwrap(),
            },
            Refusal::LicenseSuspended { off: brightmeter::billing::license::Restriction::Ai, since: None },
            Refusal::LicenseSuspendedByStaff { since: instant },
            Refusal::RateLimited { requests: 30, window_seconds: 60, until: instant },
            Refusal::TooFrequent { interval_seconds: 3, until: instant },
            Refusal::QuotaReached { remaining: tokens(), resets_at: instant },
            Refusal::InsufficientTokens {
                token_type: name("ai").try_into().unwrap(),
                needed: tokens(),
                available: tokens(),
                withheld: tokens(),
                resets_at: None,
            },
            Refusal::UnknownFeature { feature: name("ping").try_into().unwrap() },
            Refusal::UnknownPlan { plan: name("gold").try_into().unwrap() },
            Refusal::UnknownTokenType { token_type: name("ai").try_into().unwrap() },
            Refusal::PlanUnchanged { plan: name("pro").try_into().unwrap() },
            Refusal::AlreadySuspended,
            Refusal::NotSuspended,
            Refusal::HoldNotFound,
            Refusal::HoldClosed { state: "captured".into() },
            Refusal::CaptureExceedsHold { held: tokens() },
            Refusal::SpendNotFound,
            Refusal::PurchaseNotFound,
            Refusal::AlreadyRefunded,
            Refusal::AmountOutOfRange { reason: "too much".into() },
            Refusal::TtlOutOfRange { max_seconds: 60 },
        ];
        for refusal in refusals {
            let kind = kind_of(refusal.code());
            assert_eq!(kind.code, refusal.code());
            assert_eq!(kind.status.as_u16(), AppError::Refused { refusal }.status(), "{}", kind.code);
        }
    }
}
