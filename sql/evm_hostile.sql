-- Guards: whatever is wrong with an input of a pure function is DL006 that says
-- what and where, and no input takes longer than 100 ms per 100 kB. Thousands of
-- valid calls, each spoilt at random places, for every pure function that there is.
-- DALP_HOSTILE_CASES in the environment asks for more of each.
\getenv hostile_cases DALP_HOSTILE_CASES
\if :{?hostile_cases}
\else
\set hostile_cases 400
\endif
SET client_min_messages TO warning;
CREATE SCHEMA hostile;
-- The same calls in every run, for one version of the server.
SELECT FROM setseed(0.42);

CREATE TABLE hostile.seed (function regprocedure NOT NULL, arguments text[] NOT NULL);
CREATE TABLE hostile.outcome (function regprocedure, arguments text[], state text, message text, detail text, size bigint, took numeric);

\set address '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed'
\set key '\\x4646464646464646464646464646464646464646464646464646464646464646'
\set tuple '{"chainId": 7, "address": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "nonce": 3}'
\set transaction '{"type": 2, "chainId": 1, "nonce": "0x7", "to": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "value": "1000", "gas": 90000, "maxFeePerGas": 7, "maxPriorityFeePerGas": 1, "input": "0xa9059cbb", "accessList": [{"address": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "storageKeys": ["0x0000000000000000000000000000000000000000000000000000000000000001"]}]}'
\set legacy '{"nonce": 1, "gasPrice": 5, "gas": 21000, "to": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "value": 1, "chainId": 1}'
\set blob '{"type": 3, "chainId": 1, "to": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "maxFeePerBlobGas": 1, "blobVersionedHashes": ["0x0100000000000000000000000000000000000000000000000000000000000000"]}'
\set typed '{"types": {"EIP712Domain": [{"name": "name", "type": "string"}, {"name": "chainId", "type": "uint256"}], "Person": [{"name": "name", "type": "string"}, {"name": "wallet", "type": "address"}], "Mail": [{"name": "from", "type": "Person"}, {"name": "to", "type": "Person[]"}, {"name": "n", "type": "int16[2][]"}, {"name": "b", "type": "bytes4"}, {"name": "raw", "type": "bytes"}, {"name": "ok", "type": "bool"}]}, "primaryType": "Mail", "domain": {"name": "Ether", "chainId": 1}, "message": {"from": {"name": "a", "wallet": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"}, "to": [{"name": "b", "wallet": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"}], "n": [[1, -2]], "b": "0x01020304", "raw": "0x", "ok": true}}'
\set keystore '{"version": 3, "crypto": {"cipher": "aes-128-ctr", "ciphertext": "5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46", "cipherparams": {"iv": "6087dab2f9fdbbfaddc31a909735c1e6"}, "kdf": "pbkdf2", "kdfparams": {"c": 2, "dklen": 32, "prf": "hmac-sha256", "salt": "ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd"}, "mac": "5705a8803d76483caa6812cfcc7685ab43e86dbcfcd48b30bff4dd6bc910fbea"}}'

INSERT INTO hostile.seed VALUES
	('dalp.keccak256(bytea)', ARRAY['\x616263']),
	('dalp.rlp_encode(jsonb)', ARRAY['["0x636174", [7, "0x"], []]']),
	('dalp.rlp_decode(bytea)', ARRAY[dalp.rlp_encode('["0x636174", ["0x", 0, 1024, []], "0x00112233445566778899001122334455667788990011223344556677889900112233445566778899001122334455667788990011223344"]')::text]),
	('dalp.checksum_address(bytea)', ARRAY['\x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed']),
	('dalp.address_from_bytea(bytea)', ARRAY['\x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed']),
	('dalp.create_address(dalp.address,numeric)', ARRAY[:'address', '7']),
	('dalp.create2_address(dalp.address,bytea,bytea)', ARRAY[:'address', :'key', :'key']),
	('dalp.delegated_address(bytea)', ARRAY['\xef01005aaeb6053f3e94c9b9a09f33669435e7ef1beaed']),
	('dalp.abi_encode(text,jsonb)', ARRAY['uint8,(address a,bytes[] b)[2],int16,bool,string,bytes3,function', '[255, [["0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", ["0x01"]], {"a": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "b": []}], "-2", true, "añ", "0x010203", "0x112233445566778899aabbccddeeff001122334455667788"]']),
	('dalp.abi_decode(text,bytea)', ARRAY['uint8,(address a,bytes[] b)[2],int16,bool,string,bytes3', dalp.abi_encode('uint8,(address,bytes[])[2],int16,bool,string,bytes3', '[255, [["0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", ["0x01"]], ["0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", []]], "-2", true, "añ", "0x010203"]')::text]),
	('dalp.abi_encode_call(text,jsonb)', ARRAY['function f((uint8 a, bool[] b) t) external view returns (uint256)', '[{"a": 7, "b": [true, false]}]']),
	('dalp.abi_encode_call(text,jsonb)', ARRAY['{"type": "function", "name": "f", "inputs": [{"type": "tuple[]", "components": [{"type": "uint8", "name": "n"}]}]}', '[[[1], {"n": 2}]]']),
	('dalp.abi_decode_call(text,bytea)', ARRAY['transfer(address to,uint256 amount)', dalp.abi_encode_call('transfer(address,uint256)', '["0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", 5]')::text]),
	('dalp.abi_encode_constructor(bytea,text,jsonb)', ARRAY['\x6000', 'constructor(uint8 a, bool)', '[1, true]']),
	('dalp.abi_decode_event(text,bytea[],bytea)', ARRAY['event Transfer(address indexed from, string indexed note, uint256 value)', ARRAY[dalp.event_topic('Transfer(address,string,uint256)'), decode(lpad('5aaeb6053f3e94c9b9a09f33669435e7ef1beaed', 64, '0'), 'hex'), dalp.keccak256('x')]::text, '\x' || lpad('2a', 64, '0')]),
	('dalp.abi_decode_error(bytea,jsonb)', ARRAY[(decode('cf479181', 'hex') || dalp.abi_encode('uint256,uint256', '[1, 2]'))::text, '["error InsufficientBalance(uint256 available, uint256 required)", {"type": "error", "name": "E", "inputs": [{"name": "a", "type": "tuple", "components": [{"type": "uint8"}]}]}]']),
	('dalp.function_selector(text)', ARRAY['function f(address to, (uint8[2] a, bytes) b) external payable returns (bool)']),
	('dalp.function_selector(text)', ARRAY['{"type": "function", "name": "f", "inputs": [{"type": "tuple[]", "components": [{"type": "uint8"}]}]}']),
	('dalp.event_topic(text)', ARRAY['event Transfer(address indexed from, address indexed to, uint256 value) anonymous']),
	('dalp.eip191_hash(bytea)', ARRAY['\x616263']),
	('dalp.eip191_validator_hash(dalp.address,bytea)', ARRAY[:'address', '\x616263']),
	('dalp.eip712_hash(json)', ARRAY[:'typed']),
	('dalp.eip712_encode_type(json,text)', ARRAY[:'typed', 'Mail']),
	('dalp.public_key_address(bytea)', ARRAY['\x0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798']),
	('dalp.transaction_encode_unsigned(jsonb)', ARRAY[:'transaction']),
	('dalp.transaction_encode_unsigned(jsonb)', ARRAY[:'legacy']),
	('dalp.transaction_encode_unsigned(jsonb)', ARRAY[:'blob']),
	('dalp.transaction_decode(bytea)', ARRAY[dalp.transaction_sign(:'transaction', :'key')::text]),
	('dalp.transaction_decode(bytea)', ARRAY[dalp.transaction_sign(:'legacy', :'key')::text]),
	('dalp.transaction_decode_blob(bytea)', ARRAY[dalp.transaction_sign(:'blob', :'key')::text]),
	('dalp.transaction_hash(bytea)', ARRAY[dalp.transaction_sign(:'transaction', :'key')::text]),
	('dalp.transaction_hash(bytea)', ARRAY[dalp.transaction_sign(:'blob', :'key')::text]),
	('dalp.transaction_check(bytea,numeric)', ARRAY[dalp.transaction_sign(:'transaction', :'key')::text, '1']),
	('dalp.transaction_sign(jsonb,bytea)', ARRAY[:'legacy', :'key']),
	('dalp.authorization_hash(jsonb)', ARRAY[:'tuple']),
	('dalp.authorization_sign(jsonb,bytea)', ARRAY[:'tuple', :'key']),
	('dalp.eip1271_call(bytea,bytea)', ARRAY[dalp.keccak256('a')::text, '\x0102']),
	('dalp.eip1271_valid(bytea)', ARRAY['\x1626ba7e' || repeat('00', 28)]),
	('dalp.hd_derive(bytea,text)', ARRAY[dalp.keccak256('a')::text, 'm/44''/60''/0''/0/0']),
	('dalp.mnemonic_to_seed(text,text)', ARRAY['legal winner thank year wave sausage worth useful legal winner thank yellow', 'pass']),
	('dalp.keystore_decrypt(json,text)', ARRAY[:'keystore', 'testpassword']);

-- A transaction that delegates, and what the first key has signed.
WITH signed AS (
	SELECT jsonb_build_object('type', 4, 'chainId', 1, 'to', :'address', 'gas', 90000,
							  'authorizationList', jsonb_build_array(dalp.authorization_sign(:'tuple', :'key'))) AS body
), raw AS (
	SELECT body, dalp.transaction_sign(body, :'key') AS bytes FROM signed
)
INSERT INTO hostile.seed
	SELECT 'dalp.transaction_encode_unsigned(jsonb)'::regprocedure, ARRAY[body::text] FROM raw
	UNION ALL SELECT 'dalp.transaction_decode(bytea)'::regprocedure, ARRAY[bytes::text] FROM raw;
WITH signed AS (
	SELECT dalp.transaction_decode(dalp.transaction_sign(:'legacy', :'key')) AS tx
), parts AS (
	SELECT '\x' || substr(tx->>'r', 3) || substr(tx->>'s', 3) || '1b' AS signature FROM signed
)
INSERT INTO hostile.seed
	SELECT f::regprocedure, a FROM parts, LATERAL (VALUES
		('dalp.ecrecover(bytea,bytea)', ARRAY[dalp.keccak256('a')::text, signature]),
		('dalp.verify_message(dalp.address,bytea,bytea)', ARRAY[:'address', '\x61', signature]),
		('dalp.verify_typed_data(dalp.address,json,bytea)', ARRAY[:'address', :'typed', signature]),
		('dalp.signature_compact(bytea)', ARRAY[signature]),
		('dalp.signature_expand(bytea)', ARRAY[dalp.signature_compact(signature::bytea)::text])) AS v (f, a);

-- Every pure function is here but dalp.sequence, which writes a workflow. Comparisons take nothing that can be wrong.
SELECT p.oid::regprocedure FROM pg_proc p
	WHERE p.pronamespace = 'dalp'::regnamespace AND p.provolatile = 'i' AND p.prolang = (SELECT oid FROM pg_language WHERE lanname = 'c')
		AND p.oid NOT IN (SELECT function FROM hostile.seed)
		AND p.proname !~ '^(address_(eq|ne|lt|le|gt|ge|cmp|hash|hash_extended|in|out|recv|send|to_bytea)|sequence)$';

-- Something that an integer, a text, bytes or a member is not expected to be.
CREATE FUNCTION hostile.junk() RETURNS jsonb LANGUAGE sql VOLATILE AS $$
	SELECT (ARRAY['null', 'true', '-1', '0', '1.5', '1e77', '1e78', '1e400', '-1e-300', '115792089237316195423570985008687907853269984665640564039457584007913129639936',
		'18446744073709551615', '""', '"0x"', '"0x0"', '"0xzz"', '"-0x1"', '"+1"', '" 1"', '"é"', '"0x00000000000000000000000000000000000000000000000000000000000000000"',
		'[]', '{}', '[[]]', '{"": 1}', '[null]', '{"type": "uint8"}', '"uint8[][][99999999999]"', '"tuple"'])[1 + floor(random() * 28)]::jsonb
$$;
-- All places in a document.
CREATE FUNCTION hostile.places(document jsonb) RETURNS SETOF text[] LANGUAGE sql STABLE AS $$
	WITH RECURSIVE inside (path, value) AS (
		SELECT '{}'::text[], document
		UNION ALL
		SELECT path || step.key, step.value FROM inside,
			LATERAL (SELECT key, value FROM jsonb_each(CASE WHEN jsonb_typeof(inside.value) = 'object' THEN inside.value ELSE '{}' END)
				UNION ALL SELECT (position - 1)::text, element FROM jsonb_array_elements(CASE WHEN jsonb_typeof(inside.value) = 'array' THEN inside.value ELSE '[]' END) WITH ORDINALITY AS e (element, position)) AS step
	)
	SELECT path FROM inside WHERE path <> '{}'
$$;
CREATE FUNCTION hostile.spoil_document(document jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	path text[] := (SELECT p FROM hostile.places(document) AS p ORDER BY random() LIMIT 1);
	what float := random();
BEGIN
	IF path IS NULL OR what < 0.03 THEN
		RETURN hostile.junk();
	ELSIF what < 0.05 THEN
		RETURN jsonb_set(document, path, (repeat('[', 2000) || repeat(']', 2000))::jsonb);
	ELSIF what < 0.25 THEN
		RETURN document #- path;
	ELSIF what < 0.35 THEN
		RETURN jsonb_set(document, path, jsonb_build_array(document #> path, document #> path));
	ELSIF what < 0.45 AND jsonb_typeof(document #> path) = 'object' THEN
		RETURN jsonb_set(document, path || chr(97 + floor(random() * 26)::int), hostile.junk());
	ELSIF what < 0.60 AND jsonb_typeof(document #> path) = 'string' THEN
		RETURN jsonb_set(document, path, to_jsonb(hostile.spoil_text(document #>> path)));
	ELSE
		RETURN jsonb_set(document, path, hostile.junk());
	END IF;
END
$$;
CREATE FUNCTION hostile.spoil_text(value text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	piece text := (ARRAY['(', ')', '[', ']', ',', '0', '1', '9999999999', ' ', 'x', 'uint', 'é', '"', '{', '}', '/', '''', ';', 'indexed', 'tuple', '$', '_', repeat('(', 100), repeat('[2]', 70), repeat('é', 300)])[1 + floor(random() * 25)];
	at int := floor(random() * (length(value) + 1));
	what float := random();
BEGIN
	IF what < 0.3 THEN
		RETURN left(value, at) || substr(value, at + 2);
	ELSIF what < 0.6 THEN
		RETURN left(value, at) || piece || substr(value, at + 1);
	ELSIF what < 0.75 THEN
		RETURN left(value, at) || piece || substr(value, at + 2);
	ELSIF what < 0.9 THEN
		RETURN left(value, at);
	ELSE
		RETURN value || value;
	END IF;
END
$$;
CREATE FUNCTION hostile.spoil_bytes(value bytea) RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE
	at int := floor(random() * (length(value) + 1));
	word int := at / 32 * 32 + length(value) % 32;
	piece bytea := (ARRAY['\x', '\x00', '\xff', '\x80', '\xb800', '\xf90000', '\xbfffffffffffffffff', decode(repeat('ff', 32), 'hex'), decode(lpad('20', 64, '0'), 'hex'), decode(repeat('c1', 3000), 'hex')]::bytea[])[1 + floor(random() * 10)];
	what float := random();
BEGIN
	IF what < 0.4 AND at < length(value) THEN
		RETURN set_byte(value, at, floor(random() * 256)::int);
	ELSIF what < 0.55 THEN
		RETURN substr(value, 1, at);
	ELSIF what < 0.7 THEN
		RETURN substr(value, 1, at) || piece || substr(value, at + 1);
	ELSIF what < 0.8 THEN
		RETURN substr(value, 1, at) || substr(value, at + 2);
	ELSIF what < 0.9 THEN
		RETURN substr(value, 1, word) || piece || substr(value, word + 33);
	ELSE
		RETURN value || piece;
	END IF;
END
$$;
CREATE FUNCTION hostile.spoil(value text, type regtype) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	list bytea[];
BEGIN
	CASE type::text
		WHEN 'bytea' THEN
			RETURN hostile.spoil_bytes(value::bytea);
		WHEN 'jsonb', 'json' THEN
			RETURN hostile.spoil_document(value::jsonb);
		WHEN 'numeric' THEN
			RETURN (ARRAY['NaN', 'Infinity', '-1', '0.5', '1e1000', '18446744073709551615', '1e77', '1e78'])[1 + floor(random() * 8)];
		WHEN 'bytea[]' THEN
			list := value::bytea[];
			IF random() < 0.3 THEN
				RETURN list[2:];
			ELSIF random() < 0.3 THEN
				RETURN list || list;
			END IF;
			list[1 + floor(random() * cardinality(list))] := CASE WHEN random() < 0.2 THEN NULL ELSE hostile.spoil_bytes(list[1]) END;
			RETURN list;
		ELSE
			RETURN hostile.spoil_text(value);
	END CASE;
END
$$;

-- One call, and how it ended. A call that took too long on a busy machine is made again.
CREATE FUNCTION hostile.call(function regprocedure, arguments text[], types oid[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	statement text;
	began timestamptz;
	result text;
	outcome hostile.outcome;
BEGIN
	SELECT format('SELECT %s(%s)', p.oid::regproc, (SELECT string_agg(format('%L::%s', a, format_type(t, NULL)), ', ' ORDER BY n)
			FROM unnest(arguments, types) WITH ORDINALITY AS u (a, t, n)))
		INTO statement FROM pg_proc p WHERE p.oid = function;
	outcome := (function, arguments, 'fine', NULL, NULL, length(array_to_string(arguments, '')), NULL);
	FOR attempt IN 1..5 LOOP
		began := clock_timestamp();
		BEGIN
			EXECUTE statement INTO result;
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS outcome.state = RETURNED_SQLSTATE, outcome.message = MESSAGE_TEXT, outcome.detail = PG_EXCEPTION_DETAIL;
		END;
		outcome.took := least(outcome.took, extract(epoch FROM clock_timestamp() - began) * 1000);
		EXIT WHEN outcome.took < 100 * greatest(1, outcome.size / 100000.0);
	END LOOP;
	INSERT INTO hostile.outcome SELECT outcome.*;
END
$$;
CREATE FUNCTION hostile.throw(cases int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	seed record;
	arguments text[];
	chosen int;
BEGIN
	FOR seed IN SELECT s.function, s.arguments, p.proargtypes::oid[] AS types FROM hostile.seed s JOIN pg_proc p ON p.oid = s.function LOOP
		PERFORM hostile.call(seed.function, seed.arguments, seed.types[0:cardinality(seed.arguments) - 1]);
		FOR i IN 1..cases / (SELECT count(*) FROM hostile.seed s WHERE s.function = seed.function) LOOP
			arguments := seed.arguments;
			FOR damage IN 1..1 + floor(random() * 2) LOOP
				chosen := 1 + floor(random() * cardinality(arguments));
				arguments[chosen] := hostile.spoil(arguments[chosen], seed.types[chosen - 1]);
			END LOOP;
			PERFORM hostile.call(seed.function, arguments, seed.types[0:cardinality(arguments) - 1]);
		END LOOP;
	END LOOP;
END
$$;
SELECT hostile.throw(:hostile_cases);

-- The unspoilt calls are right; spoilt ones were thrown at every function.
SELECT o.function, o.state, o.message, o.detail FROM hostile.seed s JOIN hostile.outcome o USING (function, arguments) WHERE o.state <> 'fine';
SELECT count(*) >= (SELECT count(DISTINCT function) FROM hostile.seed) * (:hostile_cases - 5) AS thrown FROM hostile.outcome;
-- Functions that refuse nothing: all bytes are good for them.
SELECT function FROM hostile.outcome GROUP BY function HAVING bool_and(state = 'fine') ORDER BY function::text;
-- No refusal but DL006, none without what and where.
SELECT function, state, message, detail, left(arguments::text, 300) AS arguments FROM hostile.outcome
	WHERE state <> 'fine' AND (state <> 'DL006' OR message !~ '^invalid .+: .+' OR detail !~ '^Found at .+\.$') LIMIT 20;
-- None slow.
SELECT function, took, size, left(arguments::text, 300) AS arguments FROM hostile.outcome WHERE took > 100 * greatest(1, size / 100000.0) LIMIT 20;
TRUNCATE hostile.outcome;

-- Large inputs, right and wrong, made to cost the most for their size.
CREATE FUNCTION hostile.large(function regprocedure, VARIADIC arguments text[]) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	PERFORM hostile.call(function, arguments, proargtypes::oid[]) FROM pg_proc WHERE oid = function;
	RETURN true;
END
$$;
SELECT bool_and(hostile.large(f::regprocedure, VARIADIC a)) FROM (VALUES
	('dalp.rlp_decode(bytea)', ARRAY['\x' || repeat('f9ffff', 100000)]),
	('dalp.rlp_decode(bytea)', ARRAY['\x' || repeat('c1', 300000) || 'c0']),
	('dalp.rlp_decode(bytea)', ARRAY[dalp.rlp_encode(('[' || repeat('"0x",', 100000) || '0]')::jsonb)::text]),
	('dalp.rlp_encode(jsonb)', ARRAY['[' || repeat('"0x",', 100000) || '0]']),
	('dalp.abi_encode(text,jsonb)', ARRAY['uint256[]', '[[' || repeat('1,', 60000) || '0]]']),
	('dalp.abi_encode(text,jsonb)', ARRAY['uint256', '["' || repeat('9', 1000000) || '"]']),
	('dalp.abi_encode(text,jsonb)', ARRAY['uint256', '[' || repeat('9', 100000) || ']']),
	('dalp.abi_encode(text,jsonb)', ARRAY[repeat('(', 60000), '[]']),
	('dalp.abi_encode(text,jsonb)', ARRAY['uint8' || repeat('[]', 30000), '[]']),
	('dalp.abi_encode(text,jsonb)', ARRAY[(SELECT '(' || string_agg('int n' || i, ',') || ')[]' FROM generate_series(1, 5000) AS i), (SELECT jsonb_build_array(jsonb_agg(o)) FROM (SELECT jsonb_object_agg('n' || i, i) AS o FROM generate_series(1, 5000) AS i) AS v, generate_series(1, 10))::text]),
	('dalp.abi_encode(text,jsonb)', ARRAY[(SELECT '(' || string_agg('int n' || i, ',') || ')' FROM generate_series(1, 5000) AS i), (SELECT jsonb_build_array(jsonb_object_agg('m' || i, i)) FROM generate_series(1, 5000) AS i)::text]),
	('dalp.abi_decode(text,bytea)', ARRAY['uint256[]', dalp.abi_encode('uint256[]', ('[[' || repeat('1,', 10000) || '0]]')::jsonb)::text]),
	('dalp.abi_decode(text,bytea)', ARRAY['bytes[]', '\x' || lpad('20', 64, '0') || lpad('0400', 64, '0') || repeat(lpad('8000', 64, '0'), 1024) || lpad('8000', 64, '0') || repeat('00', 32768)]),
	('dalp.abi_decode(text,bytea)', ARRAY['uint256' || repeat('[]', 10), '\x' || lpad('20', 64, '0') || repeat(lpad('0a', 64, '0') || repeat(lpad('0140', 64, '0'), 10), 100)]),
	('dalp.function_selector(text)', ARRAY['f(' || repeat('uint8,', 10900) || 'uint8)']),
	('dalp.function_selector(text)', ARRAY['{"type": "function", "name": "f", "inputs": [' || repeat('{"type": "uint8", "name": "a"},', 20000) || '{"type": "uint8"}]}']),
	('dalp.abi_decode_error(bytea,jsonb)', ARRAY['\x01020304', (SELECT jsonb_agg('error E' || i || '(uint8 a)') FROM generate_series(1, 10000) AS i)::text]),
	('dalp.transaction_encode_unsigned(jsonb)', ARRAY[jsonb_build_object('chainId', 1, 'input', '0x' || repeat('00', 500000))::text]),
	('dalp.transaction_encode_unsigned(jsonb)', ARRAY[(SELECT jsonb_build_object('chainId', 1, 'accessList', jsonb_agg(jsonb_build_object('address', :'address', 'storageKeys', '[]'::jsonb))) FROM generate_series(1, 5000))::text]),
	('dalp.transaction_decode(bytea)', ARRAY[(SELECT dalp.transaction_sign(jsonb_build_object('type', 4, 'chainId', 1, 'to', :'address', 'authorizationList', jsonb_agg(signed)), :'key') FROM (SELECT dalp.authorization_sign(:'tuple', :'key') AS signed) AS s, generate_series(1, 1000))::text]),
	('dalp.eip712_hash(json)', ARRAY[(SELECT json_build_object('types', json_build_object('A', json_agg(json_build_object('name', 'n' || i, 'type', 'uint8'))), 'primaryType', 'A', 'domain', '{}'::json, 'message', json_object_agg('n' || i, 1)) FROM generate_series(1, 5000) AS i)::text]),
	('dalp.eip712_hash(json)', ARRAY[(SELECT '{"types":{"A":[{"name":"x","type":"T1[]"}],' || string_agg(format('"T%s":[{"name":"x","type":"T%s[]"},{"name":"y","type":"T%s[]"}]', i, i + 1, i + 1), ',') || ',"T251":[{"name":"z","type":"bool"}]},"primaryType":"A","domain":{},"message":{"x":[' || repeat('{"x":[],"y":[]},', 5000) || '{"x":[],"y":[]}]}}' FROM generate_series(1, 250) AS i)]),
	('dalp.eip712_hash(json)', ARRAY['{"types":{"A":[{"name":"x","type":"A[]"}]},"primaryType":"A","domain":{},"message":' || repeat('{"x":[', 3000) || repeat(']}', 3000) || '}']),
	('dalp.eip712_hash(json)', ARRAY[repeat('[', 6000) || repeat(']', 6000)]),
	('dalp.eip712_hash(json)', ARRAY['{"types":{"A":[{"name":"x","type":"uint8"}]},"primaryType":"A","domain":{},"message":{"x":1e' || repeat('9', 100000) || '}}']),
	('dalp.eip712_hash(json)', ARRAY['{"types":{"A":[{"name":"x","type":"string"}]},"primaryType":"A","domain":{},"message":{"x":"\ud800"}}']),
	('dalp.eip712_hash(json)', ARRAY['{"types":{"A":[{"name":"x","type":"string"}]},"primaryType":"A","domain":{},"message":{"x":"a\u0000b","x":"c"}}']),
	('dalp.hd_derive(bytea,text)', ARRAY['\x' || repeat('01', 32), 'm' || repeat('/1''', 255)]),
	('dalp.hd_derive(bytea,text)', ARRAY['\x' || repeat('01', 32), 'm' || repeat('/1''', 100000)]),
	('dalp.mnemonic_to_seed(text,text)', ARRAY[repeat('é', 7000), repeat(U&'\0301', 7000)]),
	('dalp.mnemonic_to_seed(text,text)', ARRAY[repeat('a', 100000), ''])) AS v (f, a);
SELECT function, state, message, detail, left(arguments::text, 200) AS arguments FROM hostile.outcome WHERE state NOT IN ('fine', 'DL006') OR detail !~ '^Found at .+\.$';
SELECT function, round(took) AS ms, size, left(arguments::text, 200) AS arguments FROM hostile.outcome WHERE took > 100 * greatest(1, size / 100000.0);

DROP SCHEMA hostile CASCADE;
