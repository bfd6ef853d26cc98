//! What a form has done, told once on the page that follows: `?flash=quest-done`.

/// Something that was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flash {
    /// A quest was marked done.
    QuestDone,
    /// A quest was marked open again.
    QuestOpen,
    /// The password was changed, and every other session has ended.
    PasswordChanged,
    /// A key of a service holds no more.
    KeyRevoked,
    /// A plan was chosen.
    PlanChosen,
    /// Somebody left Stripe's Checkout before paying.
    CheckoutLeft,
    /// An event of Stripe's is tried again.
    EventReplayed,
    /// A purchase is as Stripe says.
    PurchaseMended,
    /// Staff have suspended a license.
    LicenseSuspended,
    /// Staff have lifted that.
    SuspensionLifted,
    /// The session goes on in another organization.
    Switched,
    /// The session has ended.
    SignedOut,
    /// Every session has ended.
    SignedOutEverywhere,
    /// A form came without a session, so nothing was done.
    SessionEnded,
}

impl Flash {
    const ALL: [Self; 14] = [
        Self::QuestDone,
        Self::QuestOpen,
        Self::PasswordChanged,
        Self::KeyRevoked,
        Self::PlanChosen,
        Self::CheckoutLeft,
        Self::EventReplayed,
        Self::PurchaseMended,
        Self::LicenseSuspended,
        Self::SuspensionLifted,
        Self::Switched,
        Self::SignedOut,
        Self::SignedOutEverywhere,
        Self::SessionEnded,
    ];

    /// Its name in addresses.
    const fn name(self) -> &'static str {
        match self {
            Self::QuestDone => "quest-done",
            Self::QuestOpen => "quest-open",
            Self::PasswordChanged => "password-changed",
            Self::KeyRevoked => "key-revoked",
            Self::PlanChosen => "plan-chosen",
            Self::CheckoutLeft => "checkout-left",
            Self::EventReplayed => "event-replayed",
            Self::PurchaseMended => "purchase-mended",
            Self::LicenseSuspended => "license-suspended",
            Self::SuspensionLifted => "suspension-lifted",
            Self::Switched => "switched",
            Self::SignedOut => "signed-out",
            Self::SignedOutEverywhere => "signed-out-everywhere",
            Self::SessionEnded => "session-ended",
        }
    }

    /// The one of that name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|flash| flash.name() == name)
    }

    /// The address of the page that tells it. `page` is a path with or without a query, and without a fragment.
    pub fn on(self, page: &str) -> String {
        let (path, query) = page.split_once('?').unwrap_or((page, ""));
        let others = query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("told="));
        let pairs: Vec<&str> = others.collect();
        let flash = format!("told={}", self.name());
        match pairs.is_empty() {
            true => format!("{path}?{flash}"),
            false => format!("{path}?{}&{flash}", pairs.join("&")),
        }
    }

    /// In a few words: also the start of the page's title, which is what a screen reader says first.
    pub const fn headline(self) -> &'static str {
        match self {
            Self::QuestDone => "Marked done",
            Self::QuestOpen => "Marked open",
            Self::PasswordChanged => "Password changed",
            Self::KeyRevoked => "Key revoked",
            Self::PlanChosen => "Plan changed",
            Self::CheckoutLeft => "Nothing was bought",
            Self::EventReplayed => "Event replayed",
            Self::PurchaseMended => "As Stripe says now",
            Self::LicenseSuspended => "Suspended",
            Self::SuspensionLifted => "Lifted",
            Self::Switched => "Organization switched",
            Self::SignedOut => "Signed out",
            Self::SignedOutEverywhere => "Signed out everywhere",
            Self::SessionEnded => "Your session has ended",
        }
    }

    /// What follows from it, if anything does.
    pub const fn detail(self) -> Option<&'static str> {
        match self {
            Self::PasswordChanged => Some("Every other session has ended."),
            Self::KeyRevoked => Some("Services that use it are refused from now on."),
            Self::PlanChosen => Some("What counts now, and what from the next reset, stands below."),
            Self::CheckoutLeft => Some("You left before paying, so nothing was charged."),
            Self::EventReplayed => Some("It is tried at once. If it is still listed in a moment, it says why."),
            Self::PurchaseMended => Some("Compare again to see whether anything else differs."),
            Self::LicenseSuspended => Some("All AI of this organization has stopped."),
            Self::SuspensionLifted => Some("The license stands where its invoices and its subscription say."),
            Self::SignedOutEverywhere => Some("Every session of yours has ended."),
            Self::SessionEnded => Some("Nothing was sent. Sign in and try again."),
            Self::QuestDone | Self::QuestOpen | Self::Switched | Self::SignedOut => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_tells_one_thing_and_keeps_the_rest() {
        assert_eq!(Flash::SignedOut.on("/signin"), "/signin?told=signed-out");
        assert_eq!(Flash::QuestOpen.on("/quests?job=7"), "/quests?job=7&told=quest-open");
        assert_eq!(Flash::QuestDone.on("/quests?told=quest-open&job=7"), "/quests?job=7&told=quest-done");
    }

    #[test]
    fn every_one_is_found_by_its_name() {
        for flash in Flash::ALL {
            assert_eq!(Flash::find(flash.name()), Some(flash));
        }
        assert_eq!(Flash::find("that you have won"), None);
    }
}
