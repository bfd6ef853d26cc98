-- When a person last had an event tried again: its patience counts from there.
alter table stripe_events add column replayed_at timestamptz;
