//! Meters a feature with reqwest. Set `BRIGHTMETER` to the server's address and `KEY` to a key that may spend.

use std::{env, error::Error, time::Duration};

use reqwest::{Client, Method};
use serde_json::{Value, json};
use uuid::Uuid;

/// One call. `name` is the Idempotency-Key: under it the request can be repeated without harm.
async fn call(
    client: &Client,
    method: Method,
    path: &str,
    body: Option<(&str, Value)>,
) -> Result<Value, Box<dyn Error>> {
    let mut request = client.request(method, format!("{}/api/v1{path}", env::var("BRIGHTMETER")?));
    request = request.bearer_auth(env::var("KEY")?);
    if let Some((name, body)) = body {
        request = request.header("Idempotency-Key", name).json(&body);
    }
    let response = request.send().await?;
    let (status, answer) = (response.status(), response.json::<Value>().await?);
    if status.is_success() { Ok(answer) } else { Err(format!("{}: {}", answer["code"], answer["detail"]).into()) }
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "it tells what it did")]
async fn main() -> Result<(), Box<dyn Error>> {
    let client = Client::builder().timeout(Duration::from_secs(10)).build()?;

    // May we, and what does it cost?
    let check = call(&client, Method::GET, "/tokens/check-balance?feature=quest_generation", None).await?;
    println!("may use quest_generation: {}", check["allowed"]);

    // Pay at once. If the answer is lost, the same request under the same name is done once and answered the same.
    let order = format!("order-{}", Uuid::now_v7());
    for _ in 0..2 {
        let body = json!({ "feature": "quest_generation" });
        let spent = call(&client, Method::POST, "/tokens/deduct", Some((&order, body))).await?;
        println!("spent {}", spent["amount"]);
    }

    // Work that may fail: hold, work, and capture what it took. Without the capture the hold lapses, and nothing was charged.
    let job = Uuid::now_v7();
    let body = json!({ "feature": "quest_generation", "ttl_seconds": 600 });
    let hold = call(&client, Method::POST, "/tokens/holds", Some((&format!("job-{job}"), body))).await?;
    let path = format!("/tokens/holds/{}/capture", hold["hold_id"].as_str().unwrap_or_default());
    let ended = call(&client, Method::POST, &path, Some((&format!("done-{job}"), json!({ "amount": 3 })))).await?;
    println!("charged {}, {} came back", ended["amount"], ended["returned"]);
    Ok(())
}
