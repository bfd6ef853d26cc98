-- An answer is read back whole, by the program that wrote it: taking JSON apart at every spend was a third of what keeping a
-- receipt costs.
alter table ai_token_receipts alter column answer type text using answer::text;
