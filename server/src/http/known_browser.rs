//! The cookie by which sign-in recognizes a browser. It outlives the session and signs nobody in.

use axum::{
    Extension,
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use tower_sessions::cookie::{Cookie, SameSite, time};

/// How long a browser is known after its last sign-in.
const MAX_AGE: time::Duration = time::Duration::days(365);

/// The name of the cookie.
const fn name(https: bool) -> &'static str {
    if https { "__Host-brightmeter-browser" } else { "brightmeter-browser" }
}

#[derive(Clone)]
pub(super) struct Remembered(String);

/// Returns the token that the browser has sent.
pub(super) fn token(headers: &HeaderMap, https: bool) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies
        .flat_map(Cookie::split_parse)
        .filter_map(Result::ok)
        .find(|cookie| cookie.name() == name(https))
        .map(|cookie| cookie.value().to_owned())
}

/// Has the browser keep the token: a part of the response, which [`set_cookie`] turns into a header.
pub(super) fn remember(token: String) -> Extension<Remembered> {
    Extension(Remembered(token))
}

/// Adds the cookie to the response of a sign-in, after the session's: that one is what clients look for.
pub(super) fn set_cookie<B>(https: bool, mut response: Response<B>) -> Response<B> {
    if let Some(Remembered(token)) = response.extensions_mut().remove() {
        let cookie = Cookie::build((name(https), token))
            .path("/")
            .max_age(MAX_AGE)
            .http_only(true)
            .secure(https)
            .same_site(SameSite::Lax);
        if let Ok(value) = HeaderValue::try_from(cookie.to_string()) {
            response.headers_mut().append(header::SET_COOKIE, value);
        }
    }
    response
}
