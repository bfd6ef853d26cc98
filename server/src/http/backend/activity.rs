//! `/activity`: the ledger's entries, filtered.

use app::{
    backend::SignedIn,
    views::{ActivityFilter, ActivityView},
};
use brightmeter::{
    time::{Instant, RequestedDay},
    time_zone::TimeZone,
};
use chrono::Days;

use super::{
    AppBackend, BackendError, Wording,
    entry::{self, Names},
};
use crate::service::{account_reader::Requester, org_reads::Filter};

/// The number of entries per page.
const PAGE_SIZE: i64 = 50;

/// A field of the filter and its error message.
type Problem = (String, String);

pub(super) async fn activity(
    backend: &AppBackend,
    who: &SignedIn,
    filter: ActivityFilter,
) -> Result<ActivityView, BackendError> {
    let wording = Wording::new(backend, who);
    let (_, mut reads) = backend.reader.open(who.org, &Requester::default()).await?;
    let (parsed, problems) = parse(&filter, wording.zone);
    let names = Names::load(&mut reads).await?;
    let mut entries = if problems.is_empty() {
        entry::list(backend, &mut reads, &parsed, PAGE_SIZE + 1, &names, wording).await?
    } else {
        Vec::new()
    };
    let more = i64::try_from(entries.len()).is_ok_and(|found| found > PAGE_SIZE);
    entries.truncate(PAGE_SIZE as usize);
    let next_cursor = entries.last().filter(|_| more).map(|entry| entry.seq);
    let catalog = &backend.reader.catalog;
    Ok(ActivityView {
        filter,
        problems,
        entries,
        next_cursor,
        token_types: catalog.token_types.iter().map(|spec| (spec.name.to_string(), spec.label.clone())).collect(),
        features: catalog.features.iter().map(|spec| (spec.name.to_string(), spec.label.clone())).collect(),
        members: names.members(),
    })
}

/// Parses the filter of a CSV export, in the organization's time zone.
///
/// # Errors
/// The invalid fields with their error messages.
pub fn csv_filter(filter: &ActivityFilter, zone: TimeZone) -> Result<Filter, Vec<Problem>> {
    let (parsed, problems) = parse(filter, zone);
    if problems.is_empty() { Ok(parsed) } else { Err(problems) }
}

fn parse(filter: &ActivityFilter, zone: TimeZone) -> (Filter, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut problem = |field: &str, message: &str| problems.push((field.to_owned(), message.to_owned()));
    let some = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let day = |text: &str, later: u64| -> Result<Option<Instant>, ()> {
        let Some(text) = some(text) else { return Ok(None) };
        let day: RequestedDay = text.parse().map_err(drop)?;
        let day = day.get().checked_add_days(Days::new(later)).ok_or(())?;
        Ok(Some(zone.start_of(day)))
    };
    let from = day(&filter.from, 0).unwrap_or_else(|()| {
        problem("from", "Enter a date like 2026-11-22.");
        None
    });
    let until = day(&filter.to, 1).unwrap_or_else(|()| {
        problem("to", "Enter a date like 2026-11-22.");
        None
    });
    if from.zip(until).is_some_and(|(from, until)| until <= from) {
        problem("to", "The end date is before the start date.");
    }
    let member = some(&filter.member).map(|text| text.parse()).transpose().unwrap_or_else(|_| {
        problem("member", "Choose a member from the list.");
        None
    });
    let before_seq = some(&filter.cursor).map(|text| text.parse()).transpose().unwrap_or_else(|_| {
        problem("cursor", "This page doesn't exist. Start from the newest entries.");
        None
    });
    let token_type = some(&filter.token_type).map(|text| text.parse()).transpose().unwrap_or_else(|_| {
        problem("token_type", "Choose a token type from the list.");
        None
    });
    let feature = some(&filter.feature).map(|text| text.parse()).transpose().unwrap_or_else(|_| {
        problem("feature", "Choose a feature from the list.");
        None
    });
    (Filter { before_seq, token_type, feature, member, from, until }, problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_in_the_time_zone_of_the_organization() {
        let filter = ActivityFilter { from: "2026-03-29".into(), to: "2026-03-29".into(), ..Default::default() };
        let (parsed, problems) = parse(&filter, "Europe/Berlin".parse().unwrap());
        assert_eq!(problems, []);
        // The day on which summer time starts has 23 hours.
        assert_eq!(parsed.from.unwrap().to_rfc3339(), "2026-03-28T23:00:00+00:00");
        assert_eq!(parsed.until.unwrap().to_rfc3339(), "2026-03-29T22:00:00+00:00");
    }

    #[test]
    fn every_invalid_field_is_reported() {
        let filter = ActivityFilter {
            from: "yesterday".into(),
            to: "2026-02-30".into(),
            member: "me".into(),
            cursor: "-".into(),
            token_type: "AI".into(),
            feature: "\0".into(),
        };
        let fields: Vec<String> = parse(&filter, TimeZone::UTC).1.into_iter().map(|(field, _)| field).collect();
        assert_eq!(fields, ["from", "to", "member", "cursor", "token_type", "feature"]);
        let backwards = ActivityFilter { from: "2026-02-02".into(), to: "2026-02-01".into(), ..Default::default() };
        assert_eq!(parse(&backwards, TimeZone::UTC).1[0].0, "to");
    }
}
