//! `/admin/reconciliation`: compares purchases and plans with Stripe.

use leptos::prelude::*;

use crate::{
    backend::StaffMember,
    components::{AdminFrame, AdminSection, load_staff},
    views::admin::{Compared, FindingView, FixView, ReconciliationView},
};

/// The button that starts a comparison with Stripe, and its result.
#[component]
pub fn ReconciliationPage() -> impl IntoView {
    let compared = use_context::<Compared>();
    load_staff(
        |backend, staff| async move { backend.reconciliation(&staff).await },
        |staff, view| view! { <Reconciliation staff view compared /> }.into_any(),
    )
}

#[component]
fn Reconciliation(staff: StaffMember, view: ReconciliationView, compared: Option<Compared>) -> impl IntoView {
    let title = match &compared {
        None => "Reconciliation",
        Some(Compared::Report { findings, .. }) if findings.is_empty() => "In sync with Stripe · Reconciliation",
        Some(Compared::Report { .. }) => "Differences found · Reconciliation",
        Some(Compared::Unanswered | Compared::Busy) => "Not compared · Reconciliation",
    };
    let action = match view.sells {
        true => view! {
            <form method="post" action="/admin/reconciliation" class="mt-5">
                <button type="submit" class="btn" aria-describedby="duration">
                    "Compare with Stripe"
                </button>
                <p id="duration" class="mt-2 text-sm text-muted">
                    "Checks each purchase and plan with Stripe. This can take up to a minute and changes nothing."
                </p>
            </form>
        }
        .into_any(),
        false => view! { <p class="empty mt-5">"Nothing is for sale, so there's nothing to compare with Stripe."</p> }
            .into_any(),
    };
    let compared = compared.map(|compared| view! { <Outcome compared /> });
    view! {
        <AdminFrame staff section=AdminSection::Reconciliation title>
            <h1 class="text-3xl font-semibold tracking-tight">"Reconciliation"</h1>
            <p class="mt-1 max-w-2xl text-muted">
                "Compares every purchase of the last 90 days with Stripe: payment, refunds and disputes. Also compares every plan: its subscription and unpaid invoices. Each difference is listed with its one safe fix."
            </p>
            {action}
            {compared}
        </AdminFrame>
    }
}

#[component]
fn Outcome(compared: Compared) -> impl IntoView {
    match compared {
        Compared::Report { purchases, plans, findings } => view! { <Report purchases plans findings /> }.into_any(),
        Compared::Unanswered => view! {
            <div role="alert" class="notice notice-bad mt-8">
                <p class="font-semibold">"Stripe didn't answer in time"</p>
                <p class="mt-1">
                    "Nothing was changed. Try again in a few minutes. With many purchases, run " <code>"brightmeter reconcile"</code>
                    " on the command line, which has no time limit."
                </p>
            </div>
        }
        .into_any(),
        Compared::Busy => view! {
            <div role="alert" class="notice notice-warn mt-8">
                <p class="font-semibold">"A comparison is already running"</p>
                <p class="mt-1">"Only one can run at a time, because they share Stripe's rate limit. Try again in a minute."</p>
            </div>
        }
        .into_any(),
    }
}

#[component]
fn Report(purchases: usize, plans: usize, findings: Vec<FindingView>) -> impl IntoView {
    let compared = format!("Compared {} and {}.", counted(purchases, "purchase"), counted(plans, "plan"));
    let (tone, headline) = match findings.len() {
        0 => ("notice notice-good", "In sync with Stripe".into()),
        1 => ("notice notice-warn", "1 difference found".into()),
        count => ("notice notice-warn", format!("{count} differences found")),
    };
    let items = findings.into_iter().map(|finding| view! { <Finding finding /> });
    view! {
        <section class="mt-10" aria-labelledby="report">
            <div role="status" class=tone>
                <h2 id="report" class="font-semibold">
                    {headline}
                </h2>
                <p class="mt-1">{compared}</p>
            </div>
            <ul class="mt-4 grid gap-3">{items.collect_view()}</ul>
        </section>
    }
}

/// Formats a count: `no purchases`, `1 purchase`, `2 purchases`.
fn counted(count: usize, of: &str) -> String {
    match count {
        0 => format!("no {of}s"),
        1 => format!("1 {of}"),
        count => format!("{count} {of}s"),
    }
}

#[component]
fn Finding(finding: FindingView) -> impl IntoView {
    let FindingView { org, purchase, what, fix } = finding;
    let subject = match &purchase {
        Some(purchase) => {
            let purchase = purchase.clone();
            view! { "Purchase " <span class="font-mono">{purchase}</span> " of organization " }.into_any()
        }
        None => view! { "Organization " }.into_any(),
    };
    let (text, button) = match fix {
        FixView::Apply(text) => (
            text,
            Some(view! {
                <form method="post" action="/admin/reconciliation/fix">
                    <input type="hidden" name="org" value=org.clone() />
                    {purchase.map(|purchase| view! { <input type="hidden" name="purchase" value=purchase /> })}
                    <button type="submit" class="btn">
                        "Apply Stripe's state"
                    </button>
                </form>
            }),
        ),
        FixView::Manual(text) => (text, None),
    };
    view! {
        <li class="card flex flex-wrap items-start justify-between gap-4">
            <div class="min-w-0">
                <h3 class="font-medium">{what}</h3>
                <p class="mt-1 max-w-xl">{text}</p>
                <p class="mt-2 text-sm text-muted wrap-anywhere">
                    {subject} <span class="font-mono">{org}</span>
                </p>
            </div>
            {button}
        </li>
    }
}
