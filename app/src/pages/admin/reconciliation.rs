//! `/admin/reconciliation`: compares purchases and plans with Stripe, page by page.

use leptos::prelude::*;

use crate::{
    backend::StaffMember,
    components::{AdminFrame, AdminSection, Confirm, ErrorNotice, load_staff},
    views::admin::{Compared, FindingView, FixView, NotCompared, ReconciliationView, ReportView},
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
        Some(Compared { problem: Some(_), .. }) => "Not compared · Reconciliation",
        Some(Compared { report: Some(report), .. }) if report.findings.is_empty() && report.complete => {
            "In sync with Stripe · Reconciliation"
        }
        Some(Compared { report: Some(report), .. }) if report.findings.is_empty() => {
            "No differences so far · Reconciliation"
        }
        Some(_) => "Differences found · Reconciliation",
    };
    let action = match view.sells {
        true => {
            let label = if compared.is_some() { "Compare again from the start" } else { "Compare with Stripe" };
            view! {
                <form method="post" action="/admin/reconciliation" class="mt-5">
                    <button type="submit" class="btn" aria-describedby="duration">
                        {label}
                    </button>
                    <p id="duration" class="mt-2 text-sm text-muted">
                        "Checks each purchase and plan with Stripe and changes nothing. After a minute you see the differences so far and can continue."
                    </p>
                </form>
            }
            .into_any()
        }
        false => view! { <p class="empty mt-5">"Nothing is for sale, so there's nothing to compare with Stripe."</p> }
            .into_any(),
    };
    let compared = compared.map(|Compared { report, problem }| {
        view! {
            {problem.map(|problem| view! { <Problem problem /> })}
            {report.map(|report| view! { <Report report /> })}
        }
    });
    view! {
        <AdminFrame staff section=AdminSection::Reconciliation title>
            <h1 class="text-3xl font-semibold tracking-tight">"Reconciliation"</h1>
            <p class="mt-1 max-w-2xl text-muted">
                "Compares every purchase of the last 90 days with Stripe: payment, refunds and disputes. Also compares every plan: its subscriptions, and its invoices with their refunds and disputes. Each difference is listed with its one safe fix."
            </p>
            {action}
            {compared}
        </AdminFrame>
    }
}

#[component]
fn Problem(problem: NotCompared) -> impl IntoView {
    match problem {
        NotCompared::Unanswered => view! {
            <div role="alert" class="notice notice-bad mt-8">
                <p class="font-semibold">"Stripe didn't answer in time"</p>
                <p class="mt-1">"Nothing was changed. Try again in a few minutes."</p>
            </div>
        }
        .into_any(),
        NotCompared::Busy => view! {
            <div role="alert" class="notice notice-warn mt-8">
                <p class="font-semibold">"A comparison is already running"</p>
                <p class="mt-1">"Only one can run at a time, because they share Stripe's rate limit. Try again in a minute."</p>
            </div>
        }
        .into_any(),
        NotCompared::Failed(error) => view! {
            <div class="mt-8">
                <ErrorNotice error />
            </div>
        }
        .into_any(),
    }
}

#[component]
fn Report(report: ReportView) -> impl IntoView {
    let done = summary(&report);
    let ReportView { carried, complete, full, findings, .. } = report;
    let (tone, headline) = match (findings.len(), complete) {
        (0, true) => ("notice notice-good", "In sync with Stripe".into()),
        (0, false) => ("notice", "No differences so far".into()),
        (1, _) => ("notice notice-warn", "1 difference found".into()),
        (count, _) => ("notice notice-warn", format!("{count} differences found")),
    };
    let safe = findings.iter().filter(|finding| matches!(finding.fix, FixView::Apply(_))).count();
    let fix_all = (safe > 0).then(|| {
        let carried = carried.clone();
        view! {
            <div class="mt-4">
                <Confirm
                    id="fix-all"
                    button="Fix all that is safe"
                    title="Apply Stripe's state?"
                    consequence=format!("{} of the differences shown will be fixed: tokens are credited, taken back or returned, and plans and licenses updated.", safe)
                    action="/admin/reconciliation/fix"
                    confirm="Yes, fix them"
                    field=("report", carried)
                />
            </div>
        }
    });
    let next = (!complete).then(|| {
        let text = match full {
            true => "This page is full. Continue shows the next differences: those above that aren't fixed don't appear there, but every new comparison finds them again.",
            false => "Continue picks up where the comparison stopped. The differences above that aren't fixed stay on the page.",
        };
        let carried = carried.clone();
        view! {
            <form method="post" action="/admin/reconciliation" class="mt-6">
                <input type="hidden" name="report" value=carried />
                <button type="submit" class="btn" aria-describedby="continue">
                    "Continue"
                </button>
                <p id="continue" class="mt-2 max-w-2xl text-sm text-muted">
                    {text}
                </p>
            </form>
        }
    });
    let items = findings.into_iter().enumerate().map(|(index, finding)| view! { <Finding finding index /> });
    view! {
        <section class="mt-10" aria-labelledby="report">
            <div role="status" class=tone>
                <h2 id="report" class="font-semibold">
                    {headline}
                </h2>
                <p class="mt-1">{done}</p>
            </div>
            {fix_all}
            // One form for all findings: it sends the report once, and the button says which finding to fix.
            <form method="post" action="/admin/reconciliation/fix">
                <input type="hidden" name="report" value=carried />
                <ul class="mt-4 grid gap-3">{items.collect_view()}</ul>
            </form>
            {next}
        </section>
    }
}

/// Says what was done so far.
fn summary(report: &ReportView) -> String {
    let ReportView { purchases, plans, fixed, unanswered, .. } = report;
    let mut done = format!("Compared {} and {}.", counted(*purchases, "purchase"), counted(*plans, "plan"));
    if *fixed > 0 {
        done += &format!(" Fixed {}.", counted(*fixed, "difference"));
    }
    if *unanswered > 0 {
        done += &format!(" Stripe didn't answer for {unanswered} of them.");
    }
    done
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
fn Finding(
    finding: FindingView,
    /// Its index in the report.
    index: usize,
) -> impl IntoView {
    let FindingView { org, purchase, what, fix } = finding;
    let address = format!("/admin/organizations/{org}");
    let subject = match purchase {
        Some(purchase) => {
            view! { "Purchase " <span class="font-mono">{purchase}</span> " of organization " }.into_any()
        }
        None => view! { "Organization " }.into_any(),
    };
    let (text, action) = match fix {
        FixView::Apply(text) => (
            text,
            view! {
                <button type="submit" name="finding" value=index.to_string() class="btn">
                    "Apply Stripe's state"
                </button>
            }
            .into_any(),
        ),
        FixView::Manual(text) => (text, ().into_any()),
        FixView::Fixed => {
            ("This is now as in Stripe.", view! { <span class="tag tag-accent">"Fixed"</span> }.into_any())
        }
    };
    view! {
        <li class="card flex flex-wrap items-start justify-between gap-4">
            <div class="min-w-0">
                <h3 class="font-medium">{what}</h3>
                <p class="mt-1 max-w-xl">{text}</p>
                <p class="mt-2 text-sm text-muted wrap-anywhere">
                    {subject}
                    <a class="link font-mono" href=address>
                        {org}
                    </a>
                </p>
            </div>
            {action}
        </li>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_says_what_was_compared_fixed_and_unanswered() {
        let report = ReportView {
            carried: String::new(),
            purchases: 0,
            plans: 1,
            fixed: 0,
            unanswered: 0,
            complete: true,
            full: false,
            findings: Vec::new(),
        };
        assert_eq!(summary(&report), "Compared no purchases and 1 plan.");
        let report = ReportView { purchases: 5, fixed: 1, unanswered: 2, ..report };
        let expected = "Compared 5 purchases and 1 plan. Fixed 1 difference. Stripe didn't answer for 2 of them.";
        assert_eq!(summary(&report), expected);
    }
}
