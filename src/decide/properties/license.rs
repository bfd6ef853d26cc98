//! The license: a suspension by staff overrides billing.

use super::history::at_every_step;
use crate::{
    access::refusal::Refusal,
    billing::{
        invoices::Invoices,
        license::{License, SuspensionCause},
    },
    command::Command,
    decide::{decide, tests::world::by_staff},
    ledger::account::Account,
};

#[test]
fn only_staff_lift_a_suspension_by_staff() {
    at_every_step(|_, step| {
        let (before, after) = (step.before.terms.license, step.after.terms.license);
        match (before, &step.command) {
            (License::Suspended { cause: SuspensionCause::Staff, .. }, Command::Lift(_)) => {
                assert_eq!(
                    matches!(after, License::Suspended { cause: SuspensionCause::Staff, .. }),
                    step.result.is_err(),
                    "{after:?}"
                );
            }
            (License::Suspended { cause: SuspensionCause::Staff, .. }, command) => {
                assert_eq!(after, before, "after {command:?}")
            }
            (_, Command::Suspend(_)) if step.result.is_ok() => {
                assert_eq!(after, License::Suspended { since: step.now, cause: SuspensionCause::Staff });
            }
            (_, command) => {
                assert!(!matches!(after, License::Suspended { cause: SuspensionCause::Staff, .. }), "after {command:?}")
            }
        }
    });
}

#[test]
fn a_lifted_license_is_what_billing_implies() {
    at_every_step(|history, step| {
        if !matches!(step.command, Command::Lift(_)) || step.result.is_err() {
            return;
        }
        let no_facts = Command::RecordInvoices { facts: Invoices::default() };
        let decision = decide(&step.after, &no_facts, &step.cx(history)).unwrap();
        assert_eq!(decision.changes.steps, [], "from {:?}", step.after.terms.license);
    });
}

#[test]
fn suspending_and_lifting_equals_an_update_from_billing() {
    at_every_step(|history, step| {
        let (mut updated, mut suspended) = (step.after.clone(), step.after.clone());
        let cx = step.cx(history);
        if matches!(step.after.terms.license, License::Suspended { cause: SuspensionCause::Staff, .. }) {
            return;
        }
        for command in [Command::Suspend(by_staff("a mistake")), Command::Lift(by_staff("it was one"))] {
            match decide(&suspended, &command, &cx) {
                Ok(decision) => suspended.apply(&decision.changes),
                Err(refusal) => return assert!(matches!(refusal, Refusal::AccountClosed { .. }), "{refusal:?}"),
            }
        }
        let no_facts = Command::RecordInvoices { facts: Invoices::default() };
        updated.apply(&decide(&updated, &no_facts, &cx).unwrap().changes);
        let license = |account: &Account| (account.terms.license, account.terms.announced);
        assert_eq!(license(&suspended), license(&updated));
    });
}
