/* submission.h - what one request hands in, as rows of texts: a JSON or CSV body, before anybody
 * has judged what it says. Pure.
 *
 * JSON: {"key":"…","atomic":true,"rows":[{"unit":"…","period":"…","figure":"…","value":"12.5",
 *        "evidence":["SHA-256",…],"note":"…"},…]}; a value may be a JSON number too (its digits
 *        count, it is never a float), true or false, or a list of whole numbers for a checklist.
 *        "withdraw":true instead of a value takes back what was handed in, with a note that says
 *        why.
 * CSV:   the columns unit, period, figure, value, evidence, note, withdraw (yes), in any order;
 * UTF-8, with or without a byte-order mark; commas, semicolons or tabs; several hashes are
 * separated by spaces.
 *
 * What is wrong with one row is told with that row; a body of another shape is refused as a whole,
 * and so is a column or member that nobody knows: a misspelled "evidence" must not be lost.
 */
#ifndef CHISO_INGEST_SUBMISSION_H
#define CHISO_INGEST_SUBMISSION_H

#include "base/bytes.h"
#include "event/event.h"

#define SUBMISSION_MAX_ROWS 5000
#define SUBMISSION_MAX_NOTE 1000 /* bytes */
#define SUBMISSION_MAX_KEY 128   /* bytes of a client's key */
#define SUBMISSION_REASON_SIZE 192

typedef enum { SUBMISSION_JSON, SUBMISSION_CSV } submission_format_t;

typedef struct {
    size_t line; /* CSV: of the body, from 1; JSON: the place of the row, from 1 */
    /* NFC; NULL: not given */
    const char *unit, *period, *figure, *value, *note;
    uint8_t evidence[EVENT_MAX_EVIDENCE][SHA256_SIZE];
    size_t n_evidence;
    bool withdraw;                       /* no value: it is to be missing again */
    const char *field;                   /* that is wrong; NULL: none */
    char reason[SUBMISSION_REASON_SIZE]; /* of that */
} submission_row_t;

typedef struct {
    const char *key; /* the client's, NULL: none */
    bool atomic;
    submission_row_t *rows;
    size_t n_rows;
    struct submission_memory *memory;
} submission_t;

/* 0; CHISO_E_SYNTAX with the reason when the body cannot be read as rows; -ENOMEM. */
int submission_read(submission_format_t format, bytes_t body, char reason[SUBMISSION_REASON_SIZE],
                    submission_t *out);
void submission_free(submission_t *submission);

/* 1 to SUBMISSION_MAX_KEY printable ASCII characters. */
bool submission_is_key(const char *text);

/* The first thing that is wrong with a row stands. */
void submission_reject(submission_row_t *row, const char *field, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
