//! `/admin/organizations/:organization`: a license with its history, and the form to suspend it or lift the suspension.

use brightmeter::reason::REASON_CHARS;
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use crate::{
    backend::StaffMember,
    components::{AdminFrame, AdminSection, ErrorSummary, Field, Time, described_by, load_staff},
    form::Form,
    views::admin::{LicenseStepView, OrganizationPageView, OrganizationView},
};

/// One organization and its license.
#[component]
pub fn OrganizationPage() -> impl IntoView {
    let id = use_params_map().with_untracked(|params| params.get("organization")).unwrap_or_default();
    let form = Form::current();
    load_staff(
        |backend, staff| async move { backend.organization(&staff, id).await },
        move |staff, view| view! { <Organization staff view form /> }.into_any(),
    )
}

#[component]
fn Organization(staff: StaffMember, view: OrganizationPageView, form: Form) -> impl IntoView {
    let OrganizationPageView { organization, since, suspended, history, key } = view;
    let OrganizationView { id, slug, name, plan, license, active } = organization;
    let tone = if active { "card receipt receipt-good mt-6" } else { "card receipt receipt-warn mt-6" };
    let since = since.map(|when| {
        view! {
            <div>
                <dt>"Since"</dt>
                <dd>
                    <Time when />
                </dd>
            </div>
        }
    });
    let history = match history.is_empty() {
        true => view! { <p class="empty mt-4">"No changes. The license has always been active."</p> }.into_any(),
        false => {
            let items = history.into_iter().map(|step| view! { <Step step /> });
            view! { <ul class="mt-4 grid gap-3">{items.collect_view()}</ul> }.into_any()
        }
    };
    let action = if suspended { StaffAction::Lift } else { StaffAction::Suspend };
    view! {
        <AdminFrame staff section=AdminSection::Organizations title=name.clone()>
            <p>
                <a class="link" href="/admin/organizations">
                    "All organizations"
                </a>
            </p>
            <h1 class="mt-2 text-3xl font-semibold tracking-tight wrap-anywhere">{name}</h1>
            <section class=tone aria-labelledby="state">
                <h2 id="state" class="text-xl font-semibold">
                    {license}
                </h2>
                <dl class="facts mt-4">
                    {since} <div>
                        <dt>"Plan"</dt>
                        <dd>{plan}</dd>
                    </div>
                    <div>
                        <dt>"Slug"</dt>
                        <dd class="wrap-anywhere">{slug}</dd>
                    </div>
                    <div>
                        <dt>"ID"</dt>
                        <dd class="font-mono text-sm wrap-anywhere">{id.clone()}</dd>
                    </div>
                </dl>
            </section>
            <LicenseForm action id key form />
            <section class="mt-12" aria-labelledby="history">
                <h2 id="history" class="text-2xl font-semibold tracking-tight">
                    "License history"
                </h2>
                {history}
            </section>
        </AdminFrame>
    }
}

/// The action that staff can take on a license.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StaffAction {
    Suspend,
    Lift,
}

impl StaffAction {
    /// The last segment of the form's URL.
    const fn name(self) -> &'static str {
        match self {
            Self::Suspend => "suspend",
            Self::Lift => "lift",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Suspend => "Suspend the license",
            Self::Lift => "Lift the suspension",
        }
    }

    const fn consequence(self) -> &'static str {
        match self {
            Self::Suspend => {
                "All AI stops immediately for everyone in the organization. Tokens stay, running jobs finish, and the organization can't buy anything. Stripe keeps charging its subscription, and a payment doesn't lift the suspension."
            }
            Self::Lift => {
                "The license immediately follows the organization's invoices and subscription again. Payments that failed during the suspension count."
            }
        }
    }

    /// The button's label and CSS classes.
    const fn button(self) -> (&'static str, &'static str) {
        match self {
            Self::Suspend => ("Suspend", "btn btn-bad"),
            Self::Lift => ("Lift", "btn"),
        }
    }
}

/// The form for a staff action, with its consequence and a required reason.
#[component]
fn LicenseForm(action: StaffAction, id: String, key: String, form: Form) -> impl IntoView {
    // A reason typed for one action isn't reused for the other.
    let same_action = form.value("act") == action.name();
    let problem = form.problem("reason").filter(|_| same_action);
    let typed = if same_action { form.value("reason") } else { String::new() };
    // The form keeps its idempotency key, so that sending it again acts once.
    let key = Some(form.value("key")).filter(|key| same_action && !key.is_empty()).unwrap_or(key);
    let (button, tone) = action.button();
    view! {
        <form
            method="post"
            action=format!("/admin/organizations/{}", action.name())
            class="card mt-6 grid gap-4"
            aria-labelledby="act"
            aria-describedby="consequence"
        >
            <h2 id="act" class="text-lg font-semibold">
                {action.title()}
            </h2>
            <ErrorSummary form fields=&["reason"] />
            <p id="consequence" class="max-w-2xl">
                {action.consequence()}
            </p>
            <input type="hidden" name="org" value=id />
            <input type="hidden" name="key" value=key autocomplete="off" />
            <Field name="reason" label="Reason" hint="A few words. Only staff can see it, with your name." problem=problem.clone()>
                <input
                    id="reason"
                    name="reason"
                    class="control"
                    required=true
                    maxlength=REASON_CHARS.to_string()
                    autocomplete="off"
                    value=typed
                    aria-describedby=described_by("reason", true, problem.is_some())
                    aria-invalid=problem.is_some().then_some("true")
                />
            </Field>
            <p>
                <button type="submit" class=tone>
                    {button}
                </button>
            </p>
        </form>
    }
}

#[component]
fn Step(step: LicenseStepView) -> impl IntoView {
    let LicenseStepView { at, what, by } = step;
    let by = by.map(|(staff, reason)| {
        view! { <p class="mt-1 wrap-anywhere">{format!("{staff}: {reason}")}</p> }
    });
    view! {
        <li class="card">
            <p class="font-medium">{what}</p>
            {by}
            <p class="mt-1 text-sm text-muted">
                <Time when=at />
            </p>
        </li>
    }
}
