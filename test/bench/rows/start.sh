# start.sh
#		Starting runs that then sleep, so that executors take little part.

echo "SELECT dalp.start('nap', '{\"s\": 3600}');" > start_one.sql
ask='>= 10000' clients "start, 8 clients, one by one" starts/s 8 5 start_one.sql
echo "SELECT dalp.start('nap', '{\"s\": 3600}', idempotency_key => gen_random_uuid()::text);" > start_key.sql
clients "start with an idempotency key, 8 clients" starts/s 8 5 start_key.sql
count=$(scaled 50000)
ask='>= 150000' measured "start_many, one client, $count at once" starts/s "$count" \
	"SELECT count(*) FROM dalp.start_many('nap', array_fill('{\"s\": 3600}'::jsonb, ARRAY[$count]))"
