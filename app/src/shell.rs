//! The document around every page, and the table of pages.

use leptos::{nonce::use_nonce, prelude::*};
use leptos_meta::{HashedStylesheet, MetaTags, provide_meta_context};
use leptos_router::{
    SsrMode,
    components::{Route, Router, Routes},
    path,
};

use crate::pages::{
    AccountPage, ActivityPage, ApiDocsPage, BillingPage, ConsolePage, DashboardPage, EventsPage, InvoicePage, JobPage,
    KeysPage, LicensePage, NotFoundPage, OrganizationPage, OrganizationsPage, PlanPage, PricingPage, PurchasePage,
    PurchasesPage, QuestsPage, ReconciliationPage, SignInPage, StartPage,
};

/// The HTML document. The hydration scripts and the reload script carry the request's nonce by themselves.
pub fn shell(options: LeptosOptions) -> impl IntoView {
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="light dark" />
                <meta name="description" content="Prepaid AI tokens: what is left, what it buys, and where every one went." />
                <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
                <HashedStylesheet options=options.clone() />
                <AutoReload options=options.clone() />
                {match Islands::of_request() {
                    Islands::None => ().into_any(),
                    Islands::AtOnce => view! { <HydrationScripts options islands=true /> }.into_any(),
                    Islands::Later => view! { <ScriptsForLater options /> }.into_any(),
                }}
                <MetaTags />
            </head>
            <body>
                <App />
            </body>
        </html>
    }
}

/// How long after it was loaded a page that nobody touches comes to life.
const ISLAND_DELAY_MS: u32 = 4_000;

/// Whether and when the page that is asked for comes to life in the browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Islands {
    /// It is complete as it is, and loads no script.
    None,
    /// It follows something that goes on.
    AtOnce,
    /// It can do more once somebody turns to it.
    Later,
}

impl Islands {
    fn of_request() -> Self {
        let uri = use_context::<axum::http::request::Parts>().map(|parts| parts.uri);
        uri.map_or(Self::None, |uri| Self::of(uri.path(), uri.query().unwrap_or_default()))
    }

    fn of(path: &str, query: &str) -> Self {
        match path {
            "/dashboard" => Self::Later,
            "/quests" if query.split('&').any(|pair| pair.starts_with("job=")) => Self::AtOnce,
            _ if path.starts_with("/quests/") => Self::AtOnce,
            _ => Self::None,
        }
    }
}

/// The scripts, kept until they are wanted: on a slow phone they would otherwise compete with the page itself.
#[component]
fn ScriptsForLater(options: LeptosOptions) -> impl IntoView {
    let script = format!("{}({ISLAND_DELAY_MS})", include_str!("shell/start_islands.js").trim_end());
    view! {
        <template id="islands">
            <HydrationScripts options islands=true />
        </template>
        <script nonce=use_nonce()>{script}</script>
    }
}

/// All pages. Each is complete at the first answer, so that its status can still be set.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    view! {
        <Router>
            <Routes fallback=NotFoundPage>
                <Route path=path!("/") view=StartPage ssr=SsrMode::Async />
                <Route path=path!("/signin") view=SignInPage ssr=SsrMode::Async />
                <Route path=path!("/dashboard") view=DashboardPage ssr=SsrMode::Async />
                <Route path=path!("/quests") view=QuestsPage ssr=SsrMode::Async />
                <Route path=path!("/quests/:job") view=JobPage ssr=SsrMode::Async />
                <Route path=path!("/activity") view=ActivityPage ssr=SsrMode::Async />
                <Route path=path!("/account") view=AccountPage ssr=SsrMode::Async />
                <Route path=path!("/billing") view=BillingPage ssr=SsrMode::Async />
                <Route path=path!("/billing/plan") view=PlanPage ssr=SsrMode::Async />
                <Route path=path!("/billing/purchases") view=PurchasesPage ssr=SsrMode::Async />
                <Route path=path!("/billing/purchases/:purchase") view=PurchasePage ssr=SsrMode::Async />
                <Route path=path!("/billing/invoices/:invoice") view=InvoicePage ssr=SsrMode::Async />
                <Route path=path!("/api/docs") view=ApiDocsPage ssr=SsrMode::Async />
                <Route path=path!("/license") view=LicensePage ssr=SsrMode::Async />
                <Route path=path!("/keys") view=KeysPage ssr=SsrMode::Async />
                <Route path=path!("/admin") view=ConsolePage ssr=SsrMode::Async />
                <Route path=path!("/admin/organizations") view=OrganizationsPage ssr=SsrMode::Async />
                <Route path=path!("/admin/organizations/:organization") view=OrganizationPage ssr=SsrMode::Async />
                <Route path=path!("/admin/pricing") view=PricingPage ssr=SsrMode::Async />
                <Route path=path!("/admin/events") view=EventsPage ssr=SsrMode::Async />
                <Route path=path!("/admin/reconciliation") view=ReconciliationPage ssr=SsrMode::Async />
            </Routes>
        </Router>
    }
}

#[cfg(test)]
mod tests {
    use super::Islands;

    #[test]
    fn only_a_page_that_lives_loads_a_script() {
        let check = |path: &str, query: &str, expected: Islands| assert_eq!(Islands::of(path, query), expected);
        check("/dashboard", "", Islands::Later);
        check("/quests", "told=done&job=7", Islands::AtOnce);
        check("/quests/7", "", Islands::AtOnce);
        check("/quests", "", Islands::None);
        check("/activity", "job=7", Islands::None);
    }
}
