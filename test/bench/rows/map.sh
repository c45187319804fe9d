# map.sh
#		One run with a Map over many items, and with Maps in a Map.

count=$(scaled 10000)
ask='>= 15000' measured "Map of $count items, each a step" items/s "$count" \
	"SELECT dalp.start('map', (SELECT jsonb_build_object('items', jsonb_agg(n)) FROM generate_series(1, $count) AS n)); CALL bench.drain()"
measured 'Map of 100 Maps of 100 items' items/s 10000 \
	"SELECT dalp.start('nested', (SELECT jsonb_build_object('items', jsonb_agg(x)) FROM (SELECT jsonb_agg(n) AS x FROM generate_series(1, 10000) AS n GROUP BY n % 100) AS s)); CALL bench.drain()"
