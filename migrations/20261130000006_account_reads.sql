-- SQL functions that read an account in one statement and one round trip. Each sets app.org_id itself, for the
-- transaction that it runs in; row-level security applies inside them too.

-- Reads an account with its balances and grants, a guard, an API key, and whether a member exists.
create function read_account(org uuid, guard_id uuid, key_id uuid, named_member uuid)
returns table (
    plan text, next_plan text, license_state text, license_since timestamptz, license_off text, anchor_at timestamptz,
    period_start timestamptz, closed_at timestamptz, seq bigint, head_hash bytea, due_at timestamptz,
    balances json, grants json, guard json, api_key json, member_found boolean
)
language plpgsql as $$
#variable_conflict use_column
begin
    perform set_config('app.org_id', org::text, true);
    return query
    select a.plan, a.next_plan, a.license_state, a.license_since, a.license_off, a.anchor_at, a.period_start,
        a.closed_at, a.seq, a.head_hash, case when isfinite(a.due_at) then a.due_at end,
        (select json_agg(b) from ai_tokens b where b.org_id = org),
        -- grants with tokens left, and the allowances of the current period even if they are used up
        (select json_agg(g) from (
            select * from ai_token_grants where org_id = org and remaining > 0
            union all
            select * from ai_token_grants
            where org_id = org and source = 'plan' and period_start = a.period_start and remaining = 0
        ) g),
        (select to_json(c) from ai_token_guards c where c.org_id = org and c.caller_id = guard_id),
        (select to_json(k) from (
            select org_id, id, name, shown, scope, created_at, expires_at, last_used_at, revoked_at
            from api_keys where org_id = org and id = key_id
        ) k),
        exists (select from members m where m.org_id = org and m.id = named_member)
    from ai_token_accounts a where a.org_id = org;
end
$$;

-- Sums daily use by day, feature or member, and reads an API key.
create function read_usage(org uuid, key_id uuid, first_day date, last_day date, grouped_by text)
returns table (api_key json, sums json)
language plpgsql as $$
#variable_conflict use_column
begin
    perform set_config('app.org_id', org::text, true);
    return query
    select
        (select to_json(k) from (
            select org_id, id, name, shown, scope, created_at, expires_at, last_used_at, revoked_at
            from api_keys where org_id = org and id = key_id
        ) k),
        (select json_agg(s) from (
            select case grouped_by when 'day' then day::text when 'feature' then feature
                    else nullif(member_id, '00000000-0000-0000-0000-000000000000')::text end as key,
                token_type, sum(uses)::bigint as uses, sum(tokens)::bigint as tokens
            from ai_token_daily where org_id = org and day between first_day and last_day
            group by 1, 2 order by 1, 2
        ) s);
end
$$;
