/* stream.c - see stream.h. A client costs its position and one buffer in libmicrohttpd: nothing is
 * queued for it, because the journal is the queue. */
#include "stream.h"

#include "base/error.h"
#include "cursor.h"

#include <stdlib.h>
#include <string.h>

/* Leaves room beside it for a greeting: what is larger would never fit. */
#define STREAM_MAX_EVENT (63 * 1024)

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

/* The newest events as they are sent: a thousand clients are told the same, and it is made once. */
#define RECENT 64 /* of at most 64 KiB each */
static struct {
    uint64_t epoch, seq;
    buffer_t text;
} recent[RECENT];

static const buffer_t *find_recent(const journal_t *journal, uint64_t seq)
{
    return recent[seq % RECENT].seq == seq && recent[seq % RECENT].epoch == journal_epoch(journal)
               ? &recent[seq % RECENT].text
               : NULL;
}

static const buffer_t *make_text(const journal_t *journal, uint64_t seq, const event_notice_t *n)
{
    char id[CURSOR_SIZE];
    buffer_t *text = &recent[seq % RECENT].text;
    cursor_write(journal, seq, id);
    buffer_free(text);
    *text = (buffer_t)BUFFER_INIT(STREAM_MAX_EVENT);
    buffer_printf(text, "id: %s\nevent: %s\ndata: ", id, stream_event_name(n->type));
    buffer_append(text, n->body.data, n->body.len);
    buffer_append_text(text, "\n\n");
    if (text->failed) { /* larger than a client's whole buffer: it can read the result itself */
        buffer_clear(text);
        buffer_printf(text, "id: %s\nevent: reset\ndata: {}\n\n", id);
    }
    recent[seq % RECENT].epoch = journal_epoch(journal);
    recent[seq % RECENT].seq = text->failed ? 0 : seq;
    return text;
}

typedef struct {
    stream_t *stream;
    buffer_t *out;
} pull_t;

/* False when the client's buffer has no room for it now. */
static bool take(pull_t *pull, uint64_t seq, const buffer_t *text)
{
    bool fits = pull->out->max - pull->out->len >= text->len;
    if (fits) {
        buffer_append(pull->out, text->data, text->len);
        pull->stream->next_seq = seq + 1;
    }
    return fits;
}

static bool append_event(void *context, uint64_t seq, bytes_t payload)
{
    pull_t *pull = context;
    const journal_t *journal = pull->stream->model->journal;
    const buffer_t *text = find_recent(journal, seq);
    event_in_t in;
    char reason[256];
    if (text != NULL) {
        return take(pull, seq, text);
    }
    if (event_decode(payload, reason, &in) != 0) {
        pull->stream->next_seq = seq + 1;
        return true;
    }
    bool fits = take(pull, seq, make_text(journal, seq, in.event->notice));
    event_release(&in);
    return fits;
}

/* Appends what there is, first of what was made for others. False when the store fails. */
static bool append_events(stream_t *s, buffer_t *out)
{
    pull_t p = {s, out};
    const buffer_t *text;
    while (s->next_seq <= journal_head(s->model->journal) &&
           (text = find_recent(s->model->journal, s->next_seq)) != NULL) {
        if (!take(&p, s->next_seq, text)) {
            return true;
        }
    }
    if (s->next_seq > journal_head(s->model->journal)) {
        return true;
    }
    store_txn_t *txn = store_read(s->model->store);
    int rc = journal_read(s->model->journal, txn, s->next_seq, append_event, &p);
    store_abort(&txn);
    return rc >= 0;
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
    bool good = true;
    if (s->next_seq <= journal_head(s->model->journal)) {
        good = append_events(s, out);
    } else if (s->turn != keep_alive_turn && out->len == 0) {
        buffer_append_text(out, ":\n\n");
    }
    s->turn = keep_alive_turn;
    return good;
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
