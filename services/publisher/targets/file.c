/* file.c - a folder that somebody else empties: over SFTP, a data diode, a share. What is written
 * where is drop.c's; here is what a record looks like: its mapping, or the notice as a structured
 * CloudEvent. */
#include "drop.h"

#include <string.h>
#include <unistd.h>

static void check(publisher_target_t *t, config_t *file, const char *at)
{
    char path[128];
    if (t->file.folder == NULL) {
        snprintf(path, sizeof path, "%s.kind", at);
        config_error(file, path, "has no file.folder beside it; expected one that exists");
        return;
    }
    snprintf(path, sizeof path, "%s.file.folder", at);
    service_resolve(file, &t->file.folder);
    if (access(t->file.folder, W_OK | X_OK) != 0) {
        config_error(file, path, "'%s'; expected a folder that can be written to", t->file.folder);
    }
    snprintf(path, sizeof path, "%s.file.per", at);
    t->file.batch = t->file.per != NULL && strcmp(t->file.per, "batch") == 0;
    if (t->file.per != NULL && !t->file.batch && strcmp(t->file.per, "event") != 0) {
        config_error(file, path, "'%s'; expected event or batch", t->file.per);
    }
}

/* One record a line; drop.c takes them apart again. */
static void write_lines(const publisher_target_t *t, record_t *const *records, size_t n,
                        outgoing_t *out)
{
    for (size_t i = 0; i < n; i++) {
        const record_t *r = records[i];
        jw_t j = jw_to(&out->body);
        if (r->doc != NULL) {
            record_put_data(r, t->mapping, &j);
        } else {
            record_put_event(r, NULL, &j);
        }
        buffer_append(&out->body, "\n", 1);
    }
}

static void judge(const publisher_target_t *t, const fetch_answer_t *a, record_t *const *records,
                  size_t n, judgement_t *out)
{
    (void)t;
    (void)records;
    (void)n;
    *out = (judgement_t){.verdict = a->result == FETCH_ANSWERED ? CHISO_ACCEPT : CHISO_RETRY};
    snprintf(out->reason, sizeof out->reason, "%.250s", a->reason);
}

const target_dialect_t target_file = {
    .name = "file",
    .batch = 100,
    .rankings = true,
    .local = true,
    .check = check,
    .write = write_lines,
    .judge = judge,
};
