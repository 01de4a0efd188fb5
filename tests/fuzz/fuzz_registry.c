/* fuzz_registry.c - any bytes as a file of units: a registry in which no code or id is two units'
 * at once and nobody outlives its parent, or at least one line that says why not. */
#include "registry/registry.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define INPUT_FD 201
#define INPUT_FILE "/proc/self/fd/201"
#define MAX_PAIRS 300

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* At the same time, whatever the ends; days compare as texts. */
static bool together(const registry_unit_t *a, const registry_unit_t *b)
{
    const char *from = a->from == NULL ? b->from : a->from;
    if (a->from != NULL && b->from != NULL && strcmp(b->from, a->from) > 0) {
        from = b->from;
    }
    return from == NULL ? true : registry_valid_on(a, from) && registry_valid_on(b, from);
}

static bool same(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

static void use_unit(const registry_t *r, const registry_unit_t *u)
{
    unsigned above = 0;
    require(registry_by_code(r, u->code) != NULL);
    require(u->dvc == NULL || registry_by_dvc(r, u->dvc) != NULL);
    require(u->geo == NULL || registry_by_geo(r, u->geo) != NULL);
    require(u->agency == NULL || registry_by_agency(r, u->agency) != NULL);
    require(u->from == NULL || u->until == NULL || strcmp(u->from, u->until) < 0);
    require(u->from == NULL || registry_on(r, u->code, u->from) == u);
    require(u->until == NULL || !registry_valid_on(u, u->until));
    require((u->parent == NULL) == (u->parent_unit == NULL));
    for (const registry_unit_t *p = u->parent_unit; p != NULL; p = p->parent_unit) {
        require(++above <= registry_count(r));
        require(p->from == NULL || (u->from != NULL && strcmp(u->from, p->from) >= 0));
        require(p->until == NULL || (u->until != NULL && strcmp(u->until, p->until) <= 0));
    }
    require(u->successor == NULL || registry_valid_on(u->successor, u->until));
    for (unsigned i = 0; i < u->n_earlier; i++) {
        require(period_is_day(u->earlier[i].until));
    }
    require(registry_name_on(u, "2199-12-31") == u->name || u->n_earlier > 0);
}

static void use(const registry_t *r)
{
    unsigned n = registry_count(r);
    require(n > 0);
    for (unsigned i = 0; i < n; i++) {
        const registry_unit_t *a = registry_at(r, i);
        use_unit(r, a);
        for (unsigned k = i + 1; k < n && k < MAX_PAIRS; k++) {
            const registry_unit_t *b = registry_at(r, k);
            bool shared = same(a->code, b->code) || same(a->dvc, b->dvc) || same(a->geo, b->geo) ||
                          same(a->agency, b->agency);
            require(!shared || !together(a, b));
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *said = NULL;
    size_t said_len = 0;
    int fd = memfd_create("registry", MFD_CLOEXEC);
    FILE *errors = open_memstream(&said, &said_len);
    require(fd >= 0 && errors != NULL && dup2(fd, INPUT_FD) == INPUT_FD);
    close(fd);
    for (size_t done = 0; done < size;) {
        ssize_t n = write(INPUT_FD, data + done, size - done);
        require(n > 0);
        done += (size_t)n;
    }
    registry_t *r = NULL;
    int rc = registry_load(INPUT_FILE, errors, &r);
    fflush(errors);
    require((rc == 0) == (r != NULL));
    require((rc == 0) == (said_len == 0));
    if (rc == 0) {
        use(r);
    } else {
        require(said[said_len - 1] == '\n');
    }
    registry_destroy(&r);
    fclose(errors);
    free(said);
    close(INPUT_FD);
    return 0;
}
