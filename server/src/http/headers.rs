//! Security and cache headers of every response, errors included.

use axum::http::{
    HeaderName, HeaderValue, Response, StatusCode,
    header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, RETRY_AFTER, STRICT_TRANSPORT_SECURITY,
        X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
    },
};

/// The content security policy of responses that aren't pages: they load nothing and can't be framed.
const NO_CONTENT_POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// Disables the browser features that none of our pages uses.
const PERMISSIONS_POLICY: &str = "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), hid=(), magnetometer=(), \
                      microphone=(), midi=(), payment=(), publickey-credentials-get=(), screen-wake-lock=(), serial=(), \
                      usb=(), xr-spatial-tracking=()";

/// When to try again after a 503 that doesn't say so, in seconds.
const RETRY_SECONDS: HeaderValue = HeaderValue::from_static("2");

/// Stripe's origins, which forms may also lead to. Browsers apply `form-action` to the redirect after a form, too.
const STRIPE_ORIGINS: &str = "https://checkout.stripe.com https://billing.stripe.com";

/// The content security policy of a page: only scripts with this response's nonce and the scripts they load; everything
/// else from this origin. `reload` is the address of the live-reload socket in a development build.
pub(super) fn page_policy(nonce: &str, reload: Option<&str>) -> String {
    let reload = reload.map(|address| format!(" {address}")).unwrap_or_default();
    format!(
        "default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic' 'wasm-unsafe-eval'; style-src 'self'; \
         img-src 'self'; font-src 'self'; connect-src 'self'{reload}; manifest-src 'self'; base-uri 'none'; \
         form-action 'self' {STRIPE_ORIGINS}; frame-ancestors 'none'; object-src 'none'"
    )
}

/// Adds the headers. Pages have already set their own content security policy. `https`: whether users reach this server
/// over HTTPS.
pub(super) fn add<B>(https: bool, mut response: Response<B>) -> Response<B> {
    let unavailable = response.status() == StatusCode::SERVICE_UNAVAILABLE;
    let headers = response.headers_mut();
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(NO_CONTENT_POLICY));
    let always = [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("permissions-policy"), PERMISSIONS_POLICY),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    if unavailable {
        headers.entry(RETRY_AFTER).or_insert(RETRY_SECONDS);
    }
    for (name, value) in always {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if https {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=63072000; includeSubDomains"));
    }
    response
}

/// Forbids caches to store the response: it belongs to one user, or carries a nonce for one response.
pub(super) fn no_store<B>(mut response: Response<B>) -> Response<B> {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
