-- A person reads the names of the organizations that the person belongs to, before one of them is chosen.
create policy organizations_own on organizations for select
    using (id in (select org_id from members where user_id = (select nullif(current_setting('app.user_id', true), '')::uuid)));

-- The two checks that cost a writer most: one look-up for each entry and each receipt of an account that the same
-- transaction has locked. In their place, nobody may remove an account.
alter table ai_token_usage_log drop constraint ai_token_usage_log_account_fkey;
alter table ai_token_receipts drop constraint ai_token_receipts_account_fkey;
create trigger ai_token_accounts_stay before delete on ai_token_accounts
    for each row execute function ai_token_usage_log_refuse();
create trigger ai_token_accounts_no_truncate before truncate on ai_token_accounts
    for each statement execute function ai_token_usage_log_refuse();
