# pure.sh
#		Building pure code without a server, for unit tests and fuzz targets.
#
# To be read with ". test/lib/pure.sh" in the repository's root.

# pure_sources: prints the sources of pure code and its arena.  Pure is what
# the server's headers are foreign to; test/check_layers.pl says where that
# must be so.
pure_sources()
{
	echo test/unit/standalone.c
	grep -LE '#include "(postgres|compat|fmgr|funcapi|utils/|access/|catalog/|executor/)' \
		src/core/base.c src/core/digest.c src/core/document*.c src/evm/*.c src/asl/*.c 2>/dev/null |
		grep -v '_sql\.c$'
}

# pure_object FOLDER SOURCE: prints the name of its object.
pure_object()
{
	echo "$1/$(echo "$2" | tr / _).o"
}

# pure_links SOURCE: prints what a test links besides all pure code, from its
# lines " * Links: src/…".
pure_links()
{
	sed -n 's/^ \* Links: //p' "$1"
}

# pure_compile FOLDER "COMPILER OPTIONS" SOURCE...: compiles them and all pure
# sources into FOLDER, as many at a time as there are processors, the pure ones
# into FOLDER/pure.a.  Sources that do not compile leave no object; the others do.
pure_compile()
{
	_folder=$1
	_compiler="$2 -std=gnu11 -DDALP_STANDALONE -D_GNU_SOURCE -Isrc -Itest/unit -g -Wall -Wextra -Werror -Wno-missing-field-initializers"
	shift 2
	mkdir -p "$_folder"
	rm -f "$_folder"/*.o "$_folder/pure.a"
	_status=0
	printf '%s\n' $(pure_sources) "$@" | xargs -P "$(nproc)" -I{} sh -c \
		'source=$1; folder=$2; shift 2; "$@" -c -o "$folder/$(echo "$source" | tr / _).o" "$source"' \
		compile {} "$_folder" $_compiler || _status=1
	for _source in $(pure_sources); do
		[ ! -f "$(pure_object "$_folder" "$_source")" ] || pure_object "$_folder" "$_source"
	done | xargs ar rcs "$_folder/pure.a"
	return $_status
}
