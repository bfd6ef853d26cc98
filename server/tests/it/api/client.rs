//! A service that calls the API.

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

/// Headers that a call's answer is known by.
const TELLING: [&str; 6] =
    ["content-type", "idempotent-replayed", "retry-after", "ratelimit", "ratelimit-policy", "www-authenticate"];

/// The API, for whoever has a key or none.
#[derive(Clone)]
pub struct Api {
    site: server::http::Site,
    secret: Option<String>,
}

/// Runs `test` against the API with a key of `bright-audio`, on Pro, that may spend.
pub fn with_api(test: impl AsyncFnOnce(&TestServer, &Api, OrgId)) {
    with_server(async |server| {
        let org = server.org("bright-audio", "pro").await;
        let api = Api::new(server, org).await;
        test(server, &api, org).await;
    });
}

impl Api {
    /// With a key of `org` that may spend.
    pub async fn new(server: &TestServer, org: OrgId) -> Self {
        let (_, secret) = server.key(org, Scope::Spend).await;
        Self { site: Site::new(server, false).0, secret: Some(secret.reveal().into()) }
    }

    /// The same for whoever has that secret.
    pub fn with(&self, secret: &Secret) -> Self {
        Self { secret: Some(secret.reveal().into()), ..self.clone() }
    }

    /// The same for whoever sends this as a secret.
    pub fn with_text(&self, secret: Option<&str>) -> Self {
        Self { secret: secret.map(Into::into), ..self.clone() }
    }

    /// The same key at another replica.
    pub fn through(&self, site: &Site) -> Self {
        Self { site: site.0.clone(), ..self.clone() }
    }

    /// Server-sent events, as they come.
    pub async fn events(&self, path: &str) -> impl Stream<Item = String> + Unpin + use<> {
        self.events_after(path, None).await
    }

    /// The same for whoever has seen the event of that id.
    pub async fn events_after(&self, path: &str, id: Option<&str>) -> impl Stream<Item = String> + Unpin + use<> {
        let mut request = Request::get(format!("/api/v1{path}"));
        if let Some(id) = id {
            request = request.header("last-event-id", id);
        }
        let response = self.answer(request, Body::empty()).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let chunks = response.into_body().into_data_stream();
        Box::pin(chunks.map(|chunk| String::from_utf8(chunk.unwrap().to_vec()).unwrap()))
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send(Request::get(format!("/api/v1{path}")), Body::empty()).await
    }

    /// Sends JSON under an idempotency key.
    pub async fn post(&self, path: &str, key: &str, json: &str) -> Reply {
        let request = Request::post(format!("/api/v1{path}")).header("idempotency-key", key);
        self.send(request.header("content-type", "application/json"), Body::from(json.to_owned())).await
    }

    pub async fn send(&self, request: axum::http::request::Builder, body: Body) -> Reply {
        let (parts, body) = self.answer(request, body).await.into_parts();
        let text = String::from_utf8(to_bytes(body, 64 << 20).await.unwrap().to_vec()).unwrap();
        Reply { status: parts.status, headers: parts.headers, text }
    }

    async fn answer(&self, mut request: axum::http::request::Builder, body: Body) -> Response {
        request = request.header("host", "tokens.example.com").header("x-request-id", "the-request");
        if let Some(secret) = &self.secret {
            request = request.header("authorization", format!("Bearer {secret}"));
        }
        let mut request = request.body(body).unwrap();
        request.extensions_mut().insert(ConnectInfo(std::net::SocketAddr::from(([192, 0, 2, 1], 50_000))));
        self.site.clone().oneshot(request).await.unwrap()
    }
}

/// What was answered.
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

    /// A field of the body, as text.
    pub fn field(&self, pointer: &str) -> String {
        let json = self.json();
        let value = json.pointer(pointer).unwrap_or_else(|| panic!("no {pointer} in {json}"));
        value.as_str().map_or_else(|| value.to_string(), str::to_owned)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Status and code, of a problem.
    pub fn problem(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        assert_eq!(self.field("/status"), self.status.as_u16().to_string());
        (self.status.as_u16(), self.field("/code"))
    }

    /// All of it, as a snapshot has it.
    pub fn told(&self) -> String {
        let mut text = format!("{}\n", self.status.as_u16());
        for name in TELLING {
            if let Some(value) = self.header(name) {
                let _ = writeln!(text, "{name}: {value}");
            }
        }
        match serde_json::from_str::<Value>(&self.text) {
            Ok(json) => text + &serde_json::to_string_pretty(&json).unwrap(),
            Err(_) => text + &self.text,
        }
    }
}
