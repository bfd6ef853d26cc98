-- Billing: Stripe's events and customers, purchases, plan orders, invoices, the license log and emails.

-- The webhook inbox: each Stripe event is stored before it is acknowledged and processed later. Events are not tenant
-- data.
create table stripe_events (
    id text constraint stripe_events_pkey primary key
        constraint stripe_events_id_length check (length(id) between 1 and 255),
    kind text not null,
    api_version text,
    created_at timestamptz,
    received_at timestamptz not null,
    -- the body as Stripe sent it
    payload text not null,
    attempts integer not null default 0,
    -- the next attempt; null once processed, or if the event needs attention
    due_at timestamptz default '-infinity',
    done_at timestamptz,
    outcome text,
    -- Stripe ids that no purchase is stored under yet
    waits_for text[],
    -- the last manual replay; retries are counted from it
    replayed_at timestamptz,
    constraint stripe_events_done_is_not_due check (done_at is null or due_at is null)
);
create index stripe_events_due_idx on stripe_events (due_at) where due_at is not null;
create index stripe_events_waits_for_idx on stripe_events using gin (waits_for) where done_at is null;
create index stripe_events_done_idx on stripe_events (done_at) where done_at is not null;
create index stripe_events_dead_idx on stripe_events (received_at) where due_at is null and done_at is null;

-- Look-up table: the Stripe customer of an organization, and the organization of a Stripe customer.
create table stripe_customers (
    org_id uuid not null,
    id text not null constraint stripe_customers_id_key unique,
    created_at timestamptz not null,
    constraint stripe_customers_pkey primary key (org_id)
);

-- Numbers of subscription snapshots, drawn before the request to Stripe: of two snapshots the later request wins.
create sequence stripe_snapshot_numbers;

-- Purchases of packs. The order is recorded before the request to Stripe and never changes, even if the catalog does.
-- Payment facts from Stripe are joined to it, and the credited tokens follow from them.
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
    -- the Checkout session, its page, and when the page closes
    session_id text,
    checkout_url text,
    checkout_until timestamptz,
    -- all payment facts from Stripe; stage and needs_reconciliation are derived from it
    payment jsonb not null default '{}',
    stage text not null default 'open'
        constraint ai_token_purchases_stage_known check (stage in ('open', 'pending', 'expired', 'failed', 'paid')),
    -- receipt number, instant and lots, once paid
    credit jsonb,
    number bigint constraint ai_token_purchases_number_counts check (number > 0),
    needs_reconciliation boolean not null default false,
    constraint ai_token_purchases_pkey primary key (org_id, id),
    constraint ai_token_purchases_member_fkey foreign key (org_id, member_id) references members (org_id, id),
    constraint ai_token_purchases_number_key unique (org_id, number),
    constraint ai_token_purchases_credited_if_paid check ((stage = 'paid') = (credit is not null)),
    constraint ai_token_purchases_numbered_if_paid check ((stage = 'paid') = (number is not null))
);
create index ai_token_purchases_ordered_idx on ai_token_purchases (org_id, ordered_at desc);
create index ai_token_purchases_needs_reconciliation_idx on ai_token_purchases (org_id) where needs_reconciliation;

-- Look-up table: the purchase of a Checkout session, payment intent or charge.
create table stripe_payment_ids (
    stripe_id text constraint stripe_payment_ids_pkey primary key,
    org_id uuid not null,
    purchase_id uuid not null
);

-- Plan orders: plan choices of members, recorded before the request to Stripe.
create table ai_token_plan_orders (
    org_id uuid not null constraint ai_token_plan_orders_account_fkey references ai_token_accounts (org_id),
    id uuid not null,
    plan text not null,
    member_id uuid not null,
    ordered_at timestamptz not null,
    -- the Checkout session, its page, and when the page closes
    session_id text,
    checkout_url text,
    checkout_until timestamptz,
    -- when the subscription was changed or the page closed
    done_at timestamptz,
    constraint ai_token_plan_orders_pkey primary key (org_id, id),
    constraint ai_token_plan_orders_member_fkey foreign key (org_id, member_id) references members (org_id, id)
);
create index ai_token_plan_orders_ordered_idx on ai_token_plan_orders (org_id, ordered_at desc);

-- Plan invoices and the newest subscription snapshot, one row per organization.
create table invoices (
    org_id uuid constraint invoices_pkey primary key
        constraint invoices_account_fkey references ai_token_accounts (org_id),
    -- {"in_…": {"failed_at": …, "closed": false}}
    invoices jsonb not null,
    -- {"number": …, "live": {…} or null, "ended_at": … or null}
    subscription jsonb
);

-- The license log: every license step in order, append-only. `at` is when the step took effect.
create table ai_token_license_log (
    org_id uuid not null constraint ai_token_license_log_account_fkey references ai_token_accounts (org_id),
    transaction_id uuid not null,
    number smallint not null,
    at timestamptz not null,
    state text not null constraint ai_token_license_log_state_known
        check (state in ('active', 'grace', 'suspended', 'suspended_by_staff', 'canceled')),
    since timestamptz,
    off text not null
        constraint ai_token_license_log_off_known check (off in ('nothing', 'premium', 'allowance', 'ai')),
    booked_at timestamptz not null,
    -- the staff member and the reason, for steps taken by staff
    staff_id uuid,
    reason text constraint ai_token_license_log_reason_length check (length(reason) between 1 and 500),
    constraint ai_token_license_log_pkey primary key (org_id, transaction_id, number),
    constraint ai_token_license_log_staff_has_reason check ((staff_id is null) = (reason is null)),
    constraint ai_token_license_log_suspended_by_staff check (state <> 'suspended_by_staff' or staff_id is not null)
);
create index ai_token_license_log_booked_idx on ai_token_license_log (org_id, booked_at);
create trigger ai_token_license_log_append_only before update or delete on ai_token_license_log
    for each row execute function refuse_change();
create trigger ai_token_license_log_no_truncate before truncate on ai_token_license_log
    for each statement execute function refuse_change();

-- Emails to send, queued by the transaction that causes them.
create table emails (
    org_id uuid not null constraint emails_org_fkey references organizations (id),
    id uuid not null,
    kind text not null,
    data jsonb not null,
    queued_at timestamptz not null,
    sent_at timestamptz,
    constraint emails_pkey primary key (org_id, id)
);
create index emails_queued_idx on emails (queued_at) where sent_at is null;
