/* trace.c - see trace.h.
 *
 * Spans are made by the hundred thousand a second, so they come from a generator of our own
 * (splitmix64) that is seeded by the system once in each process: they must differ, not be secret.
 */
#include "trace/trace.h"

#include "base/clock.h"
#include "base/error.h"

#include <sodium.h>
#include <string.h>

#define TEXT_LEN (TRACE_TEXT_SIZE - 1)
#define ID_AT 3 /* in the text */
#define SPAN_AT (ID_AT + 2 * TRACE_ID_SIZE + 1)
#define FLAGS_AT (SPAN_AT + 2 * TRACE_SPAN_SIZE + 1)

static bool any(const uint8_t *bytes, size_t len)
{
    uint8_t all = 0;
    for (size_t i = 0; i < len; i++) {
        all |= bytes[i];
    }
    return all != 0;
}

bool trace_is_set(const trace_t *trace)
{
    return any(trace->id, sizeof trace->id);
}

static void new_span(uint8_t out[TRACE_SPAN_SIZE])
{
    static _Thread_local uint64_t state;
    static _Thread_local bool seeded;
    uint64_t x = 0;
    if (!seeded) {
        state = clock_random64();
        seeded = true;
    }
    while (x == 0) {
        x = state += 0x9e3779b97f4a7c15U;
        x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
        x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
        x ^= x >> 31;
    }
    be64_put(out, x);
}

trace_t trace_new(void)
{
    trace_t t = {.flags = TRACE_SAMPLED};
    while (!trace_is_set(&t)) {
        be64_put(t.id, clock_random64());
        be64_put(t.id + 8, clock_random64());
    }
    new_span(t.span);
    return t;
}

trace_t trace_next(const trace_t *trace)
{
    trace_t t = *trace;
    if (trace_is_set(trace)) {
        new_span(t.span);
    }
    return t;
}

trace_t trace_of_name(const char *name)
{
    uint8_t hash[SHA256_SIZE];
    trace_t t = {.flags = TRACE_SAMPLED};
    sha256(bytes_of_text(name), hash);
    memcpy(t.id, hash, sizeof t.id);
    memcpy(t.span, hash + sizeof t.id, sizeof t.span);
    t.id[0] |= (uint8_t)(trace_is_set(&t) ? 0 : 1);
    t.span[0] |= (uint8_t)(any(t.span, sizeof t.span) ? 0 : 1);
    return t;
}

/* ---- the header ---- */

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_hex(const char *text, uint8_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int high = digit(text[2 * i]);
        int low = digit(text[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

int trace_parse(const char *text, trace_t *out)
{
    trace_t t;
    uint8_t version;
    size_t len = strnlen(text, TEXT_LEN + 1);
    if (len < TEXT_LEN || !read_hex(text, &version, 1) || version == 0xff) {
        return CHISO_E_SYNTAX;
    }
    /* a later version may say more behind what this one says */
    bool ends = version == 0 ? len == TEXT_LEN : len == TEXT_LEN || text[TEXT_LEN] == '-';
    if (!ends || text[ID_AT - 1] != '-' || text[SPAN_AT - 1] != '-' || text[FLAGS_AT - 1] != '-' ||
        !read_hex(text + ID_AT, t.id, sizeof t.id) ||
        !read_hex(text + SPAN_AT, t.span, sizeof t.span) ||
        !read_hex(text + FLAGS_AT, &t.flags, 1) || !any(t.id, sizeof t.id) ||
        !any(t.span, sizeof t.span)) {
        return CHISO_E_SYNTAX;
    }
    t.flags &= TRACE_SAMPLED;
    *out = t;
    return 0;
}

const char *trace_format(const trace_t *trace, char out[TRACE_TEXT_SIZE])
{
    memcpy(out, "00-", ID_AT);
    sodium_bin2hex(out + ID_AT, TRACE_ID_TEXT_SIZE, trace->id, sizeof trace->id);
    sodium_bin2hex(out + SPAN_AT, TRACE_SPAN_TEXT_SIZE, trace->span, sizeof trace->span);
    sodium_bin2hex(out + FLAGS_AT, 3, &trace->flags, 1);
    out[SPAN_AT - 1] = out[FLAGS_AT - 1] = '-';
    return out;
}

const char *trace_id_text(const trace_t *trace, char out[TRACE_ID_TEXT_SIZE])
{
    return trace_is_set(trace)
               ? sodium_bin2hex(out, TRACE_ID_TEXT_SIZE, trace->id, sizeof trace->id)
               : NULL;
}

const char *trace_span_text(const trace_t *trace, char out[TRACE_SPAN_TEXT_SIZE])
{
    return trace_is_set(trace)
               ? sodium_bin2hex(out, TRACE_SPAN_TEXT_SIZE, trace->span, sizeof trace->span)
               : NULL;
}

/* ---- in an event ---- */

void trace_pack(const trace_t *trace, uint8_t out[TRACE_SIZE])
{
    memcpy(out, trace->id, sizeof trace->id);
    memcpy(out + TRACE_ID_SIZE, trace->span, sizeof trace->span);
    out[TRACE_SIZE - 1] = trace->flags;
}

int trace_unpack(bytes_t in, trace_t *out)
{
    trace_t t;
    if (in.len != TRACE_SIZE) {
        return CHISO_E_PROTOCOL;
    }
    memcpy(t.id, in.data, sizeof t.id);
    memcpy(t.span, in.data + TRACE_ID_SIZE, sizeof t.span);
    t.flags = in.data[TRACE_SIZE - 1];
    if (!trace_is_set(&t) || !any(t.span, sizeof t.span) || t.flags > TRACE_SAMPLED) {
        return CHISO_E_PROTOCOL;
    }
    *out = t;
    return 0;
}
