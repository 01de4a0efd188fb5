/* network.c - see network.h.
 *
 * Every address is brought to one form first, 16 bytes with IPv4 in its mapped place, so that there
 * is one comparison and no second spelling (::ffff:127.0.0.1) that gets around a rule. For IPv6 the
 * rule is turned round: only 2000::/3 is handed out as global unicast, so all else is refused
 * without a list that would have to grow with each new RFC; the list below names the exceptions
 * inside it. Source: IANA's IPv4 and IPv6 special-purpose address registries.
 */
#include "fetch/network.h"

#include "base/error.h"

#include <arpa/inet.h>
#include <string.h>

#define MAPPED_BITS 96
#define CIDR_MAX (NETWORK_TEXT_SIZE + 4)

typedef struct {
    network_address_t address;
    unsigned bits;
} network_t;

static const uint8_t mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};

/* IPv4: first address and prefix length. */
static const struct {
    uint8_t byte[4];
    unsigned bits;
} special_v4[] = {
    {{0}, 8},             /* "this network", unspecified */
    {{10}, 8},            /* private */
    {{100, 64}, 10},      /* CGNAT */
    {{127}, 8},           /* loopback */
    {{169, 254}, 16},     /* link-local, the metadata services of clouds */
    {{172, 16}, 12},      /* private */
    {{192, 0, 0}, 24},    /* IETF protocol assignments */
    {{192, 0, 2}, 24},    /* documentation */
    {{192, 88, 99}, 24},  /* 6to4 relays, withdrawn */
    {{192, 168}, 16},     /* private */
    {{198, 18}, 15},      /* benchmarks */
    {{198, 51, 100}, 24}, /* documentation */
    {{203, 0, 113}, 24},  /* documentation */
    {{224}, 4},           /* multicast */
    {{240}, 4},           /* reserved, broadcast */
};

/* IPv6, inside 2000::/3 only. */
static const network_t special_v6[] = {
    {{{0x20, 0x01}}, 23},             /* Teredo, ORCHID, benchmarks */
    {{{0x20, 0x01, 0x0d, 0xb8}}, 32}, /* documentation */
    {{{0x20, 0x02}}, 16},             /* 6to4: carries any IPv4 address */
    {{{0x3f, 0xff}}, 20},             /* documentation */
};
static const network_t global_v6 = {{{0x20}}, 3};
/* NAT64: on a host with IPv6 only, DNS64 writes every IPv4 address like this */
static const network_t nat64 = {{{0x00, 0x64, 0xff, 0x9b}}, MAPPED_BITS};

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    size_t whole = bits / 8;
    unsigned rest = bits % 8;
    if (memcmp(a, b, whole) != 0) {
        return false;
    }
    return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

static bool is_mapped(const network_address_t *address)
{
    return memcmp(address->byte, mapped_prefix, sizeof mapped_prefix) == 0;
}

static bool in_network(const network_t *network, const network_address_t *address)
{
    return is_mapped(&network->address) == is_mapped(address) &&
           same_bits(network->address.byte, address->byte, network->bits);
}

static void put_v4(const uint8_t v4[4], network_address_t *out)
{
    memcpy(out->byte, mapped_prefix, sizeof mapped_prefix);
    memcpy(out->byte + sizeof mapped_prefix, v4, 4);
}

/* "0" to "128": digits only, no sign, no leading zero. */
static bool parse_prefix(const char *text, unsigned *out)
{
    unsigned value = 0;
    size_t n = strlen(text);
    if (n == 0 || n > 3 || (text[0] == '0' && n > 1)) {
        return false;
    }
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9') {
            return false;
        }
        value = value * 10 + (unsigned)(*text - '0');
    }
    *out = value;
    return true;
}

static bool host_bits_are_zero(const network_t *network)
{
    for (unsigned i = network->bits; i < 128; i++) {
        if ((network->address.byte[i / 8] >> (7 - i % 8) & 1) != 0) {
            return false;
        }
    }
    return true;
}

static int parse_cidr(const char *cidr, network_t *out)
{
    char text[CIDR_MAX];
    size_t n = strnlen(cidr, sizeof text);
    if (n == sizeof text) {
        return CHISO_E_SYNTAX;
    }
    memcpy(text, cidr, n + 1);
    char *slash = strchr(text, '/');
    network_t network;
    if (slash == NULL || !parse_prefix(slash + 1, &network.bits)) {
        return CHISO_E_SYNTAX;
    }
    *slash = '\0';
    if (!network_of_text(text, &network.address)) {
        return CHISO_E_SYNTAX;
    }
    if (strchr(text, ':') == NULL) {
        network.bits += MAPPED_BITS;
    } else if (is_mapped(&network.address) && network.bits < MAPPED_BITS) {
        return CHISO_E_SYNTAX; /* half IPv4, half IPv6 */
    }
    if (network.bits > 128 || !host_bits_are_zero(&network)) {
        return CHISO_E_SYNTAX;
    }
    *out = network;
    return CHISO_OK;
}

int network_check(const char *cidr)
{
    network_t ignored;
    return parse_cidr(cidr, &ignored);
}

bool network_of_sockaddr(const struct sockaddr *from, network_address_t *out)
{
    if (from->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, from, sizeof v4);
        put_v4((const uint8_t *)&v4.sin_addr, out);
        return true;
    }
    if (from->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, from, sizeof v6);
        memcpy(out->byte, &v6.sin6_addr, sizeof out->byte);
        return true;
    }
    return false;
}

bool network_of_text(const char *text, network_address_t *out)
{
    uint8_t v4[4];
    if (inet_pton(AF_INET, text, v4) == 1) {
        put_v4(v4, out);
        return true;
    }
    return inet_pton(AF_INET6, text, out->byte) == 1;
}

bool network_holds(const char *cidr, const network_address_t *address)
{
    network_t network;
    return parse_cidr(cidr, &network) == CHISO_OK && in_network(&network, address);
}

static bool is_public_v4(const uint8_t v4[4])
{
    for (size_t i = 0; i < sizeof special_v4 / sizeof special_v4[0]; i++) {
        if (same_bits(special_v4[i].byte, v4, special_v4[i].bits)) {
            return false;
        }
    }
    return true;
}

bool network_is_public(const network_address_t *address)
{
    if (is_mapped(address) || in_network(&nat64, address)) {
        return is_public_v4(address->byte + sizeof mapped_prefix);
    }
    if (!in_network(&global_v6, address)) {
        return false;
    }
    for (size_t i = 0; i < sizeof special_v6 / sizeof special_v6[0]; i++) {
        if (in_network(&special_v6[i], address)) {
            return false;
        }
    }
    return true;
}

bool network_allows(const char *const *networks, const network_address_t *address)
{
    for (size_t i = 0; networks != NULL && networks[i] != NULL; i++) {
        if (network_holds(networks[i], address)) {
            return true;
        }
    }
    return network_is_public(address);
}

const char *network_text(const network_address_t *address, char out[NETWORK_TEXT_SIZE])
{
    bool v4 = is_mapped(address);
    const uint8_t *from = v4 ? address->byte + sizeof mapped_prefix : address->byte;
    if (inet_ntop(v4 ? AF_INET : AF_INET6, from, out, NETWORK_TEXT_SIZE) == NULL) {
        out[0] = '\0';
    }
    return out;
}
