//! The program as an operator runs it.

mod database;
mod logs;
mod ran;

use std::fs;

use self::ran::{Directory, Ran, brightmeter};

#[test]
fn wrong_use_is_2_and_says_how_it_is_used() {
    let wrong =
        ["", "--frobnicate", "sell", "catalog", "catalog check --flie x", "org create", "serve --port 1", "audit now"];
    for line in wrong {
        let ran = Ran::of(&mut brightmeter(line));
        assert_eq!(ran.code, 2, "{line}: {ran:?}");
        assert!(ran.err.contains("Usage: brightmeter"), "{line}: {ran:?}");
        assert_eq!(ran.out, "", "{line}");
    }
}

/// Holds the help of a command, and of all below it, against what every help has; answers how many there are.
fn help(command: &str) -> usize {
    let ran = Ran::of(&mut brightmeter(&format!("{command} --help")));
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{command}");
    assert!(ran.out.contains(&format!("Usage: {}", format!("brightmeter {command}").trim())), "{command}: {}", ran.out);
    let (_, listed) = ran.out.split_once("Commands:\n").unwrap_or_default();
    let below = listed.lines().take_while(|line| line.starts_with("  "));
    let below = below.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    1 + below.map(|name| help(format!("{command} {name}").trim())).sum::<usize>()
}

#[test]
fn every_command_explains_itself() {
    assert!(help("") >= 13, "all commands were found");
}

#[test]
fn the_margins_of_what_is_sold_are_shown() {
    let ran = Ran::of(&mut brightmeter("catalog check"));
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let lines: Vec<&str> = ran.out.lines().map(str::trim).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    price        cost      margin
    plan starter                   $0.00       $0.00           –
    plan pro                     $149.00       $2.00      98.6 %
    plan enterprise              $399.00      $20.00      94.9 %
    pack booster                  $29.00       $5.00      82.7 %
    every margin is at least 80.0 %
    ");
}

#[test]
fn a_catalog_under_its_floor_is_refused_with_the_line_and_by_how_much() {
    let directory = Directory::new();
    let file = directory.0.join("catalog.toml");
    let cheap = brightmeter::DEFAULT_CATALOG.replace("price_cents = 2_900", "price_cents = 2_000");
    assert_ne!(cheap, brightmeter::DEFAULT_CATALOG);
    fs::write(&file, cheap).unwrap();
    let ran = Ran::of(brightmeter("catalog check --file").arg(&file));
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    insta::assert_snapshot!(ran.err, @"brightmeter: the catalog does not hold: pack booster: the margin is 75.0 %, 5.0 points under the floor of 80.0 %: raise the price or lower the tokens");
    let configured = Ran::of(brightmeter("catalog check").env("BRIGHTMETER_CATALOG", &file));
    assert_eq!((configured.code, &configured.err), (1, &ran.err), "the configured one is checked too");
    let absent = Ran::of(brightmeter("catalog check --file").arg(directory.0.join("absent.toml")));
    assert!(absent.code == 1 && absent.one_line().contains("absent.toml"), "{absent:?}");
    fs::write(&file, "prices = \"low\"").unwrap();
    let broken = Ran::of(brightmeter("catalog check --file").arg(&file));
    assert_eq!(broken.code, 1);
    broken.one_line();
}

#[test]
fn serve_without_its_configuration_names_everything_and_starts_nothing() {
    let directory = Directory::new();
    let data = directory.0.join("data");
    let ran = Ran::of(brightmeter("serve").env("BRIGHTMETER_DATA_DIR", &data));
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    for name in ["BRIGHTMETER_PUBLIC_URL", "STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET", "AI_BASE_URL", "AI_MODEL"] {
        assert!(ran.one_line().contains(name), "{name}: {}", ran.err);
    }
    assert!(!data.exists(), "nothing was started");
    let ran = Ran::of(brightmeter("serve").env("BRIGHTMETER_TEST_CLOCK", "1").env("BRIGHTMETER_DATA_DIR", &data));
    assert!(ran.code == 1 && ran.one_line().contains("BRIGHTMETER_TEST_CLOCK"), "{ran:?}");
}

#[test]
fn a_value_that_cannot_be_used_stops_every_start_and_is_named_without_secrets() {
    let directory = Directory::new();
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
            let ran = Ran::of(brightmeter(command).env(name, value).env("BRIGHTMETER_DATA_DIR", &data));
            assert_eq!(ran.code, 1, "{command} with {name}={value}: {ran:?}");
            let expected = if name == "AI_BASE_URL" { "AI_MODEL" } else { name };
            assert!(ran.one_line().contains(expected), "{command} with {name}={value}: {ran:?}");
            assert!(!ran.err.contains("hunter2"), "{ran:?}");
            assert!(!data.exists(), "{command} with {name}={value} has started something");
        }
    }
}

#[test]
fn secrets_are_never_printed() {
    let ran = Ran::of(
        brightmeter("migrate")
            .env("DATABASE_URL", "postgres://robin:hunter2@127.0.0.1:1/brightmeter")
            .env("STRIPE_SECRET_KEY", "sk_live_hunter3")
            .env("STRIPE_WEBHOOK_SECRET", "whsec_hunter4")
            .env("AI_BASE_URL", "http://127.0.0.1:1/v1")
            .env("AI_API_KEY", "hunter5")
            .env("AI_MODEL", "small")
            .env("BRIGHTMETER_LOG", "trace"),
    );
    assert_eq!(ran.code, 1, "nothing listens there: {ran:?}");
    assert!(!ran.err.contains("hunter") && !ran.out.contains("hunter"), "{ran:?}");
}
