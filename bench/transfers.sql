-- The form of the published ledgers for PostgreSQL: a function that inserts a transfer with two postings and moves
-- two balances, whose rows it locks in the order of their ids.
CREATE TABLE bare_account (
    id text PRIMARY KEY,
    balance bigint NOT NULL,
    version bigint NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE bare_transfer (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    from_account_id text NOT NULL REFERENCES bare_account,
    to_account_id text NOT NULL REFERENCES bare_account,
    amount bigint NOT NULL CHECK (amount > 0),
    cause text NOT NULL,
    event_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON bare_transfer (from_account_id);
CREATE INDEX ON bare_transfer (to_account_id);

CREATE TABLE bare_transfer_posting (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    account_id text NOT NULL REFERENCES bare_account,
    transfer_id uuid NOT NULL REFERENCES bare_transfer,
    amount bigint NOT NULL,
    previous_balance bigint NOT NULL,
    current_balance bigint NOT NULL,
    account_version bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON bare_transfer_posting (account_id, account_version);
CREATE INDEX ON bare_transfer_posting (transfer_id);

CREATE FUNCTION bare_draw(source text, target text, drawn bigint, because text, at timestamptz) RETURNS uuid
LANGUAGE plpgsql AS $$
DECLARE
    made uuid;
    new_source bare_account;
    new_target bare_account;
BEGIN
    PERFORM FROM bare_account WHERE id IN (source, target) ORDER BY id FOR UPDATE;
    UPDATE bare_account SET balance = balance - drawn, version = version + 1, updated_at = now()
        WHERE id = source RETURNING * INTO new_source;
    IF new_source.balance < 0 THEN
        RAISE EXCEPTION 'Account % has too little for %', source, drawn;
    END IF;
    UPDATE bare_account SET balance = balance + drawn, version = version + 1, updated_at = now()
        WHERE id = target RETURNING * INTO new_target;
    INSERT INTO bare_transfer (from_account_id, to_account_id, amount, cause, event_at)
        VALUES (source, target, drawn, because, at) RETURNING id INTO made;
    INSERT INTO bare_transfer_posting
        (account_id, transfer_id, amount, previous_balance, current_balance, account_version)
    VALUES
        (source, made, -drawn, new_source.balance + drawn, new_source.balance, new_source.version),
        (target, made, drawn, new_target.balance - drawn, new_target.balance, new_target.version);
    RETURN made;
END $$;
