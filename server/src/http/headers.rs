//! What every answer tells the browser about itself, errors included.

use axum::http::{
    HeaderName, HeaderValue, Response,
    header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
        X_FRAME_OPTIONS,
    },
};

/// What is no page loads nothing and is framed by nobody.
const NO_CONTENT_POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// The powers of a browser that no page of ours uses.
const PERMISSIONS_POLICY: &str = "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), hid=(), magnetometer=(), \
                      microphone=(), midi=(), payment=(), publickey-credentials-get=(), screen-wake-lock=(), serial=(), \
                      usb=(), xr-spatial-tracking=()";

/// Where a form may lead besides here: to pay. Browsers hold the redirect that answers a form against it, too.
const STRIPE_ORIGINS: &str = "https://checkout.stripe.com https://billing.stripe.com";

/// The policy of a page: scripts only by the nonce of this answer and what those load, everything else from here.
/// `reload` is the address that a development build listens on.
pub(super) fn page_policy(nonce: &str, reload: Option<&str>) -> String {
    let reload = reload.map(|address| format!(" {address}")).unwrap_or_default();
    format!(
        "default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic' 'wasm-unsafe-eval'; style-src 'self'; \
         img-src 'self'; font-src 'self'; connect-src 'self'{reload}; manifest-src 'self'; base-uri 'none'; \
         form-action 'self' {STRIPE_ORIGINS}; frame-ancestors 'none'; object-src 'none'"
    )
}

/// Adds them; a page has set its own policy before. `https` is how people reach this server.
pub(super) fn add<B>(https: bool, mut response: Response<B>) -> Response<B> {
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
    for (name, value) in always {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if https {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=63072000; includeSubDomains"));
    }
    response
}

/// Says that nothing between here and the client may keep the answer: it is one person's, or carries a nonce for one answer.
pub(super) fn keep_nowhere<B>(mut response: Response<B>) -> Response<B> {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
