/*
 * slow_names.c
 *		Preloaded into a server under test, answers for name servers.
 *
 * x.unknown.test doesn't exist, x.slow.test takes 20 seconds to find out,
 * x.private.test is 10.1.2.3 and x.local.test is 127.0.0.1.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

typedef int (*getaddrinfo_type) (const char *, const char *, const struct addrinfo *, struct addrinfo **);

static int
ends_with(const char *name, const char *end)
{
	size_t		length = strlen(name);

	return length >= strlen(end) && strcmp(name + length - strlen(end), end) == 0;
}

int
getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **result)
{
	getaddrinfo_type real = (getaddrinfo_type) dlsym(RTLD_NEXT, "getaddrinfo");

	if (name == NULL)
		return real(name, service, hints, result);
	if (ends_with(name, ".slow.test"))
		sleep(20);
	if (ends_with(name, ".slow.test") || ends_with(name, ".unknown.test"))
		return EAI_NONAME;
	if (ends_with(name, ".private.test"))
		return real("10.1.2.3", service, hints, result);
	if (ends_with(name, ".local.test"))
		return real("127.0.0.1", service, hints, result);
	return real(name, service, hints, result);
}
