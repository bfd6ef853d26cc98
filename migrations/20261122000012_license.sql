-- What the license log says is off; rungs that time has reached since are yet to be booked.
alter table ai_token_accounts add column license_off text not null default 'nothing'
    constraint ai_token_accounts_license_off_known check (license_off in ('nothing', 'premium', 'allowance', 'ai'));

-- What is known of the invoices for the plan: {"in_…": {"failed_at": …, "settled": false}}.
create table ai_token_dues (
    org_id uuid constraint ai_token_dues_pkey primary key
        constraint ai_token_dues_account_fkey references ai_token_accounts (org_id),
    invoices jsonb not null
);

-- Every step of the license, in the order in which it was booked; `at` is when it counted from. Nobody changes one.
create table ai_token_license_log (
    org_id uuid not null constraint ai_token_license_log_account_fkey references ai_token_accounts (org_id),
    transaction_id uuid not null,
    number smallint not null,
    at timestamptz not null,
    state text not null
        constraint ai_token_license_log_state_known check (state in ('active', 'grace', 'suspended', 'canceled')),
    since timestamptz,
    off text not null
        constraint ai_token_license_log_off_known check (off in ('nothing', 'premium', 'allowance', 'ai')),
    booked_at timestamptz not null,
    constraint ai_token_license_log_pkey primary key (org_id, transaction_id, number)
);
create index ai_token_license_log_booked_idx on ai_token_license_log (org_id, booked_at);
create trigger ai_token_license_log_append_only before update or delete on ai_token_license_log
    for each row execute function ai_token_usage_log_refuse();
create trigger ai_token_license_log_no_truncate before truncate on ai_token_license_log
    for each statement execute function ai_token_usage_log_refuse();

-- Emails that wait to be sent: queued by the transaction that causes them.
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

do $$
declare
    name text;
begin
    foreach name in array array['ai_token_dues', 'ai_token_license_log', 'emails']
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

-- An invoice names a customer, not an organization.
create policy stripe_customers_told on stripe_customers for select
    using (id = (select nullif(current_setting('app.stripe_id', true), '')));

-- As before, with what the license log says is off.
drop function ai_token_look(uuid, uuid, uuid, uuid);


create function ai_token_look(org uuid, guard_id uuid, key_id uuid, named_member uuid)
returns table (
    plan text, next_plan text, license_state text, license_since timestamptz, license_off text, anchor_at timestamptz, period_start timestamptz,
    closed_at timestamptz, seq bigint, head_hash bytea, due_at timestamptz,
    balances json, grants json, guard json, api_key json, member_found boolean
)
language plpgsql as $$
#variable_conflict use_column
begin
    perform set_config('app.org_id', org::text, true);
    return query
    select a.plan, a.next_plan, a.license_state, a.license_since, a.license_off, a.anchor_at, a.period_start, a.closed_at, a.seq,
        a.head_hash, case when isfinite(a.due_at) then a.due_at end,
        (select json_agg(b) from ai_tokens b where b.org_id = a.org_id),
        -- grants with tokens left, and the allowances of the current period even if they are used up
        (select json_agg(g) from (
            select * from ai_token_grants where org_id = a.org_id and remaining > 0
            union all
            select * from ai_token_grants
            where org_id = a.org_id and source = 'plan' and period_start = a.period_start and remaining = 0
        ) g),
        (select to_json(c) from ai_token_guards c where c.org_id = a.org_id and c.caller_id = guard_id),
        (select to_json(k) from (
            select org_id, id, name, shown, scope, created_at, expires_at, last_used_at, revoked_at
            from api_keys where org_id = a.org_id and id = key_id
        ) k),
        exists (select from members m where m.org_id = a.org_id and m.id = named_member)
    from ai_token_accounts a where a.org_id = org;
end
$$;
