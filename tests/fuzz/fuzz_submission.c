/* fuzz_submission.c - any bytes as a submission: what begins with a bracket is JSON. Whatever is
 * read is within its limits, clean, and either complete or told to be wrong. */
#include "ingest/submission.h"

#include "text/text.h"

#include <stdlib.h>
#include <string.h>

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void check_text(const char *text, size_t max)
{
    require(text == NULL ||
            (*text != '\0' && strlen(text) <= max && text_is_nfc(text, strlen(text))));
}

static void check_row(const submission_row_t *row)
{
    check_text(row->unit, 256);
    check_text(row->period, 256);
    check_text(row->figure, 256);
    check_text(row->value, 4096);
    check_text(row->note, SUBMISSION_MAX_NOTE);
    require(row->n_evidence <= EVENT_MAX_EVIDENCE && row->line > 0);
    bool complete =
        row->unit != NULL && row->period != NULL && row->figure != NULL && row->value != NULL;
    require(complete || row->field != NULL);
    require((row->field != NULL) == (row->reason[0] != '\0'));
    require(text_valid(row->reason, strlen(row->reason)) == strlen(row->reason));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char reason[SUBMISSION_REASON_SIZE] = "";
    submission_t s;
    if (size == 0) {
        return 0;
    }
    submission_format_t format =
        data[0] == '{' || data[0] == '[' ? SUBMISSION_JSON : SUBMISSION_CSV;
    if (submission_read(format, bytes_of(data, size), reason, &s) != 0) {
        require(reason[0] != '\0' && text_valid(reason, strlen(reason)) == strlen(reason));
        return 0;
    }
    require(s.n_rows > 0 && s.n_rows <= SUBMISSION_MAX_ROWS);
    require(s.key == NULL || submission_is_key(s.key));
    size_t line = 0;
    for (size_t i = 0; i < s.n_rows; i++) {
        check_row(&s.rows[i]);
        require(s.rows[i].line > line);
        line = s.rows[i].line;
    }
    submission_free(&s);
    return 0;
}
