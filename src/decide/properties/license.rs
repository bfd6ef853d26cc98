//! The license belongs to staff first, and then to the money.

use super::history::at_every_step;
use crate::{
    access::refusal::Refusal,
    billing::{invoices::Invoices, license::License},
    command::Command,
    decide::{decide, tests::world::by_staff},
};

#[test]
fn what_staff_have_suspended_only_staff_lift() {
    at_every_step(|_, step| {
        let (before, after) = (step.before.terms.license, step.after.terms.license);
        match (before, &step.command) {
            (License::Stopped { .. }, Command::Lift(_)) => {
                assert_eq!(matches!(after, License::Stopped { .. }), step.result.is_err(), "{after:?}");
            }
            (License::Stopped { .. }, command) => assert_eq!(after, before, "after {command:?}"),
            (_, Command::Suspend(_)) if step.result.is_ok() => {
                assert_eq!(after, License::Stopped { since: step.now });
            }
            (_, command) => assert!(!matches!(after, License::Stopped { .. }), "after {command:?}"),
        }
    });
}

#[test]
fn a_lift_leaves_the_license_where_the_money_says_it_stands() {
    at_every_step(|history, step| {
        if !matches!(step.command, Command::Lift(_)) || step.result.is_err() {
            return;
        }
        let told_nothing = Command::RecordInvoices { facts: Invoices::default() };
        let decision = decide(&step.after, &told_nothing, &step.cx(history)).unwrap();
        assert_eq!(decision.changes.steps, [], "from {:?}", step.after.terms.license);
    });
}

#[test]
fn to_suspend_and_to_lift_at_once_is_as_if_the_money_had_just_been_looked_at() {
    at_every_step(|history, step| {
        let (mut looked_at, mut suspended) = (step.after.clone(), step.after.clone());
        let cx = step.cx(history);
        // An end that is known no more is no end: only the license itself still tells of it.
        let ends = matches!(step.after.terms.license, License::Canceled { .. });
        if ends || matches!(step.after.terms.license, License::Stopped { .. }) {
            return;
        }
        for command in [Command::Suspend(by_staff("a mistake")), Command::Lift(by_staff("it was one"))] {
            match decide(&suspended, &command, &cx) {
                Ok(decision) => suspended.apply(&decision.changes),
                Err(refusal) => return assert!(matches!(refusal, Refusal::AccountClosed { .. }), "{refusal:?}"),
            }
        }
        let told_nothing = Command::RecordInvoices { facts: Invoices::default() };
        looked_at.apply(&decide(&looked_at, &told_nothing, &cx).unwrap().changes);
        assert_eq!(suspended.terms, looked_at.terms);
    });
}
