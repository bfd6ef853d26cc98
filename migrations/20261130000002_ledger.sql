-- The ledger: accounts, balances, grants, holds, the usage log, idempotency records, guards and daily figures. Only the
-- writer's role may write these tables; the app role reads them.

-- Account state, one row per organization. The writer locks this row.
create table ai_token_accounts (
    org_id uuid constraint ai_token_accounts_pkey primary key
        constraint ai_token_accounts_org_fkey references organizations (id),
    plan text not null,
    next_plan text,
    license_state text not null default 'active' constraint ai_token_accounts_license_known
        check (license_state in ('active', 'grace', 'suspended', 'suspended_by_staff', 'canceled')),
    license_since timestamptz,
    -- the restriction in the last license step; a rung reached since then is still to be logged
    license_off text not null default 'nothing' constraint ai_token_accounts_license_off_known
        check (license_off in ('nothing', 'premium', 'allowance', 'ai')),
    anchor_at timestamptz not null,
    period_start timestamptz,
    closed_at timestamptz,
    -- seq and hash of the newest entry in the usage log
    seq bigint not null default 0 constraint ai_token_accounts_seq_counts check (seq >= 0),
    head_hash bytea not null constraint ai_token_accounts_head_hash_length check (length(head_hash) = 32),
    -- the next time-driven change (reset, expiry, license rung); 'infinity' if none. The sweeper searches by it.
    due_at timestamptz not null,
    created_at timestamptz not null,
    constraint ai_token_accounts_license_since check ((license_state = 'active') = (license_since is null))
) with (fillfactor = 50);
create index ai_token_accounts_due_idx on ai_token_accounts (due_at);

-- Balances, one per token type.
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

-- Grants: the lots of tokens that balances consist of.
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
-- One allowance per token type and period.
create unique index ai_token_grants_period_key on ai_token_grants (org_id, token_type, period_start)
    where source = 'plan';
create index ai_token_grants_live_idx on ai_token_grants (org_id) where remaining > 0;

-- Holds: reservations of tokens for jobs.
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

-- The usage log: the entries, append-only. No role is granted UPDATE, DELETE or TRUNCATE, and triggers refuse them to
-- everyone. There is no foreign key to the account: its check per entry cost too much, and accounts cannot be deleted.
create table ai_token_usage_log (
    org_id uuid not null,
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
    -- text, not jsonb: the hash covers the bytes that the caller sent
    metadata text,
    created_at timestamptz not null,
    hash bytea not null constraint ai_token_usage_log_hash_length check (length(hash) = 32),
    purchase_id uuid,
    constraint ai_token_usage_log_pkey primary key (org_id, seq),
    constraint ai_token_usage_log_adds_up check (amount = settled_after - settled_before),
    constraint ai_token_usage_log_never_negative check (settled_after >= 0 and held_after >= 0 and debt_after >= 0)
);
create index ai_token_usage_log_transaction_idx on ai_token_usage_log (org_id, transaction_id);
create index ai_token_usage_log_purchase_idx on ai_token_usage_log (org_id, purchase_id) where purchase_id is not null;
-- A spend is refunded at most once, even if the program has a bug.
create unique index ai_token_usage_log_reverses_key on ai_token_usage_log (org_id, reverses) where reverses is not null;

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only: % is refused', tg_table_name, tg_op using errcode = 'insufficient_privilege';
end
$$;
create trigger ai_token_usage_log_append_only before update or delete on ai_token_usage_log
    for each row execute function refuse_change();
create trigger ai_token_usage_log_no_truncate before truncate on ai_token_usage_log
    for each statement execute function refuse_change();
create trigger ai_token_accounts_no_delete before delete on ai_token_accounts
    for each row execute function refuse_change();
create trigger ai_token_accounts_no_truncate before truncate on ai_token_accounts
    for each statement execute function refuse_change();

-- Idempotency records: the outcome of a command by idempotency key. Kept for a week, then deleted in batches across
-- organizations; roles.sql grants that. Like the log, without a foreign key to the account.
create table ai_token_idempotency (
    org_id uuid not null,
    key text collate "C" not null,
    fingerprint bytea not null constraint ai_token_idempotency_fingerprint_length check (length(fingerprint) = 32),
    -- JSON as text: only this program reads it, and parsing JSON on insert was a third of the cost of a record
    outcome text not null,
    created_at timestamptz not null,
    constraint ai_token_idempotency_pkey primary key (org_id, key)
);
create index ai_token_idempotency_created_idx on ai_token_idempotency using brin (created_at);

-- Guards: the abuse state of members, and of API keys that act for no member.
create table ai_token_guards (
    org_id uuid not null constraint ai_token_guards_account_fkey references ai_token_accounts (org_id),
    -- a member's id, or an API key's
    caller_id uuid not null,
    requests timestamptz[] not null,
    last_admitted_at timestamptz,
    blocked_until timestamptz,
    constraint ai_token_guards_pkey primary key (org_id, caller_id)
) with (fillfactor = 50);

-- Daily use (UTC), updated in the transaction that appends the entries.
create table ai_token_daily (
    org_id uuid not null constraint ai_token_daily_account_fkey references ai_token_accounts (org_id),
    day date not null,
    token_type text not null,
    feature text not null,
    -- the nil UUID if no member is involved
    member_id uuid not null,
    uses bigint not null,
    tokens bigint not null,
    constraint ai_token_daily_pkey primary key (org_id, day, token_type, feature, member_id)
) with (fillfactor = 50);
