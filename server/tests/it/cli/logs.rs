//! The log of a running server.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    time::Duration,
};

use brightmeter::access::api_key::Scope;
use reqwest::{Client, Response, header, redirect::Policy};
use serde_json::Value;

use super::{database::on, program::TempDir};
use crate::support::{spend, with_server};

/// Texts that must never be in a log.
const PLANTED: [&str; 11] = [
    "sk_live_planted",
    "whsec_planted",
    "ai-key-planted",
    "wrong-password-planted",
    "correct horse",
    "Goal planted for the log",
    "query-planted",
    "metadata-planted",
    "reason-planted",
    "id-planted",
    "metrics-token-planted",
];

/// A server process on a test's database, and its log.
struct Running {
    child: std::process::Child,
    log: std::thread::JoinHandle<String>,
    address: String,
}

impl Running {
    /// Starts the server, and waits until it logs its address.
    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut text = String::new();
        let address = loop {
            let line = lines.next().unwrap_or_else(|| panic!("the server exited: {text}")).unwrap();
            text.push_str(&line);
            text.push('\n');
            let event: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("not JSON: {line}"));
            if event["message"] == "serving" {
                break format!("http://{}", event["addr"].as_str().unwrap());
            }
        };
        let log = std::thread::spawn(move || {
            for line in lines {
                text.push_str(&line.unwrap());
                text.push('\n');
            }
            text
        });
        Self { child, log, address }
    }

    /// Stops the server with SIGTERM, as a supervisor does. Returns its whole log.
    fn stop(mut self) -> String {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        assert!(self.child.wait().unwrap().success());
        self.log.join().unwrap()
    }
}

async fn post(client: &Client, url: String, cookie: &str, form: &[(&str, &str)]) -> Response {
    let request = client.post(url).header("sec-fetch-site", "same-origin").header(header::COOKIE, cookie);
    let body = serde_urlencoded::to_string(form).unwrap();
    let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(body);
    request.send().await.unwrap()
}

#[test]
fn a_request_is_one_log_line_and_no_secret_is_logged() {
    with_server(async |server| {
        let org = server.org("bright-audio", "pro").await;
        server.member(org, "robin@bright-audio.test").await;
        server.submit(org, spend("ping")).await.unwrap();
        let site = TempDir::new();
        std::fs::create_dir(site.0.join("pkg")).unwrap();
        let mut command = on(server, "serve");
        command
            .env("BRIGHTMETER_LOG", "debug")
            .env("BRIGHTMETER_ADDR", "127.0.0.1:0")
            .env("BRIGHTMETER_PUBLIC_URL", "http://tokens.example.com")
            .env("LEPTOS_SITE_ROOT", &site.0)
            .env("STRIPE_SECRET_KEY", "sk_live_planted")
            .env("STRIPE_WEBHOOK_SECRET", "whsec_planted")
            // No server listens there: the call fails, and the failure is logged.
            .env("AI_BASE_URL", "http://127.0.0.1:9/v1")
            .env("AI_MODEL", "m")
            .env("AI_API_KEY", "ai-key-planted")
            .env("BRIGHTMETER_METRICS_TOKEN", "metrics-token-planted");
        let running = tokio::task::spawn_blocking(|| Running::start(command)).await.unwrap();
        let client = Client::builder().redirect(Policy::none()).timeout(Duration::from_secs(20)).build().unwrap();
        let url = |path: &str| format!("{}{path}", running.address);

        let robin = |password| [("email", "robin@bright-audio.test"), ("password", password)];
        let wrong = post(&client, url("/signin"), "", &robin("wrong-password-planted")).await;
        assert_eq!(wrong.status(), 422);
        let right = post(&client, url("/signin"), "", &robin("correct horse")).await;
        assert_eq!(right.status(), 303);
        let cookie = right.headers()[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
        let key = "00000000-0000-7000-8000-000000000001";
        let goal = [("goal", "Goal planted for the log"), ("key", key)];
        let job = post(&client, url("/quests"), &cookie, &goal).await;
        assert_eq!(job.status(), 303);
        let page = client.get(url("/activity?member=query-planted")).header(header::COOKIE, &cookie);
        let page = page.header("x-request-id", "from-the-proxy");
        let id = page.send().await.unwrap().headers()["x-request-id"].to_str().unwrap().to_owned();
        let (_, service) = server.key(org, Scope::Spend).await;
        for (path, body, status) in [
            ("/api/v1/tokens/deduct", r#"{"feature":"quest_generation","metadata":{"of":"metadata-planted"}}"#, 200),
            ("/api/v1/tokens/refunds", r#"{"transaction_id":"reason-planted","reason":"reason-planted"}"#, 422),
        ] {
            let request = client.post(url(path)).bearer_auth(service.reveal()).header("idempotency-key", path);
            let request = request.header(header::CONTENT_TYPE, "application/json").body(body);
            assert_eq!(request.send().await.unwrap().status(), status, "{path}");
        }
        let long = format!("id-planted-{}", "x".repeat(20_000));
        let license = client.get(url("/api/v1/license")).bearer_auth(service.reveal()).header("x-request-id", long);
        assert_eq!(license.send().await.unwrap().status(), 200);
        for token in [None, Some("wrong"), Some("metrics-token-planted-too")] {
            let request = client.get(url("/metrics"));
            let request = match token {
                Some(token) => request.bearer_auth(token),
                None => request,
            };
            assert_eq!(request.send().await.unwrap().status(), 401, "{token:?}");
        }
        let metrics = client
            .get(url("/metrics"))
            .bearer_auth("metrics-token-planted")
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();

        let log = tokio::task::spawn_blocking(|| running.stop()).await.unwrap();
        let (_, secret) = cookie.split_once('=').unwrap();
        for planted in PLANTED.into_iter().chain([secret, service.reveal()]) {
            assert!(!log.contains(planted), "{planted} is in the log");
            assert!(!metrics.contains(planted), "{planted} is in the metrics");
        }
        let events: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let answered = |path: &str| {
            let of_path = |event: &&Value| event["message"] == "answered" && event["path"] == path;
            events.iter().filter(of_path).collect::<Vec<_>>()
        };
        assert_eq!(answered("/signin").len(), 2, "{log}");
        assert_eq!(answered("/signin")[0]["status"], 422);
        let [activity] = answered("/activity")[..] else { panic!("{log}") };
        assert_eq!((&activity["id"], &activity["status"]), (&Value::from(id), &Value::from(422)));
        assert_eq!(activity["client_id"], "from-the-proxy");
        assert_eq!(events.iter().filter(|event| event["message"] == "a job failed").count(), 1, "{log}");

        for line in [
            r#"brightmeter_http_requests_total{method="POST",route="/signin",status="422"} 1"#,
            r#"brightmeter_commands_total{command="open_hold",outcome="done"} 1"#,
            r#"brightmeter_commands_total{command="release",outcome="done"} 1"#,
        ] {
            assert!(metrics.lines().any(|known| known == line), "{line} is not in\n{metrics}");
        }
        for name in [
            "brightmeter_batch_seconds_count",
            "brightmeter_batch_commands_sum",
            "brightmeter_writer_queue",
            "brightmeter_open_holds",
        ] {
            assert!(metrics.contains(name), "{name} is not in\n{metrics}");
        }
        assert!(!metrics.contains(&org.to_string()) && !metrics.contains("robin"), "{metrics}");
    });
}
