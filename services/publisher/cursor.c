/* cursor.c - see cursor.h. */
#include "cursor.h"

#include "base/error.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define EPOCH_DIGITS 16

const char *cursor_write(const journal_t *journal, uint64_t seq, char out[CURSOR_SIZE])
{
    snprintf(out, CURSOR_SIZE, "%016" PRIx64 "-%" PRIu64, journal_epoch(journal), seq);
    return out;
}

int cursor_read(const journal_t *journal, const char *text, uint64_t *out)
{
    static const char hex[] = "0123456789abcdef";
    uint64_t epoch = 0;
    uint64_t seq = 0;
    size_t len = strlen(text);
    if (len < EPOCH_DIGITS + 2 || len > EPOCH_DIGITS + 1 + 18 || text[EPOCH_DIGITS] != '-') {
        return CHISO_E_SYNTAX;
    }
    for (size_t i = 0; i < len; i++) {
        const char *digit = strchr(hex, text[i]);
        if (i == EPOCH_DIGITS) {
            continue;
        }
        if (digit == NULL || (i > EPOCH_DIGITS && digit - hex > 9)) {
            return CHISO_E_SYNTAX;
        }
        if (i < EPOCH_DIGITS) {
            epoch = epoch * 16 + (uint64_t)(digit - hex);
        } else {
            seq = seq * 10 + (uint64_t)(digit - hex);
        }
    }
    if (epoch != journal_epoch(journal) || seq > journal_head(journal) ||
        seq + 1 < journal_first(journal)) {
        return CHISO_E_TRIMMED;
    }
    *out = seq;
    return 0;
}
