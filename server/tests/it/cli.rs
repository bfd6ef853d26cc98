//! The `brightmeter` command, run as a process.

mod database;
mod logs;
pub mod program;
mod reconcile;

use std::fs;

use self::program::{Output, TempDir, brightmeter};

#[test]
fn wrong_usage_exits_with_2_and_prints_the_usage() {
    let wrong =
        ["", "--frobnicate", "sell", "catalog", "catalog check --flie x", "org create", "serve --port 1", "audit now"];
    for line in wrong {
        let output = Output::of(&mut brightmeter(line));
        assert_eq!(output.code, 2, "{line}: {output:?}");
        assert!(output.stderr.contains("Usage: brightmeter"), "{line}: {output:?}");
        assert_eq!(output.stdout, "", "{line}");
    }
}

/// Checks the help of a command and of its subcommands. Returns the number of commands.
fn check_help(command: &str) -> usize {
    let output = Output::of(&mut brightmeter(&format!("{command} --help")));
    assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{command}");
    assert!(
        output.stdout.contains(&format!("Usage: {}", format!("brightmeter {command}").trim())),
        "{command}: {}",
        output.stdout
    );
    let (_, listed) = output.stdout.split_once("Commands:\n").unwrap_or_default();
    let below = listed.lines().take_while(|line| line.starts_with("  "));
    let below = below.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    1 + below.map(|name| check_help(format!("{command} {name}").trim())).sum::<usize>()
}

#[test]
fn every_command_has_help() {
    assert!(check_help("") >= 13, "some commands were not found");
}

#[test]
fn catalog_check_prints_the_margin_of_every_plan_and_pack() {
    let output = Output::of(&mut brightmeter("catalog check"));
    assert_eq!((output.code, output.stderr.as_str()), (0, ""));
    let lines: Vec<&str> = output.stdout.lines().map(str::trim).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    price        cost      margin
    plan starter                   $0.00       $0.00           –
    plan pro                     $149.00       $2.00      98.6 %
    plan enterprise              $399.00      $20.00      94.9 %
    pack booster                  $29.00       $5.00      82.7 %
    All margins are at least 80.0 %.
    ");
}

#[test]
fn catalog_check_prints_a_line_for_every_price() {
    let directory = TempDir::new();
    let file = directory.0.join("catalog.toml");
    let rate = "[exchange_rates]\njpy = \"0.0067\"\n\n[limits.member]";
    let catalog = brightmeter::DEFAULT_CATALOG
        .replacen("price_cents = 2_900", "price_cents = 2_900\nprices = { jpy = 4_350 }", 1)
        .replacen("[limits.member]", rate, 1);
    fs::write(&file, catalog).unwrap();
    let output = Output::of(brightmeter("catalog check --file").arg(&file));
    let line = output.stdout.lines().find(|line| line.starts_with("pack booster in jpy")).unwrap();
    assert_eq!(line.split_whitespace().skip(4).collect::<Vec<_>>(), ["¥4,350", "$5.00", "82.8", "%"]);
}

#[test]
fn a_catalog_below_its_margin_floor_is_refused_with_the_line_and_the_difference() {
    let directory = TempDir::new();
    let file = directory.0.join("catalog.toml");
    let cheap = brightmeter::DEFAULT_CATALOG.replace("price_cents = 2_900", "price_cents = 2_000");
    assert_ne!(cheap, brightmeter::DEFAULT_CATALOG);
    fs::write(&file, cheap).unwrap();
    let output = Output::of(brightmeter("catalog check --file").arg(&file));
    assert_eq!((output.code, output.stdout.as_str()), (1, ""));
    insta::assert_snapshot!(output.stderr, @"brightmeter: the catalog is invalid: pack booster: the margin is 75.0 %, 5.0 points under the floor of 80.0 %: raise the price or lower the tokens");
    let configured = Output::of(brightmeter("catalog check").env("BRIGHTMETER_CATALOG", &file));
    assert_eq!((configured.code, &configured.stderr), (1, &output.stderr), "the configured catalog is checked too");
    let absent = Output::of(brightmeter("catalog check --file").arg(directory.0.join("absent.toml")));
    assert!(absent.code == 1 && absent.one_line().contains("absent.toml"), "{absent:?}");
    fs::write(&file, "prices = \"low\"").unwrap();
    let broken = Output::of(brightmeter("catalog check --file").arg(&file));
    assert_eq!(broken.code, 1);
    broken.one_line();
}

#[test]
fn serve_without_its_configuration_names_all_missing_variables_and_starts_nothing() {
    let directory = TempDir::new();
    let data = directory.0.join("data");
    let output = Output::of(brightmeter("serve").env("BRIGHTMETER_DATA_DIR", &data));
    assert_eq!((output.code, output.stdout.as_str()), (1, ""));
    for name in ["BRIGHTMETER_PUBLIC_URL", "STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET", "AI_BASE_URL", "AI_MODEL"] {
        assert!(output.one_line().contains(name), "{name}: {}", output.stderr);
    }
    assert!(!data.exists(), "nothing was started");
    let output = Output::of(brightmeter("serve").env("BRIGHTMETER_TEST_CLOCK", "1").env("BRIGHTMETER_DATA_DIR", &data));
    assert!(output.code == 1 && output.one_line().contains("BRIGHTMETER_TEST_CLOCK"), "{output:?}");
}

#[test]
fn an_invalid_value_prevents_every_start_and_is_reported_without_secrets() {
    let directory = TempDir::new();
    for (name, value) in [
        ("BRIGHTMETER_ADDR", "localhost"),
        ("BRIGHTMETER_ADDR", "127.0.0.1:70000"),
        ("BRIGHTMETER_PUBLIC_URL", "tokens.example.com"),
        ("BRIGHTMETER_PUBLIC_URL", "https://robin:hunter2@tokens.example.com"),
        ("BRIGHTMETER_APP_ROLE", "app\"; drop role postgres"),
        ("BRIGHTMETER_TEST_CLOCK", "yes"),
        ("BRIGHTMETER_CATALOG", "absent.toml"),
        ("BRIGHTMETER_LOG", "server=[hunter2"),
        ("DATABASE_URL", "postgres://robin:hunter2@[tokens/brightmeter"),
        ("AI_BASE_URL", "https://robin:hunter2@ai.example.com"),
    ] {
        for command in ["serve", "demo", "migrate"] {
            let data = directory.0.join("data");
            let output = Output::of(brightmeter(command).env(name, value).env("BRIGHTMETER_DATA_DIR", &data));
            assert_eq!(output.code, 1, "{command} with {name}={value}: {output:?}");
            let expected = if name == "AI_BASE_URL" { "AI_MODEL" } else { name };
            assert!(output.one_line().contains(expected), "{command} with {name}={value}: {output:?}");
            assert!(!output.stderr.contains("hunter2"), "{output:?}");
            assert!(!data.exists(), "{command} with {name}={value} started something");
        }
    }
}

#[test]
fn secrets_are_never_printed() {
    let output = Output::of(
        brightmeter("migrate")
            .env("DATABASE_URL", "postgres://robin:hunter2@127.0.0.1:1/brightmeter")
            .env("STRIPE_SECRET_KEY", "sk_live_hunter3")
            .env("STRIPE_WEBHOOK_SECRET", "whsec_hunter4")
            .env("AI_BASE_URL", "http://127.0.0.1:1/v1")
            .env("AI_API_KEY", "hunter5")
            .env("AI_MODEL", "small")
            .env("BRIGHTMETER_LOG", "trace"),
    );
    assert_eq!(output.code, 1, "no server listens there: {output:?}");
    assert!(!output.stderr.contains("hunter") && !output.stdout.contains("hunter"), "{output:?}");
}
