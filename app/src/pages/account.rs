//! `/account`: the user's password and sessions.

use leptos::prelude::*;

use crate::{
    components::{Confirm, ErrorSummary, Field, Frame, Section, described_by, load},
    form::Form,
    views::{AccountView, Viewer},
};

/// Forms to change the password and to sign out everywhere.
#[component]
pub fn AccountPage() -> impl IntoView {
    let form = Form::current();
    load(
        |backend, who| async move { backend.account(&who).await },
        move |viewer, view| view! { <Account viewer view form /> }.into_any(),
    )
}

#[component]
fn Account(viewer: Viewer, view: AccountView, form: Form) -> impl IntoView {
    let AccountView { email, sessions } = view;
    let open = match sessions {
        1 => "You have 1 active session, in this browser.".into(),
        sessions => format!("You have {sessions} active sessions, including this one."),
    };
    let consequence = match sessions {
        1 => "This is your only session. You'll be signed out.".into(),
        sessions => {
            format!("All {sessions} sessions will end, including this one. You'll need to sign in again everywhere.")
        }
    };
    view! {
        <Frame viewer section=Section::Other title="Account">
            <h1 class="text-3xl font-semibold tracking-tight">"Account"</h1>
            <p class="mt-1 text-muted wrap-anywhere">{email.clone()}</p>
            <div class="mt-8 grid items-start gap-6 md:grid-cols-2">
                <PasswordForm email form />
                <section class="card grid gap-4" aria-labelledby="sessions">
                    <h2 id="sessions" class="text-lg font-semibold">
                        "Sessions"
                    </h2>
                    <p>{open}</p>
                    <div>
                        <Confirm
                            id="sign-out-everywhere"
                            button="Sign out everywhere"
                            title="Sign out everywhere?"
                            consequence
                            action="/account/sign-out-everywhere"
                            confirm="Yes, sign out everywhere"
                        />
                    </div>
                </section>
            </div>
        </Frame>
    }
}

#[component]
fn PasswordForm(email: String, form: Form) -> impl IntoView {
    let (current, new) = (form.problem("current"), form.problem("new"));
    let field = |name: &'static str, autocomplete: &'static str, problem: &Option<String>| {
        view! {
            <input
                id=name
                name=name
                type="password"
                class="control"
                autocomplete=autocomplete
                required=true
                maxlength="1024"
                aria-describedby=described_by(name, true, problem.is_some())
                aria-invalid=problem.is_some().then_some("true")
            />
        }
    };
    let (current_field, new_field) =
        (field("current", "current-password", &current), field("new", "new-password", &new));
    view! {
        <form method="post" action="/account/password" class="card grid gap-5" aria-labelledby="password">
            <h2 id="password" class="text-lg font-semibold">
                "Change your password"
            </h2>
            <ErrorSummary form fields=&["current", "new"] />
            <input type="hidden" name="username" autocomplete="username" value=email />
            <Field name="current" label="Current password" hint="The password you signed in with." problem=current>
                {current_field}
            </Field>
            <Field name="new" label="New password" hint="At least 12 characters. Your other sessions will end." problem=new>
                {new_field}
            </Field>
            <p>
                <button type="submit" class="btn">
                    "Change password"
                </button>
            </p>
        </form>
    }
}
