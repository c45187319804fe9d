/*
 * The application of the demo: a bond desk's tables and the functions that its
 * workflow calls.  Run by a superuser in the new database; needs the psql
 * variable "runs".
 *
 * Nothing in these tables keeps a step from being done twice: books and
 * notifications take any number of rows for an issuance.  That there is one of
 * each at the end is what dalp promises.
 */
\set ON_ERROR_STOP on

-- People and programs, none of them a superuser. Roles of dalp say what each may do.
CREATE ROLE bond_desk LOGIN IN ROLE dalp_app;
CREATE ROLE approver LOGIN IN ROLE dalp_app;
CREATE ROLE operator LOGIN IN ROLE dalp_operator;
CREATE ROLE custodian LOGIN IN ROLE dalp_custodian;

CREATE SCHEMA bonds AUTHORIZATION bond_desk;
SET ROLE bond_desk;

CREATE TABLE bonds.investors (
	investor_id	int PRIMARY KEY,
	name		text NOT NULL,
	address		dalp.address NOT NULL UNIQUE,
	verified_until	date
);

CREATE TABLE bonds.issuances (
	issuance_id	int PRIMARY KEY,
	investor_id	int NOT NULL REFERENCES bonds.investors,
	wallet		text NOT NULL,
	name		text NOT NULL,
	symbol		text NOT NULL,
	units		numeric NOT NULL CHECK (units > 0),
	cap		numeric NOT NULL CHECK (cap > 0),
	maturity	date NOT NULL,
	coupon_basis_points int NOT NULL
);

CREATE TABLE bonds.books (
	entry_id	bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	issuance_id	int NOT NULL REFERENCES bonds.issuances,
	investor_id	int NOT NULL REFERENCES bonds.investors,
	token		dalp.address NOT NULL,
	units		numeric NOT NULL,
	mint_hash	text NOT NULL,
	approved_by	text NOT NULL,
	registered_at	timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE bonds.notifications (
	notification_id	bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	issuance_id	int NOT NULL REFERENCES bonds.issuances,
	recipient	text NOT NULL,
	message		text NOT NULL
);

-- Step 1: may this investor hold this bond? Returns all that later steps need.
CREATE FUNCTION bonds.check_eligibility(input jsonb) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
	i bonds.issuances;
	v bonds.investors;
BEGIN
	SELECT * INTO STRICT i FROM bonds.issuances WHERE issuance_id = (input->>'issuance')::int;
	SELECT * INTO STRICT v FROM bonds.investors WHERE investor_id = i.investor_id;
	IF v.verified_until IS NULL OR v.verified_until < i.maturity THEN
		PERFORM dalp.raise_error('InvestorNotEligible',
			format('%s is not verified until the bond''s maturity, %s', v.name, i.maturity));
	END IF;
	RETURN to_jsonb(i) - 'maturity' || jsonb_build_object(
		'investor', v.name,
		'holder', v.address::text,
		'owner', (SELECT address::text FROM dalp.wallets WHERE name = i.wallet),
		'maturity', extract(epoch FROM i.maturity)::bigint);
END
$$;

-- Step 6: the books. This row and the workflow's checkpoint are one commit.
CREATE FUNCTION bonds.register_in_books(input jsonb) RETURNS jsonb
LANGUAGE sql AS $$
	INSERT INTO bonds.books (issuance_id, investor_id, token, units, mint_hash, approved_by)
	SELECT (input->>'issuance_id')::int, (input->>'investor_id')::int, (input#>>'{token,address}')::dalp.address,
		(input->>'units')::numeric, input#>>'{mint,hash}', input#>>'{approval,approved_by}'
	RETURNING jsonb_build_object('entry', entry_id)
$$;

-- Step 7: tell the investor.
CREATE FUNCTION bonds.notify_investor(input jsonb) RETURNS jsonb
LANGUAGE sql AS $$
	INSERT INTO bonds.notifications (issuance_id, recipient, message)
	VALUES ((input->>'issuance_id')::int, input->>'investor',
		format('You hold %s units of %s, %s', input->>'units', input->>'name', input#>>'{token,address}'))
	RETURNING jsonb_build_object('notification', notification_id)
$$;

-- A fifth as many investors as issuances; five wallets take turns.
INSERT INTO bonds.investors
SELECT n, 'Investor ' || n, substr(dalp.keccak256(convert_to('investor ' || n, 'UTF8')), 13)::dalp.address, '2099-12-31'
FROM generate_series(1, greatest(:runs / 5, 2)) AS n;

INSERT INTO bonds.issuances
SELECT n, 1 + n % greatest(:runs / 5, 2), 'issuer_' || 1 + n % 5, 'Bond ' || n, 'B' || n, 1000 * n, 1000000, '2045-06-30', 350 + n
FROM generate_series(1, :runs) AS n;

/*
 * Two that can't succeed as they stand.  The first one's investor has never
 * been verified, which step 1 finds; the second wants more units than its cap,
 * which only the token's contract knows (step 5).
 */
INSERT INTO bonds.investors
VALUES (0, 'Investor 0', substr(dalp.keccak256(convert_to('investor 0', 'UTF8')), 13)::dalp.address, NULL);
UPDATE bonds.issuances SET investor_id = 0 WHERE issuance_id = 1;
UPDATE bonds.issuances SET cap = units / 2 WHERE issuance_id = 2;
