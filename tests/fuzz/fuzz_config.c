/* fuzz_config.c - any bytes as a configuration file: a struct, or at least one line that says why
 * not; never a crash, a leak, or a line that a hostile file could break in two. */
#include "config/config.h"

#include "base/error.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct {
    char *name;
    char *every;
    unsigned tries;
    int64_t offset;
    int mode;
    bool on;
    unsigned days;
    char tag[4];
} source_t;

typedef struct {
    char *bind;
} bus_t;

typedef struct {
    bus_t *bus;
    source_t *sources;
    unsigned sources_count;
    char **words;
    unsigned words_count;
} file_t;

static const cyaml_strval_t modes[] = {{"pull", 0}, {"push", 1}};
static const cyaml_strval_t days[] = {{"mon", 1}, {"tue", 2}};

static const cyaml_schema_field_t bus_fields[] = {
    CYAML_FIELD_STRING_PTR("bind", CYAML_FLAG_POINTER, bus_t, bind, 1, 100), CYAML_FIELD_END};

static const cyaml_schema_field_t source_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, source_t, name, 1, 20),
    CYAML_FIELD_STRING_PTR("every", CYAML_FLAG_POINTER_NULL_STR | CYAML_FLAG_OPTIONAL, source_t,
                           every, 0, CYAML_UNLIMITED),
    CYAML_FIELD_UINT("tries", CYAML_FLAG_OPTIONAL, source_t, tries),
    CYAML_FIELD_INT("offset", CYAML_FLAG_OPTIONAL, source_t, offset),
    CYAML_FIELD_ENUM("mode", CYAML_FLAG_OPTIONAL, source_t, mode, modes, 2),
    CYAML_FIELD_BOOL("on", CYAML_FLAG_OPTIONAL, source_t, on),
    CYAML_FIELD_FLAGS("days", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, source_t, days, days, 2),
    CYAML_FIELD_STRING("tag", CYAML_FLAG_OPTIONAL, source_t, tag, 0),
    CYAML_FIELD_IGNORE("extra", CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_END};

static const cyaml_schema_value_t source_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, source_t, source_fields)};
static const cyaml_schema_value_t word_schema = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 0, CYAML_UNLIMITED)};

static const cyaml_schema_field_t file_fields[] = {
    CYAML_FIELD_MAPPING_PTR("bus", CYAML_FLAG_POINTER_NULL | CYAML_FLAG_OPTIONAL, file_t, bus,
                            bus_fields),
    CYAML_FIELD_SEQUENCE("sources", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, file_t, sources,
                         &source_schema, 0, 8),
    CYAML_FIELD_SEQUENCE("words", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, file_t, words,
                         &word_schema, 0, CYAML_UNLIMITED),
    CYAML_FIELD_END};

static const cyaml_schema_value_t file_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, file_t, file_fields)};

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* Every reader on every value that a program would read. */
static void read_values(config_t *cfg, const file_t *file)
{
    char path[64];
    for (unsigned i = 0; i < file->sources_count; i++) {
        int64_t ms = -1;
        uint64_t size = 0;
        snprintf(path, sizeof(path), "sources[%u].every", i);
        int before = config_errors(cfg);
        int rc = config_duration(cfg, path, file->sources[i].every, 7, 0, 1000000, &ms);
        require(rc == 0 ? ms >= 0 && ms <= 1000000 : config_errors(cfg) == before + 1);
        (void)config_size(cfg, path, file->sources[i].name, 1, 0, UINT64_MAX, &size);
        char *resolved = config_resolve(cfg, file->sources[i].name);
        require(resolved != NULL);
        free(resolved);
        require(config_line(cfg, path) >= 1);
    }
    snprintf(path, sizeof(path), "words[%u]", file->words_count);
    require(config_line(cfg, path) == config_line(cfg, "words"));
}

static int lines_in(const char *text)
{
    int lines = 0;
    for (; *text != '\0'; text++) {
        lines += *text == '\n' ? 1 : 0;
    }
    return lines;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[32];
    char *said = NULL;
    size_t said_len = 0;
    int fd = memfd_create("config", MFD_CLOEXEC);
    FILE *errors = open_memstream(&said, &said_len);
    require(fd >= 0 && errors != NULL);
    for (size_t done = 0; done < size;) {
        ssize_t n = write(fd, data + done, size - done);
        require(n > 0);
        done += (size_t)n;
    }
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    void *loaded = NULL;
    config_t *cfg = NULL;
    int rc = config_load(path, &file_schema, errors, &loaded, &cfg);
    fflush(errors);
    if (rc == 0) {
        require(said_len == 0);
        read_values(cfg, loaded);
        int counted = config_errors(cfg);
        fflush(errors);
        require(lines_in(said) == counted);
    } else {
        require(loaded == NULL && cfg == NULL && lines_in(said) >= 1);
    }
    config_free_data(&file_schema, loaded);
    config_destroy(&cfg);
    fclose(errors);
    free(said);
    close(fd);
    return 0;
}
