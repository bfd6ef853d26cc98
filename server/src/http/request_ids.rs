//! The ids of a request: the server's own, and the client's.

use axum::http::{HeaderName, Request};

/// The header of both ids.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id of a client that is logged, in bytes.
const MAX_CLIENT_ID_BYTES: usize = 64;

/// The id that a client or a proxy has given the request. Only the log has it, beside the server's own: anybody can choose
/// it.
#[derive(Clone, Debug)]
pub(super) struct ClientRequestId(pub(super) String);

/// Takes the client's id out of the headers, so that the request gets an id of our own. It is kept if it is short and plain.
pub(super) fn take_client_id<B>(mut request: Request<B>) -> Request<B> {
    if let Some(id) = request.headers_mut().remove(REQUEST_ID)
        && let Ok(id) = id.to_str()
        && is_plain(id)
    {
        let id = ClientRequestId(id.to_owned());
        request.extensions_mut().insert(id);
    }
    request
}

fn is_plain(id: &str) -> bool {
    let is_plain_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=MAX_CLIENT_ID_BYTES).contains(&id.len()) && id.bytes().all(is_plain_byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_short_and_plain_id_of_the_client_is_kept() {
        let long = "x".repeat(65);
        for (id, kept) in [
            ("from-the-proxy", true),
            ("7f3a_9.B", true),
            (&"x".repeat(64), true),
            (&long, false),
            ("", false),
            ("two words", false),
            ("a\tb", false),
            ("{\"status\":200}", false),
        ] {
            let request = Request::builder().header(REQUEST_ID, id).body(()).unwrap();
            let request = take_client_id(request);
            assert!(!request.headers().contains_key(REQUEST_ID), "{id}");
            assert_eq!(request.extensions().get::<ClientRequestId>().is_some(), kept, "{id}");
        }
    }
}
