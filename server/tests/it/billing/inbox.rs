//! The inbox loses no event, applies none twice, and lets events with unknown ids wait.

use brightmeter::ids::{MemberId, OrgId};
use server::{
    clock::Clock,
    storage::stripe_events,
    stripe::{
        event::Event,
        webhook_facts::{self, PaymentFact, WebhookFacts},
    },
};

use super::shop::{deliver, dispute, event, holdings, inbox, order, refund, session, work};
use crate::support::{TestServer, with_server};

/// Runs `test` with an organization on Pro with 200 AI tokens, and its owner.
fn with_shop(test: impl AsyncFnOnce(&TestServer, OrgId, MemberId)) {
    with_server(async |server| {
        let org = server.org("bright-audio", "pro").await;
        let member = server.person(org, "owner@bright-audio.test", "owner").await;
        test(server, org, member).await;
    });
}

/// The outcome of every event, ordered by id.
async fn outcomes(server: &TestServer) -> Vec<String> {
    let sql = "select array_agg(concat_ws(', ', id, outcome,
                   case when done_at is not null then 'done' when due_at is null then 'dead' else 'waits' end) order by id)
               from stripe_events";
    server.query_value(sql).await
}

#[test]
fn a_payment_is_credited_once_whichever_events_report_it() {
    with_shop(async |server, org, member| {
        let purchase = order(server, org, member).await;
        let paid = session(org, purchase, "pi_1", "paid");
        let facts = [
            event("evt_1", "checkout.session.completed", 1, &paid),
            event("evt_2", "checkout.session.async_payment_succeeded", 2, &paid),
            event("evt_3", "checkout.session.expired", 3, &paid),
        ];
        deliver(server, &facts).await;
        deliver(server, &facts).await;
        assert_eq!(holdings(server, org).await, (700, 0));
        assert_eq!(outcomes(server).await, [1, 2, 3].map(|n| format!("evt_{n}, payment recorded, done")));
    });
}

#[test]
fn events_about_an_unknown_payment_wait_for_its_id() {
    with_shop(async |server, org, member| {
        let purchase = order(server, org, member).await;
        let early = [
            event("evt_1", "refund.created", 5, &refund("re_1", "pi_1", 1_450, "succeeded")),
            event("evt_2", "charge.dispute.created", 6, &dispute("dp_1", "pi_1", "needs_response")),
        ];
        deliver(server, &early).await;
        assert_eq!(
            outcomes(server).await,
            [1, 2].map(|n| format!("evt_{n}, no purchase has its payment's id yet, waits"))
        );
        // They are retried as soon as the payment's id is recorded, not when their delay is over.
        deliver(server, &[event("evt_3", "checkout.session.completed", 4, &session(org, purchase, "pi_1", "paid"))])
            .await;
        assert_eq!(outcomes(server).await, [1, 2, 3].map(|n| format!("evt_{n}, payment recorded, done")));
        assert_eq!(holdings(server, org).await, (200, 0));
        deliver(server, &[event("evt_4", "charge.dispute.closed", 7, &dispute("dp_1", "pi_1", "won"))]).await;
        assert_eq!(holdings(server, org).await, (450, 0));
    });
}

#[test]
fn an_event_that_keeps_failing_needs_attention_after_three_days() {
    with_shop(async |server, _, _| {
        deliver(server, &[event("evt_1", "refund.created", 5, &refund("re_1", "pi_1", 1_450, "succeeded"))]).await;
        let attempts = async || server.query_value::<i32>("select attempts from stripe_events").await;
        assert_eq!(attempts().await, 1);
        for seconds in [4, 1, 10, 20] {
            server.advance(seconds);
            work(server).await;
        }
        assert_eq!(attempts().await, 4);
        server.advance(3 * 24 * 60 * 60);
        work(server).await;
        assert_eq!(outcomes(server).await, ["evt_1, no purchase has its payment's id yet, dead"]);
        server.advance(3 * 24 * 60 * 60);
        work(server).await;
        assert_eq!(attempts().await, 5);
    });
}

#[test]
fn a_crash_between_applying_an_event_and_recording_its_outcome_applies_it_once() {
    with_shop(async |server, org, member| {
        let purchase = order(server, org, member).await;
        let payload = event("evt_1", "checkout.session.completed", 1, &session(org, purchase, "pi_1", "paid"));
        let mut conn = server.pools.app.acquire().await.unwrap();
        let now = server.clock.now();
        stripe_events::insert(&mut conn, &Event::read(payload), now).await.unwrap();
        let lease_until = now + chrono::TimeDelta::seconds(60);
        let taken = stripe_events::take(&mut conn, now, lease_until, 10).await.unwrap();
        let Ok(Some(WebhookFacts::Payment(PaymentFact { payment, .. }))) = webhook_facts::read(&taken[0].event) else {
            panic!("{taken:?}")
        };
        inbox(server).purchases.record_payment(org, purchase, payment).await.unwrap();
        // The crash. No other replica processes the event before its lease ends.
        work(server).await;
        assert_eq!(outcomes(server).await, ["evt_1, waits"]);
        server.advance(60);
        work(server).await;
        assert_eq!(outcomes(server).await, ["evt_1, payment recorded, done"]);
        assert_eq!(holdings(server, org).await, (700, 0));
    });
}

#[test]
fn events_of_every_shape_are_processed_wait_or_need_attention() {
    with_shop(async |server, org, _| {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stripe-events");
        let files = std::fs::read_dir(folder).unwrap();
        let mut payloads: Vec<String> =
            files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect();
        payloads.extend(["{}", "no JSON", r#"{"id":"evt_x","type":"refund.created"}"#].map(Into::into));
        payloads.sort();
        deliver(server, &payloads).await;
        insta::assert_snapshot!(outcomes(server).await.join("\n"), @"
        evt_01_cs, about another product on the same Stripe account, done
        evt_02_cs_async, about another product on the same Stripe account, done
        evt_03_ch_refunded, not relevant to Brightmeter, done
        evt_04_dispute, no purchase has its payment's id yet, waits
        evt_05_inv_paid, about another product on the same Stripe account, done
        evt_06_inv_failed, about another product on the same Stripe account, done
        evt_07_sub_upd, about another product on the same Stripe account, done
        evt_08_sub_del, about another product on the same Stripe account, done
        evt_09_refund_created, no purchase has its payment's id yet, waits
        evt_10_cs_oldver, about another product on the same Stripe account, done
        evt_11_unknown_type, not relevant to Brightmeter, done
        evt_12_cs_newfield, about another product on the same Stripe account, done
        evt_13_cs_missing_required, about another product on the same Stripe account, done
        evt_14_cs_newenum, about another product on the same Stripe account, done
        evt_15_sub_prebasil, about another product on the same Stripe account, done
        evt_16_inv_unknown_ver, about another product on the same Stripe account, done
        evt_17_charge_refunds_null, not relevant to Brightmeter, done
        evt_x, the refund has no id or amount, dead
        unnamed_29ecbeb830e3244605e5a88493e4088424a71780e5cf59bb3475f278f294335b, the body isn't valid JSON, dead
        unnamed_44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a, not relevant to Brightmeter, done
        ");
        assert_eq!(holdings(server, org).await, (200, 0));
    });
}

#[test]
fn an_event_with_another_organizations_order_credits_neither() {
    with_shop(async |server, org, member| {
        let other = server.org("nightshift-labs", "pro").await;
        let purchase = order(server, org, member).await;
        deliver(server, &[event("evt_1", "checkout.session.completed", 1, &session(other, purchase, "pi_1", "paid"))])
            .await;
        assert_eq!(outcomes(server).await, ["evt_1, its purchase does not exist, waits"]);
        assert_eq!((holdings(server, org).await, holdings(server, other).await), ((200, 0), (200, 0)));
    });
}
