/* fuzz_catalog.c - any bytes as a catalog: an index that adds up and whose rules give points within
 * 0..max for whatever figures, or at least one line that says why not. */
#include "catalog/catalog.h"

#include "base/error.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define INPUT_FD 200
#define MAX_INPUTS 128

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static char folder[] = "/tmp/chiso-fuzz-XXXXXX";
static char file[64];
static char figures[64];
static char shipped[96];
static char more[96];

static void clean_up(void)
{
    unlink(file);
    unlink(shipped);
    unlink(more);
    rmdir(figures);
    rmdir(folder);
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    require(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0);
}

/* A folder with a small figure dictionary, in which index.yaml is the input. */
static const char *index_file(void)
{
    char target[64];
    if (file[0] == '\0') {
        require(mkdtemp(folder) != NULL);
        snprintf(file, sizeof file, "%s/index.yaml", folder);
        snprintf(figures, sizeof figures, "%s/figures", folder);
        snprintf(target, sizeof target, "/proc/self/fd/%d", INPUT_FD);
        snprintf(shipped, sizeof shipped, "%s/dvc-766.yaml", figures);
        snprintf(more, sizeof more, "%s/more.yaml", figures);
        require(mkdir(figures, 0700) == 0);
        require(symlink(TEST_ROOT "/catalogs/figures/dvc-766.yaml", shipped) == 0);
        write_file(more, "format: \"1\"\nfigures:\n"
                         "  - {id: population, title: A, unit: x, kind: count, provider: unit}\n"
                         "  - {id: households, title: B, unit: x, kind: count, provider: unit}\n");
        require(symlink(target, file) == 0);
        atexit(clean_up);
    }
    return file;
}

typedef struct {
    rule_input_t list[MAX_INPUTS];
    char names[MAX_INPUTS][24];
    size_t n;
    unsigned round;
} inputs_t;

/* Something for everything that the rule reads: zeros, ones, large ones, nonsense. */
static void add_input(void *context, const char *name, bool quantity)
{
    static const int64_t numbers[] = {0, 1, 2, 100, 999999999999999999, -1};
    inputs_t *in = context;
    (void)quantity;
    if (in->n == MAX_INPUTS) {
        return;
    }
    rule_input_t *to = &in->list[in->n];
    snprintf(in->names[in->n], sizeof in->names[0], "%s", name);
    const char *last = strrchr(name, '.') != NULL ? strrchr(name, '.') + 1 : name;
    *to = (rule_input_t){.name = in->names[in->n]};
    to->kind = strcmp(last, "has") == 0     ? RULE_FLAG
               : strcmp(last, "items") == 0 ? RULE_ITEMS
               : in->round == 7             ? RULE_UNREADABLE
                                            : RULE_NUMBER;
    to->flag = in->round % 2 == 0;
    to->items = in->round;
    to->number = decimal_of(numbers[(in->round + in->n) % 6]);
    in->n++;
}

static void use_rule(const catalog_indicator_t *indicator)
{
    for (unsigned round = 0; round < 9 && indicator->rule.kind != RULE_CHILDREN; round++) {
        static inputs_t in;
        in.n = 0;
        in.round = round;
        if (round < 8) {
            rule_names(&indicator->rule, add_input, &in);
        }
        rule_inputs_t inputs = {in.list, in.n};
        /* the sums that `best` compares are bounded by its figures; small ones here */
        rule_ratio_t best = {.usable = true, .num = decimal_of(3), .den = decimal_of(2)};
        rule_result_t r = rule_evaluate(&indicator->rule, indicator->max, inputs, &best);
        require(r.status >= RULE_SCORED && r.status <= RULE_UNDEFINED);
        require(r.status == RULE_SCORED || decimal_sign(r.points) == 0);
        require(decimal_sign(r.points) >= 0 && decimal_compare(r.points, indicator->max) <= 0);
    }
}

static void use(const catalog_t *c)
{
    const catalog_index_t *index = catalog_at(c, 0);
    decimal_t sum = DECIMAL_ZERO;
    unsigned seen = 0;
    require(catalog_count(c) == 1 && catalog_find(c, index->id) == index);
    for (unsigned p = 0; p < index->n_pillars; p++) {
        require(index->pillars[p].first == seen);
        seen += index->pillars[p].count;
        require(decimal_add(sum, index->pillars[p].max, &sum) == 0);
    }
    require(seen == index->n_indicators && decimal_compare(sum, index->max) == 0);
    require(index->stated_total < (int)index->n_figures);
    for (unsigned i = 0; i < index->n_indicators; i++) {
        const catalog_indicator_t *indicator = &index->indicators[i];
        require(catalog_indicator(index, indicator->code) == (int)i);
        require(indicator->parent < (int)i && decimal_sign(indicator->max) > 0);
        for (unsigned k = 0; k < indicator->n_inputs; k++) {
            require(indicator->inputs[k].figure < index->n_figures);
        }
        use_rule(indicator);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *said = NULL;
    size_t said_len = 0;
    int fd = memfd_create("catalog", MFD_CLOEXEC);
    FILE *errors = open_memstream(&said, &said_len);
    require(fd >= 0 && errors != NULL && dup2(fd, INPUT_FD) == INPUT_FD);
    close(fd);
    for (size_t done = 0; done < size;) {
        ssize_t n = write(INPUT_FD, data + done, size - done);
        require(n > 0);
        done += (size_t)n;
    }
    const char *files[] = {index_file()};
    catalog_t *c = NULL;
    int rc = catalog_load(files, 1, errors, &c);
    fflush(errors);
    require((rc == 0) == (c != NULL));
    if (rc == 0) {
        require(said_len == 0);
        use(c);
    } else {
        require(said_len > 0 && said[said_len - 1] == '\n');
        require(strncmp(said, files[0], strlen(files[0])) == 0);
    }
    catalog_destroy(&c);
    fclose(errors);
    free(said);
    close(INPUT_FD);
    return 0;
}
