//! `/admin/organizations`: who uses Brightmeter, and how each license stands.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::{
    backend::StaffMember,
    components::{AdminFrame, AdminSection, Field, load_staff},
    views::admin::{OrganizationView, OrganizationsView},
};

/// The organizations, or those that were looked for.
#[component]
pub fn OrganizationsPage() -> impl IntoView {
    let asked = use_query_map().with_untracked(|query| query.get("q")).unwrap_or_default();
    load_staff(
        |backend, staff| async move { backend.organizations(&staff, asked).await },
        |staff, view| view! { <Organizations staff view /> }.into_any(),
    )
}

#[component]
fn Organizations(staff: StaffMember, view: OrganizationsView) -> impl IntoView {
    let OrganizationsView { asked, organizations, more } = view;
    let count = organizations.len();
    let answer = found_in_words(count, more, &asked);
    let everything = (!asked.is_empty()).then(|| {
        view! {
            <a class="link" href="/admin/organizations">
                "All organizations"
            </a>
        }
    });
    let list = match (count, asked.is_empty()) {
        (0, true) => view! {
            <div class="empty mt-8">
                <p class="font-medium text-ink">"No organizations yet"</p>
                <p class="mt-1">"The command " <code>"brightmeter org create"</code> " makes one, with its owner."</p>
            </div>
        }
        .into_any(),
        (0, false) => view! {
            <div class="empty mt-8">
                <p class="font-medium text-ink">"Nothing found"</p>
                <p class="mt-1">"A part of the name or of the slug is enough, in whatever case."</p>
            </div>
        }
        .into_any(),
        _ => {
            let items = organizations.into_iter().map(|organization| view! { <Line organization /> });
            view! {
                <ul class="mt-8 grid gap-3">{items.collect_view()}</ul>
                {more.then(|| view! { <p class="mt-3 text-muted">{format!("The first {count} are listed; look for a part of the name.")}</p> })}
            }
            .into_any()
        }
    };
    view! {
        <AdminFrame staff desk=AdminSection::Organizations title="Organizations">
            <h1 class="eyebrow">"Organizations"</h1>
            <p class="answer wrap-anywhere">{answer}</p>
            <form method="get" action="/admin/organizations" role="search" class="mt-6 flex flex-wrap items-end gap-3">
                <Field name="q" label="Name or slug" problem=None>
                    <input id="q" name="q" type="search" class="control" maxlength="100" value=asked autocomplete="off" />
                </Field>
                <button type="submit" class="btn btn-quiet">
                    "Search"
                </button>
                {everything}
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

/// How many organizations there are, or were found.
fn found_in_words(count: usize, more: bool, asked: &str) -> String {
    let found = match (count, more) {
        (0, _) => "No organization".into(),
        (1, false) => "1 organization".into(),
        (count, false) => format!("{count} organizations"),
        (count, true) => format!("More than {count} organizations"),
    };
    if asked.is_empty() { found } else { format!("{found} with “{asked}”") }
}

#[cfg(test)]
mod tests {
    use super::found_in_words;

    #[test]
    fn what_was_found_is_counted_in_words() {
        let check = |count, more, asked, text| assert_eq!(found_in_words(count, more, asked), text);
        check(0, false, "", "No organization");
        check(1, false, "", "1 organization");
        check(3, false, "", "3 organizations");
        check(50, true, "", "More than 50 organizations");
        check(0, false, "audio", "No organization with “audio”");
        check(50, true, "a", "More than 50 organizations with “a”");
    }
}
