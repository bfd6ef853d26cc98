//! The words of the notices about a plan's payments and its next change.

use app::{
    backend::SignedIn,
    views::notice::{NoticeAction, NoticeView},
};
use brightmeter::{
    access::role::Action,
    billing::{
        invoices::Invoice,
        notice::{Notice, notices},
        standing::Standing,
    },
    catalog::Catalog,
};

use super::Wording;
use crate::service::plans::BillingFacts;

/// Returns the notices for a viewer, most urgent first.
pub(super) fn list(
    facts: &BillingFacts,
    standing: &Standing<'_>,
    catalog: &Catalog,
    (who, wording): (&SignedIn, Wording),
) -> Vec<NoticeView> {
    let found = notices(standing, (&facts.subscriptions, &facts.invoices), catalog, wording.now);
    found.into_iter().map(|notice| view(&notice, catalog, (who, wording))).collect()
}

/// The unpaid amount of an invoice, if Stripe has reported it.
fn amount(invoice: Option<&Invoice>) -> Option<String> {
    invoice?.remaining().filter(|amount| !amount.is_zero()).map(|amount| amount.to_string())
}

/// `invoice of $149`, or `invoice` if the amount is unknown.
pub(super) fn invoice_of(invoice: Option<&Invoice>) -> String {
    amount(invoice).map_or_else(|| "invoice".into(), |amount| format!("invoice of {amount}"))
}

fn view(notice: &Notice<'_>, catalog: &Catalog, (who, wording): (&SignedIn, Wording)) -> NoticeView {
    let day = |at| wording.local_time(at).date;
    let label = |name: &str| catalog.plan_named(name).map_or_else(|| name.to_owned(), |plan| plan.label.clone());
    let may_pay = who.viewer.role.permits(Action::OpenCustomerPortal);
    let page = |invoice: Option<&Invoice>| invoice.and_then(|it| it.url.clone()).filter(|_| may_pay);
    let pay = |invoice| match page(invoice) {
        Some(url) => Some(NoticeAction::Pay(url)),
        None => may_pay.then_some(NoticeAction::OpenPortal),
    };
    let confirm = |invoice| page(invoice).map(NoticeAction::Confirm);
    let (is_urgent, title, text, action) = match *notice {
        Notice::Overdue { since, invoice } => (
            true,
            format!("An {} is unpaid", invoice_of(invoice)),
            format!("It has been due since {}. Paying it restores everything immediately.", day(since)),
            pay(invoice),
        ),
        Notice::Due { at, invoice } => (
            false,
            format!("An {} is due on {}", invoice_of(invoice), day(at)),
            "Everything stays on until then.".into(),
            pay(invoice),
        ),
        Notice::ConfirmUpgrade { until, invoice } => (
            true,
            "Confirm the payment for your upgrade".into(),
            format!(
                "Your bank wants you to confirm it. Nothing has been charged or changed yet. The upgrade is dropped if it isn't confirmed by {}.",
                wording.local_time(until).text
            ),
            confirm(invoice),
        ),
        Notice::FirstPayment { invoice } => (
            true,
            "Your first payment isn't confirmed yet".into(),
            "Your plan starts as soon as it is. A bank debit takes a few days, and there's nothing to do. If your bank wants you to confirm the payment, do so on the invoice's page.".into(),
            confirm(invoice),
        ),
        Notice::InProgress { invoice } => (
            false,
            match amount(Some(invoice)) {
                Some(amount) => format!("Your bank is processing your payment of {amount}"),
                None => "Your bank is processing your payment".into(),
            },
            "This can take a few days. Everything stays on meanwhile.".into(),
            None,
        ),
        Notice::AfterTrial { invoice } => (
            true,
            "Your free trial has ended".into(),
            "Your allowance starts with your first payment. You can still use packs.".into(),
            pay(invoice),
        ),
        Notice::CollectionPaused { until } => (
            false,
            "Your payments are paused".into(),
            format!(
                "You aren't charged. What you've paid for is available until {}. After that there's no new allowance until payments go on; you can still use packs. To resume, contact support.",
                day(until)
            ),
            None,
        ),
        Notice::Paused { plan } => (
            true,
            "Your subscription is paused".into(),
            "Add a card under Invoices and cards if you have none, then resume it. Your plan continues as soon as it's paid.".into(),
            Some(NoticeAction::Resume { plan: plan.into(), label: label(plan) })
                .filter(|_| who.viewer.role.permits(Action::ChangePlan)),
        ),
        Notice::TrialEnds { at } => (
            false,
            format!("Your free trial ends on {}", day(at)),
            "Then your plan is charged, and your allowance starts anew with the payment. Cancel before that and pay nothing.".into(),
            None,
        ),
        Notice::Ends { at } => (
            false,
            format!("Your plan ends on {}", wording.local_time(at).text),
            "Until then, everything stays the same. Packs stay, but a paid plan is required to use them.".into(),
            None,
        ),
        Notice::Changes { plan, at } => (
            false,
            format!("You'll move to {} on {}", label(plan.as_str()), wording.local_time(at).text),
            "Until then, everything stays the same.".into(),
            None,
        ),
    };
    NoticeView { is_urgent, title, text, action }
}
