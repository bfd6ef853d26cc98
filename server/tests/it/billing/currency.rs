//! Currencies: prices, payments, receipts and the CSV file show the amount and the currency that were paid.

use std::sync::Arc;

use brightmeter::{
    billing::payment::Stage,
    catalog::Catalog,
    ids::{MemberId, OrgId, PlanOrderId, PurchaseId},
};
use serde_json::{Value, json};
use server::{clock::Clock, service::purchases::Purchases, stripe::webhook_facts};

use super::{
    shop::{deliver, dispute, event, holdings, order, refund, session, work},
    stand_in::{StandIn, list, with_stand_in},
    stripe_states::{pro, with},
};
use crate::{
    http::browser::{Browser, Site},
    support::{TestServer, with_server},
};

/// Runs `test` with an organization on Pro and its owner.
fn with_owner(test: impl AsyncFnOnce(&TestServer, OrgId, MemberId)) {
    with_server(async |server| {
        let org = server.org("bright-audio", "pro").await;
        let owner = server.person(org, "owner@bright-audio.test", "owner").await;
        test(server, org, owner).await;
    });
}

/// The default catalog with prices in euros and yen.
fn catalog() -> Catalog {
    let rates = "[exchange_rates]\neur = \"1.08\"\njpy = \"0.0067\"\n\n[limits.member]";
    let text = brightmeter::DEFAULT_CATALOG
        .replacen("price_cents = 14_900", "price_cents = 14_900\nprices = { eur = 13_900 }", 1)
        .replacen("price_cents = 39_900", "price_cents = 39_900\nprices = { eur = 37_000 }", 1)
        .replacen("price_cents = 2_900", "price_cents = 2_900\nprices = { eur = 2_680, jpy = 4_350 }", 1)
        .replacen("[limits.member]", rates, 1);
    Catalog::parse(&text).unwrap()
}

/// A site that sells the catalog with several currencies through the stand-in.
fn shop(stripe: &StandIn) -> Site {
    stripe.answer("POST /v1/customers", 200, json!({ "id": "cus_2" }));
    stripe.answer("POST /v1/checkout/sessions", 200, json!({ "id": "cs_1", "url": "https://checkout.stripe.test/1" }));
    stripe.answer("GET /v1/prices", 200, list(&[]));
    stripe.answer("POST /v1/prices", 200, json!({ "id": "price_1" }));
    Site::selling(stripe.server, Purchases { catalog: Arc::new(catalog()), ..stripe.inbox.purchases.clone() })
}

/// Buys a pack with this currency in the form, and returns the price in the request to Stripe.
async fn buy(stripe: &StandIn<'_>, browser: &mut Browser, currency: &str) -> (String, String) {
    let id = PurchaseId(stripe.server.clock.new_id()).to_string();
    browser.post("/billing/buy", &[("id", &id), ("pack", "booster"), ("currency", currency)]).await;
    let (_, params) = stripe.calls("POST /v1/checkout/sessions").pop().unwrap();
    let price = |field: &str| params[&format!("line_items[0][price_data][{field}]")].clone();
    (price("unit_amount"), price("currency"))
}

/// A paid session of an order, with `changes`.
fn paid(org: OrgId, purchase: PurchaseId, changes: &Value) -> String {
    let mut session = session(org, purchase, &format!("pi_{}", purchase.0.simple()), "paid");
    session.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    event(&format!("evt_{purchase}"), "checkout.session.completed", 1, &session)
}

/// The CSV rows of packs and plans: price, paid, returned, currency and the price's currency.
fn rows(file: &str) -> Vec<String> {
    let mut reader = csv::Reader::from_reader(file.as_bytes());
    let row = |row: csv::StringRecord| [5_usize, 7, 8, 13, 14].map(|column| row[column].to_owned()).join(" ");
    reader.records().map(|found| row(found.unwrap())).collect()
}

#[test]
fn a_receipt_shows_the_amount_and_the_currency_that_were_paid() {
    with_owner(async |server, org, owner| {
        let mut browser = Site::new(server, false).signed_in("owner@bright-audio.test").await;
        for (changes, texts) in [
            (json!({ "currency": "eur", "amount_total": 2_680 }), ["Paid €26.80 , 10 March 2026", "Paid. Thank you."]),
            (json!({ "currency": "jpy", "amount_total": 4_350 }), ["Paid ¥4,350 , 10 March 2026", "were credited"]),
            (json!({ "currency": "kwd", "amount_total": 8_950 }), ["Paid KWD 8.950 ,", "Price $29"]),
            (
                json!({
                    "currency": "usd", "amount_total": 2_900,
                    "presentment_details": { "presentment_amount": 2_270, "presentment_currency": "gbp" },
                }),
                ["Paid $29 (shown as £22.70) ,", "Price $29"],
            ),
            (
                json!({ "currency": "eur", "amount_total": 0, "payment_status": "no_payment_required", "payment_intent": null }),
                ["Free of charge 500 AI tokens and 50 Deep tokens were credited", "Paid €0 , 10 March 2026"],
            ),
        ] {
            server.advance(1);
            let purchase = order(server, org, owner).await;
            deliver(server, &[paid(org, purchase, &changes)]).await;
            let page = browser.get(&format!("/billing/purchases/{purchase}")).await.text();
            for text in texts {
                assert!(page.contains(text), "{text}: {page}");
            }
        }
        let list = browser.get("/billing/purchases").await.text();
        for text in ["€26.80 Paid", "¥4,350 Paid", "KWD 8.950 Paid", "$29 Paid", "€0 Free of charge"] {
            assert!(list.contains(text), "{text}: {list}");
        }
        assert_eq!(holdings(server, org).await, (200 + 5 * 500, 0));
        let file = browser.get("/billing/purchases.csv").await.body;
        let expected = [
            "2900 0 0 eur usd",
            "2900 2900 0 usd usd",
            "2900 8950 0 kwd usd",
            "2900 4350 0 jpy usd",
            "2900 2680 0 eur usd",
        ];
        assert_eq!(rows(&file), expected);
    });
}

#[test]
fn a_free_order_is_made_once_its_checkout_is_complete() {
    for (status, stage, paid_minor) in [
        (json!("open"), Stage::Open, None),
        (json!("expired"), Stage::Expired, None),
        (json!("complete"), Stage::Paid, Some(0)),
        (json!(null), Stage::Paid, Some(0)),
    ] {
        let session = json!({ "id": "cs_1", "payment_status": "no_payment_required", "status": status });
        let (_, payment) = webhook_facts::session(&session, None).unwrap().unwrap();
        assert_eq!((payment.stage, payment.paid_minor), (stage, paid_minor), "{status}");
    }
}

#[test]
fn a_refund_is_in_the_currency_of_the_charge_and_one_of_nothing_claws_nothing_back() {
    with_owner(async |server, org, owner| {
        let purchases = [order(server, org, owner).await, order(server, org, owner).await];
        let free = json!({ "currency": "eur", "amount_total": 0, "payment_status": "no_payment_required" });
        let of = |purchase: PurchaseId| format!("pi_{}", purchase.0.simple());
        deliver(
            server,
            &[
                paid(org, purchases[0], &json!({ "currency": "eur", "amount_total": 2_680 })),
                paid(org, purchases[1], &free),
            ],
        )
        .await;
        deliver(
            server,
            &[
                event("evt_re_1", "refund.created", 2, &refund("re_1", &of(purchases[0]), 1_340, "succeeded")),
                event("evt_re_2", "refund.created", 2, &refund("re_2", &of(purchases[1]), 0, "succeeded")),
            ],
        )
        .await;
        assert_eq!(holdings(server, org).await, (200 + 250 + 500, 0));
        let mut browser = Site::new(server, false).signed_in("owner@bright-audio.test").await;
        let page = browser.get(&format!("/billing/purchases/{}", purchases[0])).await.text();
        assert!(page.contains("Refunded €13.40, 250 AI tokens and 25 Deep tokens removed"), "{page}");
        let page = browser.get(&format!("/billing/purchases/{}", purchases[1])).await.text();
        assert!(page.contains("Free of charge") && !page.contains("Refunded"), "{page}");
    });
}

#[test]
fn a_plan_invoice_has_a_receipt_in_its_currency() {
    with_owner(async |server, org, _| {
        let mut tx = server::storage::tenant::begin(&server.pools.app, org).await.unwrap();
        server::storage::stripe_customers::insert(&mut tx, org, "cus_1", server.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        let invoice = json!({
            "id": "in_1", "object": "invoice", "currency": "eur", "amount_paid": 14_400, "customer": "cus_1",
            "lines": { "data": [{ "amount": 13_900, "currency": "eur", "description": "1 × Pro" }] },
            "parent": { "type": "subscription_details", "subscription_details": { "subscription": "sub_1" } },
            "status_transitions": { "paid_at": server.clock.now().timestamp() },
        });
        deliver(server, &[event("evt_1", "invoice.paid", 1, &invoice)]).await;
        let mut browser = Site::new(server, false).signed_in("owner@bright-audio.test").await;
        let page = browser.get("/billing/invoices/in_1").await.text();
        for text in ["1 × Pro €139", "Tax, discounts, credit and other €5", "Paid €144 , 10 March 2026"] {
            assert!(page.contains(text), "{text}: {page}");
        }
        assert!(browser.get("/billing/purchases").await.text().contains("€144 Paid"));
        assert_eq!(rows(&browser.get("/billing/purchases.csv").await.body), ["14400 14400  eur eur"]);
    });
}

#[test]
fn what_was_stored_before_currencies_is_in_us_dollars() {
    with_owner(async |server, org, owner| {
        let purchase = order(server, org, owner).await;
        deliver(server, &[paid(org, purchase, &json!({}))]).await;
        let former = r#"{"stage": "paid", "paid_cents": 2900, "refunded_cents": 0, "refunds": {}, "disputes": {},
            "stripe_ids": {"session": "cs_1", "payment_intent": "pi_1", "charge": "ch_1", "receipt_url": null}}"#;
        server.as_owner(format!("update ai_token_purchases set payment = '{former}'")).await;
        let invoices = r#"{"in_1": {"status": "paid", "receipt": 2, "remaining_cents": 0,
            "paid": {"at": "2026-03-10T09:00:00Z", "cents": 14900, "lines": [{"text": "1 × Pro", "cents": 14900}],
            "url": null, "number": null}}}"#;
        server.as_owner(format!("insert into invoices (org_id, invoices) values ('{org}', '{invoices}')")).await;
        let mut browser = Site::new(server, false).signed_in("owner@bright-audio.test").await;
        let page = browser.get(&format!("/billing/purchases/{purchase}")).await.text();
        assert!(page.contains("Paid $29 ,"), "{page}");
        let page = browser.get("/billing/invoices/in_1").await.text();
        assert!(page.contains("1 × Pro $149") && page.contains("Paid $149 ,"), "{page}");
        // A later event names the currency.
        let charge = json!({
            "id": "ch_1", "object": "charge", "payment_intent": "pi_1", "currency": "eur", "amount_refunded": 0,
            "metadata": { "brightmeter_org": org.to_string(), "brightmeter_purchase": purchase.to_string() },
        });
        deliver(server, &[event("evt_2", "charge.updated", 2, &charge)]).await;
        assert!(browser.get(&format!("/billing/purchases/{purchase}")).await.text().contains("Paid €29 ,"));
        server.as_owner("delete from invoices").await;
    });
}

#[test]
fn prices_are_shown_and_charged_in_the_chosen_currency() {
    with_stand_in(async |stripe| {
        let server = stripe.server;
        let org = server.org("bright-audio", "pro").await;
        server.person(org, "owner@bright-audio.test", "owner").await;
        let mut browser = shop(stripe).signed_in("owner@bright-audio.test").await;
        for (path, texts) in [
            ("/billing", ["Prices in USD EUR JPY", "$149 a month", "$29 once"]),
            ("/billing?currency=eur", ["€0 a month", "€139 a month", "€26.80 once"]),
            // What has no price in the chosen currency is sold in the catalog's own.
            ("/billing?currency=jpy", ["¥0 a month", "$149 a month", "¥4,350 once"]),
            ("/billing?currency=chf", ["$0 a month", "$149 a month", "$29 once"]),
        ] {
            let page = browser.get(path).await.text();
            assert!(texts.iter().all(|text| page.contains(text)), "{path}: {texts:?}: {page}");
        }
        let page = browser.get("/billing?currency=eur").await.body;
        for part in ["href=\"/billing?currency=jpy\"", "href=\"/billing/plan?to=pro&amp;currency=eur\""] {
            assert!(page.contains(part), "{part}: {page}");
        }
        for (chosen, price) in [("jpy", ("4350", "jpy")), ("eur", ("2680", "eur")), ("", ("2900", "usd"))] {
            assert_eq!(buy(stripe, &mut browser, chosen).await, (price.0.into(), price.1.into()), "{chosen}");
        }
        let history = browser.get("/billing/purchases").await.text();
        assert!(
            ["¥4,350 Not paid yet", "€26.80 Not paid yet", "$29 Not paid yet"].iter().all(|it| history.contains(it))
        );

        let page = browser.get("/billing/plan?to=pro&currency=eur").await;
        assert!(page.text().contains("€139 today, then €139 every month"), "{}", page.text());
        let (id, from) = (PlanOrderId(server.clock.new_id()).to_string(), server.clock.now().timestamp().to_string());
        let fields = [("id", id.as_str()), ("plan", "pro"), ("plan_change", "subscribe"), ("from", &from)];
        let sent = browser.post("/billing/plan", &[fields.as_slice(), &[("currency", "eur")]].concat()).await;
        assert_eq!(sent.location(), "https://checkout.stripe.test/1", "{}", sent.text());
        let (_, price) = stripe.calls("POST /v1/prices").pop().unwrap();
        let price = ["currency", "unit_amount", "lookup_key"].map(|field| price[field].as_str());
        assert_eq!(price, ["eur", "13900", "brightmeter-pro-13900-eur-month"]);
        let stored: String = server.query_value("select currency from ai_token_plan_orders").await;
        assert_eq!(stored, "eur");
    });
}

#[test]
fn an_organization_with_a_subscription_is_charged_in_its_currency() {
    with_stand_in(async |stripe| {
        let site = shop(stripe);
        let mut browser = site.signed_in("owner@acme.test").await;
        stripe.update("evt_1", &[with(&pro(), json!({ "currency": "eur" }))]).await;
        let page = browser.get("/billing?currency=jpy").await.text();
        assert!(page.contains("€139 a month") && page.contains("€26.80 once"), "{page}");
        assert!(!page.contains("Prices in"), "{page}");
        assert_eq!(buy(stripe, &mut browser, "jpy").await, ("2680".into(), "eur".into()));
        stripe.answer("POST /v1/invoices/create_preview", 200, json!({ "amount_due": 23_105, "currency": "eur" }));
        let page = browser.get("/billing/plan?to=enterprise").await.text();
        assert!(page.contains("€231.05 now") && page.contains("Then €370 on"), "{page}");
        // A subscription in a currency that the plan has no price in.
        stripe.update("evt_2", &[with(&pro(), json!({ "currency": "jpy" }))]).await;
        let page = browser.get("/billing/plan?to=enterprise").await.text();
        assert!(page.contains("This plan isn't sold in your subscription's currency."), "{page}");
    });
}

#[test]
fn staff_see_the_margin_of_every_price() {
    with_owner(async |server, _, _| {
        let purchases = Purchases { catalog: Arc::new(catalog()), ..server.purchases(&server.writer) };
        let mut staff = Site::selling(server, purchases).staff(server).await;
        let page = staff.get("/admin/pricing").await.text();
        for text in [
            "Booster $5 $29 82.7 % 80.0 %",
            "Pro $2 €139 98.6 % 80.0 %",
            "Booster $5 €26.80 82.7 % 80.0 %",
            "Booster $5 ¥4,350 82.8 % 80.0 %",
            "All amounts are in USD, the catalog's own currency.",
        ] {
            assert!(page.contains(text), "{text}: {page}");
        }
    });
}

#[test]
fn an_event_that_waits_for_any_charge_of_a_payment_finds_it_in_any_order() {
    for order_of_charges in [["ch_1", "ch_2"], ["ch_2", "ch_1"]] {
        with_owner(async |server, org, owner| {
            let purchase = order(server, org, owner).await;
            deliver(server, &[paid(org, purchase, &json!({}))]).await;
            let mut disputes = ["ch_1", "ch_2"].map(|charge| {
                let mut object = dispute(&format!("dp_{charge}"), "", "needs_response");
                object["payment_intent"] = Value::Null;
                object["charge"] = charge.into();
                event(&format!("evt_dispute_{charge}"), "charge.dispute.created", 3, &object)
            });
            disputes.reverse();
            deliver(server, &disputes[..1]).await;
            for charge in order_of_charges {
                let object = json!({
                    "id": charge, "object": "charge", "payment_intent": null, "currency": "usd", "amount_refunded": 0,
                    "metadata": { "brightmeter_org": org.to_string(), "brightmeter_purchase": purchase.to_string() },
                });
                deliver(server, &[event(&format!("evt_{charge}"), "charge.succeeded", 2, &object)]).await;
            }
            deliver(server, &disputes[1..]).await;
            work(server).await;
            let waiting: i64 = server.query_value("select count(*) from stripe_events where done_at is null").await;
            let found: Vec<String> = server
                .query_value("select array_agg(k order by k) from ai_token_purchases, jsonb_object_keys(payment -> 'disputes') k")
                .await;
            assert_eq!((waiting, found), (0, vec!["dp_ch_1".into(), "dp_ch_2".into()]), "{order_of_charges:?}");
        });
    }
}
