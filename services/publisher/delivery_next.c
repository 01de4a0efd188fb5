/* delivery_next.c - what a target is told next: dead letters that go out again, the read model when
 * it is brought up to date, else the journal.
 *
 * While the model is walked, what has changed since the tail begins is left to the tail: told here,
 * an older revision would follow it. A score of the tail is complete. A ranking of the tail names
 * only the units that moved then, and a unit that moved before the tail began would never be told.
 * So until the end of the journal is reached once, the last notice of each ranking is told with all
 * of its units, under a key of its own ("whole-ranking/…"): whoever has the notice itself still
 * takes it.
 */
#include "base/clock.h"
#include "base/error.h"
#include "delivery_internal.h"
#include "log/log.h"
#include "render.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_BATCH_BYTES ((size_t)2 * 1024 * 1024)
#define MAX_NOTICES 1000
#define MAX_SKIPPED 2000 /* notices that are not wanted, in one go */
#define MAX_SAMPLED 5000 /* results that are looked at for one that a target wants */
#define MAX_SETTLED 256  /* dead letters, likewise */

/* ---- a notice ---- */

static void free_told(told_t *told)
{
    event_release(&told->in);
    buffer_free(&told->packed);
    *told = (told_t){0};
}

static int take_bytes(told_t *told, bytes_t packed, uint64_t seq)
{
    char reason[256];
    *told = (told_t){.packed = BUFFER_INIT(EVENT_MAX_BYTES), .seq = seq};
    buffer_append(&told->packed, packed.data, packed.len);
    int rc = told->packed.failed ? -ENOMEM : event_decode(packed, reason, &told->in);
    if (rc == 0 && told->in.event->body_case != CHISO__V1__EVENT__BODY_NOTICE) {
        event_release(&told->in);
        rc = CHISO_E_PROTOCOL;
    }
    if (rc != 0) {
        buffer_free(&told->packed);
        return rc;
    }
    told->trace = event_trace(told->in.event);
    if (!trace_is_set(&told->trace)) {
        told->trace = trace_of_name(told->in.event->notice->key);
    }
    return 0;
}

/* It stands for another one, of the same cause. */
static void replace_told(told_t *told, told_t *by)
{
    by->trace = told->trace;
    event_put_trace(&by->trace, &by->packed);
    free_told(told);
    *told = *by;
}

static bool make_told(told_t *told, const char *type, const char *subject, const char *key,
                      int64_t time, const buffer_t *body)
{
    event_notice_t notice = CHISO__V1__NOTICE__INIT;
    notice.type = (char *)(uintptr_t)type;
    notice.subject = (char *)(uintptr_t)subject;
    notice.key = (char *)(uintptr_t)key;
    notice.time = time;
    notice.body = (ProtobufCBinaryData){body->len, body->data};
    buffer_t packed = BUFFER_INIT(EVENT_MAX_BYTES);
    event_put_notice(&notice, &packed);
    bool made = !body->failed && !packed.failed && take_bytes(told, buffer_bytes(&packed), 0) == 0;
    buffer_free(&packed);
    if (!made) {
        log_error("a notice cannot be made: it is left out", "key", key, "bytes",
                  LOG_INT(body->len), NULL);
    }
    return made;
}

static bool told_of_score(target_t *t, const event_score_t *score, told_t *told)
{
    const catalog_index_t *index = catalog_find(t->delivery->model->catalog, score->index);
    char key[RENDER_KEY_SIZE];
    char subject[RENDER_SUBJECT_SIZE];
    buffer_t body = BUFFER_INIT(EVENT_MAX_BYTES);
    render_score(index, score, &body);
    bool made = make_told(told, NOTICE_SCORE, render_score_subject(score, subject),
                          render_score_key(score, *t->delivery->epoch, key), score->as_of, &body);
    buffer_free(&body);
    return made;
}

/* A ranking with all of its units. */
static bool told_of_ranking(target_t *t, const event_ranking_t *ranking, told_t *told)
{
    char key[RENDER_KEY_SIZE];
    char whole[RENDER_KEY_SIZE + 8];
    char subject[RENDER_SUBJECT_SIZE];
    buffer_t body = BUFFER_INIT(EVENT_MAX_BYTES);
    render_ranking(ranking, &body);
    snprintf(whole, sizeof whole, "whole-%s",
             render_ranking_key(ranking, *t->delivery->epoch, key));
    bool made = make_told(told, NOTICE_RANKING, render_ranking_subject(ranking, subject), whole,
                          ranking->as_of, &body);
    buffer_free(&body);
    return made;
}

/* ---- the read model ---- */

/* Where a walk over the read model is: which table, and behind which key. */
static void set_cursor(position_t *p, char walk, bytes_t key)
{
    p->cursor[0] = (uint8_t)walk;
    p->cursor_len = 1;
    if (key.len > 0 && key.len < sizeof p->cursor) {
        memmove(p->cursor + 1, key.data, key.len); /* the key may lie in the cursor itself */
        p->cursor_len += key.len;
    }
}

static bytes_t cursor_key(const position_t *p)
{
    return bytes_of(p->cursor + 1, p->cursor_len - 1);
}

void delivery_rewind(target_t *t)
{
    t->at.resyncing = true;
    t->at.catching_up = true;
    set_cursor(&t->at, WALK_RESULTS, bytes_of(NULL, 0));
    t->at.next_seq = journal_head(t->delivery->model->journal) + 1;
    t->rewound = t->step != STEP_IDLE;
    if (!t->rewound) {
        delivery_clear(t);
    }
}

static bool next_result(target_t *t, store_txn_t *txn, told_t *told)
{
    bytes_t key;
    uint64_t notice_seq;
    event_in_t in;
    bool wanted = false;
    while (!wanted && model_after(txn, cursor_key(&t->ahead), &key, &notice_seq, &in)) {
        const event_score_t *score = in.event->score;
        wanted = notice_seq < t->ahead.next_seq &&
                 catalog_find(t->delivery->model->catalog, score->index) != NULL &&
                 told_of_score(t, score, told);
        set_cursor(&t->ahead, WALK_RESULTS, key);
        event_release(&in);
    }
    return wanted;
}

static bool next_ranking(target_t *t, store_txn_t *txn, told_t *told)
{
    bytes_t key;
    uint64_t notice_seq;
    event_in_t in;
    bool wanted = false;
    while (!wanted && model_ranking_after(txn, cursor_key(&t->ahead), &key, &notice_seq, &in)) {
        const event_ranking_t *ranking = in.event->ranking;
        wanted = notice_seq < t->ahead.next_seq && ranking->n_standings > 0 &&
                 catalog_find(t->delivery->model->catalog, ranking->index) != NULL &&
                 told_of_ranking(t, ranking, told);
        set_cursor(&t->ahead, WALK_RANKINGS, key);
        model_ranking_free(&in);
    }
    return wanted;
}

static bool next_of_model(target_t *t, store_txn_t *txn, told_t *told)
{
    if (t->ahead.cursor[0] == WALK_RESULTS) {
        if (next_result(t, txn, told)) {
            return true;
        }
        set_cursor(&t->ahead, WALK_RANKINGS, bytes_of(NULL, 0));
    }
    return next_ranking(t, txn, told);
}

/* ---- the journal ---- */

typedef struct {
    target_t *target;
    told_t *told;
    bool found;
    unsigned skipped;
} take_t;

static bool take_notice(void *context, uint64_t seq, bytes_t payload)
{
    take_t *take = context;
    take->target->ahead.next_seq = seq + 1;
    /* only our own records are here: one that does not decode is damage, told by verify */
    if (take_bytes(take->told, payload, seq) == 0) {
        take->found = !take->told->in.event->notice->internal;
        if (!take->found) {
            free_told(take->told);
        }
    }
    return !take->found && ++take->skipped < MAX_SKIPPED;
}

/* The ranking that a notice is about, as it stands now, and the number of its last notice; free it
 * with model_ranking_free(). */
static bool ranking_of(store_txn_t *txn, const event_notice_t *n, uint64_t *last, event_in_t *out)
{
    json_t *body = json_loadb((const char *)n->body.data, n->body.len, 0, NULL);
    const char *index = json_string_value(json_object_get(body, "index"));
    const char *period = json_string_value(json_object_get(body, "period"));
    const char *level = json_string_value(json_object_get(body, "level"));
    const char *parent = json_string_value(json_object_get(body, "parent"));
    bool found = index != NULL && period != NULL && level != NULL &&
                 model_ranking_whole(txn, index, period, event_level_of(level), parent, last, out);
    json_decref(body);
    return found;
}

/* The last notice of a ranking becomes all of it, see above. */
static void make_whole(target_t *t, store_txn_t *txn, told_t *told)
{
    uint64_t last;
    event_in_t in;
    if (ranking_of(txn, told->in.event->notice, &last, &in)) {
        told_t whole;
        if (last == told->seq && in.event->ranking->n_standings > 0 &&
            told_of_ranking(t, in.event->ranking, &whole)) {
            whole.seq = told->seq;
            replace_told(told, &whole);
        }
        model_ranking_free(&in);
    }
}

static bool next_of_journal(target_t *t, store_txn_t *txn, told_t *told)
{
    take_t take = {.target = t, .told = told};
    int rc = journal_read(t->delivery->model->journal, txn, t->ahead.next_seq, take_notice, &take);
    if (rc < 0) {
        return false;
    }
    if (take.found && t->ahead.catching_up &&
        strcmp(told->in.event->notice->type, NOTICE_RANKING) == 0) {
        make_whole(t, txn, told);
    }
    if (!take.found && take.skipped < MAX_SKIPPED) {
        t->ahead.catching_up = false; /* the end was reached */
    }
    return take.found;
}

/* ---- dead letters ---- */

/* What a dead letter said has been said anew since: then it is settled, or, of a ranking, all of it
 * is told, because a later one names other units. */
typedef enum { LETTER_CURRENT, LETTER_SETTLED, LETTER_WHOLE } letter_t;

static letter_t state_of_score(target_t *t, store_txn_t *txn, const event_notice_t *n)
{
    char index[EVENT_MAX_CODE + 1];
    char period[EVENT_MAX_CODE + 1];
    char key[RENDER_KEY_SIZE];
    const char *first = strchr(n->subject, '/');
    const char *second = first != NULL ? strchr(first + 1, '/') : NULL;
    event_in_t in;
    if (second == NULL) {
        return LETTER_SETTLED;
    }
    snprintf(index, sizeof index, "%.*s", (int)(first - n->subject), n->subject);
    snprintf(period, sizeof period, "%.*s", (int)(second - first - 1), first + 1);
    if (!model_result(txn, index, period, second + 1, &in)) {
        return LETTER_SETTLED;
    }
    render_score_key(in.event->score, *t->delivery->epoch, key);
    event_release(&in);
    return strcmp(key, n->key) == 0 ? LETTER_CURRENT : LETTER_SETTLED;
}

static letter_t state_of_ranking(target_t *t, store_txn_t *txn, told_t *told)
{
    const event_notice_t *n = told->in.event->notice;
    uint64_t last;
    event_in_t in;
    letter_t state = LETTER_SETTLED;
    if (ranking_of(txn, n, &last, &in)) {
        char key[RENDER_KEY_SIZE];
        told_t whole;
        render_ranking_key(in.event->ranking, *t->delivery->epoch, key);
        const char *own = strncmp(n->key, "whole-", 6) == 0 ? n->key + 6 : n->key;
        if (strcmp(own, key) == 0) {
            state = LETTER_CURRENT;
        } else if (in.event->ranking->n_standings > 0 &&
                   told_of_ranking(t, in.event->ranking, &whole)) {
            replace_told(told, &whole);
            state = LETTER_WHOLE;
        }
        model_ranking_free(&in);
    }
    return state;
}

/* ---- the batch ---- */

void delivery_clear(target_t *t)
{
    record_list_clear(&t->batch.records);
    for (size_t i = 0; i < t->batch.n_notices; i++) {
        free_told(&t->batch.notices[i]);
    }
    free(t->batch.notices);
    t->batch = (batch_t){0};
    t->singly = false;
    t->attempts = 0;
}

static bool meets(const record_list_t *a, const record_list_t *b)
{
    for (size_t i = 0; i < a->n; i++) {
        for (size_t k = 0; k < b->n; k++) {
            if (strcmp(a->items[i].entity, b->items[k].entity) == 0) {
                return true;
            }
        }
    }
    return false;
}

static int append_records(batch_t *batch, record_list_t *more)
{
    record_list_t *list = &batch->records;
    if (list->n + more->n > list->room) {
        size_t room = list->n + more->n + 16;
        record_t *grown = realloc(list->items, room * sizeof *grown);
        if (grown == NULL) {
            return -ENOMEM;
        }
        list->items = grown;
        list->room = room;
    }
    for (size_t i = 0; i < more->n; i++) {
        list->items[list->n++] = more->items[i];
    }
    more->n = 0; /* they have moved */
    return 0;
}

/* Takes `told`. 0; -EAGAIN when it must wait for the next batch; -ENOMEM. One that the target does
 * not want is let go. */
static int add(target_t *t, told_t *told, const char *only)
{
    batch_t *batch = &t->batch;
    record_list_t records = {0};
    record_expand(t->config, told->in.event->notice, &records);
    for (size_t i = 0; i < records.n; i++) {
        records.items[i].trace = told->trace;
        records.items[i].done = only != NULL && strcmp(records.items[i].key, only) != 0;
    }
    int rc = records.failed ? -ENOMEM : 0;
    if (rc == 0 && t->dialect->distinct && meets(&batch->records, &records)) {
        rc = -EAGAIN;
    }
    if (rc == 0 && records.n > 0) {
        told_t *grown = realloc(batch->notices, (batch->n_notices + 1) * sizeof *grown);
        rc = grown == NULL ? -ENOMEM : append_records(batch, &records);
        batch->notices = grown != NULL ? grown : batch->notices;
        if (rc == 0) {
            batch->notices[batch->n_notices++] = *told;
            *told = (told_t){0};
        }
    }
    record_list_clear(&records);
    free_told(told);
    return rc;
}

/* The next dead letter that is worth sending, as a batch by itself. */
static int fill_letter(target_t *t)
{
    store_txn_t *txn = store_write(t->delivery->model->store);
    bool settled = false;
    int rc = 0;
    for (unsigned i = 0; rc == 0 && t->batch.n_notices == 0 && i < MAX_SETTLED; i++) {
        const Chiso__V1__DeadLetter *letter;
        wire_arena_t *arena;
        uint64_t number;
        told_t told;
        if (!delivery_letter(t, txn, t->ahead.letter_next, t->ahead.letter_until, &number, &letter,
                             &arena)) {
            t->ahead.letter_next = t->ahead.letter_until = 0;
            t->at.letter_next = t->at.letter_until = 0;
            break;
        }
        t->ahead.letter_next = number + 1;
        letter_t state = LETTER_SETTLED;
        rc = take_bytes(&told, bytes_of(letter->notice.data, letter->notice.len), letter->seq);
        if (rc == 0) {
            const event_notice_t *n = told.in.event->notice;
            bool score = strcmp(n->type, NOTICE_SCORE) == 0;
            state = score ? state_of_score(t, txn, n) : state_of_ranking(t, txn, &told);
            bool part = state == LETTER_CURRENT && strcmp(letter->key, n->key) != 0;
            if (state != LETTER_SETTLED) {
                rc = add(t, &told, part ? letter->key : NULL);
            } else {
                free_told(&told);
            }
        }
        wire_free(&arena);
        if (t->batch.n_notices > 0) {
            t->batch.letter = number;
        } else if (rc == 0 || rc == CHISO_E_PROTOCOL) {
            delivery_drop_letter(t, txn, number); /* said anew since, or not wanted any more */
            settled = true;
            rc = 0;
        }
    }
    if (settled && rc == 0) {
        t->at.letter_next = t->ahead.letter_next;
        t->at.letter_until = t->ahead.letter_until;
        delivery_put_record(t, txn);
        return delivery_commit(t->delivery, &txn);
    }
    store_abort(&txn);
    return rc;
}

/* True when the target's place is there. */
static void check_place(target_t *t)
{
    const journal_t *journal = t->delivery->model->journal;
    if (!t->at.resyncing &&
        (t->at.next_seq > journal_head(journal) + 1 || t->at.next_seq < journal_first(journal))) {
        log_warn("the journal no longer holds what a portal misses: bringing it up to date",
                 "target", t->config->id, NULL);
        delivery_rewind(t);
    }
}

int delivery_fill(target_t *t)
{
    int rc = 0;
    size_t bytes = 0;
    delivery_clear(t);
    t->ahead = t->at;
    if (t->ahead.letter_next != 0) {
        rc = fill_letter(t);
        if (rc != 0 || t->batch.n_notices > 0) {
            return rc;
        }
    }
    check_place(t);
    t->ahead = t->at;
    store_txn_t *txn = store_read(t->delivery->model->store);
    for (unsigned i = 0; rc == 0 && i < MAX_SKIPPED && bytes < MAX_BATCH_BYTES &&
                         t->batch.records.n < t->config->batch && t->batch.n_notices < MAX_NOTICES;
         i++) {
        position_t before = t->ahead;
        told_t told;
        bool found = t->ahead.resyncing && next_of_model(t, txn, &told);
        if (!found) {
            t->ahead.resyncing = false;
            found = next_of_journal(t, txn, &told);
        }
        if (!found) {
            break;
        }
        bytes += told.packed.len;
        rc = add(t, &told, NULL);
        if (rc == -EAGAIN) {
            t->ahead = before;
        }
    }
    if (rc == 0 || rc == -EAGAIN) {
        rc = store_status(txn);
    }
    store_abort(&txn);
    if (t->batch.n_notices == 0) {
        t->at = t->ahead; /* nothing of it was for this target */
    }
    return rc;
}

/* ---- a sample ---- */

void delivery_free_sample(told_t *told, record_list_t *records)
{
    record_list_clear(records);
    free_told(told);
}

bool delivery_sample(target_t *t, told_t *told, record_list_t *records)
{
    position_t kept = t->ahead;
    store_txn_t *txn = store_read(t->delivery->model->store);
    bool found = false;
    set_cursor(&t->ahead, WALK_RESULTS, bytes_of(NULL, 0));
    t->ahead.next_seq = UINT64_MAX;
    for (unsigned i = 0; !found && i < MAX_SAMPLED && next_result(t, txn, told); i++) {
        record_expand(t->config, told->in.event->notice, records);
        for (size_t k = 0; k < records->n; k++) {
            records->items[k].trace = told->trace;
        }
        found = records->n > 0 && !records->failed;
        if (!found) {
            delivery_free_sample(told, records);
        }
    }
    store_abort(&txn);
    t->ahead = kept;
    return found;
}
