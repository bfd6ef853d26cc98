//! `brightmeter reconcile`.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Command, Stdio},
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    extract::{Request, State},
    http::StatusCode,
};
use brightmeter::ids::PurchaseId;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::oneshot};

use super::{database::on, program::Output};
use crate::{
    billing::{
        shop::{holdings, open_sessions, order},
        stand_in::{StandIn, with_stand_in},
    },
    http::reconciliation::pay,
    support::{TestServer, with_server},
};

/// Returns the command with Stripe at `url`. Tests start at a fixed date, so it looks far back.
fn reconcile(server: &TestServer, url: &str, args: &str) -> Command {
    let mut command = on(server, &format!("reconcile --days 3650 {args}"));
    command.env("STRIPE_SECRET_KEY", "sk_test_1").env("STRIPE_WEBHOOK_SECRET", "whsec_1").env("STRIPE_API_BASE", url);
    command
}

/// Runs the command while the stand-in answers.
async fn run(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || Output::of(&mut command)).await.unwrap()
}

/// Orders two packs. Stripe reports that the first one is paid, and does not know the second one.
async fn orders(stripe: &StandIn<'_>) -> [PurchaseId; 2] {
    let ids =
        [order(stripe.server, stripe.org, stripe.owner).await, order(stripe.server, stripe.org, stripe.owner).await];
    open_sessions(stripe.server).await;
    pay(stripe, stripe.org, ids[0]);
    ids
}

#[test]
fn reconcile_prints_each_finding_and_what_it_did() {
    with_stand_in(async |stripe| {
        let ([paid, unknown], org) = (orders(stripe).await, stripe.org);
        let compared = run(reconcile(stripe.server, &stripe.url, "")).await;
        let unreadable = format!(
            "purchase {unknown} of {org}: Stripe doesn't report the state of the payment. Compare again. If this stays, check the payment in Stripe: its session may be gone.\n"
        );
        let end = "Compared 2 purchases of the last 3650 days and 1 plans with Stripe.\nDifferences: 2.";
        let expected = format!(
            "purchase {paid} of {org}: Paid, but not credited. Applying Stripe's state credits the tokens once.\n{unreadable}{end} Run with --fix to fix what is safe to fix.\n"
        );
        assert_eq!((compared.code, compared.stdout.as_str()), (1, expected.as_str()), "{compared:?}");
        assert_eq!(holdings(stripe.server, org).await.0, 0);

        let fixed = run(reconcile(stripe.server, &stripe.url, "--fix")).await;
        let expected =
            format!("purchase {paid} of {org}: Paid, but not credited. Fixed.\n{unreadable}{end} Fixed: 1.\n");
        assert_eq!((fixed.code, fixed.stdout.as_str()), (1, expected.as_str()), "{fixed:?}");
        assert_eq!(holdings(stripe.server, org).await.0, 500);
    });
}

#[test]
fn the_json_of_reconcile_is_one_document() {
    with_stand_in(async |stripe| {
        let [paid, unknown] = orders(stripe).await;
        let output = run(reconcile(stripe.server, &stripe.url, "--fix --json")).await;
        let report: Value = serde_json::from_str(&output.stdout).unwrap();
        let finding = |purchase: PurchaseId, kind: &str, fixed: bool| json!({ "org": stripe.org, "purchase": purchase, "kind": kind, "fixed": fixed });
        let findings = [finding(paid, "paid_not_credited", true), finding(unknown, "payment_unreadable", false)];
        let expected = json!({ "purchases": 2, "plans": 1, "unanswered": 0, "fixed": 1, "findings": findings,
            "next": null });
        assert_eq!((output.code, report), (1, expected), "{output:?}");
    });
}

type Gate = Arc<Mutex<Option<oneshot::Receiver<()>>>>;

#[test]
fn reconcile_prints_a_finding_before_the_next_comparison_ends() {
    with_server(async |server| {
        let org = server.org("bright-audio", "pro").await;
        let owner = server.person(org, "owner@bright-audio.test", "owner").await;
        let (first, second) = (order(server, org, owner).await, order(server, org, owner).await);
        open_sessions(server).await;
        // Stripe answers about the second order once the first line was read.
        let (open, gate) = oneshot::channel();
        let gate: Gate = Arc::new(Mutex::new(Some(gate)));
        let answer = async move |State(gate): State<Gate>, request: Request| {
            if request.uri().path().ends_with(&second.0.simple().to_string()) {
                let gate = gate.lock().unwrap().take();
                if let Some(gate) = gate {
                    gate.await.unwrap();
                }
            }
            (StatusCode::NOT_FOUND, Json(json!({ "error": { "type": "invalid_request_error", "message": "none" } })))
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(gate);
        let serving = tokio::spawn(async { axum::serve(listener, router).await.unwrap() });

        let mut child = reconcile(server, &url, "").stdout(Stdio::piped()).spawn().unwrap();
        let output = tokio::task::spawn_blocking(move || {
            let mut stdout = BufReader::new(child.stdout.take().unwrap());
            let (mut line, mut rest) = (String::new(), String::new());
            stdout.read_line(&mut line).unwrap();
            open.send(()).unwrap();
            stdout.read_to_string(&mut rest).unwrap();
            (line, rest, child.wait().unwrap().code())
        });
        let (line, rest, code) = output.await.unwrap();
        assert!(line.starts_with(&format!("purchase {first} of {org}: ")), "{line}");
        assert!(rest.starts_with(&format!("purchase {second} of {org}: ")), "{rest}");
        assert!(rest.contains("Compared 2 purchases") && !rest.contains("did not answer"), "{rest}");
        assert_eq!(code, Some(1));
        serving.abort();
    });
}
