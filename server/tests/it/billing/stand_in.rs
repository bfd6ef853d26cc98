//! A stand-in for Stripe's API that answers what a test says: for states that the sandbox has no action for.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard},
};

use axum::{
    Json, Router,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use brightmeter::{
    billing::license::License,
    ids::{MemberId, OrgId, PlanOrderId},
};
use serde_json::{Value, json};
use server::{
    clock::Clock,
    service::{
        inbox::Inbox,
        plans::{Choice, Next, PlanError, Plans},
        purchases::Purchases,
    },
    storage::{stripe_customers, tenant},
    stripe::api::StripeApi,
};
use tokio::net::TcpListener;

use super::shop::{deliver_to, event, holdings, plan_change};
use crate::support::{TestServer, with_server};

/// A request: `POST /v1/customers`, and its parameters.
pub type Call = (String, BTreeMap<String, String>);

#[derive(Default)]
struct Script {
    /// The answers by method and path, in order; the last one repeats.
    answers: HashMap<String, Vec<(u16, Value)>>,
    calls: Vec<Call>,
}

/// An organization whose customer is `cus_1`, and its Stripe.
pub struct StandIn<'a> {
    pub server: &'a TestServer,
    pub inbox: Inbox,
    pub org: OrgId,
    pub owner: MemberId,
    /// The URL of its API.
    pub url: String,
    script: Arc<Mutex<Script>>,
}

/// Runs a test with an organization on Starter. Stripe knows no subscriptions and no invoices until the test says so.
pub fn with_stand_in(test: impl AsyncFnOnce(&StandIn)) {
    with_server(async |server| {
        let script = Arc::<Mutex<Script>>::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(script.clone());
        let serving = tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
        let api = Arc::new(StripeApi::new("sk_test_1", Some(&url)).unwrap());
        let plans = Plans { gateway: Some(api.clone()), ..server.plans(&server.writer) };
        let purchases = Purchases { gateway: Some(api), ..server.purchases(&server.writer) };
        let org = server.org("acme", "starter").await;
        let owner = server.person(org, "owner@acme.test", "owner").await;
        let mut tx = tenant::begin(&server.pools.app, org).await.unwrap();
        stripe_customers::insert(&mut tx, org, "cus_1", server.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        let inbox = Inbox { purchases, plans, live: Some(false) };
        let stand_in = StandIn { server, inbox, org, owner, url, script };
        stand_in.subscriptions(&[]);
        stand_in.invoices(&[]);
        test(&stand_in).await;
        serving.abort();
    });
}

async fn answer(State(script): State<Arc<Mutex<Script>>>, request: Request) -> Response {
    let call = format!("{} {}", request.method(), request.uri().path());
    let query = request.uri().query().unwrap_or_default().to_owned();
    let body = axum::body::to_bytes(request.into_body(), 1_000_000).await.unwrap();
    let params = format!("{query}&{}", std::str::from_utf8(&body).unwrap());
    let params = serde_urlencoded::from_str(&params).unwrap();
    let mut script = script.lock().unwrap();
    script.calls.push((call.clone(), params));
    let Some(answers) = script.answers.get_mut(&call) else {
        let error = json!({ "error": { "type": "invalid_request_error", "message": format!("unexpected: {call}") } });
        return (StatusCode::NOT_FOUND, Json(error)).into_response();
    };
    let (status, body) = if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() };
    (StatusCode::from_u16(status).unwrap(), Json(body)).into_response()
}

/// A list of Stripe's.
pub fn list(data: &[Value]) -> Value {
    json!({ "object": "list", "has_more": false, "data": data })
}

/// An error of Stripe's.
pub fn error(code: &str, param: Option<&str>, message: &str) -> Value {
    json!({ "error": { "type": "invalid_request_error", "code": code, "param": param, "message": message } })
}

impl StandIn<'_> {
    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }

    /// Sets the answer to a call.
    pub fn answer(&self, call: &str, status: u16, body: Value) {
        self.answers(call, vec![(status, body)]);
    }

    /// Sets several answers to a call, in order. The last one repeats.
    pub fn answers(&self, call: &str, answers: Vec<(u16, Value)>) {
        self.script().answers.insert(call.into(), answers);
    }

    pub fn subscriptions(&self, subscriptions: &[Value]) {
        self.answer("GET /v1/subscriptions", 200, list(subscriptions));
    }

    pub fn invoices(&self, invoices: &[Value]) {
        self.answer("GET /v1/invoices", 200, list(invoices));
    }

    /// The calls to `call` so far.
    pub fn calls(&self, call: &str) -> Vec<Call> {
        self.script().calls.iter().filter(|(made, _)| made == call).cloned().collect()
    }

    /// Delivers an event about `object`, created now.
    pub async fn deliver(&self, id: &str, kind: &str, object: &Value) {
        let event = event(id, kind, self.server.clock.now().timestamp(), object);
        deliver_to(&self.inbox, self.server, &[event]).await;
    }

    /// Sets the subscriptions and delivers an event about the first one.
    pub async fn update(&self, id: &str, subscriptions: &[Value]) {
        self.subscriptions(subscriptions);
        let none = json!({ "id": "sub_1", "customer": "cus_1" });
        self.deliver(id, "customer.subscription.updated", subscriptions.first().unwrap_or(&none)).await;
    }

    /// The plan, the settled balance of AI tokens, and the license.
    pub async fn state(&self) -> (String, i64, License) {
        let terms = self.server.account(self.org).await.terms;
        (terms.plan.to_string(), holdings(self.server, self.org).await.0, terms.license)
    }

    /// The disposal of an event, or why it waits.
    pub async fn outcome(&self, id: &str) -> String {
        let sql = format!("select coalesce(disposal, 'waits') || ': ' || outcome from stripe_events where id = '{id}'");
        self.server.query_value(&sql).await
    }

    /// Chooses a plan as its page shows it now.
    pub async fn choose(&self, plan: &str) -> Result<Next, PlanError> {
        let (name, now) = (plan.parse().unwrap(), self.server.clock.now());
        let choice = Choice {
            plan: &name,
            currency: None,
            plan_change: plan_change(self.server, self.org, plan).await,
            from: now,
        };
        let id = PlanOrderId(self.server.clock.new_id());
        self.inbox.plans.choose(self.org, self.owner, id, choice).await
    }
}
