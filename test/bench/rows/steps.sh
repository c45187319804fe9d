# steps.sh
#		Ten steps that do nothing: with thousands of runs open, with 64, with a row written by each.

count=$(scaled 10000)
ask='>= 30000' measured "no-op steps, $count runs of 10 open" steps/s $((count * 10)) \
	"SELECT count(*) FROM dalp.start_many('ten', array_fill('{\"n\": 1}'::jsonb, ARRAY[$count])); CALL bench.drain()"

# 64 open at any time: the client that refills is part of what is measured.
count=$(scaled 5000)
ask='>= 30000' measured "no-op steps, 64 runs open, refilled" steps/s $((count * 10)) \
	"CALL bench.keep_open('refilled', 64, $count)"

count=$(scaled 5000)
measured "steps with a row written by each, $count runs open" steps/s $((count * 10)) \
	"SELECT count(*) FROM dalp.start_many('ledger', array_fill('{\"n\": 1}'::jsonb, ARRAY[$count])); CALL bench.drain()"
