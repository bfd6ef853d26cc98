//! Receipts show seller, buyer, taxes, refunds and Stripe's PDF file, for packs and plans.

use brightmeter::ids::PurchaseId;
use serde_json::{Value, json};
use server::clock::Clock;

use super::{
    stand_in::with_stand_in,
    stripe_states::{invoice, pro, with},
};
use crate::http::browser::Site;

fn document() -> Value {
    json!({
        "status": "paid",
        "invoice_pdf": "https://pay.test/in.pdf",
        "account_name": "Brightmeter GmbH",
        "customer_name": "Acme Audio",
        "customer_address": { "line1": "Hauptstr. 1", "postal_code": "10115", "city": "Berlin", "country": "DE" },
        "customer_tax_ids": [{ "type": "eu_vat", "value": "DE123456789" }],
        "total_taxes": [{ "amount": 551, "tax_behavior": "exclusive" }],
    })
}

const SHOWN: [&str; 6] =
    ["Brightmeter GmbH", "Acme Audio", "10115 Berlin", "DE123456789", "$5.51", "https://pay.test/in.pdf"];

#[test]
fn a_packs_checkout_issues_an_invoice_whose_details_are_on_the_receipt() {
    with_stand_in(async |stripe| {
        stripe.update("evt_plan", &[pro()]).await;
        let id = PurchaseId(stripe.server.clock.new_id());
        stripe.answer("POST /v1/checkout/sessions", 200, json!({ "id": "cs_1", "url": "https://checkout.test/" }));
        let pack = &stripe.server.catalog.packs[0].name;
        stripe.inbox.purchases.order(stripe.org, stripe.owner, id, pack, None).await.unwrap();
        let (_, params) = stripe.calls("POST /v1/checkout/sessions").remove(0);
        for (param, value) in [
            ("billing_address_collection", "required"),
            ("tax_id_collection[enabled]", "true"),
            ("customer_update[address]", "auto"),
            ("customer_update[name]", "auto"),
            ("automatic_tax[enabled]", "false"),
            ("invoice_creation[enabled]", "true"),
            ("invoice_creation[invoice_data][metadata][brightmeter_purchase]", &id.to_string()),
        ] {
            assert_eq!(params.get(param).map(String::as_str), Some(value), "{param}");
        }

        let metadata = json!({ "brightmeter_org": stripe.org.to_string(), "brightmeter_purchase": id.to_string() });
        let paid =
            json!({ "id": "in_9", "object": "invoice", "customer": "cus_1", "parent": null, "metadata": metadata });
        let session = json!({ "id": "cs_1", "object": "checkout.session", "mode": "payment", "status": "complete",
            "payment_status": "paid", "payment_intent": "pi_1", "amount_total": 3_451, "currency": "usd", "metadata": metadata });
        let refund = json!({ "id": "re_1", "object": "refund", "amount": 1_000, "payment_intent": "pi_1", "metadata": metadata });
        // In any order: the invoice is often reported first.
        stripe.deliver("evt_1", "invoice.paid", &with(&paid, document())).await;
        stripe.deliver("evt_2", "checkout.session.completed", &session).await;
        stripe.deliver("evt_3", "refund.created", &refund).await;
        let site = Site::new(stripe.server, false);
        let mut owner = site.signed_in("owner@acme.test").await;
        let page = owner.get(&format!("/billing/purchases/{id}")).await;
        for text in SHOWN.into_iter().chain(["$34.51", "−$10"]) {
            assert!(page.body.contains(text), "{text}: {}", page.text());
        }
    });
}

#[test]
fn a_plans_receipt_has_the_details_of_its_invoice() {
    with_stand_in(async |stripe| {
        let lines = json!({ "data": [{ "amount": 14_900, "description": "1 × Pro" }] });
        let paid = invoice(json!({ "amount_paid": 15_451, "currency": "usd", "lines": lines }));
        stripe.invoices(&[with(&paid, document())]);
        stripe.update("evt_1", &[pro()]).await;
        stripe.deliver("evt_2", "invoice.paid", &with(&paid, document())).await;
        let site = Site::new(stripe.server, false);
        let mut owner = site.signed_in("owner@acme.test").await;
        let page = owner.get("/billing/invoices/in_2").await;
        for text in SHOWN.into_iter().chain(["$154.51", "$149"]) {
            assert!(page.body.contains(text), "{text}: {}", page.text());
        }
        assert!(!page.body.contains("Discounts, credit and other"), "{}", page.text());
    });
}
