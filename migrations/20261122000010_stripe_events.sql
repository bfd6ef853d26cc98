-- What Stripe told, as it came: stored before it is answered, acted on later. Events belong to no organization until they are
-- read; nobody but the program sees them.
create table stripe_events (
    id text constraint stripe_events_pkey primary key constraint stripe_events_id_length check (length(id) between 1 and 255),
    kind text not null,
    api_version text,
    created_at timestamptz,
    received_at timestamptz not null,
    payload text not null
);
