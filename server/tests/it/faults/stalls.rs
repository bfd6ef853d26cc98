//! Things that stop without dying: Postgres that hangs, a long reader, a full disk.

use std::{
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use tokio::time::sleep;

use super::{
    RECOVERY_LIMIT, RESTART_LIMIT,
    load::Load,
    process::{Installation, signal},
    rounds, under_load,
};
use crate::cli::program::TempDir;

/// The time in which `/readyz` notices.
const NOTICE_LIMIT: Duration = Duration::from_secs(10);

/// Waits until `/readyz` answers that the server cannot work.
async fn until_noticed(on: &Installation) {
    let noticed = async {
        while on.is_ready().await {
            sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(NOTICE_LIMIT, noticed).await.expect("/readyz notices");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_that_hangs_is_noticed_and_everything_goes_on_after_it() {
    under_load("Postgres hangs", rounds(), "spending again after", async |on, load, server| {
        let processes = postgres_processes(on);
        processes.iter().for_each(|pid| signal("-STOP", *pid));
        until_noticed(on).await;
        processes.iter().for_each(|pid| signal("-CONT", *pid));
        let took = load.until_spending(RECOVERY_LIMIT).await;
        on.until_ready(RECOVERY_LIMIT).await;
        (server, took)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_a_long_reader_commands_and_spends_go_on() {
    let read = "begin isolation level repeatable read; select count(*) from ai_token_usage_log; select count(*) from stripe_events";
    under_load("long reader", rounds(), "spending within", async |on, load, server| {
        let mut reader = on.connect().await;
        sqlx::raw_sql(read).execute(&mut reader).await.unwrap();
        on.run("key create --org acme --scope read --name beside");
        (server, load.until_spending(RECOVERY_LIMIT).await)
    })
    .await;
}

/// A small file system of its own. Only root can create one: `None` for other users.
fn small_disk() -> Option<(TempDir, impl Drop)> {
    let directory = TempDir::new();
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", "size=400m,mode=755", "none"]).arg(&directory.0).stderr(Stdio::null());
    if !mount.status().is_ok_and(|status| status.success()) {
        println!("the disk full test needs the right to mount a file system; it is left out");
        return None;
    }
    let unmount = Unmount(directory.0.clone());
    Some((directory, unmount))
}

struct Unmount(PathBuf);

impl Drop for Unmount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_503_until_there_is_space_again() {
    let Some((directory, _unmount)) = small_disk() else { return };
    let ballast = directory.0.join("ballast");
    let on = Installation::within(directory);
    let server = on.start().await;
    let load = Load::start(&on);
    load.until_spending(RECOVERY_LIMIT).await;
    let mut full = std::fs::File::create(&ballast).unwrap();
    while full.write_all(&[0; 1 << 16]).is_ok() {}
    // Uses up the log, until Postgres cannot go on.
    let mut conn = on.connect().await;
    let use_up = "select pg_logical_emit_message(true, 'full', repeat('x', 1000)); select pg_switch_wal()";
    while sqlx::raw_sql(use_up).execute(&mut conn).await.is_ok() {}
    until_noticed(&on).await;
    std::fs::remove_file(&ballast).unwrap();
    drop(full);
    let took = load.until_spending(RESTART_LIMIT).await;
    let spent = load.finish().await;
    spent.check("disk full", &on, &format!("spending again after {took:?}")).await;
    server.stop().await;
}

/// The postmaster and its children.
fn postgres_processes(on: &Installation) -> Vec<u32> {
    let postmaster = on.postmaster();
    let listed = Command::new("ps").args(["-o", "pid=", "--ppid", &postmaster.to_string()]).output().unwrap();
    let children = String::from_utf8(listed.stdout).unwrap();
    children.split_whitespace().map(|pid| pid.parse().unwrap()).chain([postmaster]).collect()
}
