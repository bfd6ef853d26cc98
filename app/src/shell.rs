//! The document around every page, and the table of pages.

use leptos::prelude::*;
use leptos_meta::{HashedStylesheet, MetaTags, provide_meta_context};
use leptos_router::{
    SsrMode,
    components::{Route, Router, Routes},
    path,
};

use crate::pages::{
    AccountPage, ActivityPage, BillingPage, DashboardPage, JobPage, NotFoundPage, QuestsPage, SignInPage, StartPage,
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
                {has_islands().then(|| view! { <HydrationScripts options islands=true /> })}
                <MetaTags />
            </head>
            <body>
                <App />
            </body>
        </html>
    }
}

/// Whether the page that is asked for comes to life in the browser: the dashboard's balances and a job's progress do. Any other
/// is complete as it is, and loads no script.
fn has_islands() -> bool {
    let Some(uri) = use_context::<axum::http::request::Parts>().map(|parts| parts.uri) else { return false };
    let job = uri.path() == "/quests"
        && uri.query().is_some_and(|query| query.split('&').any(|pair| pair.starts_with("job=")));
    job || uri.path() == "/dashboard" || uri.path().starts_with("/quests/")
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
            </Routes>
        </Router>
    }
}
