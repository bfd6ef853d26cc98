//! The frame around every page of the staff console.

use leptos::prelude::*;

use crate::{backend::StaffMember, components::frame::Shell, error::AppError};

/// Where in the staff console a page stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdminSection {
    /// `/admin/organizations` and below.
    Organizations,
    /// `/admin/pricing`.
    Pricing,
    /// `/admin/events`.
    Events,
    /// `/admin/reconciliation`.
    Reconciliation,
    /// Outside the navigation.
    Elsewhere,
}

impl AdminSection {
    const NAVIGATION: [Self; 4] = [Self::Organizations, Self::Pricing, Self::Events, Self::Reconciliation];

    /// The address.
    pub const fn address(self) -> &'static str {
        match self {
            Self::Organizations => "/admin/organizations",
            Self::Pricing => "/admin/pricing",
            Self::Events => "/admin/events",
            Self::Reconciliation => "/admin/reconciliation",
            Self::Elsewhere => "/admin",
        }
    }

    /// What people read.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Organizations => "Organizations",
            Self::Pricing => "Pricing",
            Self::Events => "Events",
            Self::Reconciliation => "Reconciliation",
            Self::Elsewhere => "Staff console",
        }
    }
}

/// A whole page of the staff console.
#[component]
pub fn AdminFrame(
    /// Who is looking.
    staff: StaffMember,
    /// Where in the console the page stands.
    desk: AdminSection,
    /// The page's title.
    #[prop(into)]
    title: String,
    /// The page.
    children: Children,
) -> impl IntoView {
    let (demo, title) = (staff.demo, format!("{title} · Staff console"));
    let bar = view! {
        <a href="/admin" class="brand">
            <img src="/favicon.svg" alt="Brightmeter" width="22" height="22" />
            "Staff console"
        </a>
        <nav aria-label="Main" class="order-last w-full md:order-none md:w-auto md:grow">
            <Links desk />
        </nav>
        <Menu staff />
    };
    view! {
        <Shell title demo bar=bar.into_any() banner=None foot="Brightmeter. For those who run it; times are UTC.".into_any()>
            {children()}
        </Shell>
    }
}

#[component]
fn Links(desk: AdminSection) -> impl IntoView {
    let link = |to: AdminSection| {
        view! {
            <li>
                <a class="nav-link" href=to.address() aria-current={(to == desk).then_some("page")}>
                    {to.label()}
                </a>
            </li>
        }
    };
    view! { <ul class="-mx-3 flex flex-wrap gap-1 md:mx-0">{AdminSection::NAVIGATION.map(link).collect_view()}</ul> }
}

/// The way back to one's own organization, and out.
#[component]
fn Menu(staff: StaffMember) -> impl IntoView {
    let StaffMember { name, org, .. } = staff;
    let back = org.map(|org| {
        view! {
            <li>
                <a class="menu-item" href="/dashboard">
                    {format!("Back to {org}")}
                </a>
            </li>
        }
    });
    view! {
        <details class="menu">
            <summary class="btn btn-quiet btn-small">
                <span class="max-w-32 truncate lg:max-w-56">{name.clone()}</span>
            </summary>
            <div class="menu-sheet">
                <div class="grid gap-3 text-sm">
                    <div class="px-3">
                        <p class="font-medium">{name}</p>
                        <p class="text-muted">"staff"</p>
                    </div>
                    <ul class="border-t border-line pt-2">
                        {back} <li>
                            <form method="post" action="/signout">
                                <button type="submit" class="menu-item">
                                    "Sign out"
                                </button>
                            </form>
                        </li>
                    </ul>
                </div>
            </div>
        </details>
    }
}

/// Says within the staff console what went wrong.
#[component]
pub fn AdminErrorPage(
    /// What went wrong.
    error: AppError,
    /// Who is looking.
    staff: StaffMember,
) -> impl IntoView {
    let (title, way_out, address) = match &error {
        AppError::NotFound => ("Page not found", "Go to the staff console", "/admin"),
        AppError::Busy => ("One moment, please", "Try again", ""),
        _ => ("Something went wrong", "Try again", ""),
    };
    view! {
        <AdminFrame staff desk=AdminSection::Elsewhere title>
            <div class="mx-auto max-w-xl py-10">
                <h1 class="text-3xl font-semibold tracking-tight">{title}</h1>
                <p class="mt-3 text-lg text-muted">{error.to_string()}</p>
                <p class="mt-8">
                    <a class="btn" href=address>
                        {way_out}
                    </a>
                </p>
            </div>
        </AdminFrame>
    }
}
