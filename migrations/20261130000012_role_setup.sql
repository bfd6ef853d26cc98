-- How the roles were set up: `brightmeter migrate` runs roles.sql again only for another role or after it has changed.
create table role_setups (
    app_role text not null constraint role_setups_pkey primary key,
    -- SHA-256 of roles.sql
    checksum bytea not null
);
