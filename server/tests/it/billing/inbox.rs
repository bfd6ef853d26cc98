//! The inbox: nothing is lost, nothing is done twice, and what is unknown is waited for.

use brightmeter::ids::{MemberId, OrgId};
use server::{
    clock::Clock,
    storage::stripe_events,
    stripe::{
        event::Event,
        webhook_facts::{self, WebhookFacts},
    },
};

use super::shop::{dispute, event, holdings, inbox, order, refund, session, tell, work};
use crate::support::{TestServer, with_server};

/// Runs `test` against an organization on Pro with 200 AI tokens, and one of its people.
fn with_shop(test: impl AsyncFnOnce(&TestServer, OrgId, MemberId)) {
    with_server(async |server| {
        let org = server.org("bright-audio", "pro").await;
        let member = server.person(org, "owner@bright-audio.test", "owner").await;
        test(server, org, member).await;
    });
}

/// What became of every event, in the order of their ids.
async fn outcomes(server: &TestServer) -> Vec<String> {
    let sql = "select array_agg(concat_ws(', ', id, outcome,
                   case when done_at is not null then 'done' when due_at is null then 'dead' else 'waits' end) order by id)
               from stripe_events";
    server.ask(sql).await
}

#[test]
fn a_payment_is_credited_once_whichever_events_tell_it() {
    with_shop(async |server, org, member| {
        let purchase = order(server, org, member).await;
        let paid = session(org, purchase, "pi_1", "paid");
        let facts = [
            event("evt_1", "checkout.session.completed", 1, &paid),
            event("evt_2", "checkout.session.async_payment_succeeded", 2, &paid),
            event("evt_3", "checkout.session.expired", 3, &paid),
        ];
        tell(server, &facts).await;
        tell(server, &facts).await;
        assert_eq!(holdings(server, org).await, (700, 0));
        assert_eq!(outcomes(server).await, [1, 2, 3].map(|n| format!("evt_{n}, the purchase is as it says, done")));
    });
}

#[test]
fn what_is_told_of_a_payment_before_it_is_known_waits_for_it() {
    with_shop(async |server, org, member| {
        let purchase = order(server, org, member).await;
        let early = [
            event("evt_1", "refund.created", 5, &refund("re_1", "pi_1", 1_450, "succeeded")),
            event("evt_2", "charge.dispute.created", 6, &dispute("dp_1", "pi_1", "needs_response")),
        ];
        tell(server, &early).await;
        assert_eq!(
            outcomes(server).await,
            [1, 2].map(|n| format!("evt_{n}, no purchase is known by its payment yet, waits"))
        );
        // They are tried in the moment in which the payment is known, not when their pause is over.
        tell(server, &[event("evt_3", "checkout.session.completed", 4, &session(org, purchase, "pi_1", "paid"))]).await;
        assert_eq!(outcomes(server).await, [1, 2, 3].map(|n| format!("evt_{n}, the purchase is as it says, done")));
        assert_eq!(holdings(server, org).await, (200, 0));
        tell(server, &[event("evt_4", "charge.dispute.closed", 7, &dispute("dp_1", "pi_1", "won"))]).await;
        assert_eq!(holdings(server, org).await, (450, 0));
    });
}

#[test]
fn an_event_that_nothing_comes_of_is_left_to_a_person_after_three_days() {
    with_shop(async |server, _, _| {
        tell(server, &[event("evt_1", "refund.created", 5, &refund("re_1", "pi_1", 1_450, "succeeded"))]).await;
        let attempts = async || server.ask::<i32>("select attempts from stripe_events").await;
        assert_eq!(attempts().await, 1);
        for seconds in [4, 1, 10, 20] {
            server.pass(seconds);
            work(server).await;
        }
        assert_eq!(attempts().await, 4);
        server.pass(3 * 24 * 60 * 60);
        work(server).await;
        assert_eq!(outcomes(server).await, ["evt_1, no purchase is known by its payment yet, dead"]);
        server.pass(3 * 24 * 60 * 60);
        work(server).await;
        assert_eq!(attempts().await, 5);
    });
}

#[test]
fn whoever_dies_between_doing_and_noting_it_did_it_once() {
    with_shop(async |server, org, member| {
        let purchase = order(server, org, member).await;
        let payload = event("evt_1", "checkout.session.completed", 1, &session(org, purchase, "pi_1", "paid"));
        let mut conn = server.pools.app.acquire().await.unwrap();
        let now = server.clock.now();
        stripe_events::insert(&mut conn, &Event::read(payload), now).await.unwrap();
        let lease_until = now + chrono::TimeDelta::seconds(60);
        let taken = stripe_events::take(&mut conn, now, lease_until, 10).await.unwrap();
        let Ok(Some(WebhookFacts::Payment(_, payment))) = webhook_facts::read(&taken[0].event) else {
            panic!("{taken:?}")
        };
        inbox(server).purchases.settle(org, purchase, payment).await.unwrap();
        // Here it dies. Nobody else takes it up before its lease is over.
        work(server).await;
        assert_eq!(outcomes(server).await, ["evt_1, waits"]);
        server.pass(60);
        work(server).await;
        assert_eq!(outcomes(server).await, ["evt_1, the purchase is as it says, done"]);
        assert_eq!(holdings(server, org).await, (700, 0));
    });
}

#[test]
fn events_of_every_shape_are_acted_on_waited_for_or_left_to_a_person() {
    with_shop(async |server, org, _| {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stripe-events");
        let files = std::fs::read_dir(folder).unwrap();
        let mut payloads: Vec<String> =
            files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect();
        payloads.extend(["{}", "no JSON", r#"{"id":"evt_x","type":"refund.created"}"#].map(Into::into));
        payloads.sort();
        tell(server, &payloads).await;
        insta::assert_snapshot!(outcomes(server).await.join("\n"), @"
        evt_01_cs, no purchase is known by its payment yet, waits
        evt_02_cs_async, no purchase is known by its payment yet, waits
        evt_03_ch_refunded, it concerns nobody here, done
        evt_04_dispute, no purchase is known by its payment yet, waits
        evt_05_inv_paid, its customer is not known yet, waits
        evt_06_inv_failed, its customer is not known yet, waits
        evt_07_sub_upd, its customer is not known yet, waits
        evt_08_sub_del, its customer is not known yet, waits
        evt_09_refund_created, no purchase is known by its payment yet, waits
        evt_10_cs_oldver, no purchase is known by its payment yet, waits
        evt_11_unknown_type, it concerns nobody here, done
        evt_12_cs_newfield, no purchase is known by its payment yet, waits
        evt_13_cs_missing_required, no purchase is known by its payment yet, waits
        evt_14_cs_newenum, no purchase is known by its payment yet, waits
        evt_15_sub_prebasil, its customer is not known yet, waits
        evt_16_inv_unknown_ver, its customer is not known yet, waits
        evt_17_charge_refunds_null, it concerns nobody here, done
        evt_x, the refund has no id or amount, dead
        unnamed_29ecbeb830e3244605e5a88493e4088424a71780e5cf59bb3475f278f294335b, its body is no JSON, dead
        unnamed_44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a, it concerns nobody here, done
        ");
        assert_eq!(holdings(server, org).await, (200, 0));
    });
}

#[test]
fn what_names_another_organizations_order_credits_nobody_else() {
    with_shop(async |server, org, member| {
        let other = server.org("nightshift-labs", "pro").await;
        let purchase = order(server, org, member).await;
        tell(server, &[event("evt_1", "checkout.session.completed", 1, &session(other, purchase, "pi_1", "paid"))])
            .await;
        assert_eq!(outcomes(server).await, ["evt_1, the purchase that it names does not exist, waits"]);
        assert_eq!((holdings(server, org).await, holdings(server, other).await), ((200, 0), (200, 0)));
    });
}
