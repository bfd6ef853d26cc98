//! `/signin`: the sign-in form.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::{
    components::{ErrorSummary, Field, Frame, Section, described_by},
    form::{DemoSignIns, Form},
};

/// The sign-in form and, in the demo, the demo accounts.
#[component]
pub fn SignInPage() -> impl IntoView {
    let form = Form::current();
    let requested = use_query_map().with_untracked(|query| query.get("next"));
    let next = Some(form.value("next")).filter(|next| !next.is_empty()).or(requested).unwrap_or_default();
    let demo = use_context::<DemoSignIns>();
    let columns = match demo {
        Some(_) => "mx-auto grid max-w-3xl gap-10 py-4 sm:py-8 md:grid-cols-2",
        None => "mx-auto grid max-w-md py-4 sm:py-8",
    };
    let email = form.value("email");
    let (email_problem, password_problem) = (form.problem("email"), form.problem("password"));
    view! {
        <Frame viewer=None section=Section::Other title="Sign in">
            <div class=columns>
                <div>
                    <h1 class="text-3xl font-semibold tracking-tight">"Sign in"</h1>
                    <form method="post" action="/signin" class="mt-6 grid gap-5">
                        <ErrorSummary form=form.clone() fields=&["email", "password"] />
                        <input type="hidden" name="next" value=next.clone() />
                        <Field name="email" label="Email" hint="Use the email you were invited with." problem=email_problem.clone()>
                            <input
                                id="email"
                                name="email"
                                type="email"
                                class="control"
                                autocomplete="username"
                                required=true
                                maxlength="254"
                                value=email
                                aria-describedby=described_by("email", true, email_problem.is_some())
                                aria-invalid=email_problem.is_some().then_some("true")
                            />
                        </Field>
                        <Field name="password" label="Password" problem=password_problem.clone()>
                            <input
                                id="password"
                                name="password"
                                type="password"
                                class="control"
                                autocomplete="current-password"
                                required=true
                                maxlength="1024"
                                aria-describedby=described_by("password", false, password_problem.is_some())
                                aria-invalid=password_problem.is_some().then_some("true")
                            />
                        </Field>
                        <button type="submit" class="btn">
                            "Sign in"
                        </button>
                    </form>
                </div>
                {demo.map(|demo| view! { <DemoAccounts demo next /> })}
            </div>
        </Frame>
    }
}

/// The demo accounts, each with a button that signs in.
#[component]
fn DemoAccounts(demo: DemoSignIns, next: String) -> impl IntoView {
    let DemoSignIns { accounts, password } = demo;
    let items = accounts.into_iter().map(|(email, shows)| {
        view! {
            <li>
                <form method="post" action="/signin">
                    <input type="hidden" name="email" value=email.clone() />
                    <input type="hidden" name="password" value=password.clone() />
                    <input type="hidden" name="next" value=next.clone() />
                    <button type="submit" class="demo-account">
                        <span class="font-medium wrap-anywhere">{email}</span>
                        <span class="text-sm text-muted">{shows}</span>
                    </button>
                </form>
            </li>
        }
    });
    view! {
        <section aria-labelledby="demo">
            <h2 id="demo" class="text-lg font-semibold">
                "Demo accounts"
            </h2>
            <p class="mt-1 text-sm text-muted">
                "Sign in with one click. The password for all of them is " <code>{password.clone()}</code> "."
            </p>
            <ul class="mt-4 grid gap-2">{items.collect_view()}</ul>
        </section>
    }
}
