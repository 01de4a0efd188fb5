/* inbox.c - see inbox.h. The order is: write the line, sync it, take effect, answer. A kill between
 * any two of them loses nothing that was acknowledged, and what was written but not acknowledged is
 * found again at the next start and makes the sender's repetition a duplicate.
 */
#include "inbox.h"

#include "base/error.h"
#include "common/server.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A body of at most 1 MiB (the server's limit) and its headers. */
#define LINE_MAX_BYTES ((size_t)2 * 1024 * 1024)
/* In JSON no other text can hold this: a quote inside a string is escaped. */
#define BODY_MARK ",\"body\":"

struct inbox {
    int fd;         /* -1: in memory only */
    json_t *keys;   /* the set of keys seen */
    json_t *latest; /* subject -> body, as a text */
    inbox_stats_t stats;
};

static int apply(inbox_t *inbox, const char *key, const char *subject, const char *body, size_t len)
{
    inbox->stats.received++;
    if (json_object_get(inbox->keys, key) != NULL) {
        inbox->stats.duplicates++;
        return CHISO_OK;
    }
    if (json_object_set_new(inbox->keys, key, json_true()) != 0) {
        return -ENOMEM;
    }
    inbox->stats.effects++;
    const char *place = subject != NULL ? subject : "";
    return json_object_set_new(inbox->latest, place, json_stringn(body, len)) == 0 ? CHISO_OK
                                                                                   : -ENOMEM;
}

/* One line of the file, without its end. */
static int read_back(inbox_t *inbox, const char *line, size_t len)
{
    const char *mark = memmem(line, len, BODY_MARK, sizeof BODY_MARK - 1);
    json_t *json = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
    const char *key = json_string_value(json_object_get(json, "key"));
    int rc = CHISO_E_CORRUPT;
    if (mark != NULL && key != NULL) {
        const char *body = mark + sizeof BODY_MARK - 1;
        size_t body_len = (size_t)(line + len - body) - 1; /* without the closing brace */
        rc = apply(inbox, key, json_string_value(json_object_get(json, "ce_subject")), body,
                   body_len);
    }
    json_decref(json);
    return rc;
}

static int read_all(inbox_t *inbox, FILE *file)
{
    char *line = NULL;
    size_t cap = 0;
    off_t sound = 0;
    int rc = CHISO_OK;
    for (ssize_t n; rc == 0 && (n = getline(&line, &cap, file)) > 0;) {
        if (line[n - 1] != '\n') {
            /* the write a kill interrupted; it was never acknowledged */
            rc = ftruncate(inbox->fd, sound) == 0 ? CHISO_OK : -errno;
            break;
        }
        rc = read_back(inbox, line, (size_t)n - 1);
        sound += n;
    }
    free(line);
    return rc;
}

int inbox_open(const char *path, inbox_t **out)
{
    inbox_t *inbox = calloc(1, sizeof *inbox);
    if (inbox == NULL) {
        return -ENOMEM;
    }
    inbox->fd = -1;
    inbox->keys = json_object();
    inbox->latest = json_object();
    int rc = inbox->keys != NULL && inbox->latest != NULL ? CHISO_OK : -ENOMEM;
    if (rc == 0 && path != NULL) {
        inbox->fd = server_open_lines(path);
        rc = inbox->fd < 0 ? inbox->fd : CHISO_OK;
        FILE *file = rc == 0 ? fopen(path, "re") : NULL;
        if (rc == 0) {
            rc = file != NULL ? read_all(inbox, file) : -errno;
        }
        if (file != NULL) {
            fclose(file);
        }
    }
    if (rc != 0) {
        inbox_close(&inbox);
        return rc;
    }
    *out = inbox;
    return CHISO_OK;
}

void inbox_close(inbox_t **inbox_ptr)
{
    inbox_t *inbox = *inbox_ptr;
    if (inbox == NULL) {
        return;
    }
    if (inbox->fd >= 0) {
        close(inbox->fd);
    }
    json_decref(inbox->keys);
    json_decref(inbox->latest);
    free(inbox);
    *inbox_ptr = NULL;
}

/* Everything but the body, as an open object: "{...". */
static char *head_of(const inbox_event_t *e, bool duplicate)
{
    json_t *head = json_pack("{s:I, s:s, s:s, s:s, s:s, s:s?, s:s?, s:s?, s:s?, s:b}",
                             "received_ns", (json_int_t)server_wall_ns(), "key", e->key, "ce_id",
                             e->id, "ce_source", e->source, "ce_type", e->type, "ce_subject",
                             e->subject, "ce_time", e->time, "traceparent", e->traceparent,
                             "ce_traceparent", e->ce_traceparent, "duplicate", duplicate);
    char *text = head != NULL ? json_dumps(head, JSON_COMPACT) : NULL;
    json_decref(head);
    if (text != NULL) {
        text[strlen(text) - 1] = '\0';
    }
    return text;
}

int inbox_take(inbox_t *inbox, const inbox_event_t *event)
{
    char *head = head_of(event, json_object_get(inbox->keys, event->key) != NULL);
    if (head == NULL) {
        return CHISO_E_SYNTAX;
    }
    buffer_t line = BUFFER_INIT(LINE_MAX_BYTES);
    buffer_append_text(&line, head);
    buffer_append_text(&line, BODY_MARK);
    size_t body_at = line.len;
    buffer_append(&line, event->body.data, event->body.len);
    buffer_append_text(&line, "}\n");
    free(head);
    int rc = line.failed ? -ENOMEM : CHISO_OK;
    for (size_t i = body_at; rc == 0 && i < line.len - 2; i++) {
        /* a line break in JSON is white space between two of its parts, never in a text */
        line.data[i] = line.data[i] == '\n' || line.data[i] == '\r' ? ' ' : line.data[i];
    }
    if (rc == 0 && inbox->fd >= 0 &&
        (server_append_line(inbox->fd, buffer_bytes(&line)) != 0 || fdatasync(inbox->fd) != 0)) {
        rc = CHISO_E_STORE;
    }
    if (rc == 0) {
        rc = apply(inbox, event->key, event->subject, (const char *)line.data + body_at,
                   event->body.len);
    }
    buffer_free(&line);
    return rc;
}

bool inbox_knows(const inbox_t *inbox, const char *subject)
{
    return json_object_get(inbox->latest, subject) != NULL;
}

inbox_stats_t inbox_stats(const inbox_t *inbox)
{
    return inbox->stats;
}

void inbox_results(const inbox_t *inbox, buffer_t *out)
{
    const char *subject;
    json_t *body;
    const char *comma = "";
    buffer_append_text(out, "{");
    json_object_foreach(inbox->latest, subject, body)
    {
        json_t *key = json_string(subject);
        char *text = key != NULL ? json_dumps(key, JSON_ENCODE_ANY) : NULL;
        if (text == NULL) {
            out->failed = true;
        } else {
            buffer_append_text(out, comma);
            buffer_append_text(out, text);
            buffer_append_text(out, ":");
            buffer_append(out, json_string_value(body), json_string_length(body));
        }
        comma = ",\n";
        free(text);
        json_decref(key);
    }
    buffer_append_text(out, "}\n");
}
