-- Daily use counts by the days of the organization's time zone; until now, by days in UTC. A second or two per million
-- entries of organizations in other time zones. Use that a server of the previous version books afterwards is still
-- counted by the day in UTC, so stop those servers first if any organization is in another time zone.

alter table organizations no force row level security;
alter table ai_token_usage_log no force row level security;
alter table ai_token_daily no force row level security;
alter table ai_token_audit_progress no force row level security;

delete from ai_token_daily d using organizations o where o.id = d.org_id and o.time_zone <> 'UTC';

insert into ai_token_daily (org_id, day, token_type, feature, member_id, uses, tokens)
select l.org_id, (l.created_at at time zone o.time_zone)::date, l.token_type, coalesce(l.feature, ''),
    coalesce(l.member_id, '00000000-0000-0000-0000-000000000000'),
    sum(case l.kind when 'refunded' then -1 else 1 end), -sum(l.amount)
from ai_token_usage_log l join organizations o on o.id = l.org_id
where o.time_zone <> 'UTC' and l.kind in ('spent', 'captured', 'refunded')
group by 1, 2, 3, 4, 5;

-- It includes a sketch of the daily figures. The next audit starts at the first entry.
delete from ai_token_audit_progress p using organizations o where o.id = p.org_id and o.time_zone <> 'UTC';

alter table organizations force row level security;
alter table ai_token_usage_log force row level security;
alter table ai_token_daily force row level security;
alter table ai_token_audit_progress force row level security;
