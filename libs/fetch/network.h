/* network.h - which addresses may be spoken to: CIDR texts and the ranges that are not public. */
#ifndef CHISO_FETCH_NETWORK_H
#define CHISO_FETCH_NETWORK_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

/* An address of either kind as 16 bytes; IPv4 (and its mapped form) as ::ffff:a.b.c.d. */
typedef struct {
    uint8_t byte[16];
} network_address_t;

/* 0, or CHISO_E_SYNTAX when `cidr` is not "address/prefix" with all host bits zero. */
int network_check(const char *cidr);

/* False when it is of neither family or, for the text, not an address. */
bool network_of_sockaddr(const struct sockaddr *from, network_address_t *out);
bool network_of_text(const char *text, network_address_t *out);

/* Does `address` lie in the network? A malformed one holds nothing; an IPv6 network holds no IPv4
 * address, so "::/0" does not open them. */
bool network_holds(const char *cidr, const network_address_t *address);

/* Of the public internet: not private, loopback, link-local, multicast, unspecified, CGNAT,
 * documentation, or a form that carries another address in a tunnel. */
bool network_is_public(const network_address_t *address);

/* Public, or in one of `networks` (NULL-terminated CIDR texts, or NULL). */
bool network_allows(const char *const *networks, const network_address_t *address);

#define NETWORK_TEXT_SIZE 46
/* "127.0.0.1", "::1". Returns out. */
const char *network_text(const network_address_t *address, char out[NETWORK_TEXT_SIZE]);

#endif
