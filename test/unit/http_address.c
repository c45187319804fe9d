/*
 * http_address.c
 *		Promise: a request that isn't allowed into private networks reaches
 *		none, at the first and last address of each range and in every disguise.
 *
 * Links: src/net/http_address.c
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "check.h"
#include "net/http_address.h"

static const char *const private_addresses[] = {
	"0.0.0.0", "0.255.255.255", "10.0.0.0", "10.255.255.255", "100.64.0.0", "100.127.255.255",
	"127.0.0.1", "127.255.255.255", "169.254.0.0", "169.254.169.254", "172.16.0.0", "172.31.255.255",
	"192.0.0.0", "192.0.0.255", "192.0.2.1", "192.88.99.1", "192.168.0.0", "192.168.255.255",
	"198.18.0.0", "198.19.255.255", "198.51.100.7", "203.0.113.255", "224.0.0.0", "239.255.255.255",
	"240.0.0.0", "255.255.255.255",
	"::", "::1", "::ffff:127.0.0.1", "::ffff:10.1.2.3", "::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b:1::1",
	"100::1", "2001::1", "2001:1ff:ffff::", "2001:db8::1", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
	"2002:7f00:1::", "2002:a00:1::", "3fff::1", "3fff:fff::1", "fc00::1", "fd12:3456::1", "fe80::1", "febf::1",
	"fec0::1", "ff02::1", "4000::1"
};

static const char *const public_addresses[] = {
	"1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
	"169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "191.255.255.255", "192.0.1.0", "192.0.3.0",
	"192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "203.0.112.255", "203.0.114.0", "223.255.255.255",
	"::ffff:1.1.1.1", "64:ff9b::1.1.1.1", "2002:101:101::1", "2001:200::1", "2001:4860:4860::8888", "2606:4700::1111",
	"2001:db7::1", "2001:db9::1", "3ffe::1", "3fff:1000::1", "2a00:1450::1"
};

static const char *const no_addresses[] = {
	"", "localhost", "1.1.1", "1.1.1.256", "01.1.1.1 ", "1.1.1.1:80", "[2606:4700::1111]", "fe80::1%eth0", "2606:4700::1111::"
};

static bool
sockaddr_is_public(const char *text)
{
	struct sockaddr_in ipv4 = {.sin_family = AF_INET};
	struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6};

	if (inet_pton(AF_INET, text, &ipv4.sin_addr) == 1)
		return http_address_is_public((const struct sockaddr *) &ipv4);
	inet_pton(AF_INET6, text, &ipv6.sin6_addr);
	return http_address_is_public((const struct sockaddr *) &ipv6);
}

int
main(void)
{
	struct sockaddr_un local = {.sun_family = AF_UNIX};

	for (size_t i = 0; i < sizeof(private_addresses) / sizeof(private_addresses[0]); i++)
		check(!http_address_text_is_public(private_addresses[i]) && !sockaddr_is_public(private_addresses[i]),
			  "%s is not public", private_addresses[i]);
	for (size_t i = 0; i < sizeof(public_addresses) / sizeof(public_addresses[0]); i++)
		check(http_address_text_is_public(public_addresses[i]) && sockaddr_is_public(public_addresses[i]),
			  "%s is public", public_addresses[i]);
	for (size_t i = 0; i < sizeof(no_addresses) / sizeof(no_addresses[0]); i++)
		check(!http_address_text_is_public(no_addresses[i]), "\"%s\" is no address", no_addresses[i]);
	check(!http_address_is_public((const struct sockaddr *) &local), "a local socket is not public");
	return check_done();
}
