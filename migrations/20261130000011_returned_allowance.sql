-- A month's allowance is 0 once its whole payment went back. ai_token_grants_ordered still keeps it from being negative.
alter table ai_token_grants drop constraint ai_token_grants_amount_positive;
