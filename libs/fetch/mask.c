/* mask.c - see mask.h.
 *
 * What may have been done to a secret on its way through another's program is tried in turn, rather
 * than the answer decoded in every way: an answer is long and a secret short. Three bytes become
 * four digits of base64, so a part of a longer text has one of three forms, of which all but the
 * digits at its ends are known; the digits around them are overwritten with it.
 */
#include "fetch/mask.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define FORM_MAX (64 * 1024)

typedef struct {
    uint8_t *data;
    size_t len;
    int places;
    bool no_memory;
} page_t;

static bool is_digit(uint8_t c)
{
    return isalnum(c) || (c != '\0' && strchr("+/=-_", c) != NULL);
}

/* `coded`: the digits of base64 around it too. */
static void cover(page_t *p, const char *form, size_t n, bool coded)
{
    uint8_t *end = p->data + p->len;
    uint8_t *at = n > 0 ? p->data : end;
    while (at < end && (at = memmem(at, (size_t)(end - at), form, n)) != NULL) {
        uint8_t *from = at;
        at += n;
        while (coded && from > p->data && is_digit(from[-1])) {
            from--;
        }
        while (coded && at < end && is_digit(*at)) {
            at++;
        }
        memset(from, '*', (size_t)(at - from));
        p->places++;
    }
}

/* The form that each byte for itself is escaped into. */
static void cover_escaped(page_t *p, const char *secret, const char *(*escape)(uint8_t, char[8]))
{
    buffer_t form = BUFFER_INIT(FORM_MAX);
    for (const char *c = secret; *c != '\0'; c++) {
        char room[8];
        buffer_append_text(&form, escape((uint8_t)*c, room));
    }
    const char *text = buffer_text(&form);
    p->no_memory = p->no_memory || text == NULL;
    if (text != NULL && strcmp(text, secret) != 0) {
        cover(p, text, strlen(text), false);
    }
    if (form.data != NULL) {
        sodium_memzero(form.data, form.len);
    }
    buffer_free(&form);
}

static const char *as_html(uint8_t c, char room[8])
{
    room[0] = (char)c;
    room[1] = '\0';
    return c == '&'    ? "&amp;"
           : c == '<'  ? "&lt;"
           : c == '>'  ? "&gt;"
           : c == '"'  ? "&quot;"
           : c == '\'' ? "&#39;"
                       : room;
}

static const char *as_percent(uint8_t c, char room[8], const char *digits)
{
    bool plain = isalnum(c) || (c != '\0' && strchr("-._~", c) != NULL);
    room[0] = plain ? (char)c : '%';
    room[1] = plain ? '\0' : digits[c >> 4];
    room[2] = digits[c & 15];
    room[3] = '\0';
    return room;
}

static const char *as_percent_upper(uint8_t c, char room[8])
{
    return as_percent(c, room, "0123456789ABCDEF");
}

static const char *as_percent_lower(uint8_t c, char room[8])
{
    return as_percent(c, room, "0123456789abcdef");
}

static void cover_json(page_t *p, const char *secret, bool coded)
{
    static const size_t ways[] = {0, JSON_ESCAPE_SLASH, JSON_ENSURE_ASCII,
                                  JSON_ENSURE_ASCII | JSON_ESCAPE_SLASH};
    json_t *json = json_string(secret);
    for (size_t i = 0; json != NULL && i < sizeof ways / sizeof *ways; i++) {
        char *text = json_dumps(json, JSON_ENCODE_ANY | ways[i]);
        size_t len = text != NULL ? strlen(text) : 0;
        p->no_memory = p->no_memory || text == NULL;
        /* without its quotes; most secrets have nothing to escape */
        if (len > 2 && (len - 2 != strlen(secret) || memcmp(text + 1, secret, len - 2) != 0)) {
            cover(p, text + 1, len - 2, coded);
        }
        if (text != NULL) {
            sodium_memzero(text, len);
        }
        free(text);
    }
    json_decref(json);
}

static void cover_base64(page_t *p, const char *secret)
{
    static const int variants[] = {sodium_base64_VARIANT_ORIGINAL, sodium_base64_VARIANT_URLSAFE};
    size_t n = strlen(secret);
    size_t size = sodium_base64_ENCODED_LEN(n + 2, sodium_base64_VARIANT_ORIGINAL);
    uint8_t *plain = calloc(n + 2, 1);
    char *coded = malloc(size);
    p->no_memory = p->no_memory || plain == NULL || coded == NULL;
    for (size_t before = 0; plain != NULL && coded != NULL && before < 3; before++) {
        size_t first = (before * 8 + 5) / 6;
        size_t end = (before + n) * 8 / 6;
        memcpy(plain + before, secret, n);
        for (size_t v = 0; v < 2; v++) {
            sodium_bin2base64(coded, size, plain, before + n, variants[v]);
            coded[end] = '\0';
            if (v > 0 && strpbrk(coded + first, "-_") == NULL) {
                continue; /* the same as before */
            }
            cover(p, coded + first, end - first, true);
            cover_json(p, coded + first, true); /* "\/" */
        }
        plain[0] = 0;
    }
    if (plain != NULL) {
        sodium_memzero(plain, n + 2);
    }
    if (coded != NULL) {
        sodium_memzero(coded, size);
    }
    free(plain);
    free(coded);
}

int mask_secret(const char *secret, uint8_t *data, size_t len)
{
    page_t p = {.data = data, .len = len};
    size_t n = strlen(secret);
    if (n < MASK_SHORTEST || len == 0) {
        return 0;
    }
    cover(&p, secret, n, false);
    cover_escaped(&p, secret, as_html);
    cover_escaped(&p, secret, as_percent_upper);
    cover_escaped(&p, secret, as_percent_lower);
    cover_json(&p, secret, false);
    cover_base64(&p, secret);
    return p.no_memory ? -ENOMEM : p.places;
}
