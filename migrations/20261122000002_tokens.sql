-- The accounts: state, grants, holds, log, receipts. Only the writer's role may write here; the application's role reads.

-- One row an organization: what the writer locks.
create table ai_token_accounts (
    org_id uuid constraint ai_token_accounts_pkey primary key
        constraint ai_token_accounts_org_fkey references organizations (id),
    plan text not null,
    next_plan text,
    license_state text not null default 'active'
        constraint ai_token_accounts_license_known check (license_state in ('active', 'grace', 'suspended', 'canceled')),
    license_since timestamptz,
    anchor_at timestamptz not null,
    period_start timestamptz,
    closed_at timestamptz,
    seq bigint not null default 0 constraint ai_token_accounts_seq_counts check (seq >= 0),
    head_hash bytea not null constraint ai_token_accounts_head_hash_length check (length(head_hash) = 32),
    -- The earliest instant at which time brings something to book: what the sweeper looks for.
    due_at timestamptz not null,
    created_at timestamptz not null,
    constraint ai_token_accounts_license_since check ((license_state = 'active') = (license_since is null))
) with (fillfactor = 50);
create index ai_token_accounts_due_idx on ai_token_accounts (due_at);

-- The balance of each token type.
create table ai_tokens (
    org_id uuid not null constraint ai_tokens_account_fkey references ai_token_accounts (org_id),
    token_type text not null,
    settled bigint not null,
    held bigint not null,
    debt bigint not null,
    constraint ai_tokens_pkey primary key (org_id, token_type),
    constraint ai_tokens_never_negative check (settled >= 0 and held >= 0 and debt >= 0),
    constraint ai_tokens_held_is_settled check (held <= settled)
) with (fillfactor = 50);

create table ai_token_grants (
    org_id uuid not null constraint ai_token_grants_account_fkey references ai_token_accounts (org_id),
    id uuid not null,
    token_type text not null,
    source text not null
        constraint ai_token_grants_source_known check (source in ('plan', 'promo', 'refund', 'pack', 'admin')),
    amount bigint not null constraint ai_token_grants_amount_positive check (amount > 0),
    remaining bigint not null,
    held bigint not null,
    expires_at timestamptz,
    period_start timestamptz,
    created_at timestamptz not null,
    constraint ai_token_grants_pkey primary key (org_id, id),
    constraint ai_token_grants_ordered check (0 <= held and held <= remaining and remaining <= amount),
    constraint ai_token_grants_period check ((source = 'plan') = (period_start is not null))
) with (fillfactor = 50);
create unique index ai_token_grants_period_key on ai_token_grants (org_id, token_type, period_start)
    where source = 'plan';
create index ai_token_grants_live_idx on ai_token_grants (org_id) where remaining > 0;

create table ai_token_holds (
    org_id uuid not null constraint ai_token_holds_account_fkey references ai_token_accounts (org_id),
    id uuid not null,
    feature text not null,
    caller_kind text not null,
    caller_id uuid,
    member_id uuid,
    token_type text not null,
    -- [{"grant": uuid, "amount": n}], in burn-down order
    parts jsonb not null,
    amount bigint not null constraint ai_token_holds_amount_positive check (amount > 0),
    state text not null
        constraint ai_token_holds_state_known check (state in ('open', 'captured', 'released', 'expired')),
    captured bigint,
    reason text,
    opened_at timestamptz not null,
    expires_at timestamptz not null,
    ended_at timestamptz,
    constraint ai_token_holds_pkey primary key (org_id, id),
    constraint ai_token_holds_captured_is_held check (captured between 1 and amount),
    constraint ai_token_holds_captured_if check ((state = 'captured') = (captured is not null)),
    constraint ai_token_holds_ended_if check ((state = 'open') = (ended_at is null))
);
create index ai_token_holds_open_idx on ai_token_holds (org_id, expires_at) where state = 'open';

-- The log. Append-only: no role is granted UPDATE, DELETE or TRUNCATE, and triggers refuse them to everybody.
create table ai_token_usage_log (
    org_id uuid not null constraint ai_token_usage_log_account_fkey references ai_token_accounts (org_id),
    seq bigint not null constraint ai_token_usage_log_seq_counts check (seq > 0),
    transaction_id uuid not null,
    kind text not null,
    token_type text not null,
    amount bigint not null,
    settled_before bigint not null,
    settled_after bigint not null,
    held_before bigint not null,
    held_after bigint not null,
    debt_before bigint not null,
    debt_after bigint not null,
    parts jsonb not null,
    source text,
    feature text,
    caller_kind text not null,
    caller_id uuid,
    member_id uuid,
    hold_id uuid,
    reverses uuid,
    note text,
    -- text, not jsonb: the hash covers it as it was sent
    metadata text,
    created_at timestamptz not null,
    hash bytea not null constraint ai_token_usage_log_hash_length check (length(hash) = 32),
    constraint ai_token_usage_log_pkey primary key (org_id, seq),
    constraint ai_token_usage_log_adds_up check (amount = settled_after - settled_before),
    constraint ai_token_usage_log_never_negative check (settled_after >= 0 and held_after >= 0 and debt_after >= 0)
);
create index ai_token_usage_log_transaction_idx on ai_token_usage_log (org_id, transaction_id);
-- A spend is refunded once, whatever the program believes.
create unique index ai_token_usage_log_reverses_key on ai_token_usage_log (org_id, reverses) where reverses is not null;

create function ai_token_usage_log_refuse() returns trigger language plpgsql as $$
begin
    raise exception 'the token log is append-only: % is refused', tg_op using errcode = 'insufficient_privilege';
end
$$;
create trigger ai_token_usage_log_append_only before update or delete on ai_token_usage_log
    for each row execute function ai_token_usage_log_refuse();
create trigger ai_token_usage_log_no_truncate before truncate on ai_token_usage_log
    for each statement execute function ai_token_usage_log_refuse();

-- What a command was answered, by idempotency key.
create table ai_token_receipts (
    org_id uuid not null constraint ai_token_receipts_account_fkey references ai_token_accounts (org_id),
    key text collate "C" not null,
    fingerprint bytea not null constraint ai_token_receipts_fingerprint_length check (length(fingerprint) = 32),
    answer jsonb not null,
    created_at timestamptz not null,
    constraint ai_token_receipts_pkey primary key (org_id, key)
);

create table ai_token_guards (
    org_id uuid not null constraint ai_token_guards_account_fkey references ai_token_accounts (org_id),
    -- a member, or a key that acts for none
    caller_id uuid not null,
    requests timestamptz[] not null,
    last_admitted_at timestamptz,
    blocked_until timestamptz,
    constraint ai_token_guards_pkey primary key (org_id, caller_id)
) with (fillfactor = 50);

-- Use by day (UTC), kept in the transaction of the entries that it sums.
create table ai_token_daily (
    org_id uuid not null constraint ai_token_daily_account_fkey references ai_token_accounts (org_id),
    day date not null,
    token_type text not null,
    feature text not null,
    -- the nil UUID where no member is concerned
    member_id uuid not null,
    uses bigint not null,
    tokens bigint not null,
    constraint ai_token_daily_pkey primary key (org_id, day, token_type, feature, member_id)
) with (fillfactor = 50);

do $$
declare
    name text;
begin
    foreach name in array array['ai_token_accounts', 'ai_tokens', 'ai_token_grants', 'ai_token_holds',
        'ai_token_usage_log', 'ai_token_receipts', 'ai_token_guards', 'ai_token_daily']
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
