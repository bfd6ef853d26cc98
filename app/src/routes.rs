//! The routes of all pages, grouped by the access they need. The server puts one guard around each group.

use leptos::prelude::*;
use leptos_meta::provide_meta_context;
use leptos_router::{
    SsrMode,
    any_nested_route::IntoAnyNestedRoute,
    components::{Route, Router, Routes},
    path,
};

use crate::pages::{
    AccountPage, ActivityPage, ApiDocsPage, BillingPage, ConsolePage, DashboardPage, EventsPage, InvoicePage, JobPage,
    KeysPage, LicensePage, NotFoundPage, OrganizationPage, OrganizationsPage, PlanPage, PricingPage, PurchasePage,
    PurchasesPage, QuestsPage, ReconciliationPage, SignInPage, StartPage,
};

/// All pages. Each page renders completely before the response starts, so that its status can still be set.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    view! {
        <Router>
            <Routes fallback=NotFoundPage>
                <PublicRoutes />
                <GuestRoutes />
                <MemberRoutes />
                <StaffRoutes />
            </Routes>
        </Router>
    }
}

/// The pages that anyone may open.
#[component]
pub fn PublicPages() -> impl IntoView {
    view! {
        <Router>
            <Routes fallback=NotFoundPage>
                <PublicRoutes />
            </Routes>
        </Router>
    }
}

/// The pages for signed-out users.
#[component]
pub fn GuestPages() -> impl IntoView {
    view! {
        <Router>
            <Routes fallback=NotFoundPage>
                <GuestRoutes />
            </Routes>
        </Router>
    }
}

/// The pages for members of an organization.
#[component]
pub fn MemberPages() -> impl IntoView {
    view! {
        <Router>
            <Routes fallback=NotFoundPage>
                <MemberRoutes />
            </Routes>
        </Router>
    }
}

/// The pages for staff.
#[component]
pub fn StaffPages() -> impl IntoView {
    view! {
        <Router>
            <Routes fallback=NotFoundPage>
                <StaffRoutes />
            </Routes>
        </Router>
    }
}

#[component(transparent)]
fn PublicRoutes() -> impl MatchNestedRoutes + Clone {
    view! { <Route path=path!("/api/docs") view=ApiDocsPage ssr=SsrMode::Async /> }.into_inner().into_any_nested_route()
}

#[component(transparent)]
fn GuestRoutes() -> impl MatchNestedRoutes + Clone {
    view! {
        <Route path=path!("/") view=StartPage ssr=SsrMode::Async />
        <Route path=path!("/signin") view=SignInPage ssr=SsrMode::Async />
    }
    .into_inner()
    .into_any_nested_route()
}

#[component(transparent)]
fn MemberRoutes() -> impl MatchNestedRoutes + Clone {
    view! {
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
        <Route path=path!("/license") view=LicensePage ssr=SsrMode::Async />
        <Route path=path!("/keys") view=KeysPage ssr=SsrMode::Async />
    }
    .into_inner()
    .into_any_nested_route()
}

#[component(transparent)]
fn StaffRoutes() -> impl MatchNestedRoutes + Clone {
    view! {
        <Route path=path!("/admin") view=ConsolePage ssr=SsrMode::Async />
        <Route path=path!("/admin/organizations") view=OrganizationsPage ssr=SsrMode::Async />
        <Route path=path!("/admin/organizations/:organization") view=OrganizationPage ssr=SsrMode::Async />
        <Route path=path!("/admin/pricing") view=PricingPage ssr=SsrMode::Async />
        <Route path=path!("/admin/events") view=EventsPage ssr=SsrMode::Async />
        <Route path=path!("/admin/reconciliation") view=ReconciliationPage ssr=SsrMode::Async />
    }
    .into_inner()
    .into_any_nested_route()
}
