/* show.c - see show.h. */
#include "event/show.h"

void event_show_figure(jw_t *j, const event_figure_t *f)
{
    char hex[SHA256_HEX_SIZE];
    jw_put_text(j, "value", f->withdrawn ? NULL : f->value);
    jw_put_flag(j, "withdrawn", f->withdrawn);
    jw_put_text(j, "source", f->source);
    jw_put_text(j, "series", f->series);
    jw_put_text(j, "submitter", f->submitter);
    jw_put_time(j, "fetched_at", f->fetched_at);
    jw_put_number(j, "revision", f->revision);
    jw_put_text(j, "raw_sha256", sha256_hex(f->raw_sha256.data, hex));
    jw_put_array(j, "evidence");
    for (size_t i = 0; i < f->n_evidence; i++) {
        jw_text(j, sha256_hex(f->evidence[i].data, hex));
    }
    jw_array_end(j);
}
