//! Processes that die: the server, its Postgres, one of Postgres' connections, one of two replicas.

use std::{fs, time::Duration};

use tokio::time::sleep;

use super::{
    RESTART_LIMIT,
    load::Load,
    process::{Installation, signal},
    rounds, under_load,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_has_lost_and_doubled_nothing() {
    under_load("server killed", rounds() * 3, "ready and spending again after", async |on, load, server| {
        sleep(Duration::from_millis(rand::random_range(0..300))).await;
        server.kill();
        let killed_at = tokio::time::Instant::now();
        let server = on.start().await;
        load.until_spending(RESTART_LIMIT).await;
        (server, killed_at.elapsed())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_postgres_is_started_again_and_nothing_is_lost() {
    under_load("Postgres killed", rounds(), "spending again after", async |on, load, server| {
        signal("-KILL", on.postmaster());
        (server, load.until_spending(RESTART_LIMIT).await)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_connection_takes_all_others_with_it_and_nothing_is_lost() {
    under_load("connection killed", rounds(), "spending again after", async |on, load, server| {
        let mut conn = on.connect().await;
        let backends = "select pid from pg_stat_activity where usename = 'brightmeter_app_writer' limit 1";
        let backend: i32 = sqlx::query_scalar(backends).fetch_one(&mut conn).await.unwrap();
        // Postgres then ends all connections and recovers.
        signal("-KILL", backend.try_into().unwrap());
        (server, load.until_spending(RESTART_LIMIT).await)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_stopped_under_load_answers_what_it_has_accepted() {
    under_load("server stopped", rounds(), "stopped after", async |on, _, server| {
        let took = server.stop().await;
        (on.start().await, took)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_replicas_one_is_killed_and_the_other_goes_on() {
    let on = Installation::new();
    let first = on.start().await;
    let (second, url) = on.start_replica().await;
    let (of_first, of_second) = (Load::start(&on), Load::start_at(&on, &url));
    of_first.until_spending(RESTART_LIMIT).await;
    of_second.until_spending(RESTART_LIMIT).await;
    // Its Postgres goes on.
    first.kill();
    let took = of_second.until_spending(RESTART_LIMIT).await;
    let first = on.start().await;
    of_first.until_spending(RESTART_LIMIT).await;
    let spent = of_first.finish().await.join(of_second.finish().await);
    spent.check("replica killed", &on, &format!("the other one answers after {took:?}")).await;
    second.stop().await;
    first.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_checks_notice_a_spend_that_is_lost_or_doubled() {
    let on = Installation::new();
    let server = on.start().await;
    let load = Load::start(&on);
    load.until_spending(RESTART_LIMIT).await;
    let mut spent = load.finish().await;
    let ledger = spent.transactions.clone();
    assert_eq!(spent.compare(&ledger), (0, 0));
    // As if it had been acknowledged before its commit, which then failed.
    let lost = "00000000-0000-7000-8000-000000000000";
    spent.transactions.insert(lost.into());
    assert_eq!(spent.compare(&ledger), (1, 0));
    // As if a repeat had charged again, under a transaction that no client knows.
    spent.transactions.remove(lost);
    spent.transactions.pop_first().unwrap();
    assert_eq!(spent.compare(&ledger), (0, 1));
    server.stop().await;
    assert!(fs::metadata(on.cluster().join("data/postmaster.pid")).is_err(), "Postgres has stopped, too");
}
