/*
 * Pure functions of the EVM: no state, no clock, no worker.  Everybody may
 * call them, but for the two that take a private key.
 */

CREATE FUNCTION dalp.keccak256(data bytea) RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'dalp_keccak256';
COMMENT ON FUNCTION dalp.keccak256(bytea) IS 'Keccak-256 of bytes, as Ethereum uses it';

CREATE FUNCTION dalp.rlp_encode(value jsonb) RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'dalp_rlp_encode';
COMMENT ON FUNCTION dalp.rlp_encode(jsonb) IS 'RLP of 0x strings, non-negative numbers and arrays of them';

CREATE FUNCTION dalp.rlp_decode(data bytea) RETURNS jsonb
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'dalp_rlp_decode';
COMMENT ON FUNCTION dalp.rlp_decode(bytea) IS 'one canonical RLP item as 0x strings and arrays';

CREATE FUNCTION dalp.checksum_address(address bytea) RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'dalp_checksum_address';
COMMENT ON FUNCTION dalp.checksum_address(bytea) IS '20 bytes as an address with its checksum (EIP-55)';

CREATE FUNCTION dalp.create_address(sender dalp.address, nonce numeric) RETURNS dalp.address
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'dalp_create_address';
COMMENT ON FUNCTION dalp.create_address(dalp.address, numeric) IS 'where a contract that this sender creates with this nonce lands';

CREATE FUNCTION dalp.create2_address(deployer dalp.address, salt bytea, init_code_hash bytea) RETURNS dalp.address
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'dalp_create2_address';
COMMENT ON FUNCTION dalp.create2_address(dalp.address, bytea, bytea) IS 'where CREATE2 lands (EIP-1014); salt and hash of the init code are 32 bytes';

CREATE FUNCTION dalp.delegated_address(code bytea) RETURNS dalp.address
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'dalp_delegated_address';
COMMENT ON FUNCTION dalp.delegated_address(bytea) IS 'whom an account with this code delegates to (EIP-7702); null if it doesn''t';

CREATE FUNCTION dalp.abi_encode(types text, args jsonb) RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'dalp_abi_encode';
COMMENT ON FUNCTION dalp.abi_encode(text, jsonb) IS 'ABI encoding of values, an array with one for each type';

CREATE FUNCTION dalp.abi_decode(types text, data bytea) RETURNS jsonb
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'dalp_abi_decode';
COMMENT ON FUNCTION dalp.abi_decode(text, bytea) IS 'values of ABI-encoded data, strictly';

CREATE FUNCTION dalp.abi_encode_call(function text, args jsonb) RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'dalp_abi_encode_call';
COMMENT ON FUNCTION dalp.abi_encode_call(text, jsonb) IS 'call data: selector and arguments of a function such as transfer(address,uint256)';

CREATE FUNCTION dalp.abi_decode_call(function text, data bytea) RETURNS jsonb
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'dalp_abi_decode_call';
COMMENT ON FUNCTION dalp.abi_decode_call(text, bytea) IS 'arguments of call data, whose selector must be the function''s';

CREATE FUNCTION dalp.abi_encode_constructor(bytecode bytea, constructor text, args jsonb) RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'dalp_abi_encode_constructor';
COMMENT ON FUNCTION dalp.abi_encode_constructor(bytea, text, jsonb) IS 'what a deployment sends: bytecode and the constructor''s arguments';

CREATE FUNCTION dalp.abi_decode_event(event text, topics bytea[], data bytea) RETURNS jsonb
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'dalp_abi_decode_event';
COMMENT ON FUNCTION dalp.abi_decode_event(text, bytea[], bytea) IS 'parameters of a log by name; a foreign topic 0 is refused';

CREATE FUNCTION dalp.abi_decode_error(data bytea, abi jsonb DEFAULT NULL) RETURNS jsonb
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'dalp_abi_decode_error';
COMMENT ON FUNCTION dalp.abi_decode_error(bytea, jsonb) IS 'what a revert''s return data says, in words; custom errors by the contract''s ABI';

CREATE FUNCTION dalp.function_selector(function text) RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'dalp_function_selector';
COMMENT ON FUNCTION dalp.function_selector(text) IS 'first 4 bytes of the hash of a function''s canonical signature';

CREATE FUNCTION dalp.event_topic(event text) RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'dalp_event_topic';
COMMENT ON FUNCTION dalp.event_topic(text) IS 'hash of an event''s canonical signature, topic 0 of its logs';

CREATE FUNCTION dalp.eip191_hash(message bytea) RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'dalp_eip191_hash';
COMMENT ON FUNCTION dalp.eip191_hash(bytea) IS 'hash of a personal message (EIP-191, version 0x45)';

CREATE FUNCTION dalp.eip191_validator_hash(validator dalp.address, data bytea) RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'dalp_eip191_validator_hash';
COMMENT ON FUNCTION dalp.eip191_validator_hash(dalp.address, bytea) IS 'hash of data for a validator (EIP-191, version 0x00)';

CREATE FUNCTION dalp.eip712_hash(typed_data json) RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'dalp_eip712_hash';
COMMENT ON FUNCTION dalp.eip712_hash(json) IS 'hash of typed data: {types, primaryType, domain, message} (EIP-712)';

CREATE FUNCTION dalp.eip712_encode_type(typed_data json, type text) RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'dalp_eip712_encode_type';
COMMENT ON FUNCTION dalp.eip712_encode_type(json, text) IS 'a type of typed data and those that it refers to, as contracts hash it (EIP-712, encodeType)';

CREATE FUNCTION dalp.public_key_address(public_key bytea) RETURNS dalp.address
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'dalp_public_key_address';
COMMENT ON FUNCTION dalp.public_key_address(bytea) IS 'address of a public key of 33 or 65 bytes';

CREATE FUNCTION dalp.ecrecover(hash bytea, signature bytea) RETURNS dalp.address
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100
AS 'MODULE_PATHNAME', 'dalp_ecrecover';
COMMENT ON FUNCTION dalp.ecrecover(bytea, bytea) IS 'who signed a hash; as the precompile does, with a high s too';

CREATE FUNCTION dalp.verify_message(signer dalp.address, message bytea, signature bytea) RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100
AS 'MODULE_PATHNAME', 'dalp_verify_message';
COMMENT ON FUNCTION dalp.verify_message(dalp.address, bytea, bytea) IS 'the signature of a personal message is by this address; low s only';

CREATE FUNCTION dalp.verify_typed_data(signer dalp.address, typed_data json, signature bytea) RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100
AS 'MODULE_PATHNAME', 'dalp_verify_typed_data';
COMMENT ON FUNCTION dalp.verify_typed_data(dalp.address, json, bytea) IS 'the signature of typed data is by this address; low s only';

CREATE FUNCTION dalp.signature_compact(signature bytea) RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'dalp_signature_compact';
COMMENT ON FUNCTION dalp.signature_compact(bytea) IS '65 bytes of a signature to 64 (EIP-2098)';

CREATE FUNCTION dalp.signature_expand(signature bytea) RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'dalp_signature_expand';
COMMENT ON FUNCTION dalp.signature_expand(bytea) IS '64 bytes of a compact signature (EIP-2098) to 65';

CREATE FUNCTION dalp.eip1271_call(hash bytea, signature bytea) RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'dalp_eip1271_call';
COMMENT ON FUNCTION dalp.eip1271_call(bytea, bytea) IS 'call data that asks a contract whether a signature is its own (EIP-1271)';

CREATE FUNCTION dalp.eip1271_valid(result bytea) RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'dalp_eip1271_valid';
COMMENT ON FUNCTION dalp.eip1271_valid(bytea) IS 'what that call returned says yes';

CREATE FUNCTION dalp.transaction_encode_unsigned(transaction jsonb) RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'dalp_transaction_encode_unsigned';
COMMENT ON FUNCTION dalp.transaction_encode_unsigned(jsonb) IS 'the bytes whose hash is signed';

CREATE FUNCTION dalp.transaction_decode(raw bytea) RETURNS jsonb
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100
AS 'MODULE_PATHNAME', 'dalp_transaction_decode';
COMMENT ON FUNCTION dalp.transaction_decode(bytea) IS 'fields, hash and sender of signed raw bytes, strictly';

CREATE FUNCTION dalp.transaction_decode_blob(raw bytea) RETURNS jsonb
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100
AS 'MODULE_PATHNAME', 'dalp_transaction_decode_blob';
COMMENT ON FUNCTION dalp.transaction_decode_blob(bytea) IS 'the same of a blob transaction (EIP-4844) without its sidecars, which dalp.transaction_decode refuses because dalp never sends one';

CREATE FUNCTION dalp.transaction_hash(raw bytea) RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'dalp_transaction_hash';
COMMENT ON FUNCTION dalp.transaction_hash(bytea) IS 'hash of signed raw bytes; of blob transactions too, without their sidecars';

CREATE FUNCTION dalp.transaction_check(raw bytea, chain_id numeric) RETURNS jsonb
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100
AS 'MODULE_PATHNAME', 'dalp_transaction_check';
COMMENT ON FUNCTION dalp.transaction_check(bytea, numeric) IS 'whether dalp would sign and send these bytes on that chain, and why not';

CREATE FUNCTION dalp.authorization_hash(auth jsonb) RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'dalp_authorization_hash';
COMMENT ON FUNCTION dalp.authorization_hash(jsonb) IS 'what the authority of a delegation signs (EIP-7702): {chainId, address, nonce}';

CREATE FUNCTION dalp.transaction_sign(transaction jsonb, private_key bytea) RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100
AS 'MODULE_PATHNAME', 'dalp_transaction_sign';
COMMENT ON FUNCTION dalp.transaction_sign(jsonb, bytea) IS 'raw bytes to send, signed with a key in the open: for test vectors, superuser only';

CREATE FUNCTION dalp.authorization_sign(auth jsonb, private_key bytea) RETURNS jsonb
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100
AS 'MODULE_PATHNAME', 'dalp_authorization_sign';
COMMENT ON FUNCTION dalp.authorization_sign(jsonb, bytea) IS 'a delegation (EIP-7702) signed with a key in the open: for test vectors, superuser only';

REVOKE ALL ON FUNCTION dalp.transaction_sign(jsonb, bytea) FROM PUBLIC;
REVOKE ALL ON FUNCTION dalp.authorization_sign(jsonb, bytea) FROM PUBLIC;
