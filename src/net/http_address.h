/*
 * http_address.h
 *		Which addresses a request may reach that isn't allowed into private networks.
 *
 * Pure; called from within curl, so it neither allocates nor reports.
 */
#ifndef DALP_HTTP_ADDRESS_H
#define DALP_HTTP_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

/*
 * True for globally reachable unicast addresses.  False for everything that
 * the special-purpose registries of IPv4 and IPv6 (RFC 6890 and its updates)
 * set apart: this host, loopback, private, shared, link-local (where clouds
 * answer with credentials), documentation, benchmarks, multicast, reserved;
 * for IPv6 addresses that carry such an IPv4 address; and for other families.
 */
extern bool http_address_is_public(const struct sockaddr *address);

/* The same for an address in text; false if it is none. */
extern bool http_address_text_is_public(const char *text);

#endif							/* DALP_HTTP_ADDRESS_H */
