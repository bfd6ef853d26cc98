//! Text from users on every page that shows some: it arrives as typed, and never becomes markup.

use axum::http::StatusCode;
use html5gum::{DefaultEmitter, Error, Token, Tokenizer};
use server::service::provisioning::NewOrganization;

use super::browser::{Browser, ONE, Page, Site, TWO, with_site};
use crate::support::{START, TestServer, adjust, at};

/// Ends every element that contains only text, and every attribute; then adds elements that no page of ours has.
const HOSTILE: &str = "</textarea></title></script><meta http-equiv=\"refresh\"><img hostile>\"'><b hostile>&lt;";
/// References that must stay what they are.
const REFERENCES: &str = "x &lt; y &amp;amp; \"q\" 'a' ≤";

/// What a browser makes of a page: the content of every element and the value of every attribute.
fn parse(page: &Page, path: &str) -> Vec<String> {
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    let mut texts = vec![String::new()];
    for Ok(token) in Tokenizer::new_with_emitter(&page.body, emitter) {
        match token {
            Token::StartTag(tag) => {
                let name = String::from_utf8_lossy(&tag.name).into_owned();
                for (attribute, value) in &tag.attributes {
                    let attribute = String::from_utf8_lossy(attribute).into_owned();
                    assert!(!["hostile", "http-equiv"].contains(&attribute.as_str()), "{path}: <{name} {attribute}>");
                    texts.push(String::from_utf8_lossy(value).into_owned());
                }
                texts.push(String::new());
            }
            Token::EndTag(_) => texts.push(String::new()),
            Token::String(text) => texts.last_mut().unwrap().push_str(&String::from_utf8_lossy(&text)),
            // Leptos separates texts with `<!>`. Any other error would be text that broke the page.
            Token::Error(error) if error.value == Error::IncorrectlyOpenedComment => {}
            Token::Error(error) => panic!("{path}: {error:?}"),
            Token::Comment(_) | Token::Doctype(_) => {}
        }
    }
    texts
}

/// Asserts that the page shows each of `texts` as it was typed.
fn shows(page: &Page, path: &str, texts: &[&str]) {
    let found = parse(page, path);
    for text in texts {
        assert!(found.iter().any(|found| found.contains(text)), "{path} ({}) lacks {text}", page.status);
    }
}

fn encoded(text: &str) -> String {
    serde_urlencoded::to_string([("", text)]).unwrap().split_off(1)
}

/// An organization whose names, notes and API keys are hostile, and its owner's browser.
async fn hostile_owner(server: &TestServer, site: &Site) -> Browser {
    let new =
        NewOrganization { slug: "hostile", name: HOSTILE, time_zone: "Europe/Berlin", plan: "pro", anchor: at(START) };
    let org = server.provisioning.create_organization(new).await.unwrap();
    let user = server.provisioning.create_user("owner@hostile.test", HOSTILE, "correct horse").await.unwrap();
    server.provisioning.add_member(org, user, "owner".parse().unwrap()).await.unwrap();
    for note in [HOSTILE, REFERENCES] {
        server.submit(org, adjust(-1, note)).await.unwrap();
    }
    site.signed_in("owner@hostile.test").await
}

#[test]
fn a_members_pages_show_hostile_text_as_it_was_typed() {
    with_site(async |server, site| {
        let mut owner = hostile_owner(server, site).await;
        for path in
            ["/dashboard", "/billing", "/billing/plan?to=enterprise", "/billing/purchases", "/license", "/account"]
        {
            shows(&owner.get(path).await, path, &[HOSTILE]);
        }
        shows(&owner.get("/activity").await, "/activity", &[HOSTILE, REFERENCES]);
        for field in ["feature", "token_type", "member", "from", "to", "cursor", "flash", HOSTILE] {
            let path = format!("/activity?{}={}", encoded(field), encoded(HOSTILE));
            parse(&owner.get(&path).await, &path);
        }
        for path in ["/quests?job=", "/quests/", "/billing?currency=", "/billing/plan?to=", "/billing/invoices/", "/"] {
            let path = format!("{path}{}", encoded(HOSTILE));
            parse(&owner.get(&path).await, &path);
        }

        // The goal: in its own field after a refusal, and then as the title of a job.
        for (goal, key) in [(HOSTILE, ONE), (REFERENCES, TWO)] {
            let page = owner.post("/quests", &[("goal", goal), ("key", "none")]).await;
            assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
            shows(&page, "/quests refused", &[goal]);
            let page = owner.post("/quests", &[("goal", goal), ("key", key)]).await;
            assert_eq!(page.status, StatusCode::SEE_OTHER);
            let job = page.location().to_owned();
            shows(&owner.get(&job).await, &job, &[goal]);
            let soon = owner.post("/quests", &[("goal", goal), ("key", "00000000-0000-7000-8000-000000000009")]).await;
            assert_eq!(soon.status, StatusCode::TOO_MANY_REQUESTS);
            parse(&soon, "/quests too soon");
            server.advance(60);
        }
        shows(&owner.get("/quests").await, "/quests", &[HOSTILE, REFERENCES]);

        // The name of an API key.
        let refused =
            owner.post("/keys", &[("id", ONE), ("name", HOSTILE), ("scope", HOSTILE), ("days", HOSTILE)]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        shows(&refused, "/keys refused", &[HOSTILE]);
        for (id, name) in [(ONE, HOSTILE), (TWO, REFERENCES)] {
            let created = owner.post("/keys", &[("id", id), ("name", name), ("scope", "read"), ("days", "")]).await;
            assert_eq!(created.status, StatusCode::OK);
            shows(&created, "/keys created", &[name]);
        }
        shows(&owner.get("/keys").await, "/keys", &[HOSTILE, REFERENCES]);
    });
}

#[test]
fn the_sign_in_page_shows_hostile_text_as_it_was_typed() {
    with_site(async |_, site| {
        let mut browser = site.browser();
        for (name, text) in
            [("next", HOSTILE), ("next", "/quests?x=\"><b hostile>"), ("flash", HOSTILE), (HOSTILE, "1")]
        {
            let path = format!("/signin?{}={}", encoded(name), encoded(text));
            parse(&browser.get(&path).await, &path);
        }
        for email in [HOSTILE, REFERENCES] {
            let page =
                browser.post("/signin", &[("email", email), ("password", "x"), ("next", "/\"><b hostile>")]).await;
            assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
            shows(&page, "/signin", &[email, "/\"><b hostile>"]);
        }
    });
}

#[test]
fn the_staff_console_shows_hostile_text_as_it_was_typed() {
    with_site(async |server, site| {
        hostile_owner(server, site).await;
        server.staff("staff@hostile.test", HOSTILE).await;
        let mut staff = site.browser();
        staff.sign_in("staff@hostile.test", "correct horse").await;
        let org: uuid::Uuid = server.query_value("select id from organizations").await;
        let page = format!("/admin/organizations/{org}");
        for path in
            ["/admin", "/admin/organizations", "/admin/events", "/admin/pricing", "/admin/reconciliation", &page]
        {
            let shown = staff.get(path).await;
            assert!([StatusCode::OK, StatusCode::SEE_OTHER].contains(&shown.status), "{path}: {}", shown.status);
            parse(&shown, path);
        }
        shows(&staff.get("/admin/organizations").await, "/admin/organizations", &[HOSTILE]);
        for text in [HOSTILE, REFERENCES] {
            let path = format!("/admin/organizations?search={}", encoded(text));
            parse(&staff.get(&path).await, &path);
            for field in ["state", "type", "id", "older", "newer"] {
                let path = format!("/admin/events?{field}={}", encoded(text));
                parse(&staff.get(&path).await, &path);
            }
            let form = |reason: &str| [("org".to_owned(), org.to_string()), ("reason".to_owned(), reason.to_owned())];
            let refused = form(&format!("{text}{}", "x".repeat(500)));
            let refused: Vec<(&str, &str)> = refused.iter().map(|(name, value)| (&**name, &**value)).collect();
            let refused = staff.post("/admin/organizations/suspend", &refused).await;
            assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
            shows(&refused, "suspend refused", &[text]);
        }
        let fields = [("org", &*org.to_string()), ("reason", HOSTILE), ("key", ONE)];
        assert_eq!(staff.post("/admin/organizations/suspend", &fields).await.status, StatusCode::SEE_OTHER);
        shows(&staff.get(&page).await, &page, &[HOSTILE]);
        let fields = [("org", &*org.to_string()), ("reason", REFERENCES), ("key", TWO)];
        assert_eq!(staff.post("/admin/organizations/lift", &fields).await.status, StatusCode::SEE_OTHER);
        shows(&staff.get(&page).await, &page, &[HOSTILE, REFERENCES]);
    });
}
