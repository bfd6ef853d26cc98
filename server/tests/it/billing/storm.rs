//! A storm of deliveries: concurrent, shuffled and repeated. The result is compared with simple arithmetic.

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::{
    body::Body,
    extract::ConnectInfo,
    http::{Request, StatusCode},
};
use brightmeter::ids::{MemberId, OrgId, PurchaseId};
use futures::{StreamExt, stream};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::SliceRandom};
use server::{clock::Clock, stripe::signature::WebhookSecret};
use tower::ServiceExt;

use super::shop::{dispute, event, holdings, inbox, order, refund, session, work};
use crate::{
    http::browser::{Site, WEBHOOK_SECRET},
    support::{TestServer, spend, with_server},
};

const ORGS: usize = 4;
const PURCHASES: usize = 200;
const DELIVERIES: usize = 5_000;

/// A purchase in the storm: its events, and how many of its 500 tokens remain in the end.
struct Story {
    org: usize,
    events: Vec<String>,
    tokens: i64,
}

/// Invents the events of a purchase, and computes the remaining tokens independently.
fn story(rng: &mut StdRng, org: usize, id: OrgId, purchase: PurchaseId, number: usize) -> Story {
    let payment = format!("pi_{number}");
    let (mut events, mut count) = (Vec::new(), 0);
    let mut add = |kind: &str, created: i64, object: serde_json::Value| {
        count += 1;
        events.push(event(&format!("evt_{number}_{count}"), kind, created, &object));
    };
    let session = |status: &str| session(id, purchase, &payment, status);
    match rng.random_range(0..10) {
        0 => {
            add("checkout.session.expired", 10, session("unpaid"));
            return Story { org, events, tokens: 0 };
        }
        1 => {
            add("checkout.session.completed", 10, session("unpaid"));
            add("checkout.session.async_payment_failed", 20, session("unpaid"));
            return Story { org, events, tokens: 0 };
        }
        2 | 3 => {
            add("checkout.session.completed", 10, session("unpaid"));
            add("checkout.session.async_payment_succeeded", 20, session("paid"));
        }
        _ => add("checkout.session.completed", 10, session("paid")),
    }
    let mut returned = 0;
    for refunded in 0..rng.random_range(0..3) {
        let (id, cents, fails) = (format!("re_{number}_{refunded}"), rng.random_range(1..900), rng.random_bool(0.3));
        add("refund.created", 30, refund(&id, &payment, cents, "pending"));
        if fails {
            add("refund.failed", 40, refund(&id, &payment, cents, "failed"));
        } else {
            add("refund.updated", 40, refund(&id, &payment, cents, "succeeded"));
            returned += cents;
        }
    }
    if rng.random_bool(0.3) {
        let (id, lost) = (format!("dp_{number}"), rng.random_bool(0.5));
        add("charge.dispute.created", 50, dispute(&id, &payment, "needs_response"));
        add("charge.dispute.updated", 55, dispute(&id, &payment, "under_review"));
        add("charge.dispute.closed", 60, dispute(&id, &payment, if lost { "lost" } else { "won" }));
        if lost {
            returned = 2_900;
        }
    }
    Story { org, events, tokens: 500 - 500 * returned.min(2_900) as i64 / 2_900 }
}

/// Each event 1 to 20 times, [`DELIVERIES`] in total, shuffled.
fn deliveries(rng: &mut StdRng, stories: &[Story]) -> Vec<String> {
    let events: Vec<&String> = stories.iter().flat_map(|story| &story.events).collect();
    let mut times = vec![1; events.len()];
    let mut left = DELIVERIES - events.len();
    while left > 0 {
        let event = rng.random_range(0..events.len());
        if times[event] < 20 {
            times[event] += 1;
            left -= 1;
        }
    }
    let repeated = events.iter().zip(times).flat_map(|(event, times)| vec![(*event).clone(); times]);
    let mut deliveries: Vec<String> = repeated.collect();
    deliveries.shuffle(rng);
    deliveries
}

async fn deliver(server: &TestServer, site: &Site, body: String) -> StatusCode {
    let signature = WebhookSecret::new(WEBHOOK_SECRET.into()).sign(body.as_bytes(), server.clock.now());
    let mut request =
        Request::post("/api/v1/stripe/webhook").header("stripe-signature", signature).body(Body::from(body)).unwrap();
    request.extensions_mut().insert(ConnectInfo(std::net::SocketAddr::from(([192, 0, 2, 9], 443))));
    site.0.clone().oneshot(request).await.unwrap().status()
}

#[test]
fn five_thousand_shuffled_deliveries_end_in_the_computed_balances() {
    with_server(async |server| {
        let (site, mut rng) = (Site::new(server, false), StdRng::seed_from_u64(7));
        let mut orgs: Vec<(OrgId, MemberId)> = Vec::new();
        for n in 0..ORGS {
            let org = server.org(&format!("org-{n}"), "pro").await;
            orgs.push((org, server.person(org, &format!("owner@org-{n}.test"), "owner").await));
        }
        let mut stories = Vec::new();
        for n in 0..PURCHASES {
            let (org, member) = orgs[n % ORGS];
            let purchase = order(server, org, member).await;
            stories.push(story(&mut rng, n % ORGS, org, purchase, n));
        }
        let deliveries = deliveries(&mut rng, &stories);
        assert_eq!(deliveries.len(), DELIVERIES);

        let spent: [AtomicUsize; ORGS] = Default::default();
        let storm = stream::iter(deliveries.into_iter().enumerate()).for_each_concurrent(16, async |(n, body)| {
            assert_eq!(deliver(server, &site, body).await, 200);
            // Meanwhile tokens are spent and several inboxes run concurrently.
            if n % 50 == 0 {
                inbox(server).work().await.unwrap();
            }
            if n % 25 == 0 && server.submit(orgs[n % ORGS].0, spend("ping")).await.is_ok() {
                spent[n % ORGS].fetch_add(1, Ordering::Relaxed);
            }
        });
        storm.await;
        work(server).await;

        let undone: i64 = server.query_value("select count(*) from stripe_events where done_at is null").await;
        assert_eq!(undone, 0);
        for (n, (org, _)) in orgs.iter().enumerate() {
            let bought: i64 = stories.iter().filter(|story| story.org == n).map(|story| story.tokens).sum();
            let spent = spent[n].load(Ordering::Relaxed) as i64;
            let (settled, debt) = holdings(server, *org).await;
            assert_eq!(settled - debt, 200 + bought - spent, "{n}: {bought} bought, {spent} spent");
            assert!(spent > 30, "{spent}");
        }
        let (paid, numbers): (i64, i64) = (
            server.query_value("select count(*) from ai_token_purchases where stage = 'paid'").await,
            server.query_value("select sum(top)::bigint from (select max(number) as top from ai_token_purchases group by org_id) t").await,
        );
        assert_eq!(paid, numbers);
        assert!(paid > 150, "{paid}");
    });
}
