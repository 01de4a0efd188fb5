/* fuzz_event.c - any bytes as an event: refused with a reason, or checked so that everything in it
 * can be used as it is, and stable when it is packed again. */
#include "event/event.h"

#include "base/error.h"
#include "period/period.h"
#include "text/text.h"

#include <stdlib.h>
#include <string.h>

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void put(const event_t *e, buffer_t *out)
{
    switch (e->body_case) {
    case CHISO__V1__EVENT__BODY_READING:
        event_put_reading(e->reading, out);
        break;
    case CHISO__V1__EVENT__BODY_SOURCE_STATE:
        event_put_source_state(e->source_state, out);
        break;
    case CHISO__V1__EVENT__BODY_SCORE:
        event_put_score(e->score, out);
        break;
    case CHISO__V1__EVENT__BODY_RANKING:
        event_put_ranking(e->ranking, out);
        break;
    case CHISO__V1__EVENT__BODY_NOTICE:
        event_put_notice(e->notice, out);
        break;
    default:
        abort();
    }
}

static void use_unit(const event_unit_t *u)
{
    require(event_level_name(u->level) != NULL);
    require(text_is_nfc(u->name, strlen(u->name)) && strlen(u->name) <= EVENT_MAX_NAME);
    require(strlen(u->code) > 0 && strlen(u->code) <= EVENT_MAX_CODE);
    require(u->parent == NULL || strlen(u->parent) > 0);
}

static void use_figures(event_figure_t *const *figures, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        (void)event_decimal(figures[i]->value);
        require(figures[i]->raw_sha256.len == SHA256_SIZE && figures[i]->revision > 0);
    }
}

/* What the services do with it without another look. */
static void use(const event_t *e)
{
    period_t period;
    if (e->body_case == CHISO__V1__EVENT__BODY_READING) {
        use_unit(e->reading->unit);
        require(period_parse(e->reading->period, &period) == 0);
        use_figures(e->reading->figures, e->reading->n_figures);
    } else if (e->body_case == CHISO__V1__EVENT__BODY_SCORE) {
        const event_score_t *s = e->score;
        use_unit(s->unit);
        require(period_parse(s->period, &period) == 0);
        (void)event_decimal(s->points);
        (void)event_decimal(s->max);
        if (s->change != NULL) {
            (void)event_decimal(s->change);
        }
        for (size_t i = 0; i < s->n_indicators; i++) {
            require(event_status_name(s->indicators[i]->status) != NULL);
            (void)event_decimal(s->indicators[i]->points);
        }
        use_figures(s->figures, s->n_figures);
    } else if (e->body_case == CHISO__V1__EVENT__BODY_SOURCE_STATE) {
        require(event_outcome_name(e->source_state->outcome) != NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char reason[256] = "";
    event_in_t in;
    int rc = event_decode(bytes_of(data, size), reason, &in);
    if (rc != 0) {
        require((rc == CHISO_E_PROTOCOL || rc == CHISO_E_TOO_BIG) && reason[0] != '\0');
        require(memchr(reason, '\0', sizeof reason) != NULL);
        return 0;
    }
    use(in.event);
    buffer_t once = BUFFER_INIT(2 * EVENT_MAX_BYTES);
    buffer_t again = BUFFER_INIT(2 * EVENT_MAX_BYTES);
    put(in.event, &once);
    require(!once.failed);
    event_in_t second;
    rc = event_decode(buffer_bytes(&once), reason, &second);
    if (rc == 0) {
        put(second.event, &again);
        require(bytes_equal(buffer_bytes(&once), buffer_bytes(&again)));
        event_release(&second);
    } else {
        /* overlong varints and repeated fields only shrink */
        require(rc == CHISO_E_TOO_BIG && once.len > EVENT_MAX_BYTES);
    }
    event_release(&in);
    buffer_free(&once);
    buffer_free(&again);
    return 0;
}
