//! The ledger's audit: every later change of an entry is detected.

use uuid::Uuid;

use super::world::{ALICE, BOB, ORG, START, World, ai, at, deep, quests, tokens};
use crate::{
    command::{Caller, Command},
    ids::{ApiKeyId, GrantId, HoldId, MemberId, OrgId, TransactionId, UserId},
    ledger::{
        audit::{self, LogAudit},
        balance::Balance,
        entry::{Entry, EntryHash, EntryKind},
        grant::{Grant, GrantPart, Source},
        hold::HoldState,
    },
};

/// A ledger with a spend that has metadata, and a refund.
fn log() -> World {
    let mut world = World::on("pro");
    let usage = crate::command::Usage { metadata: Some("{}".to_owned().try_into().unwrap()), ..quests(ALICE, 5) };
    world.run(Command::Spend(usage)).unwrap();
    let spend = world.spend(5);
    world.refund(spend).unwrap();
    world
}

/// Returns the invariants that the entries violate, one by one and at the end.
fn verify(world: &World, entries: &[(Entry, EntryHash)]) -> Vec<&'static str> {
    let mut log = LogAudit::new(ORG);
    for (entry, hash) in entries {
        if let Err(violation) = log.verify(entry, *hash) {
            return vec![violation.invariant];
        }
    }
    let found = log.finish(world.account.head, &world.account.balances);
    found.into_iter().map(|violation| violation.invariant).collect()
}

type Tampering = (&'static str, fn(&mut Entry));

/// Changes of one field of an entry each.
const TAMPERINGS: [Tampering; 26] = [
    ("seq", |entry| entry.seq += 1),
    ("transaction", |entry| entry.transaction = TransactionId(Uuid::from_u128(9))),
    ("kind", |entry| entry.kind = EntryKind::PlanChanged),
    ("token_type", |entry| entry.token_type = if entry.token_type == deep() { ai() } else { deep() }),
    ("before.settled", |entry| entry.before.settled = tokens(7)),
    ("before.held", |entry| entry.before.held = tokens(7)),
    ("before.debt", |entry| entry.before.debt = tokens(7)),
    ("after.settled", |entry| entry.after.settled = tokens(7)),
    ("after.held", |entry| entry.after.held = tokens(7)),
    ("after.debt", |entry| entry.after.debt = tokens(7)),
    ("an extra part", |entry| entry.parts.push(GrantPart { grant: GrantId(Uuid::from_u128(9)), amount: tokens(1) })),
    ("a part's grant", |entry| replace_part(entry, |part| part.grant = GrantId(Uuid::from_u128(9)))),
    ("a part's amount", |entry| replace_part(entry, |part| part.amount = tokens(777))),
    ("source", |entry| entry.source = if entry.source.is_none() { Some(Source::Pack) } else { None }),
    ("another source", |entry| entry.source = Some(Source::Refund)),
    ("feature", |entry| {
        entry.feature = if entry.feature.is_none() { Some("mind_reading".parse().unwrap()) } else { None };
    }),
    ("caller", |entry| entry.caller = BOB),
    ("caller's kind", |entry| entry.caller = Caller::Staff { user: UserId(Uuid::from_u128(0xa)) }),
    ("caller's API key", |entry| {
        entry.caller = Caller::ApiKey { api_key: ApiKeyId(Uuid::from_u128(0xa)), member: None };
    }),
    ("member", |entry| entry.member = Some(MemberId(Uuid::from_u128(0xb)))),
    ("hold", |entry| entry.hold = Some(HoldId(Uuid::from_u128(9)))),
    ("reverses", |entry| entry.reverses = Some(TransactionId(Uuid::from_u128(9)))),
    ("note", |entry| entry.note = Some("nothing to see here".into())),
    ("an empty note", |entry| entry.note = Some(String::new())),
    ("metadata", |entry| entry.metadata = Some("{\"a\":1}".to_owned().try_into().unwrap())),
    ("at", |entry| entry.at += chrono::TimeDelta::microseconds(1)),
];

fn replace_part(entry: &mut Entry, change: fn(&mut GrantPart)) {
    entry.parts.iter_mut().for_each(change);
}

#[test]
fn an_unchanged_log_verifies() {
    let world = log();
    assert!(world.entries.len() >= 5);
    assert_eq!(verify(&world, &world.entries), [""; 0]);
}

#[test]
fn a_change_of_any_field_of_any_entry_is_detected() {
    let world = log();
    for index in 0..world.entries.len() {
        for (field, tamper) in TAMPERINGS {
            let mut entries = world.entries.clone();
            tamper(&mut entries[index].0);
            assert_ne!(entries[index], world.entries[index], "{field} of entry {index} was not changed");
            assert_eq!(verify(&world, &entries), ["I7"], "{field} of entry {index}");
        }
    }
}

#[test]
fn a_changed_entry_with_a_new_hash_is_detected_by_later_entries() {
    let world = log();
    for index in 0..world.entries.len() {
        for (field, tamper) in TAMPERINGS {
            let mut entries = world.entries.clone();
            let previous = if index == 0 { EntryHash::genesis(ORG) } else { entries[index - 1].1 };
            tamper(&mut entries[index].0);
            entries[index].1 = entries[index].0.hash(previous);
            assert_ne!(verify(&world, &entries), [""; 0], "{field} of entry {index}");
        }
    }
}

#[test]
fn a_log_forged_to_its_end_is_detected_by_the_accounts_head() {
    let world = log();
    let mut entries = world.entries.clone();
    entries[2].0.note = Some("forged".into());
    for index in 2..entries.len() {
        let previous = entries[index - 1].1;
        entries[index].1 = entries[index].0.hash(previous);
    }
    assert_eq!(verify(&world, &entries), ["I7"]);
}

#[test]
fn a_missing_duplicate_or_swapped_entry_is_detected() {
    let world = log();
    for index in 0..world.entries.len() - 1 {
        let mut missing = world.entries.clone();
        missing.remove(index);
        let mut twice = world.entries.clone();
        twice.insert(index, world.entries[index].clone());
        let mut swapped = world.entries.clone();
        swapped.swap(index, index + 1);
        for entries in [missing, twice, swapped] {
            assert_eq!(verify(&world, &entries), ["I7"], "at {index}");
        }
    }
    let cut = &world.entries[..world.entries.len() - 1];
    assert_eq!(verify(&world, cut), ["I7", "I1"]);
}

#[test]
fn a_wrong_balance_before_is_detected_even_with_a_valid_hash() {
    let world = log();
    let mut entry = world.entries[0].0.clone();
    entry.before = Balance { settled: tokens(1), ..entry.before };
    let hash = entry.hash(EntryHash::genesis(ORG));
    assert_eq!(LogAudit::new(ORG).verify(&entry, hash).unwrap_err().invariant, "I1");
}

#[test]
fn a_gap_is_detected_even_with_valid_hashes() {
    let world = log();
    let mut entry = world.entries[0].0.clone();
    entry.seq = 2;
    let hash = entry.hash(EntryHash::genesis(ORG));
    assert_eq!(LogAudit::new(ORG).verify(&entry, hash).unwrap_err().invariant, "I7");
}

#[test]
fn an_audit_goes_on_after_any_verified_entry() {
    let world = log();
    for verified in 0..=world.entries.len() {
        let (earlier, later) = world.entries.split_at(verified);
        let mut log = LogAudit::new(ORG);
        earlier.iter().for_each(|(entry, hash)| log.verify(entry, *hash).unwrap());
        let mut log = LogAudit::resume(log.head(), log.balances().clone());
        later.iter().for_each(|(entry, hash)| log.verify(entry, *hash).unwrap());
        assert_eq!(log.finish(world.account.head, &world.account.balances), []);
    }
}

#[test]
fn a_log_of_another_organization_does_not_verify() {
    let world = log();
    let (entry, hash) = &world.entries[0];
    assert_eq!(LogAudit::new(OrgId(Uuid::from_u128(2))).verify(entry, *hash).unwrap_err().invariant, "I7");
}

#[test]
fn a_balance_that_differs_from_the_log_is_detected() {
    let mut world = log();
    world.account.balances.insert(deep(), Balance { settled: tokens(21), ..Balance::default() });
    assert_eq!(verify(&world, &world.entries.clone()), ["I1"]);
}

/// Opens a hold of 5 on an allowance of 200, changes the account, and checks the violated invariants.
fn check_account(change: impl FnOnce(&mut World, HoldId), violated: &[&str]) {
    let mut world = World::on("pro");
    let hold = world.hold(5);
    change(&mut world, hold);
    let found = audit::account(&world.account);
    let invariants: Vec<&str> = found.iter().map(|violation| violation.invariant).collect();
    assert_eq!(invariants, violated, "{found:?}");
}

fn allowance(world: &mut World) -> &mut Grant {
    world.account.grants.values_mut().find(|grant| grant.token_type == ai()).unwrap()
}

fn balance(world: &mut World) -> &mut Balance {
    world.account.balances.get_mut(&ai()).unwrap()
}

#[test]
fn an_account_that_does_not_add_up_is_detected() {
    check_account(|_, _| (), &[]);
    check_account(|world, _| balance(world).settled = tokens(199), &["I1"]);
    check_account(|world, _| balance(world).held = tokens(4), &["I1", "I1"]);
    check_account(|world, _| allowance(world).held = tokens(4), &["I1"]);
    check_account(|world, _| world.account.holds.clear(), &["I1"]);
    check_account(|world, hold| world.account.holds.get_mut(&hold).unwrap().parts[0].amount = tokens(6), &["I1"]);
}

#[test]
fn a_hold_of_an_unknown_token_type_is_detected() {
    let change =
        |world: &mut World, hold| world.account.holds.get_mut(&hold).unwrap().token_type = "gold".parse().unwrap();
    check_account(change, &["I1", "I1"]);
}

#[test]
fn holding_more_than_the_balance_is_detected() {
    check_account(|world, _| allowance(world).amount = tokens(199), &["I2"]);
    let hold_too_much = |world: &mut World, hold| {
        allowance(world).held = tokens(201);
        balance(world).held = tokens(201);
        world.account.holds.get_mut(&hold).unwrap().parts[0].amount = tokens(201);
    };
    check_account(hold_too_much, &["I2", "I2"]);
}

#[test]
fn a_capture_larger_than_its_hold_is_detected() {
    let capture = |amount| {
        move |world: &mut World, hold| {
            world.capture(hold, None).unwrap();
            world.account.holds.get_mut(&hold).unwrap().state =
                HoldState::Captured { amount: tokens(amount), at: at(START) };
        }
    };
    check_account(capture(5), &[]);
    check_account(capture(6), &["I3"]);
}
