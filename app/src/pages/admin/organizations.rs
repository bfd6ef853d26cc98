//! `/admin/organizations`: the list of organizations, with a search.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::{
    backend::StaffMember,
    components::{AdminFrame, AdminSection, Field, load_staff},
    views::admin::{OrganizationView, OrganizationsView},
};

/// All organizations, or the search results.
#[component]
pub fn OrganizationsPage() -> impl IntoView {
    let search = use_query_map().with_untracked(|query| query.get("q")).unwrap_or_default();
    load_staff(
        |backend, staff| async move { backend.organizations(&staff, search).await },
        |staff, view| view! { <Organizations staff view /> }.into_any(),
    )
}

#[component]
fn Organizations(staff: StaffMember, view: OrganizationsView) -> impl IntoView {
    let OrganizationsView { search, organizations, more } = view;
    let count = organizations.len();
    let answer = summary(count, more, &search);
    let all_link = (!search.is_empty()).then(|| {
        view! {
            <a class="link" href="/admin/organizations">
                "All organizations"
            </a>
        }
    });
    let list = match (count, search.is_empty()) {
        (0, true) => view! {
            <div class="empty mt-8">
                <p class="font-medium text-ink">"No organizations yet"</p>
                <p class="mt-1">"Create one with its owner by running " <code>"brightmeter org create"</code> "."</p>
            </div>
        }
        .into_any(),
        (0, false) => view! {
            <div class="empty mt-8">
                <p class="font-medium text-ink">"Nothing found"</p>
                <p class="mt-1">"Search for a part of the name or slug. Case doesn't matter."</p>
            </div>
        }
        .into_any(),
        _ => {
            let items = organizations.into_iter().map(|organization| view! { <Line organization /> });
            view! {
                <ul class="mt-8 grid gap-3">{items.collect_view()}</ul>
                {more.then(|| view! { <p class="mt-3 text-muted">{format!("Showing the first {count}. Search to narrow the list.")}</p> })}
            }
            .into_any()
        }
    };
    view! {
        <AdminFrame staff section=AdminSection::Organizations title="Organizations">
            <h1 class="eyebrow">"Organizations"</h1>
            <p class="answer wrap-anywhere">{answer}</p>
            <form method="get" action="/admin/organizations" role="search" class="mt-6 flex flex-wrap items-end gap-3">
                <Field name="q" label="Name or slug" problem=None>
                    <input id="q" name="q" type="search" class="control" maxlength="100" value=search autocomplete="off" />
                </Field>
                <button type="submit" class="btn btn-quiet">
                    "Search"
                </button>
                {all_link}
            </form>
            {list}
        </AdminFrame>
    }
}

#[component]
fn Line(organization: OrganizationView) -> impl IntoView {
    let OrganizationView { id, slug, name, plan, license, active } = organization;
    let tone = if active { "tag" } else { "tag tag-warn" };
    view! {
        <li class="card flex flex-wrap items-start justify-between gap-4">
            <div class="min-w-0">
                <h2 class="font-medium">
                    <a class="link wrap-anywhere" href=format!("/admin/organizations/{id}")>
                        {name}
                    </a>
                </h2>
                <p class="mt-1 text-sm text-muted wrap-anywhere">{format!("{slug} · {plan}")}</p>
            </div>
            <span class=tone>{license}</span>
        </li>
    }
}

/// Says how many organizations exist or were found.
fn summary(count: usize, more: bool, search: &str) -> String {
    let found = match (count, more) {
        (0, _) => "No organizations".into(),
        (1, false) => "1 organization".into(),
        (count, false) => format!("{count} organizations"),
        (count, true) => format!("More than {count} organizations"),
    };
    match (search.is_empty(), count) {
        (true, _) => found,
        (false, 1) => format!("{found} matches “{search}”"),
        (false, _) => format!("{found} match “{search}”"),
    }
}

#[cfg(test)]
mod tests {
    use super::summary;

    #[test]
    fn the_summary_counts_organizations() {
        let check = |count, more, search, text| assert_eq!(summary(count, more, search), text);
        check(0, false, "", "No organizations");
        check(1, false, "", "1 organization");
        check(3, false, "", "3 organizations");
        check(50, true, "", "More than 50 organizations");
        check(0, false, "audio", "No organizations match “audio”");
        check(1, false, "audio", "1 organization matches “audio”");
        check(50, true, "a", "More than 50 organizations match “a”");
    }
}
