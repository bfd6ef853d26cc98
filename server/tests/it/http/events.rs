//! Staff filter and page through Stripe events.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use serde_json::json;
use server::{service::inbox::Inbox, storage::tenant};

use super::browser::{Browser, Page, with_site};
use crate::{
    billing::shop::{deliver, deliver_to, event, inbox, refund, work},
    support::TestServer,
};

/// Inserts `count` events in a state. Their ids are `evt_`, `name` and a number; every third one arrives at the same
/// instant as the one before.
async fn insert(server: &TestServer, count: usize, name: &str, kind: &str, state: &str, object: &str) {
    let (due_at, done_at, disposal) = match state {
        "waiting" => ("'infinity'", "null", "null"),
        "needs_attention" => ("null", "null", "null"),
        disposal => ("null", "'2026-03-10T09:00:00Z'", disposal),
    };
    let disposal = if disposal == "null" { disposal.to_owned() } else { format!("'{disposal}'") };
    let sql = format!(
        r#"insert into stripe_events (id, kind, received_at, payload, due_at, done_at, disposal, outcome)
           select 'evt_{name}' || n, '{kind}', '2026-03-10T08:00:00Z'::timestamptz + (n - n % 3) * interval '1 second',
               '{{"id":"evt_{name}' || n || '","type":"{kind}","data":{{"object":{object}}}}}', {due_at}, {done_at},
               {disposal}, 'some reason'
           from generate_series(1, {count}) n"#
    );
    server.as_owner(sql).await;
}

/// The Stripe ids of the events on a page, in order.
fn ids(page: &Page) -> Vec<String> {
    let text = page.text();
    text.split_whitespace().filter(|word| word.starts_with("evt_") && word.is_ascii()).map(ToOwned::to_owned).collect()
}

/// The URL of the link with this label.
fn link(page: &Page, label: &str) -> Option<String> {
    let main = page.main().replace("<!>", "");
    let (before, _) = main.split_once(&format!(">{label}</a>"))?;
    let (_, tag) = before.rsplit_once("href=\"")?;
    Some(tag.split('"').next().unwrap().replace("&amp;", "&"))
}

/// The numbers beside the states.
fn counts(page: &Page) -> Vec<String> {
    let (_, rest) = page.main().split_once("aria-label=\"State\"").unwrap();
    let nav = rest.split("</nav>").next().unwrap();
    let tags = nav.split("class=\"tag text-ink\">").skip(1);
    tags.map(|tag| tag.split('<').next().unwrap().to_owned()).collect()
}

async fn get(staff: &mut Browser, path: &str) -> Page {
    let page = staff.get(path).await;
    assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.text());
    page
}

#[test]
fn many_events_of_other_products_do_not_hide_a_failed_event_of_ours() {
    with_site(async |server, site| {
        let mut staff = site.staff(server).await;
        deliver(server, &[event("evt_ours", "refund.created", 5, &refund("re_1", "pi_1", 1_450, "succeeded"))]).await;
        server.advance(3 * 24 * 60 * 60);
        work(server).await;
        let foreign: Vec<String> = (0..120)
            .map(|n| {
                let object = json!({ "id": "sub_x", "customer": "cus_x", "customer_email": "person@other.test" });
                event(&format!("evt_foreign{n}"), "customer.subscription.updated", 5, &object)
            })
            .collect();
        deliver(server, &foreign).await;

        let page = get(&mut staff, "/admin/events").await;
        assert_eq!(
            (ids(&page), counts(&page)),
            (vec!["evt_ours".into()], ["1", "0", "0", "120", "0"].map(Into::into).into())
        );
        assert!(page.text().contains("1 event needs attention"), "{}", page.text());
        let mut page = get(&mut staff, "/admin/events?state=not_ours").await;
        assert!(page.text().contains("Why: about another product on the same Stripe account."), "{}", page.text());
        let mut sizes = vec![ids(&page).len()];
        while let Some(older) = link(&page, "Older") {
            assert!(!page.body.contains("person@other.test"), "the content is not shown");
            page = get(&mut staff, &older).await;
            sizes.push(ids(&page).len());
        }
        assert_eq!(sizes, [50, 50, 20]);
        assert!(get(&mut staff, "/admin").await.text().contains("1 event needs attention"));
    });
}

#[test]
fn the_filters_combine() {
    with_site(async |server, site| {
        let mut staff = site.staff(server).await;
        let (one, two) = (r#"{"id":"in_1","customer":"cus_1"}"#, r#"{"id":"sub_2","customer":"cus_2"}"#);
        insert(server, 3, "a", "invoice.paid", "processed", one).await;
        insert(server, 2, "b", "invoice.paid", "processed", two).await;
        insert(server, 1, "c", "invoice.voided", "needs_attention", one).await;
        insert(server, 1, "d", "customer.updated", "waiting", one).await;
        insert(server, 4, "e", "refund.created", "refused", r#"{"payment_intent":"pi_1"}"#).await;
        insert(server, 1_200, "f", "charge.succeeded", "not_ours", "{}").await;
        let mut check = async |query: &str, expected: &[&str], numbers: [&str; 5]| {
            let page = get(&mut staff, &format!("/admin/events{query}")).await;
            let mut found = ids(&page);
            found.sort();
            assert_eq!(
                (found, counts(&page)),
                (expected.iter().map(|id| (*id).into()).collect(), numbers.map(Into::into).into()),
                "{query}"
            );
        };
        check("", &["evt_c1"], ["1", "1", "5", "1,000+", "4"]).await;
        check("?type=invoice.", &["evt_c1"], ["1", "0", "5", "0", "0"]).await;
        check("?state=processed&type=invoice.v", &[], ["1", "0", "0", "0", "0"]).await;
        check("?state=processed&q=cus_1", &["evt_a1", "evt_a2", "evt_a3"], ["1", "1", "3", "0", "0"]).await;
        check("?state=waiting&q=in_1&type=customer.", &["evt_d1"], ["0", "1", "0", "0", "0"]).await;
        check("?state=processed&q=evt_b2", &["evt_b2"], ["0", "0", "1", "0", "0"]).await;
        check("?state=processed&q=sub_2&type=invoice.paid", &["evt_b1", "evt_b2"], ["0", "0", "2", "0", "0"]).await;
        check("?state=refused&q=pi_1", &["evt_e1", "evt_e2", "evt_e3", "evt_e4"], ["0", "0", "0", "0", "4"]).await;
        for part_of_an_id in ["cus_", "cus", "us_1", "evt_", "_"] {
            check(&format!("?q={part_of_an_id}"), &[], ["0"; 5]).await;
        }
    });
}

#[test]
fn paging_visits_each_event_once_while_new_ones_arrive() {
    with_site(async |server, site| {
        let mut staff = site.staff(server).await;
        for filter in ["", "&type=charge.", "&q=cus_1"] {
            server.as_owner("truncate stripe_events").await;
            insert(server, 123, "old", "charge.succeeded", "waiting", r#"{"customer":"cus_1"}"#).await;
            let first = format!("/admin/events?state=waiting{filter}");
            let mut page = get(&mut staff, &first).await;
            assert_eq!(link(&page, "Newer"), None);
            let mut visited = ids(&page);
            for round in 0.. {
                let Some(older) = link(&page, "Older") else { break };
                let sql = format!(
                    r#"insert into stripe_events (id, kind, received_at, payload)
                       select 'evt_new{round}_' || n, 'charge.succeeded', '2026-03-10T09:00:00Z'::timestamptz + {round} * interval '1 hour',
                           '{{"customer":"cus_1"}}' from generate_series(1, 7) n"#
                );
                server.as_owner(sql).await;
                page = get(&mut staff, &older).await;
                visited.extend(ids(&page));
            }
            let unique: BTreeSet<&String> = visited.iter().collect();
            assert_eq!((visited.len(), unique.len()), (123, 123), "{filter}: {visited:?}");
            assert!(!visited.iter().any(|id| id.contains("new")), "{filter}");

            // Back to the newest ones: the pages do not overlap, and the first one is full.
            let mut back = ids(&page);
            while let Some(newer) = link(&page, "Newer") {
                page = get(&mut staff, &newer).await;
                back.extend(ids(&page));
            }
            let unique: BTreeSet<&String> = back.iter().collect();
            assert_eq!(unique.len(), 123 + 14, "{filter}");
            assert_eq!(ids(&page), ids(&get(&mut staff, &first).await), "{filter}");
        }
    });
}

#[test]
fn an_invalid_filter_is_answered_with_the_default_and_a_note() {
    with_site(async |server, site| {
        let mut staff = site.staff(server).await;
        insert(server, 1, "a", "invoice.paid", "needs_attention", "{}").await;
        let mut check = async |query: &str, note: &str| {
            let page = get(&mut staff, &format!("/admin/events?{query}")).await;
            assert!(page.text().contains(note), "{query}: {}", page.text());
            assert_eq!(ids(&page), ["evt_a1"], "{query}");
        };
        for state in ["failed", "%00", "%F0%9F%92%A5", "Processed", "needs_attention,waiting"] {
            check(&format!("state={state}"), "isn't a state").await;
        }
        for kind in ["in+voice", "%00", "%25", "a%27b", &"a".repeat(101)] {
            check(&format!("type={kind}"), "isn't the start of an event type").await;
        }
        for id in ["a+b", "%00", "cus_%C3%BC", &"a".repeat(256)] {
            check(&format!("q={id}"), "isn't a Stripe id").await;
        }
        for place in
            ["yesterday", "1", "-1-evt_a1", "99999999999999999999-evt_a1", "9223372036854775807-evt_a1", "1-%00"]
        {
            check(&format!("older={place}"), "isn't a place in this list").await;
            check(&format!("newer={place}"), "isn't a place in this list").await;
        }
        check("type=Invoice.*", "Needs attention").await;
        check("unknown=1&state=&type=&q=&older=&newer=", "Needs attention").await;
        check("state=needs_attention&q=%3Cb+x%3E", "isn't a Stripe id").await;
        for unusual in ["%FF", "state=%FF%FE&q=%", "state=waiting&state=refused", "&&&==&"] {
            assert_eq!(staff.get(&format!("/admin/events?{unusual}")).await.status, StatusCode::OK, "{unusual}");
        }
    });
}

/// The state, number of attempts and outcome of an event.
async fn state(server: &TestServer, id: &str) -> String {
    let sql = format!("select concat_ws(', ', state, attempts, outcome) from stripe_events where id = '{id}'");
    server.query_value(&sql).await
}

#[test]
fn an_id_that_no_event_can_have_is_not_found() {
    with_site(async |server, site| {
        let mut staff = site.staff(server).await;
        for id in ["", "\0", "evt_\0", "evt_1\u{7}", "evt 1", &"x".repeat(256)] {
            let page = staff.post("/admin/events/replay", &[("id", id)]).await;
            assert_eq!(page.status, StatusCode::NOT_FOUND, "{id:?}");
        }
    });
}

#[test]
fn foreign_and_refused_events_are_processed_again_by_a_replay() {
    with_site(async |server, site| {
        let mut staff = site.staff(server).await;
        let org = server.org("bright-audio", "pro").await;
        let object = json!({ "id": "sub_late", "customer": "cus_late" });
        deliver(server, &[event("evt_foreign", "customer.subscription.updated", 5, &object)]).await;
        let foreign = "about another product on the same Stripe account";
        assert_eq!(state(server, "evt_foreign").await, format!("not_ours, 1, {foreign}"));
        let live = Inbox { live: Some(true), ..inbox(server) };
        let product =
            json!({ "id": "evt_mode", "type": "product.created", "livemode": false, "data": { "object": {} } });
        deliver_to(&live, server, &[product.to_string()]).await;
        assert!(state(server, "evt_mode").await.starts_with("refused, 1, it comes from test mode"));

        let replayed = staff.post("/admin/events/replay?state=refused&type=product.", &[("id", "evt_mode")]).await;
        let leads_to = "/admin/events?state=refused&type=product.&flash=event-replayed";
        assert_eq!((replayed.status, replayed.location()), (StatusCode::SEE_OTHER, leads_to));
        assert!(state(server, "evt_mode").await.starts_with("waiting, 0, "));
        work(server).await;
        assert_eq!(state(server, "evt_mode").await, "processed, 1, not relevant to Brightmeter");
        let again = staff.post("/admin/events/replay", &[("id", "evt_mode")]).await;
        assert_eq!(again.status, StatusCode::NOT_FOUND, "a processed event has nothing to replay");

        let page = get(&mut staff, "/admin/events?state=not_ours").await;
        let (_, form) = page.main().split_once("action=\"/admin/events/replay").unwrap();
        let action = format!("/admin/events/replay{}", form.split('"').next().unwrap());
        let replayed = staff.post(&action, &[("id", &page.field("id"))]).await;
        assert_eq!((replayed.status, &replayed.location()[..20]), (StatusCode::SEE_OTHER, "/admin/events?state="));
        let page = get(&mut staff, replayed.location()).await;
        assert!(page.body.contains("Event replayed") && page.body.contains("other products"), "{}", page.text());
        work(server).await;
        assert_eq!(state(server, "evt_foreign").await, format!("not_ours, 1, {foreign}"), "it is still foreign");
        // Its customer turns out to be ours.
        let mut tx = tenant::begin(&server.pools.app, org).await.unwrap();
        let now = server::clock::Clock::now(&*server.clock);
        server::storage::stripe_customers::insert(&mut tx, org, "cus_late", now).await.unwrap();
        tx.commit().await.unwrap();
        staff.post("/admin/events/replay", &[("id", "evt_foreign")]).await;
        work(server).await;
        assert!(!state(server, "evt_foreign").await.starts_with("not_ours"), "{}", state(server, "evt_foreign").await);
    });
}
