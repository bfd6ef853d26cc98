//! The frame around every page: header, navigation, footer.

use brightmeter::access::role::Action;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::{
    components::{DocumentTitle, Toast},
    flash::Flash,
    form::{DemoSignIns, Form},
    views::{Viewer, notice::BannerView},
};

/// The section of the navigation that a page belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// `/dashboard`.
    Dashboard,
    /// `/quests` and below.
    Quests,
    /// `/activity`.
    Activity,
    /// `/billing`.
    Billing,
    /// `/keys`. Only owners and admins see it.
    ApiKeys,
    /// Not in the navigation.
    Other,
}

impl Section {
    const NAVIGATION: [Self; 5] = [Self::Dashboard, Self::Quests, Self::Activity, Self::Billing, Self::ApiKeys];

    const fn address(self) -> &'static str {
        match self {
            Self::Dashboard | Self::Other => "/dashboard",
            Self::Quests => "/quests",
            Self::Activity => "/activity",
            Self::Billing => "/billing",
            Self::ApiKeys => "/keys",
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Dashboard | Self::Other => "Dashboard",
            Self::Quests => "Quests",
            Self::Activity => "Activity",
            Self::Billing => "Plans",
            Self::ApiKeys => "API keys",
        }
    }
}

/// A whole page: header, navigation and footer, with the page's content in `main`.
#[component]
pub fn Frame(
    /// The viewer. `None` if not signed in.
    #[prop(into)]
    viewer: Option<Viewer>,
    /// The page's section.
    section: Section,
    /// The page's title.
    #[prop(into)]
    title: String,
    /// The page's content.
    children: Children,
) -> impl IntoView {
    let demo = viewer.as_ref().map_or_else(|| use_context::<DemoSignIns>().is_some(), |viewer| viewer.demo);
    let time_zone = viewer.as_ref().map(|viewer| viewer.time_zone.clone());
    let banner = viewer.as_ref().and_then(|viewer| viewer.banner.clone());
    let home = if viewer.is_some() { "/dashboard" } else { "/" };
    let bar = view! {
        <a href=home class="brand">
            <img src="/favicon.svg" alt="" width="22" height="22" />
            "Brightmeter"
        </a>
        {viewer.map(|viewer| view! { <Menus viewer section /> })}
    };
    let banner = banner.map(|BannerView { text, pay_url }| {
        let pay = pay_url.map(|url| {
            view! {
                <a class="underline" href=url rel="noreferrer">
                    "Pay now"
                </a>
                " "
            }
        });
        view! {
            <p class="strip strip-bad">
                {text} " " {pay} <a class="underline" href="/license">
                    "View details"
                </a>
            </p>
        }
        .into_any()
    });
    let foot = view! {
        "Brightmeter. Failed jobs are never charged. "
        <a class="link" href="/api/docs">
            "REST API"
        </a>
        ". "
        {time_zone.map(|zone| format!("Times and days are in {zone}."))}
    };
    view! {
        <Shell title demo bar=bar.into_any() banner foot=foot.into_any()>
            {children()}
        </Shell>
    }
}

/// The header, `main` and footer of every page, including the staff console's.
#[component]
pub(super) fn Shell(
    /// The page's title.
    title: String,
    /// Whether to show the demo strip.
    demo: bool,
    /// The header's content.
    bar: AnyView,
    /// The license banner below the header.
    banner: Option<AnyView>,
    /// The footer's content.
    foot: AnyView,
    /// The page's content.
    children: Children,
) -> impl IntoView {
    let (flash, title) = flash_and_title(&title);
    view! {
        <DocumentTitle text=title />
        <a class="skip" href="#content">
            "Skip to content"
        </a>
        <header class="border-b border-line bg-surface">
            {demo.then(|| view! { <p class="strip">"Demo data. Nothing here is real, and nothing is charged."</p> })}
            <div class="mx-auto flex max-w-5xl flex-wrap items-center gap-x-8 gap-y-2 px-4 py-3 sm:px-6 print:hidden">
                {bar}
            </div>
            {banner}
        </header>
        <main id="content" tabindex="-1" class="mx-auto w-full max-w-5xl grow px-4 py-8 sm:px-6">
            {children()}
            {flash.map(|flash| view! { <Toast flash /> })}
        </main>
        <footer class="border-t border-line print:hidden">
            <p class="mx-auto max-w-5xl px-4 py-6 text-sm text-muted sm:px-6">{foot}</p>
        </footer>
    }
}

/// Returns the flash message of the request and the document title, which starts with it.
fn flash_and_title(title: &str) -> (Option<Flash>, String) {
    let flash = use_query_map().with_untracked(|query| query.get("flash")).and_then(|name| Flash::find(&name));
    // A page that shows the error of a refused form shows no older flash message.
    let flash = flash.filter(|_| Form::current().error.is_none());
    let title = match flash {
        Some(flash) => format!("{} · {title} · Brightmeter", flash.headline()),
        None => format!("{title} · Brightmeter"),
    };
    (flash, title)
}

/// The navigation and the account menu. On a phone the menu contains the navigation.
#[component]
fn Menus(viewer: Viewer, section: Section) -> impl IntoView {
    let organization = viewer.org.name.clone();
    let manages_api_keys = viewer.role.permits(Action::ManageApiKeys);
    view! {
        <nav aria-label="Main" class="hidden grow md:block">
            <Links section manages_api_keys class="flex gap-1" />
        </nav>
        <details class="menu">
            <summary class="btn btn-quiet btn-small">
                <span class="md:hidden">"Menu"</span>
                <span class="hidden max-w-32 truncate md:inline lg:max-w-56">{organization}</span>
            </summary>
            <div class="menu-sheet">
                <nav aria-label="Main menu" class="md:hidden">
                    <Links section manages_api_keys class="flex flex-col" />
                </nav>
                <Account viewer section />
            </div>
        </details>
    }
}

#[component]
fn Links(section: Section, manages_api_keys: bool, class: &'static str) -> impl IntoView {
    let link = |to: Section| {
        view! {
            <li>
                <a class="nav-link" href=to.address() aria-current={(to == section).then_some("page")}>
                    {to.label()}
                </a>
            </li>
        }
    };
    let sections = Section::NAVIGATION.into_iter().filter(|to| manages_api_keys || *to != Section::ApiKeys);
    view! { <ul class=class>{sections.map(link).collect_view()}</ul> }
}

#[component]
fn Account(viewer: Viewer, section: Section) -> impl IntoView {
    let Viewer { name, role, org, others, plan, staff, .. } = viewer;
    let switch = others.into_iter().map(|other| {
        view! {
            <li>
                <form method="post" action="/switch">
                    <input type="hidden" name="org" value=other.slug />
                    <input type="hidden" name="next" value=section.address() />
                    <button type="submit" class="menu-item">
                        {format!("Switch to {}", other.name)}
                    </button>
                </form>
            </li>
        }
    });
    view! {
        <div class="grid gap-3 text-sm">
            <div class="px-3">
                <p class="font-medium">{org.name}</p>
                <p class="text-muted">{format!("{name}, {role} · {plan}")}</p>
            </div>
            <ul class="border-t border-line pt-2">
                {switch.collect_view()} <li>
                    <a class="menu-item" href="/account">
                        "Account"
                    </a>
                </li>
                {staff
                    .then(|| {
                        view! {
                            <li>
                                <a class="menu-item" href="/admin">
                                    "Staff console"
                                </a>
                            </li>
                        }
                    })} <li>
                    <form method="post" action="/signout">
                        <button type="submit" class="menu-item">
                            "Sign out"
                        </button>
                    </form>
                </li>
            </ul>
        </div>
    }
}
