-- Staff suspend a license by hand: it is stopped then, whatever is paid, until they lift that.
alter table ai_token_accounts
    drop constraint ai_token_accounts_license_known,
    add constraint ai_token_accounts_license_known
        check (license_state in ('active', 'grace', 'suspended', 'stopped', 'canceled'));

-- Of the steps that staff made, who and why.
alter table ai_token_license_log
    add column staff_id uuid,
    add column reason text constraint ai_token_license_log_reason_length check (length(reason) between 1 and 500),
    add constraint ai_token_license_log_staff_say_why check ((staff_id is null) = (reason is null)),
    add constraint ai_token_license_log_stopped_by_staff check (state <> 'stopped' or staff_id is not null),
    drop constraint ai_token_license_log_state_known,
    add constraint ai_token_license_log_state_known
        check (state in ('active', 'grace', 'suspended', 'stopped', 'canceled'));
