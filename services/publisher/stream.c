/* stream.c - see stream.h. A client costs its position and one buffer in libmicrohttpd: nothing is
 * queued for it, because the journal is the queue. */
#include "stream.h"

#include "base/error.h"
#include "cursor.h"

#include <stdlib.h>
#include <string.h>

static uint32_t keep_alive_turn; /* grows with each stream_keep_alive() */

typedef struct {
    model_t *model;
    uint64_t next_seq;
    uint32_t turn; /* of its last comment */
    bool greeted, reset;
} stream_t;

const char *stream_event_name(const char *type)
{
    return strcmp(type, NOTICE_SCORE) == 0     ? "score"
           : strcmp(type, NOTICE_RANKING) == 0 ? "ranking"
                                               : "source";
}

typedef struct {
    stream_t *stream;
    buffer_t *out;
} pull_t;

static bool append_event(void *context, uint64_t seq, bytes_t payload)
{
    pull_t *pull = context;
    event_in_t in;
    char reason[256];
    if (event_decode(payload, reason, &in) != 0) {
        pull->stream->next_seq = seq + 1;
        return true;
    }
    const event_notice_t *n = in.event->notice;
    size_t need = n->body.len + 128;
    char id[CURSOR_SIZE];
    cursor_write(pull->stream->model->journal, seq, id);
    bool fits = pull->out->max - pull->out->len >= need;
    if (fits) {
        buffer_printf(pull->out, "id: %s\nevent: %s\ndata: ", id, stream_event_name(n->type));
        buffer_append(pull->out, n->body.data, n->body.len);
        buffer_append_text(pull->out, "\n\n");
        pull->stream->next_seq = seq + 1;
    } else if (pull->out->len == 0) {
        /* larger than a client's whole buffer: it can read the result itself */
        buffer_printf(pull->out, "id: %s\nevent: reset\ndata: {}\n\n", id);
        pull->stream->next_seq = seq + 1;
    }
    event_release(&in);
    return fits;
}

static bool pull(buffer_t *out, void *context)
{
    stream_t *s = context;
    if (!s->greeted) {
        buffer_append_text(out, "retry: 1000\n: chiso\n\n");
        s->greeted = true;
    }
    if (s->next_seq < journal_first(s->model->journal)) {
        s->reset = true;
        s->next_seq = journal_head(s->model->journal) + 1;
    }
    if (s->reset) {
        char id[CURSOR_SIZE];
        buffer_printf(out, "id: %s\nevent: reset\ndata: {}\n\n",
                      cursor_write(s->model->journal, s->next_seq - 1, id));
        s->reset = false;
    }
    if (s->next_seq <= journal_head(s->model->journal)) {
        pull_t p = {s, out};
        store_txn_t *txn = store_read(s->model->store);
        int rc = journal_read(s->model->journal, txn, s->next_seq, append_event, &p);
        store_abort(&txn);
        if (rc < 0) {
            return false;
        }
    } else if (s->turn != keep_alive_turn && out->len == 0) {
        buffer_append_text(out, ":\n\n");
    }
    s->turn = keep_alive_turn;
    return true;
}

static void closed(void *stream)
{
    free(stream);
}

void stream_open(model_t *model, http_request_t *request)
{
    const char *last = http_header(request, "Last-Event-ID");
    if (last == NULL) {
        last = http_query(request, "last_event_id");
    }
    uint64_t head = journal_head(model->journal);
    uint64_t after = head;
    int known = last != NULL ? cursor_read(model->journal, last, &after) : 0;
    if (known == CHISO_E_SYNTAX) {
        http_reply_problem(request, 400,
                           "Last-Event-ID '%.40s'; expected the id of an event of this stream",
                           last);
        return;
    }
    stream_t *s = calloc(1, sizeof *s);
    if (s == NULL) {
        http_reply_problem(request, 503, "out of memory");
        return;
    }
    s->model = model;
    s->turn = keep_alive_turn;
    s->reset = known != 0; /* trimmed, or of another life of this publisher */
    s->next_seq = after + 1;
    http_stream(request, pull, closed, s);
}

void stream_keep_alive(void)
{
    keep_alive_turn++;
}
