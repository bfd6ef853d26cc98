//! Tests of the API's routes and of the pages, over the router.

use std::{env, fs, path::PathBuf, sync::Arc};

use axum::{
    body::{Body, to_bytes},
    http::{Method, Request, StatusCode},
};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{Card, PauseBehavior, Sandbox, Settings, ids::new_id};
use crate::{clock::ManualClock, stripe::signature::WebhookSecret};

const KEY: &str = "sk_test_http";

fn sandbox() -> (Sandbox, Arc<ManualClock>) {
    open(None)
}

fn open(file: Option<PathBuf>) -> (Sandbox, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new("2026-05-01T00:00:00Z".parse().unwrap()));
    let settings = Settings {
        secret_key: KEY.into(),
        webhook_secret: WebhookSecret::new("whsec_http".into()),
        clock: clock.clone(),
        site: "http://127.0.0.1:1".into(),
        mount: String::new(),
        file,
    };
    (Sandbox::open(settings), clock)
}

async fn send(sandbox: &Sandbox, method: Method, path: &str, fields: &[(&str, &str)]) -> (StatusCode, String) {
    let form = serde_urlencoded::to_string(fields).unwrap();
    let request = Request::builder().method(method).header("Authorization", format!("Bearer {KEY}"));
    let request = request.header("Content-Type", "application/x-www-form-urlencoded").uri(path);
    let response = sandbox.router().oneshot(request.body(Body::from(form)).unwrap()).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

/// Calls the API, and checks the status of its answer.
#[track_caller]
fn expect(status: u16, (found, body): (StatusCode, String)) -> Value {
    assert_eq!(found.as_u16(), status, "{body}");
    serde_json::from_str(&body).unwrap()
}

async fn get(sandbox: &Sandbox, path: &str) -> Value {
    expect(200, send(sandbox, Method::GET, path, &[]).await)
}

async fn post(sandbox: &Sandbox, path: &str, fields: &[(&str, &str)]) -> Value {
    expect(200, send(sandbox, Method::POST, path, fields).await)
}

fn id(object: &Value) -> &str {
    object["id"].as_str().unwrap()
}

/// Creates a customer who subscribes to a yearly price of €1,490. Returns the ids of both, and the price's.
async fn subscriber(sandbox: &Sandbox) -> [String; 3] {
    let customer = post(sandbox, "/v1/customers", &[("name", "Bright Audio")]).await;
    let fields = [
        ("currency", "eur"),
        ("unit_amount", "149000"),
        ("recurring[interval]", "year"),
        ("lookup_key", "pro-year"),
        ("product_data[name]", "Pro"),
        ("metadata[brightmeter_plan]", "pro"),
    ];
    let price = post(sandbox, "/v1/prices", &fields).await;
    assert_eq!(get(sandbox, &format!("/v1/prices/{}", id(&price))).await, price);
    let fields = [
        ("mode", "subscription"),
        ("customer", id(&customer)),
        ("success_url", "https://brightmeter.test/done"),
        ("line_items[0][quantity]", "1"),
        ("line_items[0][price]", id(&price)),
    ];
    let session = post(sandbox, "/v1/checkout/sessions", &fields).await;
    sandbox.pay(id(&session)).unwrap();
    let session = get(sandbox, &format!("/v1/checkout/sessions/{}", id(&session))).await;
    [id(&customer), session["subscription"].as_str().unwrap(), id(&price)].map(ToOwned::to_owned)
}

#[tokio::test]
async fn a_pending_update_is_read_confirmed_and_applied() {
    let (sandbox, _) = sandbox();
    let [customer, subscription, _] = subscriber(&sandbox).await;
    let path = format!("/v1/subscriptions/{subscription}");
    let before = get(&sandbox, &path).await;
    assert_eq!(before["items"]["data"][0]["price"]["recurring"]["interval"], "year");
    let max = sandbox.create_price("Max", 299_000, "eur", true).unwrap();
    sandbox.set_card(&customer, Card::NeedsConfirmation).unwrap();
    let fields = [
        ("items[0][id]", id(&before["items"]["data"][0])),
        ("items[0][price]", &max),
        ("proration_behavior", "always_invoice"),
        ("payment_behavior", "pending_if_incomplete"),
        ("expand[0]", "latest_invoice"),
    ];
    let after = post(&sandbox, &path, &fields).await;
    assert_eq!(
        (&after["latest_invoice"]["status"], &after["latest_invoice"]["amount_due"]),
        (&json!("open"), &json!(150_000))
    );
    let list = get(&sandbox, &format!("/v1/subscriptions?customer={customer}&expand%5B0%5D=data.latest_invoice")).await;
    assert_eq!(list["data"][0], after);
    let refused = send(&sandbox, Method::GET, &format!("{path}?expand%5B0%5D=customer"), &[]).await;
    expect(400, refused);

    let invoice = id(&after["latest_invoice"]).to_owned();
    let (status, page) = send(&sandbox, Method::GET, &format!("/invoices/{invoice}"), &[]).await;
    assert!(status.is_success() && page.contains("Confirm") && page.contains("€1,500"), "{page}");
    let (status, _) = send(&sandbox, Method::POST, &format!("/invoices/{invoice}"), &[("action", "pay")]).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let applied = get(&sandbox, &path).await;
    assert_eq!((&applied["pending_update"], &applied["items"]["data"][0]["price"]["id"]), (&Value::Null, &json!(max)));
    let paid = get(&sandbox, &format!("/v1/invoices?customer={customer}&limit=1")).await;
    assert_eq!((&paid["data"][0]["id"], &paid["has_more"]), (&json!(invoice), &json!(true)));
    let next = get(&sandbox, &format!("/v1/invoices?customer={customer}&starting_after={invoice}")).await;
    assert_eq!((next["data"].as_array().unwrap().len(), &next["has_more"]), (1, &json!(false)));
    assert_eq!(get(&sandbox, &format!("/v1/invoices/{invoice}")).await, paid["data"][0]);
}

#[tokio::test]
async fn payments_name_their_invoices_and_a_deleted_customer_is_unknown() {
    let (sandbox, _) = sandbox();
    let [customer, subscription, _] = subscriber(&sandbox).await;
    let charge = sandbox.events().into_iter().find(|event| event.contains("charge.succeeded")).unwrap();
    let charge: Value = serde_json::from_str(&charge).unwrap();
    let intent = charge["data"]["object"]["payment_intent"].as_str().unwrap();
    assert_eq!(get(&sandbox, &format!("/v1/payment_intents/{intent}")).await["currency"], "eur");
    let query = format!("payment%5Btype%5D=payment_intent&payment%5Bpayment_intent%5D={intent}&limit=1");
    let payments = get(&sandbox, &format!("/v1/invoice_payments?{query}")).await;
    let latest = get(&sandbox, &format!("/v1/subscriptions/{subscription}")).await["latest_invoice"].take();
    assert_eq!(payments["data"][0]["invoice"], latest);

    sandbox.inquire(intent).unwrap();
    let disputes = get(&sandbox, &format!("/v1/disputes?payment_intent={intent}")).await;
    assert_eq!(disputes["data"][0]["status"], "warning_needs_response");
    sandbox.close_dispute(id(&disputes["data"][0]), true).unwrap();
    sandbox.dispute_part(intent, 500).unwrap();
    assert!(sandbox.dispute_part(intent, 500).is_err());

    let deleted = expect(200, send(&sandbox, Method::DELETE, &format!("/v1/customers/{customer}"), &[]).await);
    assert_eq!(deleted["deleted"], true);
    assert_eq!(get(&sandbox, &format!("/v1/customers/{customer}")).await, deleted);
    let fields = [("customer", customer.as_str()), ("return_url", "https://brightmeter.test")];
    for refused in [
        send(&sandbox, Method::POST, "/v1/billing_portal/sessions", &fields).await,
        send(&sandbox, Method::GET, &format!("/v1/subscriptions?customer={customer}&status=all"), &[]).await,
        send(&sandbox, Method::GET, &format!("/v1/invoices?customer={customer}"), &[]).await,
    ] {
        let error = expect(400, refused)["error"].take();
        let message = format!("No such customer: '{customer}'");
        assert_eq!(
            error,
            json!({
                "type": "invalid_request_error", "code": "resource_missing", "param": "customer", "message": message,
            })
        );
    }
}

#[tokio::test]
async fn a_schedule_is_read_and_released_and_a_subscription_canceled() {
    let (sandbox, _) = sandbox();
    let [_, subscription, _] = subscriber(&sandbox).await;
    let max = sandbox.create_price("Max", 299_000, "eur", true).unwrap();
    let schedule = sandbox.schedule_change(&subscription, &max).unwrap();
    let path = format!("/v1/subscription_schedules/{schedule}");
    assert_eq!(get(&sandbox, &path).await["phases"][1]["items"][0]["price"], json!(max));
    let subscription_path = format!("/v1/subscriptions/{subscription}");
    expect(400, send(&sandbox, Method::POST, &subscription_path, &[("cancel_at_period_end", "true")]).await);
    assert_eq!(post(&sandbox, &format!("{path}/release"), &[]).await["status"], "released");
    post(&sandbox, &subscription_path, &[("cancel_at_period_end", "true")]).await;
    let canceled = expect(200, send(&sandbox, Method::DELETE, &subscription_path, &[]).await);
    assert_eq!(canceled["status"], "canceled");
    expect(400, send(&sandbox, Method::POST, &format!("{subscription_path}/resume"), &[]).await);
}

#[tokio::test]
async fn the_control_panel_shows_and_performs_every_action() {
    let (sandbox, clock) = sandbox();
    let [customer, subscription, price] = subscriber(&sandbox).await;
    let act = async |action: &str, fields: &[(&str, &str)]| {
        let (status, page) = send(&sandbox, Method::POST, "/actions", &[&[("action", action)], fields].concat()).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{action}: {page}");
    };
    let of = ("id", subscription.as_str());
    act("create_price", &[("name", "Max"), ("amount", "4350"), ("currency", "jpy"), ("interval", "month")]).await;
    act("add_metered_item", &[of, ("units", "40"), ("value", "first")]).await;
    act("mail_invoices", &[of]).await;
    act("pause_collection", &[of, ("value", "keep_as_draft")]).await;
    act("discount", &[of, ("percent", "10")]).await;
    act("schedule_change", &[of, ("price", &price)]).await;
    clock.set("2027-05-01T00:00:00Z".parse().unwrap());
    act("resume_collection", &[of]).await;
    act("charge_card", &[of]).await;
    act("other_product", &[("customer", &customer)]).await;
    act("set_billing_details", &[("customer", &customer), ("name", "Audio"), ("country", "fr"), ("tax_id", "")]).await;
    act("foreign_traffic", &[]).await;
    act("live_event", &[]).await;
    let (_, page) = send(&sandbox, Method::GET, "/", &[]).await;
    for text in ["Pro, €1,490 a year", "Max, ¥4,350 a month", "Also Extra usage", "Draft of", "Widgets, €19 a month"]
    {
        assert!(page.contains(text), "{text}: {page}");
    }
    act("finalize_invoice", &[("id", &sandbox.invoices(&customer)[1])]).await;
    act("card", &[("id", &customer), ("value", "none")]).await;
    act("delete_customer", &[("customer", &customer)]).await;
    assert!(sandbox.customers().is_empty());
    assert!(sandbox.pause_collection(&subscription, PauseBehavior::Void, None).is_err());
}

#[tokio::test]
async fn the_state_is_read_back_from_its_file() {
    let file = env::temp_dir().join(new_id("sandbox_"));
    let (sandbox, _) = open(Some(file.clone()));
    let [customer, subscription, price] = subscriber(&sandbox).await;
    sandbox.set_billing_details(&customer, "Bright Audio GmbH", "DE", Some(("eu_vat", "DE123456789"))).unwrap();
    sandbox.pause_collection(&subscription, PauseBehavior::Void, Some(1_800_000_000)).unwrap();
    sandbox.resume_collection(&subscription).unwrap();
    sandbox.set_card(&customer, Card::NeedsConfirmation).unwrap();
    sandbox.discount(&subscription, 10).unwrap();
    let path = format!("/v1/subscriptions/{subscription}");
    let item = get(&sandbox, &path).await["items"]["data"][0]["id"].as_str().unwrap().to_owned();
    let fields = [
        ("items[0][id]", item.as_str()),
        ("items[0][quantity]", "2"),
        ("proration_behavior", "always_invoice"),
        ("payment_behavior", "pending_if_incomplete"),
    ];
    post(&sandbox, &path, &fields).await;
    sandbox.schedule_change(&subscription, &price).unwrap();
    let (reopened, _) = open(Some(file.clone()));
    assert_eq!(get(&reopened, &path).await, get(&sandbox, &path).await);
    let invoices = format!("/v1/invoices?customer={customer}");
    assert_eq!(get(&reopened, &invoices).await, get(&sandbox, &invoices).await);
    assert_eq!(reopened.events(), sandbox.events());
    fs::remove_file(file).unwrap();
}
