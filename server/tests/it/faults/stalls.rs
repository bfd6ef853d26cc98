//! Things that stop without dying: Postgres that hangs, a long reader, a full disk.

use std::{process::Command, time::Duration};

use tokio::time::sleep;

use super::{
    load::Load,
    process::{Installation, signal},
    rounds,
};

/// The time in which everything works again once the cause is gone.
const RECOVERY_LIMIT: Duration = Duration::from_secs(5);
/// The time in which `/readyz` notices.
const NOTICE_LIMIT: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_that_hangs_is_noticed_and_everything_goes_on_after_it() {
    let on = Installation::new();
    let server = on.start().await;
    let load = Load::start(&on);
    let mut slowest = Duration::ZERO;
    for _ in 0..rounds() {
        load.until_spending(RECOVERY_LIMIT).await;
        let processes = postgres_processes(&on);
        processes.iter().for_each(|pid| signal("-STOP", *pid));
        let noticed = async {
            while on.is_ready().await {
                sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(NOTICE_LIMIT, noticed).await.expect("/readyz notices");
        processes.iter().for_each(|pid| signal("-CONT", *pid));
        slowest = slowest.max(load.until_spending(RECOVERY_LIMIT).await);
        on.until_ready(RECOVERY_LIMIT).await;
    }
    let spent = load.finish().await;
    spent.check("Postgres hangs", &on, &format!("spending again after {slowest:?}")).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_a_long_reader_commands_and_spends_go_on() {
    let on = Installation::new();
    let server = on.start().await;
    let load = Load::start(&on);
    let mut reader = on.connect().await;
    let read = "begin isolation level repeatable read; select count(*) from ai_token_usage_log; select count(*) from stripe_events";
    sqlx::raw_sql(read).execute(&mut reader).await.unwrap();
    let mut slowest = Duration::ZERO;
    for _ in 0..rounds() {
        slowest = slowest.max(load.until_spending(RECOVERY_LIMIT).await);
        on.run("key create --org acme --scope read --name beside");
        slowest = slowest.max(load.until_spending(RECOVERY_LIMIT).await);
    }
    drop(reader);
    let spent = load.finish().await;
    spent.check("long reader", &on, &format!("spending within {slowest:?}")).await;
    server.stop().await;
}

/// The postmaster and its children.
fn postgres_processes(on: &Installation) -> Vec<u32> {
    let postmaster = on.postmaster();
    let listed = Command::new("ps").args(["-o", "pid=", "--ppid", &postmaster.to_string()]).output().unwrap();
    let children = String::from_utf8(listed.stdout).unwrap();
    children.split_whitespace().map(|pid| pid.parse().unwrap()).chain([postmaster]).collect()
}
