-- One call writes a batch of the writer.

alter table ai_token_accounts
    -- the number of updates of the row, by the program or by hand
    add column version bigint not null default 0;

create function count_version() returns trigger language plpgsql as $$
begin
    new.version := old.version + 1;
    return new;
end
$$;
create trigger ai_token_accounts_count_version before update on ai_token_accounts
    for each row execute function count_version();

-- Writes the changes of a batch. The arrays with the same prefix are the columns of one table.
--
-- With `expected`, the versions of the accounts in `orgs`, it first sets the visible organizations and locks those
-- accounts, by id. It fails with BM001 if some have another version (the detail lists them), or if one of the API keys
-- (k_) is revoked or one of the members (m_) is gone. Without `expected`, the transaction has locked the accounts already.
--
-- Accounts (a_) go last: when one is due depends on its holds.
create function write_batch(
    now_at timestamptz, orgs uuid[], expected bigint[], k_org uuid[], k_id uuid[], m_org uuid[], m_id uuid[],
    b_org uuid[], b_token_type text[], b_settled bigint[], b_held bigint[], b_debt bigint[],
    g_org uuid[], g_id uuid[], g_token_type text[], g_source text[], g_amount bigint[], g_remaining bigint[],
    g_held bigint[], g_expires_at timestamptz[], g_period_start timestamptz[], g_created_at timestamptz[],
    h_org uuid[], h_id uuid[], h_feature text[], h_caller_kind text[], h_caller_id uuid[], h_member_id uuid[],
    h_token_type text[], h_parts jsonb[], h_amount bigint[], h_state text[], h_captured bigint[], h_reason text[],
    h_opened_at timestamptz[], h_expires_at timestamptz[], h_ended_at timestamptz[],
    c_org uuid[], c_id uuid[], c_requests timestamptz[], c_end int[], c_last_admitted_at timestamptz[],
    c_blocked_until timestamptz[],
    e_org uuid[], e_seq bigint[], e_transaction_id uuid[], e_kind text[], e_token_type text[], e_amount bigint[],
    e_settled_before bigint[], e_settled_after bigint[], e_held_before bigint[], e_held_after bigint[],
    e_debt_before bigint[], e_debt_after bigint[], e_parts jsonb[], e_source text[], e_feature text[],
    e_caller_kind text[], e_caller_id uuid[], e_member_id uuid[], e_hold_id uuid[], e_reverses uuid[],
    e_purchase_id uuid[], e_note text[], e_metadata text[], e_created_at timestamptz[], e_hash bytea[],
    d_org uuid[], d_day date[], d_token_type text[], d_feature text[], d_member_id uuid[], d_uses bigint[],
    d_tokens bigint[],
    r_org uuid[], r_key text[], r_fingerprint bytea[], r_outcome text[],
    a_org uuid[], a_plan text[], a_next_plan text[], a_next_plan_from timestamptz[], a_license_state text[],
    a_license_since timestamptz[], a_license_off text[], a_overdue_from timestamptz[], a_allowance_until timestamptz[],
    a_anchor_at timestamptz[], a_period_start timestamptz[], a_closed_at timestamptz[], a_seq bigint[],
    a_head_hash bytea[], a_due_at timestamptz[]
) returns void language plpgsql as $$
declare
    stale uuid[];
    updated bigint;
begin
    if expected is not null then
        perform set_config('app.org_id', array_to_string(orgs, ','), true);
        -- The version of the row is read after the wait for its lock.
        select array_agg(locked.org_id) filter (where locked.version <> locked.expected) into stale from (
            select a.org_id, a.version, u.expected from unnest(orgs, expected) u(org_id, expected)
            join ai_token_accounts a on a.org_id = u.org_id order by a.org_id for update of a
        ) locked;
        if stale is not null
            or exists (select from unnest(k_org, k_id) u(org_id, id) where not exists (
                select from api_keys k where k.org_id = u.org_id and k.id = u.id and k.revoked_at is null))
            or exists (select from unnest(m_org, m_id) u(org_id, id) where not exists (
                select from members m where m.org_id = u.org_id and m.id = u.id))
        then
            raise exception 'the batch was decided on a state that has changed'
                using errcode = 'BM001', detail = coalesce(array_to_string(stale, ','), '');
        end if;
    end if;
    if cardinality(b_org) > 0 then
        insert into ai_tokens (org_id, token_type, settled, held, debt)
        select * from unnest(b_org, b_token_type, b_settled, b_held, b_debt)
        on conflict (org_id, token_type)
        do update set settled = excluded.settled, held = excluded.held, debt = excluded.debt;
    end if;
    if cardinality(g_org) > 0 then
        insert into ai_token_grants (org_id, id, token_type, source, amount, remaining, held, expires_at, period_start,
            created_at)
        select * from unnest(g_org, g_id, g_token_type, g_source, g_amount, g_remaining, g_held, g_expires_at,
            g_period_start, g_created_at)
        on conflict (org_id, id)
        do update set amount = excluded.amount, remaining = excluded.remaining, held = excluded.held;
    end if;
    if cardinality(h_org) > 0 then
        insert into ai_token_holds (org_id, id, feature, caller_kind, caller_id, member_id, token_type, parts, amount,
            state, captured, reason, opened_at, expires_at, ended_at)
        select * from unnest(h_org, h_id, h_feature, h_caller_kind, h_caller_id, h_member_id, h_token_type, h_parts,
            h_amount, h_state, h_captured, h_reason, h_opened_at, h_expires_at, h_ended_at)
        on conflict (org_id, id) do update set state = excluded.state, captured = excluded.captured,
            reason = excluded.reason, ended_at = excluded.ended_at;
    end if;
    if cardinality(c_org) > 0 then
        insert into ai_token_guards (org_id, caller_id, requests, last_admitted_at, blocked_until)
        select org_id, caller_id, c_requests[lag(last, 1, 0) over (order by n) + 1 : last], last_admitted_at,
            blocked_until
        from unnest(c_org, c_id, c_end, c_last_admitted_at, c_blocked_until)
            with ordinality u(org_id, caller_id, last, last_admitted_at, blocked_until, n)
        on conflict (org_id, caller_id) do update set requests = excluded.requests,
            last_admitted_at = excluded.last_admitted_at, blocked_until = excluded.blocked_until;
    end if;
    if cardinality(e_org) > 0 then
        -- Of many arrays, unnest in the select list is faster than in the from clause.
        insert into ai_token_usage_log (org_id, seq, transaction_id, kind, token_type, amount, settled_before,
            settled_after, held_before, held_after, debt_before, debt_after, parts, source, feature, caller_kind,
            caller_id, member_id, hold_id, reverses, purchase_id, note, metadata, created_at, hash)
        select unnest(e_org), unnest(e_seq), unnest(e_transaction_id), unnest(e_kind), unnest(e_token_type),
            unnest(e_amount), unnest(e_settled_before), unnest(e_settled_after), unnest(e_held_before),
            unnest(e_held_after), unnest(e_debt_before), unnest(e_debt_after), unnest(e_parts), unnest(e_source),
            unnest(e_feature), unnest(e_caller_kind), unnest(e_caller_id), unnest(e_member_id), unnest(e_hold_id),
            unnest(e_reverses), unnest(e_purchase_id), unnest(e_note), unnest(e_metadata), unnest(e_created_at),
            unnest(e_hash);
    end if;
    if cardinality(d_org) > 0 then
        insert into ai_token_daily (org_id, day, token_type, feature, member_id, uses, tokens)
        select * from unnest(d_org, d_day, d_token_type, d_feature, d_member_id, d_uses, d_tokens)
        on conflict (org_id, day, token_type, feature, member_id)
        do update set uses = ai_token_daily.uses + excluded.uses, tokens = ai_token_daily.tokens + excluded.tokens;
    end if;
    if cardinality(r_org) > 0 then
        insert into ai_token_idempotency (org_id, key, fingerprint, outcome, created_at)
        select unnest(r_org), unnest(r_key), unnest(r_fingerprint), unnest(r_outcome), now_at;
    end if;
    if cardinality(a_org) > 0 then
        update ai_token_accounts a
        set plan = u.plan, next_plan = u.next_plan, next_plan_from = u.next_plan_from, license_state = u.license_state,
            license_since = u.license_since, license_off = u.license_off, overdue_from = u.overdue_from,
            allowance_until = u.allowance_until, anchor_at = u.anchor_at, period_start = u.period_start,
            closed_at = u.closed_at, seq = u.seq, head_hash = u.head_hash,
            due_at = coalesce(least(u.due_at, (
                select min(h.expires_at) from ai_token_holds h where h.org_id = a.org_id and h.state = 'open'
            )), 'infinity')
        from unnest(a_org, a_plan, a_next_plan, a_next_plan_from, a_license_state, a_license_since, a_license_off,
                a_overdue_from, a_allowance_until, a_anchor_at, a_period_start, a_closed_at, a_seq, a_head_hash, a_due_at)
            u(org_id, plan, next_plan, next_plan_from, license_state, license_since, license_off, overdue_from,
                allowance_until, anchor_at, period_start, closed_at, seq, head_hash, due_at)
        where a.org_id = u.org_id;
        get diagnostics updated = row_count;
        if updated <> cardinality(a_org) then
            raise exception 'an account of the batch was not found';
        end if;
    end if;
end
$$;
