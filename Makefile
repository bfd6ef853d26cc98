# `make` alone lists the commands.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
export PATH := $(HOME)/.cargo/bin:$(CURDIR)/node_modules/.bin:$(PATH)
export SQLX_OFFLINE := true
CHROMIUM ?= $(firstword $(shell command -v chromium google-chrome))
export CHROMIUM
CARGO_TARGET_DIR ?= $(CURDIR)/target
export CARGO_TARGET_DIR

.PHONY: help setup run dev test check advisories test-rust test-browser test-api test-release test-faults test-fuzz test-mutants screenshots bench bench-http schema

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install missing build and test tools
	@.config/setup

run: ## Build for release and start the demo on http://127.0.0.1:3000
	@.config/setup run
	@.config/build-release
	@. .config/postgres-env && exec "$(CARGO_TARGET_DIR)/server-release/brightmeter" demo

dev: ## Start the demo, and rebuild and reload on every change
	@.config/setup run
	@. .config/postgres-env && cargo leptos watch -- demo

test: setup check test-rust test-browser test-api test-release ## Run every check

check: ## Check formatting, lints (for the server and for the browser) and dependencies
	cargo fmt --all --check
	cargo clippy --all-targets -- -D warnings
	cargo clippy -p brightmeter -p app -p frontend --features app/hydrate --target wasm32-unknown-unknown -- -D warnings
	cargo fetch --locked --quiet # also the crates that only other platforms build: cargo-deny reads all of Cargo.lock
	cargo deny --log-level error --offline --locked --workspace check --hide-inclusion-graph bans licenses sources

# Not part of `make check`: it downloads the RustSec database, which may be unreachable, and a new advisory must not fail the
# tests of a commit that did not cause it.
advisories: ## Check dependencies for known vulnerabilities; needs the network
	cargo deny --locked --workspace check --hide-inclusion-graph advisories

test-rust: ## Run the unit, property, database and HTTP tests
	@. .config/postgres-env && cargo nextest run
	cargo test --doc -q

test-browser: ## Run the browser tests against the demo
	cargo leptos build
	@. .config/postgres-env && dir=$$(mktemp -d) && chmod 755 "$$dir" && trap 'rm -rf "$$dir"' EXIT && \
	  cd end2end && E2E_DATA_DIR="$$dir" npx playwright test

test-api: ## Test the API against its OpenAPI document, and run the programs in docs/api
	cargo build -p server --bin brightmeter --example meter
	@. .config/postgres-env && dir=$$(mktemp -d) && chmod 755 "$$dir" && trap 'rm -rf "$$dir"' EXIT && \
	  cd end2end && E2E_DATA_DIR="$$dir" npx playwright test -c api.config.ts

test-release: ## Check the speed and size limits of the release build's pages and files
	@.config/build-release
	@. .config/postgres-env && dir=$$(mktemp -d) && chmod 755 "$$dir" && trap 'rm -rf "$$dir"' EXIT && \
	  cd end2end && E2E_DATA_DIR="$$dir" npx playwright test -c release.config.ts

test-faults: ## Kill, stop and fill up servers under load, many times over; prints the figures
	@. .config/postgres-env && BRIGHTMETER_FAULT_ROUNDS=7 cargo nextest run --no-capture faults::

test-fuzz: ## Feed each parser with generated input for a minute (FUZZ_SECONDS); FUZZ_TARGETS="body key" selects
	@.config/setup fuzz
	@.config/fuzz $(FUZZ_TARGETS)

# MUTANTS selects: MUTANTS="-f src/ledger/tokens.rs". Every survivor is a missing test, or needs a reason.
test-mutants: ## Plant one fault after another in the domain, and report those that no test notices; takes hours
	cargo mutants --config .config/mutants.toml -p brightmeter --test-package brightmeter -o "$(CARGO_TARGET_DIR)" $(MUTANTS)

screenshots: ## Take a screenshot of every page and state into target/screenshots
	@.config/setup
	cargo leptos build
	@. .config/postgres-env && dir=$$(mktemp -d) && chmod 755 "$$dir" && trap 'rm -rf "$$dir"' EXIT && \
	  cd end2end && E2E_DATA_DIR="$$dir" npx playwright test -c screenshots.config.ts

bench: ## Measure spends per second, beside one transaction per request
	@.config/setup run
	@.config/build-release
	@. .config/postgres-env && "$(CARGO_TARGET_DIR)/server-release/brightmeter" bench

bench-http: ## Measure the REST API with wrk and oha, beside a bare echo
	@.config/setup bench
	@.config/build-release
	@. .config/postgres-env && "$(CARGO_TARGET_DIR)/server-release/brightmeter" bench --http 2>"$(CARGO_TARGET_DIR)/bench-http.log"

schema: ## Update the offline data of compile-checked queries; needs sqlx-cli and DATABASE_URL
	SQLX_OFFLINE=false cargo sqlx prepare --workspace -- -p server --all-targets
