/* passed.c - see passed.h. */
#include "passed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct passed {
    UT_hash_handle hh;
    buffer_t event;
    uint8_t key[];
};

int passed_put(passed_t **passed, bytes_t key, bytes_t event)
{
    passed_t *found = NULL;
    HASH_FIND(hh, *passed, key.data, key.len, found);
    if (found != NULL && bytes_equal(buffer_bytes(&found->event), event)) {
        return 0;
    }
    if (found == NULL) {
        found = calloc(1, sizeof *found + key.len);
        if (found == NULL) {
            return -ENOMEM;
        }
        memcpy(found->key, key.data, key.len);
        found->event = (buffer_t)BUFFER_INIT(SIZE_MAX);
        HASH_ADD_KEYPTR(hh, *passed, found->key, key.len, found);
    }
    buffer_clear(&found->event);
    buffer_append(&found->event, event.data, event.len);
    return found->event.failed ? -ENOMEM : 1;
}

void passed_free(passed_t **passed)
{
    passed_t *p;
    passed_t *next;
    HASH_ITER(hh, *passed, p, next)
    {
        HASH_DEL(*passed, p);
        buffer_free(&p->event);
        free(p);
    }
}
