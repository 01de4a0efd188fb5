/* inbox.h - what a portal received: a file of JSON lines, and the effects read back from it.
 *
 * A line is {"received_ns","key","ce_id","ce_source","ce_type","ce_subject","ce_time",
 * "traceparent","ce_traceparent","duplicate","body"}; body comes last and holds the bytes that were
 * received (white space aside), so that no number in it is ever read and written again.
 */
#ifndef CHISO_TESTS_PORTAL_INBOX_H
#define CHISO_TESTS_PORTAL_INBOX_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct inbox inbox_t;

typedef struct {
    const char *key; /* Idempotency-Key */
    const char *id;
    const char *source;
    const char *type;
    const char *subject;                      /* or NULL */
    const char *time;                         /* or NULL */
    const char *traceparent, *ce_traceparent; /* the header, and the event's own; or NULL */
    bytes_t body;                             /* valid JSON */
} inbox_event_t;

typedef struct {
    int64_t received; /* effects and duplicates, over all runs of the program */
    int64_t effects;
    int64_t duplicates;
} inbox_stats_t;

/* Reads the file back; a last line without its end is cut off. NULL: in memory only. 0; -errno;
 * CHISO_E_CORRUPT when a line in the middle is broken. */
int inbox_open(const char *path, inbox_t **out);
void inbox_close(inbox_t **inbox);

/* Writes the event down (fdatasync) and applies it if its key is new. 0; CHISO_E_SYNTAX when a text
 * of it is not UTF-8; CHISO_E_STORE when the disk failed: do not acknowledge, stop. */
int inbox_take(inbox_t *inbox, const inbox_event_t *event);

/* Has anything about the subject taken effect? */
bool inbox_knows(const inbox_t *inbox, const char *subject);

inbox_stats_t inbox_stats(const inbox_t *inbox);
/* {"SUBJECT":BODY,...}: the body that arrived last for each subject, duplicates aside. */
void inbox_results(const inbox_t *inbox, buffer_t *out);

#endif
