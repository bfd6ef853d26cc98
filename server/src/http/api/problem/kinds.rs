//! The kinds of problems: one table, for the answers and for `/api/docs`.

use axum::http::StatusCode;

/// A kind of problem, as `/api/docs` lists it.
pub(in crate::http::api) struct Kind {
    /// Its code, for programs.
    pub(in crate::http::api) code: &'static str,
    /// Its HTTP status.
    pub(in crate::http::api) status: StatusCode,
    /// In a few words.
    pub(in crate::http::api) title: &'static str,
    /// What to do about it.
    pub(in crate::http::api) mend: &'static str,
}

const fn kind(code: &'static str, status: StatusCode, title: &'static str, mend: &'static str) -> Kind {
    Kind { code, status, title, mend }
}

/// Every kind of problem there is. The codes of refusals are the domain's.
pub(in crate::http::api) const KINDS: [Kind; 38] = [
    kind("malformed", StatusCode::BAD_REQUEST, "Malformed request", "Send JSON that can be parsed, in UTF-8."),
    kind(
        "idempotency_key_missing",
        StatusCode::BAD_REQUEST,
        "Idempotency-Key is missing",
        "Send one, such as a new UUID.",
    ),
    kind(
        "credential_invalid",
        StatusCode::UNAUTHORIZED,
        "No valid credential",
        "Send a key that holds; make one on /keys.",
    ),
    kind(
        "signature_invalid",
        StatusCode::BAD_REQUEST,
        "No signature of Stripe's",
        "Only for Stripe's webhook: set STRIPE_WEBHOOK_SECRET to the secret of this endpoint.",
    ),
    kind(
        "insufficient_tokens",
        StatusCode::PAYMENT_REQUIRED,
        "Not enough tokens",
        "Buy a pack, or wait for resets_at.",
    ),
    kind("scope_missing", StatusCode::FORBIDDEN, "The key may not do this", "Use a key with a larger scope."),
    kind("feature_not_in_plan", StatusCode::FORBIDDEN, "Feature not in plan", "Take a larger plan."),
    kind(
        "license_suspended",
        StatusCode::FORBIDDEN,
        "License suspended",
        "Pay the open invoice: everything is back at once. Where the detail says so, ask support.",
    ),
    kind("blocked", StatusCode::FORBIDDEN, "Blocked for a while", "Wait for resets_at, and then ask less often."),
    kind("account_closed", StatusCode::FORBIDDEN, "Account closed", "Ask support."),
    kind("not_found", StatusCode::NOT_FOUND, "Not found", "Check the address and the id."),
    kind("member_not_found", StatusCode::NOT_FOUND, "No such member", "Name a member of your organization."),
    kind("hold_not_found", StatusCode::NOT_FOUND, "No such hold", "Check the id."),
    kind("spend_not_found", StatusCode::NOT_FOUND, "No such spend", "Name the transaction_id of a deduct."),
    kind("purchase_not_found", StatusCode::NOT_FOUND, "No such purchase", "Check the id."),
    kind(
        "method_not_allowed",
        StatusCode::METHOD_NOT_ALLOWED,
        "Method not allowed",
        "See what the address knows, above.",
    ),
    kind(
        "hold_closed",
        StatusCode::CONFLICT,
        "Hold closed",
        "It has ended; the ledger says how. Nothing was charged twice.",
    ),
    kind("already_refunded", StatusCode::CONFLICT, "Already refunded", "Nothing: the tokens are back."),
    kind("plan_unchanged", StatusCode::CONFLICT, "Plan unchanged", "Nothing: the organization is on that plan."),
    kind("already_suspended", StatusCode::CONFLICT, "Already suspended", "Nothing: staff have suspended the license."),
    kind("not_suspended", StatusCode::CONFLICT, "Not suspended", "Nothing: staff have not suspended the license."),
    kind("too_large", StatusCode::PAYLOAD_TOO_LARGE, "Too large", "Send at most 64 KiB."),
    kind(
        "unsupported_media_type",
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "Not JSON",
        "Send Content-Type: application/json.",
    ),
    kind("invalid_field", StatusCode::UNPROCESSABLE_ENTITY, "Invalid field", "Mend the fields under errors."),
    kind("key_reused", StatusCode::UNPROCESSABLE_ENTITY, "Idempotency-Key reused", "Take a new key for a new request."),
    kind("unknown_feature", StatusCode::UNPROCESSABLE_ENTITY, "Unknown feature", "Name one of /catalog."),
    kind("unknown_plan", StatusCode::UNPROCESSABLE_ENTITY, "Unknown plan", "Name one of /catalog."),
    kind("unknown_token_type", StatusCode::UNPROCESSABLE_ENTITY, "Unknown token type", "Name one of /catalog."),
    kind(
        "capture_exceeds_hold",
        StatusCode::UNPROCESSABLE_ENTITY,
        "More than is held",
        "Capture at most what is held.",
    ),
    kind("amount_out_of_range", StatusCode::UNPROCESSABLE_ENTITY, "Amount out of range", "Send a smaller amount."),
    kind(
        "ttl_out_of_range",
        StatusCode::UNPROCESSABLE_ENTITY,
        "Duration out of range",
        "Hold for 1 second to 24 hours.",
    ),
    kind("rate_limited", StatusCode::TOO_MANY_REQUESTS, "Too many requests", "Wait for Retry-After seconds."),
    kind("too_frequent", StatusCode::TOO_MANY_REQUESTS, "Too soon", "Wait for Retry-After seconds."),
    kind(
        "quota_reached",
        StatusCode::TOO_MANY_REQUESTS,
        "Quota reached",
        "Ask an owner or admin for a higher limit, or wait.",
    ),
    kind(
        "busy",
        StatusCode::SERVICE_UNAVAILABLE,
        "Busy",
        "Nothing was done: send it again, with the same Idempotency-Key.",
    ),
    kind(
        "outcome_unknown",
        StatusCode::SERVICE_UNAVAILABLE,
        "Outcome unknown",
        "Send the same request with the same Idempotency-Key.",
    ),
    kind("internal", StatusCode::INTERNAL_SERVER_ERROR, "Internal error", "Tell us the request_id."),
    kind("http_error", StatusCode::BAD_REQUEST, "Error", "Its status says why."),
];

/// The kind of that code.
pub(super) fn kind_of(code: &str) -> &'static Kind {
    KINDS.iter().find(|kind| kind.code == code).unwrap_or(&KINDS[KINDS.len() - 1])
}

#[cfg(test)]
mod tests {
    use app::error::AppError;
    use brightmeter::{access::refusal::Refusal, time::Instant};

    use super::*;

    #[test]
    fn a_refusal_has_one_status_in_the_browser_and_in_the_api() {
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
            Refusal::LicenseStopped { since: instant },
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
