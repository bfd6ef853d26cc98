-- Packs that are ordered. A row is the intent, recorded before Stripe is asked; what Stripe tells of the payment is joined to it,
-- and the tokens follow that. What was ordered never changes, whatever the catalog says later.
create table ai_token_purchases (
    org_id uuid not null constraint ai_token_purchases_account_fkey references ai_token_accounts (org_id),
    id uuid not null,
    pack text not null,
    label text not null,
    price_cents bigint not null constraint ai_token_purchases_price_positive check (price_cents > 0),
    -- {"ai": 500}
    tokens jsonb not null,
    member_id uuid not null,
    ordered_at timestamptz not null,
    -- Stripe's page to pay on, and until when
    checkout_url text,
    checkout_until timestamptz,
    -- all that Stripe has told, and what of it other statements look for
    payment jsonb not null default '{}',
    stage text not null default 'open'
        constraint ai_token_purchases_stage_known check (stage in ('open', 'pending', 'expired', 'failed', 'paid')),
    session_id text constraint ai_token_purchases_session_key unique,
    payment_intent text constraint ai_token_purchases_payment_intent_key unique,
    charge text constraint ai_token_purchases_charge_key unique,
    -- receipt number, instant and lots, once it was paid
    credit jsonb,
    number bigint constraint ai_token_purchases_number_counts check (number > 0),
    at_stake boolean not null default false,
    constraint ai_token_purchases_pkey primary key (org_id, id),
    constraint ai_token_purchases_member_fkey foreign key (org_id, member_id) references members (org_id, id),
    constraint ai_token_purchases_number_key unique (org_id, number),
    constraint ai_token_purchases_credited_if_paid check ((stage = 'paid') = (credit is not null)),
    constraint ai_token_purchases_numbered_if_paid check ((stage = 'paid') = (number is not null))
);
create index ai_token_purchases_ordered_idx on ai_token_purchases (org_id, ordered_at desc);
create index ai_token_purchases_at_stake_idx on ai_token_purchases (org_id) where at_stake;

-- Whom Stripe knows an organization as.
create table stripe_customers (
    org_id uuid not null constraint stripe_customers_org_fkey references organizations (id),
    id text not null constraint stripe_customers_id_key unique,
    created_at timestamptz not null,
    constraint stripe_customers_pkey primary key (org_id)
);

do $$
declare
    name text;
begin
    foreach name in array array['ai_token_purchases', 'stripe_customers']
    loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format($policy$
            create policy %I on %I
                using (org_id = any ((select string_to_array(nullif(current_setting('app.org_id', true), ''), ',')::uuid[])::uuid[]))
                with check (org_id = any ((select string_to_array(nullif(current_setting('app.org_id', true), ''), ',')::uuid[])::uuid[]))
        $policy$, name || '_tenant', name);
    end loop;
end
$$;

-- An event names a payment, not an organization: whoever knows one of Stripe's names for it sees whose it is.
create policy ai_token_purchases_told on ai_token_purchases for select
    using ((select nullif(current_setting('app.stripe_id', true), '')) in (session_id, payment_intent, charge));

alter table ai_token_usage_log add column purchase_id uuid;
create index ai_token_usage_log_purchase_idx on ai_token_usage_log (org_id, purchase_id) where purchase_id is not null;

-- The inbox: an event waits until it was acted on; one that has no next try waits for a person.
alter table stripe_events
    add column attempts integer not null default 0,
    add column due_at timestamptz default '-infinity',
    add column done_at timestamptz,
    add column outcome text,
    -- names of Stripe's that no purchase is known by yet
    add column waits_for text[],
    add constraint stripe_events_done_is_not_due check (done_at is null or due_at is null);
create index stripe_events_due_idx on stripe_events (due_at) where due_at is not null;
create index stripe_events_waits_for_idx on stripe_events using gin (waits_for) where done_at is null;
create index stripe_events_done_idx on stripe_events (done_at) where done_at is not null;
create index stripe_events_dead_idx on stripe_events (received_at) where due_at is null and done_at is null;
