/*
 * dalp.address: an account's address, 20 bytes, in text with the checksum of EIP-55.
 */
CREATE TYPE dalp.address;

CREATE FUNCTION dalp.address_in(cstring) RETURNS dalp.address
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'dalp_address_in';
CREATE FUNCTION dalp.address_out(dalp.address) RETURNS cstring
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'dalp_address_out';
CREATE FUNCTION dalp.address_recv(internal) RETURNS dalp.address
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'dalp_address_recv';
CREATE FUNCTION dalp.address_send(dalp.address) RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'dalp_address_send';

CREATE TYPE dalp.address (
	INPUT = dalp.address_in,
	OUTPUT = dalp.address_out,
	RECEIVE = dalp.address_recv,
	SEND = dalp.address_send,
	INTERNALLENGTH = 20,
	ALIGNMENT = char,
	STORAGE = plain
);
COMMENT ON TYPE dalp.address IS 'an account''s address: 20 bytes, in text with the checksum of EIP-55';
COMMENT ON FUNCTION dalp.address_in(cstring) IS 'address from text: all letters of one case, or mixed with the right checksum';
COMMENT ON FUNCTION dalp.address_out(dalp.address) IS 'address to text with its checksum';
COMMENT ON FUNCTION dalp.address_recv(internal) IS 'address from its 20 bytes';
COMMENT ON FUNCTION dalp.address_send(dalp.address) IS 'address to its 20 bytes';

CREATE FUNCTION dalp.address_from_bytea(bytea) RETURNS dalp.address
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'dalp_address_from_bytea';
COMMENT ON FUNCTION dalp.address_from_bytea(bytea) IS 'address from exactly 20 bytes';
CREATE FUNCTION dalp.address_to_bytea(dalp.address) RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'dalp_address_to_bytea';
COMMENT ON FUNCTION dalp.address_to_bytea(dalp.address) IS 'the 20 bytes of an address';

CREATE CAST (bytea AS dalp.address) WITH FUNCTION dalp.address_from_bytea(bytea) AS ASSIGNMENT;
CREATE CAST (dalp.address AS bytea) WITH FUNCTION dalp.address_to_bytea(dalp.address) AS ASSIGNMENT;
CREATE CAST (text AS dalp.address) WITH INOUT AS ASSIGNMENT;
CREATE CAST (dalp.address AS text) WITH INOUT AS ASSIGNMENT;

CREATE FUNCTION dalp.address_eq(dalp.address, dalp.address) RETURNS boolean
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE AS 'MODULE_PATHNAME', 'dalp_address_eq';
CREATE FUNCTION dalp.address_ne(dalp.address, dalp.address) RETURNS boolean
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE AS 'MODULE_PATHNAME', 'dalp_address_ne';
CREATE FUNCTION dalp.address_lt(dalp.address, dalp.address) RETURNS boolean
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE AS 'MODULE_PATHNAME', 'dalp_address_lt';
CREATE FUNCTION dalp.address_le(dalp.address, dalp.address) RETURNS boolean
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE AS 'MODULE_PATHNAME', 'dalp_address_le';
CREATE FUNCTION dalp.address_gt(dalp.address, dalp.address) RETURNS boolean
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE AS 'MODULE_PATHNAME', 'dalp_address_gt';
CREATE FUNCTION dalp.address_ge(dalp.address, dalp.address) RETURNS boolean
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE AS 'MODULE_PATHNAME', 'dalp_address_ge';
CREATE FUNCTION dalp.address_cmp(dalp.address, dalp.address) RETURNS int
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE AS 'MODULE_PATHNAME', 'dalp_address_cmp';
CREATE FUNCTION dalp.address_hash(dalp.address) RETURNS int
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE AS 'MODULE_PATHNAME', 'dalp_address_hash';
CREATE FUNCTION dalp.address_hash_extended(dalp.address, bigint) RETURNS bigint
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE AS 'MODULE_PATHNAME', 'dalp_address_hash_extended';
COMMENT ON FUNCTION dalp.address_eq(dalp.address, dalp.address) IS 'implementation of = operator';
COMMENT ON FUNCTION dalp.address_ne(dalp.address, dalp.address) IS 'implementation of <> operator';
COMMENT ON FUNCTION dalp.address_lt(dalp.address, dalp.address) IS 'implementation of < operator';
COMMENT ON FUNCTION dalp.address_le(dalp.address, dalp.address) IS 'implementation of <= operator';
COMMENT ON FUNCTION dalp.address_gt(dalp.address, dalp.address) IS 'implementation of > operator';
COMMENT ON FUNCTION dalp.address_ge(dalp.address, dalp.address) IS 'implementation of >= operator';
COMMENT ON FUNCTION dalp.address_cmp(dalp.address, dalp.address) IS 'less-equal-greater of two addresses';
COMMENT ON FUNCTION dalp.address_hash(dalp.address) IS 'hash of an address';
COMMENT ON FUNCTION dalp.address_hash_extended(dalp.address, bigint) IS 'seeded hash of an address';

CREATE OPERATOR dalp.= (
	LEFTARG = dalp.address, RIGHTARG = dalp.address, FUNCTION = dalp.address_eq,
	COMMUTATOR = OPERATOR(dalp.=), NEGATOR = OPERATOR(dalp.<>),
	RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES
);
CREATE OPERATOR dalp.<> (
	LEFTARG = dalp.address, RIGHTARG = dalp.address, FUNCTION = dalp.address_ne,
	COMMUTATOR = OPERATOR(dalp.<>), NEGATOR = OPERATOR(dalp.=),
	RESTRICT = neqsel, JOIN = neqjoinsel
);
CREATE OPERATOR dalp.< (
	LEFTARG = dalp.address, RIGHTARG = dalp.address, FUNCTION = dalp.address_lt,
	COMMUTATOR = OPERATOR(dalp.>), NEGATOR = OPERATOR(dalp.>=),
	RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
CREATE OPERATOR dalp.<= (
	LEFTARG = dalp.address, RIGHTARG = dalp.address, FUNCTION = dalp.address_le,
	COMMUTATOR = OPERATOR(dalp.>=), NEGATOR = OPERATOR(dalp.>),
	RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
CREATE OPERATOR dalp.> (
	LEFTARG = dalp.address, RIGHTARG = dalp.address, FUNCTION = dalp.address_gt,
	COMMUTATOR = OPERATOR(dalp.<), NEGATOR = OPERATOR(dalp.<=),
	RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
CREATE OPERATOR dalp.>= (
	LEFTARG = dalp.address, RIGHTARG = dalp.address, FUNCTION = dalp.address_ge,
	COMMUTATOR = OPERATOR(dalp.<=), NEGATOR = OPERATOR(dalp.<),
	RESTRICT = scalargesel, JOIN = scalargejoinsel
);

CREATE OPERATOR CLASS dalp.address_ops DEFAULT FOR TYPE dalp.address USING btree AS
	OPERATOR 1 dalp.<, OPERATOR 2 dalp.<=, OPERATOR 3 dalp.=, OPERATOR 4 dalp.>=, OPERATOR 5 dalp.>,
	FUNCTION 1 dalp.address_cmp(dalp.address, dalp.address);

CREATE OPERATOR CLASS dalp.address_ops DEFAULT FOR TYPE dalp.address USING hash AS
	OPERATOR 1 dalp.=,
	FUNCTION 1 dalp.address_hash(dalp.address),
	FUNCTION 2 dalp.address_hash_extended(dalp.address, bigint);
