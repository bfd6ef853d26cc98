//! Meters a feature with reqwest. Set `BRIGHTMETER` to the server's URL and `KEY` to an API key with the scope `spend`.

use std::{env, error::Error, time::Duration};

use reqwest::{Client, Method};
use serde_json::{Value, json};
use uuid::Uuid;

/// Calls the API. A body comes with its idempotency key, which makes the request safe to repeat.
async fn call(
    client: &Client,
    method: Method,
    path: &str,
    body: Option<(&str, Value)>,
) -> Result<Value, Box<dyn Error>> {
    let mut request = client.request(method, format!("{}/api/v1{path}", env::var("BRIGHTMETER")?));
    request = request.bearer_auth(env::var("KEY")?);
    if let Some((idempotency_key, body)) = body {
        request = request.header("Idempotency-Key", idempotency_key).json(&body);
    }
    let response = request.send().await?;
    let (status, answer) = (response.status(), response.json::<Value>().await?);
    if status.is_success() { Ok(answer) } else { Err(format!("{}: {}", answer["code"], answer["detail"]).into()) }
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "an example that prints its results")]
async fn main() -> Result<(), Box<dyn Error>> {
    let client = Client::builder().timeout(Duration::from_secs(10)).build()?;

    // Check whether the feature may be used, and its cost.
    let check = call(&client, Method::GET, "/tokens/check-balance?feature=quest_generation", None).await?;
    println!("may use quest_generation: {}", check["allowed"]);

    // Spend immediately. If the response is lost, repeat the request with the same Idempotency-Key: it is applied only once.
    let order = format!("order-{}", Uuid::now_v7());
    for _ in 0..2 {
        let body = json!({ "feature": "quest_generation" });
        let spent = call(&client, Method::POST, "/tokens/deduct", Some((&order, body))).await?;
        println!("spent {}", spent["amount"]);
    }

    // For a job that may fail: hold, run, and capture what it cost. Without a capture the hold expires, and nothing is charged.
    let job = Uuid::now_v7();
    let body = json!({ "feature": "quest_generation", "ttl_seconds": 600 });
    let hold = call(&client, Method::POST, "/tokens/holds", Some((&format!("job-{job}"), body))).await?;
    let path = format!("/tokens/holds/{}/capture", hold["hold_id"].as_str().unwrap_or_default());
    let ended = call(&client, Method::POST, &path, Some((&format!("done-{job}"), json!({ "amount": 3 })))).await?;
    println!("charged {}, {} came back", ended["amount"], ended["returned"]);
    Ok(())
}
