/* record.c - see record.h. A notice's body is read again from its JSON instead of from the event: a
 * record can so be made from what the journal or a dead letter holds, whatever the read model has
 * become since. */
#include "record.h"

#include "../model.h"
#include "decimal/decimal.h"
#include "period/period.h"
#include "target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_KEY 640

void record_free(record_t *r)
{
    free(r->key);
    free(r->entity);
    free(r->stem);
    json_decref(r->doc);
    *r = (record_t){0};
}

void record_list_clear(record_list_t *list)
{
    for (size_t i = 0; i < list->n; i++) {
        record_free(&list->items[i]);
    }
    free(list->items);
    *list = (record_list_t){0};
}

/* Takes `doc`. */
static void append(record_list_t *list, const event_notice_t *notice, const char *key,
                   const char *entity, const char *stem, json_t *doc)
{
    if (list->n == list->room) {
        size_t room = list->room > 0 ? list->room * 2 : 16;
        record_t *grown = realloc(list->items, room * sizeof *grown);
        list->failed = list->failed || grown == NULL;
        if (grown != NULL) {
            list->items = grown;
            list->room = room;
        }
    }
    if (list->failed) {
        json_decref(doc);
        return;
    }
    record_t *r = &list->items[list->n++];
    *r = (record_t){.notice = notice, .doc = doc};
    r->key = strdup(key);
    r->entity = strdup(entity);
    r->stem = strdup(stem);
    list->failed = r->key == NULL || r->entity == NULL || r->stem == NULL;
}

/* ---- the filter ---- */

static bool wants(char *const *list, unsigned n, const char *text)
{
    for (unsigned i = 0; i < n; i++) {
        if (text != NULL && strcmp(list[i], text) == 0) {
            return true;
        }
    }
    return n == 0;
}

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* A province's code takes its departments and communes as well. */
static bool wants_unit(const target_filter_t *f, const char *code, const char *parent)
{
    return wants(f->units, f->units_count, code) ||
           (parent != NULL && wants(f->units, f->units_count, parent));
}

static bool wants_group(const publisher_target_t *config, const json_t *body)
{
    const target_filter_t *f = &config->filter;
    return wants(f->indexes, f->indexes_count, text_of(body, "index")) &&
           wants(f->periods, f->periods_count, text_of(body, "period"));
}

/* ---- documents ---- */

static void set_text(json_t *doc, const char *key, const char *text)
{
    json_object_set_new(doc, key, text != NULL ? json_string(text) : json_null());
}

/* What every record has besides the result: its key, the period's parts. */
static void set_common(json_t *doc, const event_notice_t *notice, const char *type, const char *key)
{
    const char *period_text = text_of(doc, "period");
    const char *epoch = strrchr(notice->key, '@');
    period_t period;
    char number[16];
    set_text(doc, "key", key);
    set_text(doc, "type", type);
    set_text(doc, "subject", notice->subject);
    set_text(doc, "epoch", epoch != NULL ? epoch + 1 : "");
    if (period_text != NULL && period_parse(period_text, &period) == 0) {
        snprintf(number, sizeof number, "%.4s", period_text);
        set_text(doc, "year", number);
        bool month = period_text[4] == '-' && period_text[5] != 'Q';
        bool quarter = period_text[4] == '-' && period_text[5] == 'Q';
        set_text(doc, "month", month ? period_text + 5 : NULL);
        set_text(doc, "quarter", quarter ? period_text + 6 : NULL);
    }
}

/* The notice's key with one more part before the revision. */
static void key_with(const char *key, const char *part, char out[MAX_KEY])
{
    const char *revision = strrchr(key, '/');
    size_t head = revision != NULL ? (size_t)(revision - key) : strlen(key);
    snprintf(out, MAX_KEY, "%.*s/%s%s", (int)head, key, part, revision != NULL ? revision : "");
}

static void expand_indicators(const event_notice_t *notice, const json_t *body, record_list_t *out)
{
    size_t p;
    json_t *pillar;
    json_array_foreach(json_object_get(body, "pillars"), p, pillar)
    {
        size_t i;
        json_t *indicator;
        json_array_foreach(json_object_get(pillar, "indicators"), i, indicator)
        {
            const char *code = text_of(indicator, "code");
            char key[MAX_KEY];
            char entity[MAX_KEY];
            json_t *doc = json_copy((json_t *)(uintptr_t)body);
            if (doc == NULL || code == NULL) {
                json_decref(doc);
                out->failed = true;
                return;
            }
            key_with(notice->key, code, key);
            snprintf(entity, sizeof entity, "%s/%s", notice->subject, code);
            json_object_set(doc, "indicator", indicator);
            json_object_set(doc, "pillar", pillar);
            set_common(doc, notice, "score", key);
            append(out, notice, key, entity, entity, doc);
        }
    }
}

static void expand_score(const publisher_target_t *config, const event_notice_t *notice,
                         json_t *body, record_list_t *out)
{
    const json_t *unit = json_object_get(body, "unit");
    const target_filter_t *f = &config->filter;
    if (!config->scores || !wants_group(config, body) ||
        !wants(f->levels, f->levels_count, text_of(unit, "level")) ||
        !wants_unit(f, text_of(unit, "code"), text_of(unit, "parent"))) {
        return;
    }
    if (!config->dialect->mapped && config->mapping == NULL) {
        append(out, notice, notice->key, notice->subject, notice->subject, NULL);
    } else if (config->indicators) {
        expand_indicators(notice, body, out);
    } else {
        set_common(body, notice, "score", notice->key);
        append(out, notice, notice->key, notice->subject, notice->subject, json_incref(body));
    }
}

/* The row of one unit that moved: only what a ranking says, so that it replaces nothing else. */
static json_t *standing_doc(const event_notice_t *notice, const json_t *body,
                            const json_t *standing, const char *key)
{
    const char *level = text_of(body, "level");
    const char *parent = text_of(body, "parent");
    bool top = level != NULL && strcmp(level, "province") == 0;
    json_t *doc = json_object();
    json_t *unit = json_object();
    set_text(doc, "index", text_of(body, "index"));
    set_text(doc, "period", text_of(body, "period"));
    set_text(unit, "code", text_of(standing, "code"));
    set_text(unit, "level", level);
    if (parent != NULL || top) {
        set_text(unit, "parent", parent);
        set_text(doc, "rank", text_of(standing, "rank"));
        set_text(doc, "previous_rank", text_of(standing, "previous_rank"));
    }
    if (parent == NULL) {
        set_text(doc, "nation_rank", text_of(standing, "rank"));
    }
    json_object_set_new(doc, "unit", unit);
    set_text(doc, "ranking_revision", text_of(body, "revision"));
    set_text(doc, "ranked_at", text_of(body, "as_of"));
    set_common(doc, notice, "ranking", key);
    return doc;
}

static void expand_ranking(const publisher_target_t *config, const event_notice_t *notice,
                           const json_t *body, record_list_t *out)
{
    const target_filter_t *f = &config->filter;
    const char *parent = text_of(body, "parent");
    if (!config->rankings || config->indicators || !wants_group(config, body) ||
        !wants(f->levels, f->levels_count, text_of(body, "level"))) {
        return;
    }
    if (!config->dialect->mapped && config->mapping == NULL) {
        if (parent == NULL || wants_unit(f, parent, NULL)) {
            append(out, notice, notice->key, notice->subject, notice->subject, NULL);
        }
        return;
    }
    size_t i;
    json_t *standing;
    json_array_foreach(json_object_get(body, "standings"), i, standing)
    {
        const char *code = text_of(standing, "code");
        char key[MAX_KEY];
        char entity[MAX_KEY];
        if (code == NULL || !wants_unit(f, code, parent)) {
            continue;
        }
        key_with(notice->key, code, key);
        snprintf(entity, sizeof entity, "%s/%s/%s", text_of(body, "index"), text_of(body, "period"),
                 code);
        append(out, notice, key, entity, entity, standing_doc(notice, body, standing, key));
    }
}

void record_expand(const publisher_target_t *config, const event_notice_t *notice,
                   record_list_t *out)
{
    bool score = strcmp(notice->type, NOTICE_SCORE) == 0;
    json_t *body = json_loadb((const char *)notice->body.data, notice->body.len, 0, NULL);
    if (body == NULL) {
        return; /* only our own notices come here; verify tells of damage */
    }
    if (score) {
        expand_score(config, notice, body, out);
    } else if (strcmp(notice->type, NOTICE_RANKING) == 0) {
        expand_ranking(config, notice, body, out);
    }
    json_decref(body);
}

/* ---- the mapping ---- */

static const json_t *member(const json_t *at, const char *name)
{
    if (json_is_object(at)) {
        return json_object_get(at, name);
    }
    for (size_t i = 0; i < json_array_size(at); i++) {
        const json_t *item = json_array_get(at, i);
        const char *code = text_of(item, "code");
        code = code != NULL ? code : text_of(item, "id");
        if (code != NULL && strcmp(code, name) == 0) {
            return item;
        }
    }
    return NULL;
}

const char *record_value(const record_t *r, const target_field_t *field, bool *is_null)
{
    *is_null = false;
    if (field->from == NULL) {
        return field->value;
    }
    const json_t *at = r->doc;
    const char *path = field->from;
    while (at != NULL && *path != '\0') {
        char name[EVENT_MAX_CODE + 1];
        size_t n = strcspn(path, "/");
        snprintf(name, sizeof name, "%.*s", (int)n, path);
        at = member(at, name);
        path += n + (path[n] == '/' ? 1 : 0);
    }
    *is_null = json_is_null(at);
    return json_string_value(at);
}

record_kind_t record_kind(const target_field_t *field)
{
    static const char *const kinds[] = {"text", "number", "integer", "time"};
    for (unsigned i = 0; field->as != NULL && i < 4; i++) {
        if (strcmp(kinds[i], field->as) == 0) {
            return (record_kind_t)i;
        }
    }
    return RECORD_TEXT;
}

void record_write(const record_t *r, const target_field_t *fields, jw_t *j)
{
    for (const target_field_t *f = fields; f->name != NULL; f++) {
        bool is_null;
        const char *text = record_value(r, f, &is_null);
        record_kind_t kind = record_kind(f);
        decimal_t number;
        char plain[DECIMAL_TEXT_SIZE];
        if (text == NULL && !is_null) {
            continue;
        }
        jw_key(j, f->name);
        if (text != NULL && (kind == RECORD_NUMBER || kind == RECORD_INTEGER) &&
            decimal_parse(text, strlen(text), &number) == 0) {
            jw_raw(j, decimal_format(number, plain)); /* exact: no binary fraction in between */
        } else {
            jw_text(j, text);
        }
    }
}

void record_put_data(const record_t *r, const target_field_t *fields, jw_t *j)
{
    if (r->doc == NULL) {
        jw_raw_bytes(j, bytes_of(r->notice->body.data, r->notice->body.len));
        return;
    }
    jw_object(j);
    record_write(r, fields, j);
    jw_object_end(j);
}

void record_put_all(record_t *const *records, size_t n, const target_field_t *fields,
                    const char *key, jw_t *j)
{
    jw_put_array(j, key);
    for (size_t i = 0; i < n; i++) {
        record_put_data(records[i], fields, j);
    }
    jw_array_end(j);
}

void record_put_event(const record_t *r, const target_field_t *fields, jw_t *j)
{
    char trace[TRACE_TEXT_SIZE];
    jw_object(j);
    jw_put_text(j, "specversion", "1.0");
    jw_put_text(j, "id", r->key);
    jw_put_text(j, "source", RECORD_SOURCE);
    jw_put_text(j, "type", r->notice->type);
    jw_put_text(j, "subject", r->stem);
    jw_put_time(j, "time", r->notice->time);
    jw_put_text(j, "datacontenttype", "application/json");
    jw_put_text(j, "traceparent", trace_format(&r->trace, trace));
    jw_key(j, "data");
    record_put_data(r, fields, j);
    jw_object_end(j);
}
