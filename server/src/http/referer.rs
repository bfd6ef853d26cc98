//! The `Referer` header. A server function redirects a plain form to it, so it may only name a page of ours.

use axum::http::{
    HeaderMap, HeaderValue, Request, Uri,
    header::{HOST, REFERER},
};

/// Removes a `Referer` that isn't on the host that the request is for. Without one, a server function redirects to `/`.
pub(super) fn keep_own<B>(mut request: Request<B>) -> Request<B> {
    let headers = request.headers_mut();
    if headers.contains_key(REFERER) && !is_own(headers) {
        headers.remove(REFERER);
    }
    request
}

fn is_own(headers: &HeaderMap) -> bool {
    let referer = headers.get(REFERER).and_then(|referer| HeaderValue::to_str(referer).ok()?.parse::<Uri>().ok());
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    referer.zip(host).is_some_and(|(referer, host)| {
        let is_web = matches!(referer.scheme_str(), Some("http" | "https"));
        is_web && referer.authority().is_some_and(|authority| authority.as_str().eq_ignore_ascii_case(host))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_referer_on_the_same_host_is_kept() {
        for (referer, kept) in [
            ("https://tokens.example.com/dashboard?x=1", true),
            ("http://tokens.example.com/", true),
            ("https://TOKENS.example.com/", true),
            ("https://evil.example/", false),
            ("https://tokens.example.com.evil.example/", false),
            ("https://tokens.example.com@evil.example/", false),
            ("https://evil.example@tokens.example.com/", false),
            ("https://tokens.example.com:8443/", false),
            ("//evil.example/", false),
            ("/dashboard", false),
            ("javascript:alert(1)", false),
            ("", false),
        ] {
            let request = Request::builder().header(HOST, "tokens.example.com").header(REFERER, referer);
            let request = keep_own(request.body(()).unwrap());
            assert_eq!(request.headers().contains_key(REFERER), kept, "{referer}");
        }
    }
}
