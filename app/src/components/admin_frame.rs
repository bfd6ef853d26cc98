//! The frame of the staff console's pages.

use leptos::prelude::*;

use crate::{backend::StaffMember, components::frame::Shell, error::AppError};

/// The section of the staff console that a page belongs to.
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
    /// Not in the navigation.
    Other,
}

impl AdminSection {
    const NAVIGATION: [Self; 4] = [Self::Organizations, Self::Pricing, Self::Events, Self::Reconciliation];

    /// The section's path.
    pub const fn address(self) -> &'static str {
        match self {
            Self::Organizations => "/admin/organizations",
            Self::Pricing => "/admin/pricing",
            Self::Events => "/admin/events",
            Self::Reconciliation => "/admin/reconciliation",
            Self::Other => "/admin",
        }
    }

    /// The label in the navigation.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Organizations => "Organizations",
            Self::Pricing => "Pricing",
            Self::Events => "Events",
            Self::Reconciliation => "Reconciliation",
            Self::Other => "Staff console",
        }
    }
}

/// A whole page of the staff console.
#[component]
pub fn AdminFrame(
    /// The viewer.
    staff: StaffMember,
    /// The page's section.
    section: AdminSection,
    /// The page's title.
    #[prop(into)]
    title: String,
    /// The page's content.
    children: Children,
) -> impl IntoView {
    let (demo, title) = (staff.demo, format!("{title} · Staff console"));
    let bar = view! {
        <a href="/admin" class="brand">
            <img src="/favicon.svg" alt="Brightmeter" width="22" height="22" />
            "Staff console"
        </a>
        <nav aria-label="Main" class="order-last w-full md:order-none md:w-auto md:grow">
            <Links section />
        </nav>
        <Menu staff />
    };
    view! {
        <Shell title demo bar=bar.into_any() banner=None foot="Brightmeter. Internal. Times are in UTC.".into_any()>
            {children()}
        </Shell>
    }
}

#[component]
fn Links(section: AdminSection) -> impl IntoView {
    let link = |to: AdminSection| {
        view! {
            <li>
                <a class="nav-link" href=to.address() aria-current={(to == section).then_some("page")}>
                    {to.label()}
                </a>
            </li>
        }
    };
    view! { <ul class="-mx-3 flex flex-wrap gap-1 md:mx-0">{AdminSection::NAVIGATION.map(link).collect_view()}</ul> }
}

/// The menu with the link back to the viewer's organization and the sign-out button.
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
                        <p class="text-muted">"Staff"</p>
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

/// A page of the staff console that shows an error.
#[component]
pub fn AdminErrorPage(
    /// The error.
    error: AppError,
    /// The viewer.
    staff: StaffMember,
) -> impl IntoView {
    let (title, link, address) = match &error {
        AppError::NotFound => ("Page not found", "Go to the staff console", "/admin"),
        AppError::Busy | AppError::Unavailable => ("Please try again", "Try again", ""),
        _ => ("Something went wrong", "Try again", ""),
    };
    view! {
        <AdminFrame staff section=AdminSection::Other title>
            <div class="mx-auto max-w-xl py-10">
                <h1 class="text-3xl font-semibold tracking-tight">{title}</h1>
                <p class="mt-3 text-lg text-muted">{error.to_string()}</p>
                <p class="mt-8">
                    <a class="btn" href=address>
                        {link}
                    </a>
                </p>
            </div>
        </AdminFrame>
    }
}
