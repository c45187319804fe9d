# evm.sh
#		What the EVM functions do in SQL on one core.  Only the CPU time of the
#		backend counts, so that what else runs on the machine changes little; it
#		includes what the query around the function costs.

# evm_ticks PREPARATION FROM CALL: prints the clock ticks that count(CALL) takes
# in a backend of its own.
evm_ticks()
{
	query -F' ' <<SQL | awk '{ print $2 - $1 }'
SET max_parallel_workers_per_gather = 0;
SET jit = off;
-- User and system time, proc(5).
CREATE FUNCTION pg_temp.ticks() RETURNS bigint LANGUAGE sql VOLATILE AS \$\$
	SELECT fields[12]::bigint + fields[13]::bigint
	FROM (SELECT string_to_array(substring(pg_read_file('/proc/' || pg_backend_pid() || '/stat') FROM '\\) (.*)\$'), ' ')) AS stat (fields) \$\$;
$1;
SELECT count($3) AS warm FROM (SELECT * FROM $2 LIMIT 1) AS first_row \gset
SELECT pg_temp.ticks() AS before \gset
SELECT count($3) AS counted FROM $2 \gset
SELECT :before, pg_temp.ticks();
SQL
}

# evm_speed NAME UNIT TARGET AMOUNT PREPARATION FROM CALL: notes how much of the
# AMOUNT, which the whole query does, it does in a second of CPU.
evm_speed()
{
	speeds=()
	for _ in $(seq "$repeats"); do
		used=$(evm_ticks "$5" "$6" "$7")
		speeds+=("$(awk "BEGIN { print $4 * $ticks / ($used > 0 ? $used : 1) }")")
	done
	ask=">= $3" note "$1, one core" "$2/s" "${speeds[@]}"
}

# The bytes are made once and stay in memory: reading or copying them would be measured too.
evm_speed 'keccak256 of 16 MB' MB 400 1073.741824 "SET work_mem = '64MB'" \
	"(WITH one AS MATERIALIZED (SELECT textsend(repeat('x', 16777216)) AS large)
		SELECT large FROM one, LATERAL generate_series(1, 64 + 0 * octet_length(large))) AS samples" \
	'dalp.keccak256(large)'
evm_speed 'checksum_address' calls 200000 1000000 \
	"CREATE TEMPORARY TABLE samples AS SELECT substr(dalp.keccak256(int4send(n)), 1, 20) AS address FROM generate_series(1, 1000000) AS n" \
	samples 'dalp.checksum_address(address)'
evm_speed 'abi_encode_call of transfer' calls 100000 300000 \
	"CREATE TEMPORARY TABLE samples AS SELECT jsonb_build_array('0x3535353535353535353535353535353535353535', n) AS args FROM generate_series(1, 300000) AS n" \
	samples "dalp.abi_encode_call('transfer(address,uint256)', args)"
evm_speed 'transaction_sign' calls 20000 50000 \
	"CREATE TEMPORARY TABLE samples AS SELECT jsonb_build_object('chainId', 1, 'nonce', n, 'gas', 60000, 'maxFeePerGas', '30000000000', 'maxPriorityFeePerGas', '1000000000',
		'to', '0x3535353535353535353535353535353535353535', 'data', '0x' || repeat('a9', 68)) AS transaction FROM generate_series(1, 50000) AS n" \
	samples "dalp.transaction_sign(transaction, '\\x4646464646464646464646464646464646464646464646464646464646464646')"
evm_speed 'ecrecover' calls 15000 50000 \
	"CREATE TEMPORARY TABLE samples AS SELECT hash, decode(substr(signed->>'r', 3) || substr(signed->>'s', 3) || lpad(signed->>'yParity', 2, '0'), 'hex') AS signature
		FROM generate_series(1, 50000) AS n, LATERAL (SELECT jsonb_build_object('chainId', n, 'address', '0x3535353535353535353535353535353535353535', 'nonce', 1)) AS given (auth),
		LATERAL (SELECT dalp.authorization_hash(auth), dalp.authorization_sign(auth, '\\x4646464646464646464646464646464646464646464646464646464646464646')) AS made (hash, signed)" \
	samples 'dalp.ecrecover(hash, signature)'
