/* backfill.h - past periods that an operator wants asked for once.
 *
 * A backfill is a source, a range of periods and the units whose figures are wanted; it is durable
 * before it is acknowledged. What it wants is lent to the schedule, a few series at a time, and so
 * is asked within the manners of the source, after what is due anyway. A series is done when its
 * source said something of it since the backfill began, which its own record tells by the
 * backfill's number: neither a kill nor a clock that is set repeats anything. What fails
 * BACKFILL_TRIES times is given up and told.
 */
#ifndef CHISO_INGEST_BACKFILL_H
#define CHISO_INGEST_BACKFILL_H

#include "schedule.h"
#include "json/json.h"

#define BACKFILL_TRIES 12
#define BACKFILL_AT_ONCE 16       /* under way */
#define BACKFILL_MAX_SERIES 20000 /* of one */
#define BACKFILL_KEPT 100         /* that have ended */
#define BACKFILL_WINDOW 32        /* series of one that are lent at a time */
#define BACKFILL_REASON_SIZE 192

typedef struct backfills backfills_t;

/* Those of the store; the ones that have not ended go on. 0, -ENOMEM, CHISO_E_CORRUPT,
 * CHISO_E_STORE. */
int backfills_open(store_t *store, backfills_t **out);
void backfills_close(backfills_t **backfills);

typedef struct {
    const char *source, *from, *to; /* periods of one kind */
    const char *const *units;       /* codes; none: as the source's configuration has them */
    size_t n_units;
    const char *by; /* the token's id */
} backfill_wish_t;

/* Begins one. One that is under way and wants the same is not begun again. 0 with its number;
 * CHISO_E_NOT_FOUND, CHISO_E_INVALID with the reason; -EBUSY; -ENOMEM; as store_commit(). */
int backfills_begin(backfills_t *backfills, const ingest_config_t *config,
                    const backfill_wish_t *wish, char reason[BACKFILL_REASON_SIZE],
                    uint64_t *number);
/* Ends one under way; what was taken stays. 0, CHISO_E_NOT_FOUND, as store_commit(). */
int backfills_cancel(backfills_t *backfills, uint64_t number);

/* The number of the one that was begun last, 0 when none ever was. */
uint64_t backfills_newest(const backfills_t *backfills);

/* Lends series to the schedule and ends what is done; to be called at each tick. 0, or as
 * store_commit(). */
int backfills_feed(backfills_t *backfills, const ingest_config_t *config, schedule_t *schedule);
/* An answer of the series was dealt with. */
void backfills_heard(backfills_t *backfills, series_t *series);

/* One as a JSON object, or all of them as a list for 0; false when there is no such one. */
bool backfills_put(const backfills_t *backfills, uint64_t number, jw_t *j);

#endif
