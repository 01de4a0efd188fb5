/* head.c - what is kept of the head of an answer: fetch.h.
 *
 * An entity tag goes back to the server byte for byte, and a Location may be followed by the
 * caller, so a value is kept whole or not at all.
 */
#include "base/clock.h"
#include "fetch/fetch_internal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define MAX_RETRY_AFTER_S 1000000000 /* some 30 years; more digits than this mean "never" */

static const char always[] = "ETag\0Last-Modified\0Date\0Location";

/* Seconds or an HTTP date, as ms from now; -1 when it is neither. */
static int64_t parse_retry_after(const char *text, int64_t now)
{
    if (isdigit((unsigned char)text[0])) {
        int64_t seconds = 0;
        for (; isdigit((unsigned char)*text); text++) {
            seconds = seconds * 10 + (*text - '0');
            seconds = seconds > MAX_RETRY_AFTER_S ? MAX_RETRY_AFTER_S : seconds;
        }
        text += strspn(text, " \t");
        return *text == '\0' ? seconds * 1000 : -1;
    }
    /* curl_getdate takes much that is no HTTP date; all those begin with the weekday */
    time_t date = isalpha((unsigned char)text[0]) ? curl_getdate(text, NULL) : -1;
    if (date == -1) {
        return -1;
    }
    int64_t wait = (int64_t)date * 1000 - now;
    return wait > 0 ? wait : 0;
}

void fetch_copy_printable(char *out, size_t size, const char *text)
{
    size_t n = 0;
    for (; text[n] != '\0' && n + 1 < size; n++) {
        out[n] = text[n] < 0x20 || text[n] > 0x7e ? '?' : text[n];
    }
    out[n] = '\0';
}

static bool may_be_kept(const char *value)
{
    size_t n = 0;
    for (; value[n] != '\0'; n++) {
        unsigned char c = (unsigned char)value[n];
        if (n == FETCH_HEADER_MAX || (c < 0x20 && c != '\t') || c == 0x7f) {
            return false;
        }
    }
    return true;
}

/* Appends "name\0value\0". */
static void keep_header(CURL *easy, const char *name, buffer_t *kept)
{
    struct curl_header *header = NULL;
    size_t amount = 0;
    if (curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &header) == CURLHE_OK) {
        amount = header->amount;
    }
    size_t len = 0;
    for (size_t i = 0; i < amount; i++) {
        if (curl_easy_header(easy, name, i, CURLH_HEADER, -1, &header) != CURLHE_OK ||
            !may_be_kept(header->value)) {
            return;
        }
        len += (i > 0 ? 2 : 0) + strlen(header->value);
    }
    if (amount == 0 || len > FETCH_HEADER_MAX) {
        return;
    }
    buffer_append_part(kept, name);
    for (size_t i = 0; i < amount; i++) {
        if (curl_easy_header(easy, name, i, CURLH_HEADER, -1, &header) == CURLHE_OK) {
            buffer_append_text(kept, i > 0 ? ", " : "");
            buffer_append_text(kept, header->value);
        }
    }
    buffer_append(kept, "", 1);
}

bool fetch_head_read(CURL *easy, bytes_t keep, fetch_answer_t *a)
{
    char *type = NULL;
    struct curl_header *header = NULL;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &a->status);
    curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &type);
    fetch_copy_printable(a->content_type, sizeof a->content_type, type != NULL ? type : "");
    if (curl_easy_header(easy, "Retry-After", 0, CURLH_HEADER, -1, &header) == CURLHE_OK) {
        a->retry_after_ms = parse_retry_after(header->value, clock_wall_ms());
    }
    const bytes_t lists[] = {bytes_of(always, sizeof always), keep};
    for (size_t i = 0; i < 2; i++) {
        for (size_t at = 0; at < lists[i].len;) {
            const char *name = (const char *)lists[i].data + at;
            keep_header(easy, name, &a->kept);
            at += strlen(name) + 1;
        }
    }
    return !a->kept.failed;
}

const char *fetch_header(const fetch_answer_t *answer, const char *name)
{
    for (size_t at = 0; at < answer->kept.len;) {
        const char *is = (const char *)answer->kept.data + at;
        const char *value = is + strlen(is) + 1;
        if (strcasecmp(is, name) == 0) {
            return value;
        }
        at = (size_t)(value - (const char *)answer->kept.data) + strlen(value) + 1;
    }
    return NULL;
}
