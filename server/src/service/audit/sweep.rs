//! One pass over an organization's log. It keeps sums, and no entries.

use std::collections::{BTreeMap, BTreeSet};

use brightmeter::{
    ids::OrgId,
    ledger::{account::Head, audit::LogAudit, audit::Violation, balance::Balance, entry::EntryKind},
    names::TokenType,
    time::Instant,
    time_zone::TimeZone,
};
use uuid::Uuid;

use super::{findings::Findings, sketch::Sketch};
use crate::storage::audit::{
    log::{HoldRow, StoredEntry},
    progress::Progress,
    sums::Totals,
};

/// What the log says so far.
pub(super) struct Sweep {
    org: OrgId,
    /// The time zone that its days are in.
    pub(super) time_zone: TimeZone,
    /// When the audit began that read the first entry.
    started_at: Instant,
    chain: LogAudit,
    /// Whether all entries so far verify. The sums go on after the first one that doesn't.
    intact: bool,
    /// The sums of settled and held amounts, by token type.
    sums: BTreeMap<String, (i64, i64)>,
    holds_opened: i64,
    open_holds: BTreeSet<Uuid>,
    /// The daily figures.
    pub(super) daily: Sketch,
    /// What an earlier audit knew after an entry that is still to come.
    expected: Option<Progress>,
    /// The last entry read.
    pub(super) seq: i64,
    /// The number of entries read.
    pub(super) entries: i64,
    /// The violations found so far.
    pub(super) findings: Findings,
}

/// What the entries of a page name in other rows.
#[derive(Debug, Default)]
pub(super) struct References {
    /// The holds that they end, each with its state and the tokens charged.
    pub(super) ended: BTreeMap<Uuid, (&'static str, Option<i64>)>,
    /// The transactions that they reverse.
    pub(super) reversed: Vec<Uuid>,
}

impl References {
    /// Whether no other row is named.
    pub(super) fn is_empty(&self) -> bool {
        self.ended.is_empty() && self.reversed.is_empty()
    }
}

impl Sweep {
    /// Starts before the first entry. `earlier` is compared with what this pass knows at that entry.
    pub(super) fn from_first_entry(
        org: OrgId,
        time_zone: TimeZone,
        earlier: Option<Progress>,
        started_at: Instant,
    ) -> Self {
        Self {
            org,
            time_zone,
            started_at,
            chain: LogAudit::new(org),
            intact: true,
            sums: BTreeMap::new(),
            holds_opened: 0,
            open_holds: BTreeSet::new(),
            daily: Sketch::new(),
            expected: earlier,
            seq: 0,
            entries: 0,
            findings: Findings::default(),
        }
    }

    /// Starts after the last entry that an earlier audit verified.
    pub(super) fn resume(org: OrgId, time_zone: TimeZone, progress: Progress) -> Self {
        let sums = progress.balances.iter();
        Self {
            org,
            time_zone,
            started_at: progress.started_at,
            intact: true,
            sums: sums.map(|(name, sum)| (name.to_string(), (sum.settled.get(), sum.held.get()))).collect(),
            seq: progress.head.seq,
            chain: LogAudit::resume(progress.head, progress.balances),
            holds_opened: progress.holds_opened,
            open_holds: progress.open_holds,
            daily: Sketch::from_bytes(progress.daily_sketch),
            expected: None,
            entries: 0,
            findings: Findings::default(),
        }
    }

    /// Reads the next entries, in order.
    pub(super) fn read(&mut self, page: Vec<StoredEntry>) -> References {
        let mut references = References::default();
        for entry in page {
            self.seq = entry.seq();
            self.entries += 1;
            self.add_up(&entry);
            self.follow_hold(&entry, &mut references);
            references.reversed.extend(entry.reverses());
            if self.intact {
                self.verify(entry);
            }
        }
        references
    }

    /// I1: adds the entry to the sums and the daily figures.
    fn add_up(&mut self, entry: &StoredEntry) {
        if !self.sums.contains_key(entry.token_type()) {
            self.sums.insert(entry.token_type().into(), (0, 0));
        }
        if let Some((settled, held)) = self.sums.get_mut(entry.token_type()) {
            *settled = settled.saturating_add(entry.amount);
            *held = held.saturating_add(entry.held_amount());
        }
        if let Some(kind) = EntryKind::parse(entry.kind()).filter(|kind| kind.is_use()) {
            self.daily.add(entry.daily_line(self.time_zone), kind.uses(), entry.amount.saturating_neg());
        }
    }

    /// I3: each hold is opened once, then ended at most once.
    fn follow_hold(&mut self, entry: &StoredEntry, references: &mut References) {
        let Some(hold) = entry.hold() else { return };
        let (state, captured) = match entry.kind() {
            "held" => {
                self.holds_opened += 1;
                if !self.open_holds.insert(hold) {
                    let detail = format!("entry {} opens hold {hold}, which is open already", entry.seq());
                    self.findings.push(Violation::new("I3", detail));
                }
                return;
            }
            "captured" => ("captured", Some(entry.amount.saturating_neg())),
            "released" => ("released", None),
            "hold_expired" => ("expired", None),
            _ => return,
        };
        if !self.open_holds.remove(&hold) {
            let detail = format!("entry {} ends hold {hold}, which is not open", entry.seq());
            self.findings.push(Violation::new("I3", detail));
        }
        references.ended.insert(hold, (state, captured));
    }

    /// I1 and I7: the entry continues the one before, and its hash covers it.
    fn verify(&mut self, entry: StoredEntry) {
        let verified = match entry.decode(self.org) {
            Ok((entry, hash)) => self.chain.verify(&entry, hash),
            Err(error) => Err(Violation::new("I7", error.to_string())),
        };
        if let Err(violation) = verified {
            self.intact = false;
            self.findings.push(violation);
        } else if self.expected.as_ref().is_some_and(|earlier| earlier.head.seq == self.seq) {
            self.compare_with_earlier();
        }
    }

    /// I7: an earlier audit found the same entries.
    fn compare_with_earlier(&mut self) {
        let (now, earlier) = (self.progress(), self.expected.take());
        if let (Some(now), Some(earlier)) = (now, earlier) {
            // Each audit from the first entry has its own sketch.
            let (daily_sketch, started_at) = (now.daily_sketch, now.started_at);
            if now != (Progress { daily_sketch, started_at, ..earlier.clone() }) {
                self.findings.push(Violation::new(
                    "I7",
                    format!(
                        "an earlier audit verified other entries up to {}, or its progress was changed",
                        earlier.head.seq
                    ),
                ));
            }
        }
    }

    /// Returns what is known after the last entry. `None` without entries.
    fn progress(&self) -> Option<Progress> {
        (self.seq > 0).then(|| Progress {
            head: self.chain.head(),
            balances: self.chain.balances().clone(),
            holds_opened: self.holds_opened,
            open_holds: self.open_holds.clone(),
            daily_sketch: self.daily.to_bytes(),
            started_at: self.started_at,
        })
    }

    /// Returns the progress to store. `None` after a violation, so that the next audit finds it again; and as long as an
    /// earlier audit knows more.
    pub(super) fn verified_progress(&self) -> Option<Progress> {
        if self.findings.is_empty() && self.expected.is_none() { self.progress() } else { None }
    }

    /// I3: compares the ended holds with their rows.
    pub(super) fn check_ended(&mut self, ended: &BTreeMap<Uuid, (&'static str, Option<i64>)>, rows: &[HoldRow]) {
        let rows: BTreeMap<Uuid, &HoldRow> = rows.iter().map(|row| (row.id, row)).collect();
        for (id, (state, captured)) in ended {
            let Some(row) = rows.get(id) else {
                self.findings.push(Violation::new("I3", format!("hold {id} is missing, the log ends it as {state}")));
                continue;
            };
            if row.state != *state || row.captured != *captured || captured.unwrap_or_default() > row.amount {
                let (found, amount, charged) = (&row.state, row.amount, row.captured.unwrap_or_default());
                let detail = format!(
                    "hold {id} is {found} ({charged} of {amount} captured), the log ends it as {state} for {}",
                    captured.unwrap_or_default()
                );
                self.findings.push(Violation::new("I3", detail));
            }
        }
    }

    /// The holds that the log leaves open and that are not among the `open` rows.
    pub(super) fn open_only_in_log(&self, open: &[HoldRow]) -> Vec<Uuid> {
        let rows: BTreeSet<Uuid> = open.iter().map(|row| row.id).collect();
        self.open_holds.difference(&rows).copied().collect()
    }

    /// I3: compares the holds that the log leaves open with the `open` rows, and the number of holds with `count` rows.
    /// `ended` are the rows of the holds in [`open_only_in_log`](Self::open_only_in_log).
    pub(super) fn check_open(&mut self, open: &[HoldRow], ended: &[HoldRow], count: i64) {
        for row in ended {
            let (id, state) = (row.id, &row.state);
            self.findings.push(Violation::new("I3", format!("hold {id} is {state}, the log does not end it")));
        }
        for row in open.iter().filter(|row| !self.open_holds.contains(&row.id)) {
            let detail = format!("hold {} is open, the log does not open it or ends it", row.id);
            self.findings.push(Violation::new("I3", detail));
        }
        // A missing row of an open hold is found by its tokens: I1.
        let missing = self.open_only_in_log(open).len() - ended.len();
        let opened = self.holds_opened - i64::try_from(missing).unwrap_or(i64::MAX);
        if self.findings.is_empty() && opened != count {
            self.findings.push(Violation::new("I3", format!("there are {count} holds, the log opens {opened}")));
        }
    }

    /// I1: compares the sums of the entries with balances, grants and open holds.
    pub(super) fn check_totals(&mut self, totals: Vec<Totals>) {
        let mut totals: BTreeMap<String, Totals> =
            totals.into_iter().map(|totals| (totals.token_type.clone(), totals)).collect();
        for token_type in self.sums.keys() {
            totals.entry(token_type.clone()).or_default();
        }
        for (name, Totals { settled, held, remaining, reserved, open, .. }) in totals {
            let log = self.sums.get(&name).copied().unwrap_or_default();
            if [log, (remaining, reserved), (settled, open)] != [(settled, held); 3] {
                let detail = format!(
                    "{name}: balance {settled} ({held} held), entries {} ({}), grants {remaining} ({reserved}), open \
                     holds {open}",
                    log.0, log.1
                );
                self.findings.push(Violation::new("I1", detail));
            }
        }
    }

    /// I1 and I7: compares the last entry with the account, if the entries verify. `balances` is `None` if they are out
    /// of range.
    pub(super) fn check_account(&mut self, head: Head, balances: Option<&BTreeMap<TokenType, Balance>>) {
        if let Some(earlier) = self.expected.take().filter(|_| self.intact) {
            let detail = format!("an earlier audit verified entry {}, the log ends at {}", earlier.head.seq, self.seq);
            self.findings.push(Violation::new("I7", detail));
        }
        if let Some(balances) = balances.filter(|_| self.intact) {
            self.chain.finish(head, balances).into_iter().for_each(|violation| self.findings.push(violation));
        }
    }
}
