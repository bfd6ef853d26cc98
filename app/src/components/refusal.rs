//! Refusal notices: the reason, when it ends, and what to do.

use brightmeter::access::refusal::{Action, Refusal};
use leptos::prelude::*;

use crate::{components::Time, views::RefusalView};

/// Explains a refusal and links to the page that resolves it.
#[component]
pub fn RefusalNotice(
    /// The refusal.
    refused: RefusalView,
    /// Whether it answers a request that was just made. Then screen readers announce it.
    #[prop(optional)]
    alert: bool,
    /// The element's id, for `aria-describedby`.
    #[prop(optional)]
    id: Option<&'static str>,
) -> impl IntoView {
    let RefusalView { refusal, until } = refused;
    let way_out = way_out(&refusal).map(|(label, address)| {
        view! {
            <p class="mt-3">
                <a class="btn btn-small" href=address>
                    {label}
                </a>
            </p>
        }
    });
    let until = until.map(|when| {
        let lead = until_lead(&refusal);
        view! { <p class="mt-1">{lead} " " <Time when=when.clone() /> " (" {when.relative} ")."</p> }
    });
    view! {
        <div id=id role=alert.then_some("alert") class="notice notice-warn">
            <p class="font-semibold">{title(&refusal)}</p>
            <p class="mt-1">{explanation(&refusal)}</p>
            {until}
            {way_out}
        </div>
    }
}

fn title(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::AccountClosed { .. } => "This account is closed",
        Refusal::Blocked { .. } => "You're temporarily blocked",
        Refusal::FeatureNotInPlan { .. } => "Not included in your plan",
        Refusal::LicenseSuspended { .. } => "AI is limited: an invoice is unpaid",
        Refusal::LicenseSuspendedByStaff { .. } => "AI is suspended",
        Refusal::AlreadySuspended => "Already suspended",
        Refusal::NotSuspended => "Not suspended by staff",
        Refusal::RateLimited { .. } | Refusal::TooFrequent { .. } => "Slow down a moment",
        Refusal::QuotaReached { .. } => "Monthly limit reached",
        Refusal::InsufficientTokens { .. } => "Not enough tokens",
        _ => "This isn't possible",
    }
}

fn explanation(refusal: &Refusal) -> String {
    match refusal {
        Refusal::AccountClosed { .. } => "Tokens can't be spent anymore. Contact support if this is a mistake.".into(),
        Refusal::Blocked { .. } => {
            "Too many attempts failed. Nothing was charged. Contact support if you can't wait.".into()
        }
        Refusal::FeatureNotInPlan { feature, plan, needs } => {
            let (feature, plan, needs) = (display_name(feature.as_str()), display_name(plan.as_str()), display_name(needs.as_str()));
            format!("{feature} needs the {needs} plan or higher. Your organization is on {plan}.")
        }
        Refusal::LicenseSuspended { .. } => {
            "Paying the invoice restores everything immediately. Ask an owner of your organization.".into()
        }
        Refusal::LicenseSuspendedByStaff { .. } => {
            "Support suspended AI for your organization. Nothing was charged, and you keep your tokens. Contact support."
                .into()
        }
        Refusal::AlreadySuspended | Refusal::NotSuspended => {
            "Nothing was changed. The history below shows who made the last change.".into()
        }
        Refusal::RateLimited { requests, window_seconds, .. } => {
            format!(
                "The limit is {requests} requests in {window_seconds} seconds. Nothing was charged. Try again in a moment."
            )
        }
        Refusal::TooFrequent { interval_seconds, .. } => {
            format!("Wait {interval_seconds} seconds between requests. Nothing was charged. Try again in a moment.")
        }
        Refusal::QuotaReached { remaining, .. } => {
            format!("You have {remaining} tokens left under your limit. An owner or admin can raise it.")
        }
        Refusal::InsufficientTokens { needed, available, withheld, .. } if !withheld.is_zero() => {
            format!(
                "This costs {needed} tokens and you have {available}. Pay the open invoice to get {withheld} more back."
            )
        }
        Refusal::InsufficientTokens { needed, available, .. } => {
            format!("This costs {needed} tokens and you have {available}. Nothing was charged.")
        }
        other => other.to_string(),
    }
}

fn until_lead(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::InsufficientTokens { .. } => "Your allowance resets on",
        Refusal::QuotaReached { .. } => "Your limit resets on",
        _ => "Try again after",
    }
}

fn way_out(refusal: &Refusal) -> Option<(&'static str, &'static str)> {
    let label = match refusal.action() {
        Action::Upgrade => "Upgrade",
        Action::BuyTokens => "Buy tokens",
        Action::PayInvoice => "Go to billing",
        Action::Wait | Action::AskSupport | Action::FixRequest => "",
    };
    action_address(refusal).map(|address| (label, address))
}

/// Returns the page that resolves the refusal, or `None` if no page does.
pub fn action_address(refusal: &Refusal) -> Option<&'static str> {
    match refusal.action() {
        Action::Upgrade | Action::PayInvoice => Some("/billing"),
        Action::BuyTokens => Some("/billing#packs"),
        Action::Wait | Action::AskSupport | Action::FixRequest => None,
    }
}

/// Formats a catalog name for display: `quest_generation` becomes `Quest generation`.
fn display_name(name: &str) -> String {
    let mut letters = name.chars().map(|letter| if letter == '_' { ' ' } else { letter });
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feature_outside_the_plan_is_explained_with_a_link_to_upgrade() {
        let name = |text: &str| text.to_owned();
        let refusal = Refusal::FeatureNotInPlan {
            feature: name("quest_generation").try_into().unwrap(),
            plan: name("starter").try_into().unwrap(),
            needs: name("pro").try_into().unwrap(),
        };
        assert_eq!(
            explanation(&refusal),
            "Quest generation needs the Pro plan or higher. Your organization is on Starter."
        );
        assert_eq!(way_out(&refusal), Some(("Upgrade", "/billing")));
    }

    #[test]
    fn a_suspension_by_staff_points_to_support_and_not_to_billing() {
        let refusal = Refusal::LicenseSuspendedByStaff { since: "2026-03-10T09:00:00Z".parse().unwrap() };
        assert!(explanation(&refusal).ends_with("Contact support."));
        assert_eq!(way_out(&refusal), None);
    }
}
