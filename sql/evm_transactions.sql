-- Guards: transactions are signed and read exactly as the chain does; only
-- canonical bytes are read; what dalp would refuse to send is said beforehand.
SET search_path TO dalp, public;
\set key '''\\x4646464646464646464646464646464646464646464646464646464646464646'''

-- the example of EIP-155
\set eip155 '{"nonce": 9, "gasPrice": "20000000000", "gas": "0x5208", "to": "0x3535353535353535353535353535353535353535", "value": 1000000000000000000, "chainId": 1}'
SELECT transaction_encode_unsigned(:'eip155');
SELECT keccak256(transaction_encode_unsigned(:'eip155'));
SELECT transaction_sign(:'eip155', :key) AS raw \gset
SELECT :'raw';
SELECT jsonb_pretty(transaction_decode(:'raw'));
SELECT transaction_hash(:'raw');

-- every type comes back, and is signed again to the same bytes
CREATE TEMPORARY TABLE samples (name text, transaction jsonb);
INSERT INTO samples VALUES
	('before EIP-155', '{"nonce": 1}'),
	('largest values', '{"type": 2, "chainId": "115792089237316195423570985008687907853269984665640564039457584007913129639935", "nonce": 18446744073709551614, "gas": "18446744073709551615", "value": "0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"}'),
	('large chain id', '{"chainId": 9007199254740993, "gasPrice": 1}'),
	('access list', '{"chainId": 1, "accessList": [{"address": "0x3535353535353535353535353535353535353535", "storageKeys": ["0x0000000000000000000000000000000000000000000000000000000000000001"]}, {"address": "0x3535353535353535353535353535353535353535"}]}'),
	('fees', '{"chainId": 1, "maxFeePerGas": 2, "maxPriorityFeePerGas": 1, "data": "0xABCD"}'),
	('blobs', '{"chainId": 1, "to": "0x3535353535353535353535353535353535353535", "maxFeePerBlobGas": 3, "blobVersionedHashes": ["0x01000000000000000000000000000000000000000000000000000000000000aa", "0x01000000000000000000000000000000000000000000000000000000000000bb"]}'),
	('delegation', '{"chainId": 1, "to": "0x3535353535353535353535353535353535353535", "authorizationList": [{"chainId": 0, "address": "0x3535353535353535353535353535353535353535", "nonce": 1, "yParity": 1, "r": "0x01", "s": 2}]}');
SELECT name, decoded->>'type' AS type, decoded->>'chainId' AS chain_id, decoded->>'from' AS sender,
	transaction_sign(decoded, :key) = raw AS same, transaction_hash(raw) = keccak256(raw) AS hashed
FROM samples, LATERAL transaction_sign(transaction, :key) AS raw,
	LATERAL (SELECT CASE name WHEN 'blobs' THEN transaction_decode_blob(raw) ELSE transaction_decode(raw) END) AS reading (decoded);
SELECT transaction_decode_blob(transaction_sign(transaction, :key)) - '{r,s,from,yParity}'::text[] FROM samples WHERE name = 'blobs';
SELECT transaction_decode(transaction_sign(transaction, :key)) - '{r,s,hash,from,yParity}'::text[] FROM samples WHERE name IN ('access list', 'delegation');

-- refused, and why
SELECT transaction_encode_unsigned('{"type": 2}');
SELECT transaction_encode_unsigned('{"type": 5, "chainId": 1}');
SELECT transaction_encode_unsigned('{"chainId": 0}');
SELECT transaction_encode_unsigned('{"nonce": 18446744073709551615}');
SELECT transaction_encode_unsigned('{"nonce": 1.5}');
SELECT transaction_encode_unsigned('{"gas": 1, "gasLimit": 2}');
SELECT transaction_encode_unsigned('{"type": 0, "maxFeePerGas": 1}');
SELECT transaction_encode_unsigned('{"type": 2, "chainId": 1, "gasPrice": 1}');
SELECT transaction_encode_unsigned('{"gasprice": 1}');
SELECT transaction_encode_unsigned('{"to": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD"}');
SELECT transaction_encode_unsigned('{"chainId": 1, "accessList": [{"address": "0x3535353535353535353535353535353535353535", "storageKeys": ["0x01"]}]}');
SELECT transaction_encode_unsigned('{"type": 4, "chainId": 1, "to": "0x3535353535353535353535353535353535353535"}');
SELECT transaction_encode_unsigned('[]');
SELECT transaction_sign('{}', '\x00');
SELECT transaction_sign('{}', decode(repeat('00', 32), 'hex'));
SELECT transaction_sign('{}', decode(repeat('ff', 32), 'hex'));

-- bytes that another node might let pass
SELECT transaction_decode('');
SELECT transaction_decode('\x03c0');
SELECT transaction_decode('\x00c0');
SELECT transaction_decode(:'raw' || '\x00'::bytea);
SELECT transaction_decode(substr(:'raw'::bytea, 1, 100));
-- a nonce with a leading zero, a high s, v of chain id 0, r of 0
SELECT transaction_decode(rlp_encode(jsonb_set(rlp_decode(:'raw'), '{0}', '"0x0009"')));
SELECT transaction_decode(rlp_encode(jsonb_set(rlp_decode(:'raw'), '{8}', '"0x98341626668019e5134fcfb4cc3d088ff8597f4ac2bb402f6f8fe346c2e20cbe"')));
SELECT transaction_decode(rlp_encode(jsonb_set(rlp_decode(:'raw'), '{6}', '"0x23"')));
SELECT transaction_decode(rlp_encode(jsonb_set(rlp_decode(:'raw'), '{6}', '"0x1d"')));
SELECT transaction_decode(rlp_encode(jsonb_set(rlp_decode(:'raw'), '{7}', '"0x"')));
SELECT transaction_decode(rlp_encode(rlp_decode(:'raw') || '["0x"]'));

-- blob transactions: dalp sends none, so that reading one is a function of its own
SELECT transaction_sign(transaction, :key) AS blobs FROM samples WHERE name = 'blobs' \gset
SELECT transaction_decode(:'blobs');
SELECT transaction_decode_blob(:'raw');
SELECT transaction_decode_blob('');
SELECT transaction_decode_blob('\x03c0');
SELECT transaction_check(:'blobs', 1);
-- with sidecars (EIP-4844, "Networking"): the same hash, and not decoded
SELECT '\x03'::bytea || rlp_encode(jsonb_build_array(rlp_decode(substr(:'blobs'::bytea, 2)), '["0x00"]'::jsonb, '["0x01"]'::jsonb, '["0x02"]'::jsonb)) AS network \gset
SELECT transaction_hash(:'network') = transaction_hash(:'blobs') AS same_hash, transaction_hash(:'blobs') = keccak256(:'blobs') AS hashed;
SELECT transaction_decode_blob(:'network');
-- no contract creation, at least one hash, each of the one known version, members of this type only
CREATE FUNCTION pg_temp.blobs(members jsonb) RETURNS bytea LANGUAGE sql AS
$$ SELECT dalp.transaction_encode_unsigned(jsonb_strip_nulls('{"chainId": 1, "to": "0x3535353535353535353535353535353535353535", "maxFeePerBlobGas": 3, "blobVersionedHashes": ["0x01000000000000000000000000000000000000000000000000000000000000aa"]}' || members)) $$;
SELECT pg_temp.blobs('{"maxFeePerBlobGas": "115792089237316195423570985008687907853269984665640564039457584007913129639935"}') IS NOT NULL AS largest, pg_temp.blobs('{"type": 3, "maxFeePerBlobGas": null}') IS NOT NULL AS none;
SELECT pg_temp.blobs('{"to": null}');
SELECT pg_temp.blobs('{"blobVersionedHashes": []}');
SELECT pg_temp.blobs('{"blobVersionedHashes": null}');
SELECT pg_temp.blobs('{"blobVersionedHashes": "0x01"}');
SELECT pg_temp.blobs('{"blobVersionedHashes": ["0x01000000000000000000000000000000000000000000000000000000000000aa", "0x02000000000000000000000000000000000000000000000000000000000000aa"]}');
SELECT pg_temp.blobs('{"blobVersionedHashes": ["0x01"]}');
SELECT pg_temp.blobs('{"blobVersionedHashes": [1]}');
SELECT pg_temp.blobs('{"maxFeePerBlobGas": -1}');
SELECT pg_temp.blobs('{"maxFeePerBlobGas": "115792089237316195423570985008687907853269984665640564039457584007913129639936"}');
SELECT pg_temp.blobs('{"gasPrice": 1}');
SELECT pg_temp.blobs('{"type": 2}');
SELECT pg_temp.blobs('{"chainId": null}');
-- and in bytes: a hash of another version, none, no recipient
SELECT transaction_decode_blob('\x03'::bytea || rlp_encode(jsonb_set(rlp_decode(substr(:'blobs'::bytea, 2)), '{10,1}', '"0x00000000000000000000000000000000000000000000000000000000000000bb"')));
SELECT transaction_hash('\x03'::bytea || rlp_encode(jsonb_set(rlp_decode(substr(:'blobs'::bytea, 2)), '{10}', '[]')));
SELECT transaction_decode_blob('\x03'::bytea || rlp_encode(jsonb_set(rlp_decode(substr(:'blobs'::bytea, 2)), '{10,0}', '"0x01"')));
SELECT transaction_decode_blob('\x03'::bytea || rlp_encode(jsonb_set(rlp_decode(substr(:'blobs'::bytea, 2)), '{5}', '"0x"')));
SELECT transaction_decode_blob('\x03'::bytea || rlp_encode(jsonb_set(rlp_decode(substr(:'blobs'::bytea, 2)), '{9}', '"0x0003"')));

-- strict checks before anything is sent
CREATE FUNCTION pg_temp.check_of(transaction jsonb, chain numeric DEFAULT 1) RETURNS jsonb LANGUAGE sql AS
$$ SELECT dalp.transaction_check(dalp.transaction_sign(transaction, decode(repeat('46', 32), 'hex')), chain) $$;
SELECT pg_temp.check_of(:'eip155');
SELECT pg_temp.check_of(:'eip155', 2)->>'reason', pg_temp.check_of('{"gas": 21000, "to": "0x3535353535353535353535353535353535353535"}')->>'reason';
SELECT pg_temp.check_of('{"chainId": 1, "gas": 20999, "to": "0x3535353535353535353535353535353535353535"}');
SELECT pg_temp.check_of('{"chainId": 1, "gas": 53000}');
SELECT pg_temp.check_of(jsonb_build_object('chainId', 1, 'gas', 37000, 'to', '0x3535353535353535353535353535353535353535', 'data', '0x' || repeat('01', 1000)));
SELECT pg_temp.check_of(jsonb_build_object('chainId', 1, 'gas', 60999, 'to', '0x3535353535353535353535353535353535353535', 'data', '0x' || repeat('01', 1000)))->>'reason';
SELECT pg_temp.check_of(jsonb_build_object('chainId', 1, 'gas', 61000, 'to', '0x3535353535353535353535353535353535353535', 'data', '0x' || repeat('01', 1000)))->>'valid';
SELECT pg_temp.check_of('{"chainId": 1, "gas": 16777217, "to": "0x3535353535353535353535353535353535353535"}')->>'reason';
SELECT pg_temp.check_of('{"chainId": 1, "gas": 21000, "to": "0x3535353535353535353535353535353535353535", "maxFeePerGas": 1, "maxPriorityFeePerGas": 2}')->>'reason';
SELECT pg_temp.check_of('{"chainId": 1, "gas": 21000, "to": "0x3535353535353535353535353535353535353535", "gasPrice": 1, "value": "0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"}')->>'reason';
SELECT pg_temp.check_of(jsonb_build_object('chainId', 1, 'gas', 16000000, 'data', '0x' || repeat('00', 49153)))->>'reason';
SELECT pg_temp.check_of(jsonb_build_object('chainId', 1, 'gas', 16000000, 'to', '0x3535353535353535353535353535353535353535', 'data', '0x' || repeat('00', 131072)))->>'reason';
SELECT transaction_check('\x00', 1);
SELECT transaction_check(:'raw', -1);

-- what the authority of a delegation signs
SELECT authorization_hash('{"chainId": 1, "address": "0x3535353535353535353535353535353535353535", "nonce": 7}')
	= keccak256('\x05' || rlp_encode('[1, "0x3535353535353535353535353535353535353535", 7]'));
SELECT authorization_hash('{"chainId": 1, "address": "0x3535353535353535353535353535353535353535"}');
SELECT authorization_hash('{"chainId": 1, "address": "0x35", "nonce": 7}');
SELECT authorization_hash('{"chainId": 1, "address": "0x3535353535353535353535353535353535353535", "nonce": 7, "foo": 1}');

-- who signed a delegation can be recovered from it
SELECT ecrecover(authorization_hash(auth), decode(substr(signed->>'r', 3) || substr(signed->>'s', 3) || lpad(signed->>'yParity', 2, '0'), 'hex')) AS authority,
	transaction_decode(transaction_sign(jsonb_build_object('chainId', 1, 'to', auth->'address', 'authorizationList', jsonb_build_array(signed)), :key))->'authorizationList'->0 = signed AS same
FROM (SELECT '{"chainId": 1, "address": "0x3535353535353535353535353535353535353535", "nonce": 7}'::jsonb AS auth) AS given,
	LATERAL authorization_sign(auth, :key) AS signed;

-- only superusers give keys in the open
CREATE ROLE dalp_regress_nobody;
SET ROLE dalp_regress_nobody;
SELECT dalp.keccak256('') IS NOT NULL AS open_to_everybody;
SELECT dalp.transaction_sign('{}', decode(repeat('46', 32), 'hex'));
RESET ROLE;
GRANT EXECUTE ON FUNCTION dalp.transaction_sign(jsonb, bytea) TO dalp_regress_nobody;
SET ROLE dalp_regress_nobody;
SELECT dalp.transaction_sign('{}', decode(repeat('46', 32), 'hex'));
SELECT dalp.authorization_sign('{}', decode(repeat('46', 32), 'hex'));
RESET ROLE;
DROP OWNED BY dalp_regress_nobody;
DROP ROLE dalp_regress_nobody;
