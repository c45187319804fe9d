-- Guards: dalp.address takes only what EIP-55 allows, keeps 20 bytes exactly,
-- and has the order, indexes and casts of a type that tables are keyed by.
SET search_path TO dalp, public;

-- text: one case, or the right checksum
SELECT '0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed'::address,
	'0x5AAEB6053F3E94C9B9A09F33669435E7EF1BEAED'::address,
	'0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed'::address;
SELECT '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD'::address;
SELECT '5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed'::address;
SELECT '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeA'::address;
SELECT '0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaeg'::address;
SELECT ' 0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed'::address;
SELECT ''::address;

-- its errors are DL006
DO $$
BEGIN
	PERFORM dalp.address_in('0x');
EXCEPTION WHEN SQLSTATE 'DL006' THEN
	RAISE NOTICE 'DL006: %', SQLERRM;
END $$;

-- bytes
SELECT '\x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed'::bytea::address;
SELECT '0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed'::address::bytea;
SELECT '\x5aaeb6053f3e94c9b9a09f33669435e7ef1bea'::bytea::address;
SELECT '0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed'::address::text;
SELECT address_send('0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed');
SELECT pg_column_size('0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed'::address);

-- order, indexes, hash joins
CREATE TABLE holders (account address PRIMARY KEY, balance numeric);
INSERT INTO holders SELECT substr(keccak256(int4send(i)), 1, 20)::address, i FROM generate_series(1, 1000) AS i;
INSERT INTO holders SELECT account, 0 FROM holders LIMIT 1;
ANALYZE holders;
SELECT bool_and(account > previous) FROM (SELECT account, lag(account) OVER (ORDER BY account) AS previous FROM holders) AS ordered
WHERE previous IS NOT NULL;
SELECT bool_and(account::bytea > previous::bytea) FROM (SELECT account, lag(account) OVER (ORDER BY account) AS previous FROM holders) AS ordered
WHERE previous IS NOT NULL;
SELECT count(DISTINCT account), count(*) FILTER (WHERE account <> account), count(*) FILTER (WHERE account >= account AND account <= account) FROM holders;
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT balance FROM holders WHERE account = '0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed';
SELECT balance FROM holders WHERE account = substr(keccak256(int4send(77)), 1, 20)::address;
RESET enable_seqscan;
SET enable_mergejoin = off;
SET enable_nestloop = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM holders AS a JOIN holders AS b ON a.account = b.account;
SELECT count(*) FROM holders AS a JOIN holders AS b ON a.account = b.account;
CREATE INDEX holders_hash ON holders USING hash (account);
CREATE TABLE partitioned (account address) PARTITION BY HASH (account);
CREATE TABLE partitioned_0 PARTITION OF partitioned FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE partitioned_1 PARTITION OF partitioned FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO partitioned SELECT account FROM holders;
SELECT count(*), count(*) FILTER (WHERE tableoid = 'partitioned_0'::regclass) BETWEEN 400 AND 600 FROM partitioned;

-- text and binary copies come back
COPY (SELECT account FROM holders ORDER BY account LIMIT 2) TO STDOUT;

-- where contracts land
SELECT create_address('0x6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0', n) FROM generate_series(0, 3) AS n;
SELECT create_address('0x6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0', 18446744073709551614);
SELECT create_address('0x6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0', 18446744073709551615);
SELECT create_address('0x6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0', -1);
SELECT create_address('0x6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0', 1.5);
SELECT create_address('0x6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0', 'NaN');
SELECT create_address('0x6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0', 1e300);
SELECT create2_address('0x00000000000000000000000000000000deadbeef', decode(lpad('cafebabe', 64, '0'), 'hex'), keccak256('\xdeadbeef'));
SELECT create2_address('0x00000000000000000000000000000000deadbeef', '\x00', keccak256('\xdeadbeef'));
SELECT checksum_address('\x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed');
SELECT checksum_address('\x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed00');
SELECT delegated_address('\xef01005aaeb6053f3e94c9b9a09f33669435e7ef1beaed'), delegated_address('\x6000') IS NULL;

DROP TABLE holders, partitioned;
