/*
 * findings.c
 *		Collects what is wrong with a definition.
 */
#include "asl/findings.h"

/* Nobody reads more; a hostile definition shall not fill memory with them. Errors beyond are still counted. */
#define MAX_FINDINGS 1000

static void
add(AslFindings *findings, AslSeverity severity, const char *path, const char *format, va_list args)
{
	char		message[512];
	AslFinding *finding;
	size_t		length;

	if (severity == ASL_ERROR)
		findings->errors++;
	if (findings->count >= MAX_FINDINGS)
		return;
	if (findings->count == findings->capacity)
	{
		int			capacity = findings->capacity == 0 ? 8 : findings->capacity * 2;

		if (findings->items == NULL)
			findings->items = mem_alloc((size_t) capacity * sizeof(AslFinding));
		else
			findings->items = mem_realloc(findings->items, (size_t) capacity * sizeof(AslFinding));
		findings->capacity = capacity;
	}
	vsnprintf(message, sizeof(message), format, args);
	length = strlen(message);
	/* A cut in the middle of a character would be no UTF-8 any more. */
	if (length == sizeof(message) - 1)
	{
		while (length > 0 && ((unsigned char) message[length - 1] & 0xc0) == 0x80)
			length--;
		if (length > 0 && ((unsigned char) message[length - 1] & 0x80) != 0)
			length--;
		message[length] = '\0';
	}
	finding = &findings->items[findings->count++];
	finding->severity = severity;
	finding->path = doc_text(path)->text;
	finding->message = doc_text(message)->text;
}

void
asl_finding_add(AslFindings *findings, AslSeverity severity, const char *path, const char *format,...)
{
	va_list		args;

	va_start(args, format);
	add(findings, severity, path, format, args);
	va_end(args);
}

static bool
is_plain_name(const char *key)
{
	if (*key == '\0')
		return false;
	for (const char *c = key; *c != '\0'; c++)
		if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
			  *c == '_' || *c == '-' || ((unsigned char) *c & 0x80) != 0))
			return false;
	return true;
}

static size_t
where_size(const Where *where)
{
	if (where == NULL || where->parent == NULL)
		return 2;
	return where_size(where->parent) + (where->key != NULL ? strlen(where->key) + 4 : 16);
}

static size_t
where_write(const Where *where, char *out, size_t size)
{
	size_t		used;

	if (where == NULL || where->parent == NULL)
		return (size_t) snprintf(out, size, "$");
	used = where_write(where->parent, out, size);
	if (where->key == NULL)
		used += (size_t) snprintf(out + used, size - used, "[%u]", where->index);
	else if (is_plain_name(where->key))
		used += (size_t) snprintf(out + used, size - used, ".%s", where->key);
	else
		used += (size_t) snprintf(out + used, size - used, "['%s']", where->key);
	return used;
}

const char *
where_text(const Where *where)
{
	size_t		size = where_size(where) + 1;
	char	   *text = mem_alloc(size);

	where_write(where, text, size);
	return text;
}

void
find_error(AslFindings *findings, const Where *where, const char *key, const char *format,...)
{
	Where		child = {where, key, 0};
	va_list		args;

	va_start(args, format);
	add(findings, ASL_ERROR, where_text(key == NULL ? where : &child), format, args);
	va_end(args);
}

void
find_warning(AslFindings *findings, const Where *where, const char *key, const char *format,...)
{
	Where		child = {where, key, 0};
	va_list		args;

	va_start(args, format);
	add(findings, ASL_WARNING, where_text(key == NULL ? where : &child), format, args);
	va_end(args);
}
