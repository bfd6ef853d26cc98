//! `/admin/events`: the webhook inbox, filtered.

use app::{
    backend::StaffMember,
    views::admin::{EventStateView, EventView, EventsFilter, EventsView},
};
use brightmeter::{billing::stripe_id::StripeId, time_zone::TimeZone};

use super::{AppBackend, BackendError, Wording};
use crate::service::staff::events::{Cursor, Disposal, Filter, Listed, MAX_COUNT, Place, State};

/// The maximum length of the start of a type.
const MAX_KIND_CHARS: usize = 100;
/// The number of characters of an invalid value that are shown again.
const MAX_SHOWN_CHARS: usize = 40;

pub(super) async fn list(
    backend: &AppBackend,
    staff: &StaffMember,
    requested: &EventsFilter,
) -> Result<EventsView, BackendError> {
    let wording = Wording { zone: TimeZone::UTC, now: backend.reader.clock.now() };
    let Parsed { state, filter, place, notes } = parse(requested);
    let page = backend.staff.list_events(state, &filter, place).await?;
    let applied = EventsFilter {
        state: url_name(state).into(),
        kind: filter.kind,
        stripe_id: filter.stripe_id.map(|id| id.to_string()).unwrap_or_default(),
        ..EventsFilter::default()
    };
    let at = |place: Place| match place {
        Place::First => applied.clone(),
        Place::OlderThan(cursor) => EventsFilter { older: cursor.to_string(), ..applied.clone() },
        Place::NewerThan(cursor) => EventsFilter { newer: cursor.to_string(), ..applied.clone() },
    };
    let states = page.counts.into_iter().map(|(each, count)| EventStateView {
        name: url_name(each),
        label: label(each),
        about: about(each),
        count: usize::try_from(count.min(MAX_COUNT)).unwrap_or_default(),
        more: count > MAX_COUNT,
        chosen: each == state,
    });
    Ok(EventsView {
        states: states.collect(),
        events: page.events.into_iter().map(|event| view(event, state, staff, wording)).collect(),
        newer: page.newer.map(at),
        older: page.older.map(at),
        filter: applied.clone(),
        notes,
    })
}

/// A filter of which only the valid parts are left.
#[derive(Debug)]
struct Parsed {
    state: State,
    filter: Filter,
    place: Place,
    /// What was left out, for display.
    notes: Vec<String>,
}

fn parse(requested: &EventsFilter) -> Parsed {
    let mut notes = Vec::new();
    let mut note = |value: &str, problem: &str| {
        let shown: String = value.chars().filter(|letter| !letter.is_control()).take(MAX_SHOWN_CHARS).collect();
        notes.push(format!("“{shown}” {problem}"));
    };
    let name = requested.state.trim();
    let state = State::ALL.into_iter().find(|state| state.as_str() == name || url_name(*state) == name);
    let state = state.unwrap_or_else(|| {
        note(name, "isn't a state. These are the events that need attention.");
        State::NeedsAttention
    });
    let mut kind = requested.kind.trim().trim_end_matches('*').to_ascii_lowercase();
    let is_kind = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "._".contains(letter);
    if kind.len() > MAX_KIND_CHARS || !kind.chars().all(is_kind) {
        note(&kind, "isn't the start of an event type, such as invoice. or refund.created. All types are shown.");
        kind.clear();
    }
    let id = Some(requested.stripe_id.trim()).filter(|id| !id.is_empty());
    let stripe_id = id.and_then(|id| {
        let parsed = id.parse::<StripeId>();
        if parsed.is_err() {
            note(id, "isn't a Stripe id, such as evt_… or cus_…. The list isn't limited to one.");
        }
        parsed.ok()
    });
    let mut cursor = |text: &str| -> Option<Cursor> {
        let cursor = Some(text).filter(|text| !text.is_empty())?.parse().ok();
        if cursor.is_none() {
            note(text, "isn't a place in this list. It starts with the newest events.");
        }
        cursor
    };
    let older = cursor(&requested.older).map(Place::OlderThan);
    let place = older.or_else(|| cursor(&requested.newer).map(Place::NewerThan)).unwrap_or_default();
    Parsed { state, filter: Filter { kind, stripe_id }, place, notes }
}

/// The name in the URL. Empty for the default.
const fn url_name(state: State) -> &'static str {
    match state {
        State::NeedsAttention => "",
        State::Waiting | State::Disposed(_) => state.as_str(),
    }
}

const fn label(state: State) -> &'static str {
    match state {
        State::NeedsAttention => "Needs attention",
        State::Waiting => "Waiting",
        State::Disposed(Disposal::Processed) => "Processed",
        State::Disposed(Disposal::NotOurs) => "Not ours",
        State::Disposed(Disposal::Refused) => "Refused",
    }
}

const fn about(state: State) -> &'static str {
    match state {
        State::NeedsAttention => "They couldn't be processed within three days, or can't be read.",
        State::Waiting => "They're due, or refer to data we don't have yet. They're retried automatically.",
        State::Disposed(Disposal::Processed) => "They were applied, or aren't relevant to Brightmeter.",
        State::Disposed(Disposal::NotOurs) => {
            "They're about other products on the same Stripe account. There's nothing to do. If their customer or payment turns out to be ours, they're processed automatically."
        }
        State::Disposed(Disposal::Refused) => {
            "They come from Stripe's other mode, test or live, so they were not applied."
        }
    }
}

/// Describes what a replay does, or `None` if it would do nothing.
const fn replay_effect(state: State) -> Option<&'static str> {
    match state {
        State::NeedsAttention | State::Waiting => Some(
            "It's retried immediately, then for three more days. Its data is applied. Data applied earlier stays unchanged.",
        ),
        State::Disposed(Disposal::NotOurs) => {
            Some("It's processed again. If it's about a customer or payment of ours now, its data is applied.")
        }
        State::Disposed(Disposal::Refused) => {
            Some("It's processed again. If this server accepts its mode now, its data is applied.")
        }
        State::Disposed(Disposal::Processed) => None,
    }
}

fn view(event: Listed, state: State, staff: &StaffMember, wording: Wording) -> EventView {
    let Listed { id, kind, received_at, attempts, outcome, due_at, replayed_at } = event;
    // The demo's events come from the sandbox and don't exist at Stripe.
    let fits_a_url = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let at_stripe = !staff.demo && id.starts_with("evt_") && fits_a_url;
    let word = if state == State::Disposed(Disposal::Processed) { "Result" } else { "Why" };
    EventView {
        stripe_url: at_stripe.then(|| format!("https://dashboard.stripe.com/events/{id}")),
        id,
        kind,
        received_at: wording.local_time(received_at),
        attempts,
        outcome: outcome.map(|outcome| format!("{word}: {outcome}.")),
        next_at: due_at.filter(|at| *at > wording.now).map(|at| wording.local_time(at)),
        replayed_at: replayed_at.map(|at| wording.local_time(at)),
        replay: replay_effect(state),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_parts_of_a_filter_are_left_out_and_noted() {
        let requested = EventsFilter {
            state: "broken".into(),
            kind: "in voice".into(),
            stripe_id: "c\0s".into(),
            older: "yesterday".into(),
            newer: "1-\0".into(),
        };
        let parsed = parse(&requested);
        assert_eq!((parsed.state, parsed.place, parsed.notes.len()), (State::NeedsAttention, Place::First, 5));
        assert_eq!((parsed.filter.kind.as_str(), parsed.filter.stripe_id), ("", None));
    }

    #[test]
    fn a_type_may_end_with_an_asterisk() {
        let parsed = parse(&EventsFilter { kind: " Invoice.* ".into(), ..EventsFilter::default() });
        assert_eq!((parsed.filter.kind.as_str(), parsed.notes), ("invoice.", Vec::new()));
    }

    #[test]
    fn every_state_has_its_own_name_in_the_url() {
        for state in State::ALL {
            let parsed = parse(&EventsFilter { state: url_name(state).into(), ..EventsFilter::default() });
            assert_eq!((parsed.state, parsed.notes), (state, Vec::new()));
        }
    }
}
