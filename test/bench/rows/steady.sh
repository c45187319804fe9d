# steady.sh
#		Do the hot tables grow under steady load?  Runs come in as fast as others
#		end; the sizes are taken after each tenth.

rounds=10
count=$(scaled 100000)
size()
{
	query -c 'SELECT sum(kb) FROM bench.hot_size'
}
sizes=()
for _ in $(seq $rounds); do
	query -c "CALL bench.keep_open('one', 1000, $count)" -c 'CALL bench.drain()' > /dev/null
	sizes+=("$(size)")
done
note "hot tables with their indexes, after $((count * 3)) runs" kB "${sizes[2]}"
note "  after $((count * rounds)) runs" kB "${sizes[rounds - 1]}"
note '  least, median and greatest in between' kB "${sizes[@]}"
ask='about 0' note '  growth by run, from the third tenth on' bytes \
	"$(awk "BEGIN { print (${sizes[rounds - 1]} - ${sizes[2]}) * 1024 / ($count * ($rounds - 3)) }")"
query -F ' kB ' -c 'SELECT name, kb FROM bench.hot_size' | sed 's/^/    /'
