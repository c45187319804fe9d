/*
 * http_address.c
 *		Special-purpose address ranges, for the client's guard against being
 *		turned on its own network.
 *
 * The check is on the address that is connected to, after the name has been
 * resolved, so a name that resolves differently the second time gains nothing.
 */
#include "core/base.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "net/http_address.h"

typedef struct AddressRange
{
	uint8_t		prefix[16];
	int			bits;
} AddressRange;

/* IANA IPv4 Special-Purpose Address Registry, multicast and class E. */
static const AddressRange ipv4_special[] = {
	{{0}, 8},					/* this network, RFC 791 */
	{{10}, 8},					/* private, RFC 1918 */
	{{100, 64}, 10},			/* shared by carriers, RFC 6598 */
	{{127}, 8},					/* loopback, RFC 1122 */
	{{169, 254}, 16},			/* link-local, RFC 3927 */
	{{172, 16}, 12},			/* private, RFC 1918 */
	{{192, 0, 0}, 24},			/* protocol assignments, RFC 6890 */
	{{192, 0, 2}, 24},			/* documentation, RFC 5737 */
	{{192, 88, 99}, 24},		/* 6to4 relays, RFC 7526 */
	{{192, 168}, 16},			/* private, RFC 1918 */
	{{198, 18}, 15},			/* benchmarks, RFC 2544 */
	{{198, 51, 100}, 24},		/* documentation, RFC 5737 */
	{{203, 0, 113}, 24},		/* documentation, RFC 5737 */
	{{224}, 4},					/* multicast, RFC 5771 */
	{{240}, 4}					/* reserved and broadcast, RFC 1112, RFC 919 */
};

/* IPv6 addresses that stand for an IPv4 address, and the byte where it begins. */
static const struct
{
	AddressRange range;
	int			at;
}			ipv6_embedding[] = {
	{{{[10] = 0xff, [11] = 0xff}, 96}, 12}, /* IPv4-mapped, RFC 4291 */
	{{{0x00, 0x64, 0xff, 0x9b}, 96}, 12},	/* translated, RFC 6052 */
	{{{0x20, 0x02}, 16}, 2}					/* 6to4, RFC 3056 */
};

/* Within global unicast, 2000::/3, what isn't global after all. */
static const AddressRange ipv6_special[] = {
	{{0x20, 0x01, 0x00}, 23},			/* protocol assignments and Teredo, RFC 2928 */
	{{0x20, 0x01, 0x0d, 0xb8}, 32},		/* documentation, RFC 3849 */
	{{0x3f, 0xff, 0x00}, 20}			/* documentation, RFC 9637 */
};

static const AddressRange ipv6_global = {{0x20}, 3};

static bool
range_contains(const AddressRange *range, const uint8_t *address)
{
	int			bytes = range->bits / 8;
	int			rest = range->bits % 8;

	if (memcmp(range->prefix, address, bytes) != 0)
		return false;
	return rest == 0 ||
		((range->prefix[bytes] ^ address[bytes]) & (0xff << (8 - rest)) & 0xff) == 0;
}

static bool
ipv4_is_public(const uint8_t *address)
{
	for (size_t i = 0; i < lengthof(ipv4_special); i++)
		if (range_contains(&ipv4_special[i], address))
			return false;
	return true;
}

static bool
ipv6_is_public(const uint8_t *address)
{
	for (size_t i = 0; i < lengthof(ipv6_embedding); i++)
		if (range_contains(&ipv6_embedding[i].range, address))
			return ipv4_is_public(address + ipv6_embedding[i].at);
	if (!range_contains(&ipv6_global, address))
		return false;
	for (size_t i = 0; i < lengthof(ipv6_special); i++)
		if (range_contains(&ipv6_special[i], address))
			return false;
	return true;
}

bool
http_address_is_public(const struct sockaddr *address)
{
	switch (address->sa_family)
	{
		case AF_INET:
			return ipv4_is_public((const uint8_t *) &((const struct sockaddr_in *) address)->sin_addr);
		case AF_INET6:
			return ipv6_is_public((const uint8_t *) &((const struct sockaddr_in6 *) address)->sin6_addr);
		default:
			return false;
	}
}

bool
http_address_text_is_public(const char *text)
{
	uint8_t		address[16];

	if (inet_pton(AF_INET, text, address) == 1)
		return ipv4_is_public(address);
	if (inet_pton(AF_INET6, text, address) == 1)
		return ipv6_is_public(address);
	return false;
}
