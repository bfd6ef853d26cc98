//! The frame around every page: header, navigation, footer.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use crate::{
    components::Toast,
    flash::Flash,
    form::{DemoSignIns, Form},
    views::Viewer,
};

/// Where in the navigation a page stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// `/dashboard`.
    Dashboard,
    /// `/quests` and below.
    Quests,
    /// `/activity`.
    Activity,
    /// `/billing`.
    Billing,
    /// `/keys`; for owners and admins.
    ApiKeys,
    /// Outside the navigation.
    Elsewhere,
}

impl Place {
    const NAVIGATION: [Self; 5] = [Self::Dashboard, Self::Quests, Self::Activity, Self::Billing, Self::ApiKeys];

    /// The address.
    const fn address(self) -> &'static str {
        match self {
            Self::Dashboard | Self::Elsewhere => "/dashboard",
            Self::Quests => "/quests",
            Self::Activity => "/activity",
            Self::Billing => "/billing",
            Self::ApiKeys => "/keys",
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Dashboard | Self::Elsewhere => "Dashboard",
            Self::Quests => "Quests",
            Self::Activity => "Activity",
            Self::Billing => "Plans",
            Self::ApiKeys => "Keys",
        }
    }
}

/// A whole page: what everyone sees around it, and the page itself within `main`.
#[component]
pub fn Frame(
    /// Who is looking; nobody yet on the sign-in page.
    #[prop(into)]
    viewer: Option<Viewer>,
    /// Where in the navigation the page stands.
    place: Place,
    /// The page's title.
    #[prop(into)]
    title: String,
    /// The page.
    children: Children,
) -> impl IntoView {
    let demo = viewer.as_ref().map_or_else(|| use_context::<DemoSignIns>().is_some(), |viewer| viewer.demo);
    let license = viewer.as_ref().and_then(|viewer| viewer.license.clone());
    let home = if viewer.is_some() { "/dashboard" } else { "/" };
    let bar = view! {
        <a href=home class="brand">
            <img src="/favicon.svg" alt="" width="22" height="22" />
            "Brightmeter"
        </a>
        {viewer.map(|viewer| view! { <Menus viewer place /> })}
    };
    let banner = license.map(|license| {
        view! {
            <p class="strip strip-bad">
                {license} " " <a class="underline" href="/license">
                    "What this means"
                </a>
            </p>
        }
        .into_any()
    });
    let foot = view! {
        "Brightmeter. A job that fails is never charged. "
        <a class="link" href="/api/docs">
            "REST API"
        </a>
    };
    view! {
        <Shell title demo bar=bar.into_any() banner foot=foot.into_any()>
            {children()}
        </Shell>
    }
}

/// What stands around every page, of the console too.
#[component]
pub(super) fn Shell(
    /// The page's title.
    title: String,
    /// Whether the data is the demo's.
    demo: bool,
    /// The header's one line.
    bar: AnyView,
    /// What everybody has to know, under it.
    banner: Option<AnyView>,
    /// The footer's one line.
    foot: AnyView,
    /// The page.
    children: Children,
) -> impl IntoView {
    let (flash, title) = told_in(&title);
    view! {
        <Title text=title />
        <a class="skip" href="#content">
            "Skip to the content"
        </a>
        <header class="border-b border-line bg-surface">
            {demo.then(|| view! { <p class="strip">"Demo data: nothing here is real, nothing is charged."</p> })}
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

/// What the form before this page has done, and the page's whole title, which starts with it.
fn told_in(title: &str) -> (Option<Flash>, String) {
    let flash = use_query_map().with_untracked(|query| query.get("told")).and_then(|name| Flash::find(&name));
    // A page that is shown again because its form was refused tells that, and nothing of before.
    let flash = flash.filter(|_| Form::current().error.is_none());
    let title = match flash {
        Some(flash) => format!("{} · {title} · Brightmeter", flash.headline()),
        None => format!("{title} · Brightmeter"),
    };
    (flash, title)
}

/// The navigation, and a menu for the organization and the person; on a phone the menu holds the navigation too.
#[component]
fn Menus(viewer: Viewer, place: Place) -> impl IntoView {
    let organization = viewer.org.name.clone();
    let manages = viewer.manages();
    view! {
        <nav aria-label="Main" class="hidden grow md:block">
            <Links place manages class="flex gap-1" />
        </nav>
        <details class="menu">
            <summary class="btn btn-quiet btn-small">
                <span class="md:hidden">"Menu"</span>
                <span class="hidden max-w-32 truncate md:inline lg:max-w-56">{organization}</span>
            </summary>
            <div class="menu-sheet">
                <nav aria-label="Main menu" class="md:hidden">
                    <Links place manages class="flex flex-col" />
                </nav>
                <Account viewer place />
            </div>
        </details>
    }
}

#[component]
fn Links(place: Place, manages: bool, class: &'static str) -> impl IntoView {
    let link = |to: Place| {
        view! {
            <li>
                <a class="nav-link" href=to.address() aria-current={(to == place).then_some("page")}>
                    {to.label()}
                </a>
            </li>
        }
    };
    let places = Place::NAVIGATION.into_iter().filter(|to| manages || *to != Place::ApiKeys);
    view! { <ul class=class>{places.map(link).collect_view()}</ul> }
}

#[component]
fn Account(viewer: Viewer, place: Place) -> impl IntoView {
    let Viewer { name, role, org, others, plan, staff, .. } = viewer;
    let switch = others.into_iter().map(|other| {
        view! {
            <li>
                <form method="post" action="/switch">
                    <input type="hidden" name="org" value=other.slug />
                    <input type="hidden" name="next" value=place.address() />
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
