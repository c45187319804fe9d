-- compare.sql
-- Puts the cases of cases.mjs, in the table "cases", to the functions of dalp.
-- One row a kind: how many there were, how many came out differently, and the
-- first of those.
SET search_path TO dalp, public;

CREATE FUNCTION pg_temp.hex(text) RETURNS bytea LANGUAGE sql IMMUTABLE AS
$$ SELECT decode(substr($1, 3), 'hex') $$;
CREATE FUNCTION pg_temp.hex(bytea) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT '0x' || encode($1, 'hex') $$;

CREATE TEMPORARY TABLE results AS
SELECT number, kind, a, b, c, want, CASE kind
	WHEN 'abi_encode' THEN pg_temp.hex(abi_encode(a, b::jsonb)) = want
	WHEN 'abi_decode' THEN abi_decode(a, pg_temp.hex(b)) = want::jsonb
	WHEN 'selector' THEN pg_temp.hex(function_selector(a)) = want
	WHEN 'call' THEN pg_temp.hex(abi_encode_call(a, b::jsonb)) = want
	WHEN 'event' THEN abi_decode_event(a, b::bytea[], pg_temp.hex(c)) = want::jsonb
	WHEN 'authorization' THEN pg_temp.hex(authorization_hash(a::jsonb)) = want
	WHEN 'transaction_unsigned' THEN pg_temp.hex(transaction_encode_unsigned(a::jsonb)) = want
	WHEN 'transaction_sign' THEN pg_temp.hex(transaction_sign(a::jsonb, pg_temp.hex(b))) = want
	WHEN 'transaction_hash' THEN pg_temp.hex(transaction_hash(pg_temp.hex(a))) = want
	WHEN 'transaction_decode' THEN
		transaction_decode(pg_temp.hex(a)) ->> 'hash' = b
		AND transaction_decode(pg_temp.hex(a)) ->> 'from' = c
		-- what was decoded means what was encoded
		AND transaction_encode_unsigned(transaction_decode(pg_temp.hex(a))) = transaction_encode_unsigned(want::jsonb)
	WHEN 'blob_decode' THEN
		transaction_decode_blob(pg_temp.hex(a)) ->> 'hash' = b
		AND transaction_decode_blob(pg_temp.hex(a)) ->> 'from' = c
		AND transaction_encode_unsigned(transaction_decode_blob(pg_temp.hex(a))) = transaction_encode_unsigned(want::jsonb)
	WHEN 'message_hash' THEN pg_temp.hex(eip191_hash(pg_temp.hex(a))) = want
	WHEN 'message_verify' THEN verify_message(a::address, pg_temp.hex(b), pg_temp.hex(c)) = want::boolean
	WHEN 'ecrecover' THEN ecrecover(pg_temp.hex(a), pg_temp.hex(b))::text = want
	WHEN 'compact' THEN pg_temp.hex(signature_compact(pg_temp.hex(a))) = want
		AND signature_expand(signature_compact(pg_temp.hex(a))) = pg_temp.hex(a)
	WHEN 'typed_data' THEN pg_temp.hex(eip712_hash(a::json)) = want
	WHEN 'keccak256' THEN pg_temp.hex(keccak256(pg_temp.hex(a))) = want
	WHEN 'checksum' THEN checksum_address(pg_temp.hex(a)) = want
	WHEN 'create' THEN create_address(a::address, b::numeric)::text = want
	WHEN 'create2' THEN create2_address(a::address, pg_temp.hex(b), pg_temp.hex(c))::text = want
	WHEN 'rlp_encode' THEN pg_temp.hex(rlp_encode(a::jsonb)) = want
	WHEN 'rlp_decode' THEN rlp_decode(pg_temp.hex(a)) = want::jsonb
END AS same
FROM cases;

SELECT kind, count(*), count(*) FILTER (WHERE same IS NOT TRUE),
	left(coalesce((array_agg(a || ' | ' || b || ' | ' || c || ' | ' || want ORDER BY number) FILTER (WHERE same IS NOT TRUE))[1], ''), 2000)
FROM results GROUP BY kind ORDER BY kind;
