//! A client of the API, as a service would use it.

use std::fmt::Write;

use axum::{
    body::{Body, to_bytes},
    extract::ConnectInfo,
    http::{HeaderMap, Request, StatusCode},
    response::Response,
};
use brightmeter::{
    access::api_key::{Scope, Secret},
    ids::OrgId,
};
use futures::{Stream, StreamExt};
use serde_json::Value;
use tower::ServiceExt;

use crate::{
    http::browser::Site,
    support::{TestServer, with_server},
};

/// The headers in snapshots.
const SNAPSHOT_HEADERS: [&str; 6] =
    ["content-type", "idempotent-replayed", "retry-after", "ratelimit", "ratelimit-policy", "www-authenticate"];

/// A client with or without an API key.
#[derive(Clone)]
pub struct Api {
    site: server::http::Site,
    secret: Option<String>,
}

/// Runs `test` with an API key of `bright-audio`, on Pro, with the scope `spend`.
pub fn with_api(test: impl AsyncFnOnce(&TestServer, &Api, OrgId)) {
    with_server(async |server| {
        let org = server.org("bright-audio", "pro").await;
        let api = Api::new(server, org).await;
        test(server, &api, org).await;
    });
}

/// Spends with `feature` and the idempotency key `order-{number}`.
pub async fn spend(api: &Api, number: usize, feature: &str) {
    let body = format!(r#"{{"feature":"{feature}"}}"#);
    assert_eq!(api.post("/tokens/deduct", &format!("order-{number}"), &body).await.status, 200);
}

impl Api {
    /// A client with a new API key of `org` with the scope `spend`.
    pub async fn new(server: &TestServer, org: OrgId) -> Self {
        let (_, secret) = server.key(org, Scope::Spend).await;
        Self { site: Site::new(server, false).0, secret: Some(secret.reveal().into()) }
    }

    /// A client with this API key.
    pub fn with_secret(&self, secret: &Secret) -> Self {
        Self { secret: Some(secret.reveal().into()), ..self.clone() }
    }

    /// A client with this bearer token, or without any.
    pub fn with_bearer(&self, secret: Option<&str>) -> Self {
        Self { secret: secret.map(Into::into), ..self.clone() }
    }

    /// A client of another replica with the same API key.
    pub fn at_replica(&self, site: &Site) -> Self {
        Self { site: site.0.clone(), ..self.clone() }
    }

    /// Returns the server-sent events of `path`.
    pub async fn events(&self, path: &str) -> impl Stream<Item = String> + Unpin + use<> {
        self.events_after(path, None).await
    }

    /// Returns the server-sent events of `path`, with the id of the last seen event.
    pub async fn events_after(&self, path: &str, id: Option<&str>) -> impl Stream<Item = String> + Unpin + use<> {
        let mut request = Request::get(format!("/api/v1{path}"));
        if let Some(id) = id {
            request = request.header("last-event-id", id);
        }
        let response = self.call(request, Body::empty()).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let chunks = response.into_body().into_data_stream();
        Box::pin(chunks.map(|chunk| String::from_utf8(chunk.unwrap().to_vec()).unwrap()))
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send(Request::get(format!("/api/v1{path}")), Body::empty()).await
    }

    /// Sends JSON with an idempotency key.
    pub async fn post(&self, path: &str, key: &str, json: &str) -> Reply {
        self.post_body(path, key, Body::from(json.to_owned())).await
    }

    /// Sends any body as JSON with an idempotency key.
    pub async fn post_body(&self, path: &str, key: &str, body: Body) -> Reply {
        let request = Request::post(format!("/api/v1{path}")).header("idempotency-key", key);
        self.send(request.header("content-type", "application/json"), body).await
    }

    pub async fn send(&self, request: axum::http::request::Builder, body: Body) -> Reply {
        let (parts, body) = self.call(request, body).await.into_parts();
        let text = String::from_utf8(to_bytes(body, 64 << 20).await.unwrap().to_vec()).unwrap();
        Reply { status: parts.status, headers: parts.headers, text }
    }

    async fn call(&self, mut request: axum::http::request::Builder, body: Body) -> Response {
        request = request.header("host", "tokens.example.com");
        if let Some(secret) = &self.secret {
            request = request.header("authorization", format!("Bearer {secret}"));
        }
        let mut request = request.body(body).unwrap();
        request.extensions_mut().insert(ConnectInfo(std::net::SocketAddr::from(([192, 0, 2, 1], 50_000))));
        self.site.clone().oneshot(request).await.unwrap()
    }
}

/// A response.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// Returns a field of the JSON body, as text.
    pub fn field(&self, pointer: &str) -> String {
        let json = self.json();
        let value = json.pointer(pointer).unwrap_or_else(|| panic!("no {pointer} in {json}"));
        value.as_str().map_or_else(|| value.to_string(), str::to_owned)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Returns the status and the code of a problem.
    pub fn problem(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        assert_eq!(self.field("/status"), self.status.as_u16().to_string());
        (self.status.as_u16(), self.field("/code"))
    }

    /// Formats the status, the relevant headers and the body for a snapshot, in which the request's id is fixed.
    pub fn snapshot(&self) -> String {
        let id = self.header("x-request-id").unwrap();
        let body = self.text.replace(id, "the-request");
        let mut text = format!("{}\n", self.status.as_u16());
        for name in SNAPSHOT_HEADERS {
            if let Some(value) = self.header(name) {
                let _ = writeln!(text, "{name}: {value}");
            }
        }
        match serde_json::from_str::<Value>(&body) {
            Ok(json) => text + &serde_json::to_string_pretty(&json).unwrap(),
            Err(_) => text + &body,
        }
    }
}
