//! The site under test and the browsers that visit it.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use axum::{
    body::{Body, to_bytes},
    extract::ConnectInfo,
    http::{HeaderMap, Request, StatusCode, header},
};
use leptos::config::{Env, LeptosOptions};
use server::{
    ai::{AiProvider, built_in::BuiltIn},
    http::{self, Services, backend::AppBackend, viewer::Viewers},
    proxies::TrustedProxies,
    service::{
        account_reader::AccountReader, balance_events::BalanceEvents, jobs::Jobs, passwords::Passwords, plans::Plans,
        purchases::Purchases, sign_in::SignIn, staff::Staff, throttle::Throttle, user_profile::UserProfiles,
        writer::Writer,
    },
    stripe::signature::WebhookSecret,
};
use tower::ServiceExt;

use crate::support::{TestServer, with_server};

/// The signing secret of Stripe's webhooks in tests.
pub const WEBHOOK_SECRET: &str = "whsec_test";

/// The pages and forms of a server.
pub struct Site(pub http::Site);

/// Runs `test` with the site of a server.
pub fn with_site(test: impl AsyncFnOnce(&TestServer, &Site)) {
    with_server(async |server| {
        let site = Site::new(server, false);
        test(server, &site).await;
    });
}

impl Site {
    /// The site as `brightmeter serve` assembles it, with an AI provider that fails on request.
    pub fn new(server: &TestServer, https: bool) -> Self {
        Self::with(server, server.writer.clone(), Arc::new(BuiltIn { faults: true }), https)
    }

    /// A site that sells packs.
    pub fn selling(server: &TestServer, purchases: Purchases) -> Self {
        Self::put_together(server, server.writer.clone(), Arc::new(BuiltIn { faults: true }), purchases, false)
    }

    /// A site with another writer and another AI provider.
    pub fn with(server: &TestServer, writer: Writer, provider: Arc<dyn AiProvider>, https: bool) -> Self {
        let purchases = server.purchases(&writer);
        Self::put_together(server, writer, provider, purchases, https)
    }

    fn put_together(
        server: &TestServer,
        writer: Writer,
        provider: Arc<dyn AiProvider>,
        purchases: Purchases,
        https: bool,
    ) -> Self {
        let (pool, clock) = (server.pools.app.clone(), server.clock.clone());
        let jobs = Jobs::new(writer.clone(), provider).unwrap();
        let reader = AccountReader {
            pool: pool.clone(),
            catalog: purchases.catalog.clone(),
            clock: clock.clone(),
            writer: writer.clone(),
        };
        let (passwords, throttle) = (Passwords::new(2).unwrap(), Throttle { clock: clock.clone() });
        let user_profiles = UserProfiles {
            pool: pool.clone(),
            passwords: passwords.clone(),
            throttle: throttle.clone(),
            clock: clock.clone(),
        };
        let api_keys = server.api_keys.clone();
        let balance_events = BalanceEvents::start(pool.clone(), writer.changed_accounts());
        let plans = Plans::from_purchases(&purchases);
        let staff = Staff::new(purchases.clone(), plans.clone(), server.pools.writer.clone());
        let portal = AppBackend {
            pool: pool.clone(),
            reader: reader.clone(),
            jobs: jobs.clone(),
            user_profiles: user_profiles.clone(),
            api_keys: api_keys.clone(),
            purchases: purchases.clone(),
            plans: plans.clone(),
            staff: staff.clone(),
        };
        let leptos = LeptosOptions::builder().output_name("brightmeter").site_root("no-site").env(Env::PROD).build();
        let tools = Services {
            backend: Arc::new(portal),
            sign_in: SignIn { pool: pool.clone(), passwords, throttle },
            user_profiles,
            viewers: Viewers { pool: pool.clone(), catalog: reader.catalog.clone(), clock: clock.clone(), demo: false },
            jobs,
            api_keys,
            plans,
            staff,
            purchases,
            balance_events,
            reader,
            pool,
            clock,
            test_clock: None,
            webhook_secret: Some(WebhookSecret::new(WEBHOOK_SECRET.into())),
            leptos,
            https,
            docs: http::api::docs(https),
            proxies: TrustedProxies::default(),
            metrics: None,
            metrics_token: None,
            sandbox: None,
            demo_sign_ins: None,
        };
        Self(http::Site::new(tools.into()))
    }

    /// A browser without cookies.
    pub fn browser(&self) -> Browser {
        Browser { site: self.0.clone(), cookie: None, known: None, address: Ipv4Addr::new(192, 0, 2, 1) }
    }

    /// A browser in which `email` has signed in.
    pub async fn signed_in(&self, email: &str) -> Browser {
        let mut browser = self.browser();
        let page = browser.sign_in(email, "correct horse").await;
        assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, "/dashboard"), "{}", page.text());
        browser
    }
}

impl Site {
    /// A browser in which a staff user without an organization has signed in.
    pub async fn staff(&self, server: &TestServer) -> Browser {
        let (email, password) = ("staff@brightmeter.test", "correct horse");
        server.staff(email, "Sam").await;
        let mut browser = self.browser();
        let page = browser.sign_in(email, password).await;
        assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, "/admin"), "{}", page.text());
        browser
    }
}

/// A browser with its two cookies.
#[derive(Clone)]
pub struct Browser {
    site: http::Site,
    /// The session.
    pub cookie: Option<String>,
    /// What sign-in recognizes the browser by.
    pub known: Option<String>,
    pub address: Ipv4Addr,
}

impl Browser {
    pub async fn get(&mut self, path: &str) -> Page {
        self.send(Request::get(path), Body::empty()).await
    }

    /// Submits a form as a browser does from a page of this site.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let request = Request::post(path).header("sec-fetch-site", "same-origin");
        self.send(request.header(header::CONTENT_TYPE, FORM), form(fields)).await
    }

    pub async fn sign_in(&mut self, email: &str, password: &str) -> Page {
        self.post("/signin", &[("email", email), ("password", password)]).await
    }

    /// Sends any request.
    pub async fn send(&mut self, request: axum::http::request::Builder, body: Body) -> Page {
        let mut request = request.header(header::HOST, "tokens.example.com");
        for cookie in self.cookie.iter().chain(&self.known) {
            request = request.header(header::COOKIE, cookie);
        }
        let mut request = request.body(body).unwrap();
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from((self.address, 50_000))));
        let response = self.site.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = String::from_utf8(to_bytes(body, 64 << 20).await.unwrap().to_vec()).unwrap();
        let page = Page { status: parts.status, headers: parts.headers, body };
        if let Some(set) = page.set_cookies().find(|set| set.contains(KNOWN)) {
            self.known = set.split(';').next().map(str::to_owned);
        }
        if let Some(set) = page.set_cookie() {
            let pair = set.split(';').next().unwrap().to_owned();
            self.cookie = (!pair.ends_with('=')).then_some(pair);
        }
        page
    }
}

/// Idempotency keys like those that pages put into forms.
pub const ONE: &str = "00000000-0000-7000-8000-000000000001";
pub const TWO: &str = "00000000-0000-7000-8000-000000000002";

/// Part of the name of the cookie that sign-in recognizes a browser by.
pub const KNOWN: &str = "brightmeter-browser=";

pub const FORM: &str = "application/x-www-form-urlencoded";

pub fn form(fields: &[(&str, &str)]) -> Body {
    Body::from(serde_urlencoded::to_string(fields).unwrap())
}

/// A response.
#[derive(Debug)]
pub struct Page {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Page {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub fn location(&self) -> &str {
        self.header("location").unwrap_or_default()
    }

    /// The cookie of the session.
    pub fn set_cookie(&self) -> Option<&str> {
        self.set_cookies().find(|set| !set.contains(KNOWN))
    }

    pub fn set_cookies(&self) -> impl Iterator<Item = &str> {
        self.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap())
    }

    /// The page without the frame around it.
    pub fn main(&self) -> &str {
        let start = self.body.find("<main").unwrap_or(0);
        &self.body[start..self.body.find("</main>").unwrap_or(self.body.len())]
    }

    /// The visible text of the page.
    pub fn text(&self) -> String {
        words(self.main())
    }

    /// The text of the element with this `data-testid`.
    pub fn number(&self, id: &str) -> String {
        let (_, rest) = self.body.split_once(&format!("data-testid=\"{id}\"")).unwrap_or_else(|| panic!("no {id}"));
        let (_, rest) = rest.split_once('>').unwrap();
        words(rest.split("</").next().unwrap())
    }

    /// The value of the hidden field with this name.
    pub fn field(&self, name: &str) -> String {
        let input = self.body.split("<input").find(|input| input.contains(&format!("name=\"{name}\""))).unwrap();
        let (_, rest) = input.split_once("value=\"").unwrap();
        rest.split('"').next().unwrap().to_owned()
    }

    /// The JSON in the first hidden field with this name.
    pub fn hidden_json(&self, name: &str) -> String {
        self.field(name).replace("&quot;", "\"")
    }
}

fn words(html: &str) -> String {
    let mut text = String::new();
    for (number, part) in html.split('<').enumerate() {
        let shown = if number == 0 { part } else { part.split_once('>').map_or("", |(_, shown)| shown) };
        text.push(' ');
        text.push_str(shown);
    }
    let text = text.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    text.replace("&#x27;", "'").split_whitespace().collect::<Vec<_>>().join(" ")
}
