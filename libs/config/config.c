/* config.c - see config.h.
 *
 * A file is read once into memory and then looked at three times, each time by what is good at it:
 * libyaml's events become a tree that knows lines (lines.c), the tree is compared with the schema
 * so that every difference is reported and not only the first (check.c), and what passed is loaded
 * into the struct by libcyaml, whose own complaint should then never be heard.
 */
#include "config/config.h"

#include "base/bytes.h"
#include "base/error.h"
#include "config/check.h"
#include "config/lines.h"
#include "config/report.h"
#include "text/text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct config {
    char *file;
    lines_t *lines;
    report_t report;
};

/* What libcyaml logs: its first message, and the innermost line of the backtrace behind it. */
typedef struct {
    char first[256];
    int line;
} complaint_t;

static __attribute__((format(printf, 3, 0))) void on_log(cyaml_log_t level, void *arg,
                                                         const char *format, va_list args)
{
    (void)level;
    static const char mark[] = "(line: ";
    complaint_t *complaint = arg;
    char text[256];
    vsnprintf(text, sizeof(text), format, args);
    const char *line = strstr(text, mark);
    if (line != NULL && complaint->line == 0) {
        complaint->line = (int)strtol(line + strlen(mark), NULL, 10);
    } else if (line == NULL && complaint->first[0] == '\0' && strstr(text, "Backtrace") == NULL) {
        snprintf(complaint->first, sizeof(complaint->first), "%.*s", (int)strcspn(text, "\n"),
                 text);
    }
}

static cyaml_config_t cyaml_settings(complaint_t *complaint)
{
    return (cyaml_config_t){.log_fn = complaint == NULL ? NULL : on_log,
                            .log_ctx = complaint,
                            .mem_fn = cyaml_mem,
                            .log_level = CYAML_LOG_ERROR,
                            .flags = CYAML_CFG_NO_ALIAS};
}

static int read_fd(int fd, buffer_t *text)
{
    uint8_t chunk[16384];
    for (;;) {
        ssize_t n = read(fd, chunk, sizeof(chunk));
        if (n == 0) {
            return 0;
        }
        if (n < 0 && errno != EINTR) {
            return -errno;
        }
        if (n > 0) {
            buffer_append(text, chunk, (size_t)n);
        }
        if (text->failed) {
            return text->len + (size_t)n > text->max ? CHISO_E_TOO_BIG : -ENOMEM;
        }
    }
}

static int read_file(const char *path, buffer_t *text, FILE *errors)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int rc = fd < 0 ? -errno : read_fd(fd, text);
    if (fd >= 0) {
        close(fd);
    }
    report_t report = {.file = path, .out = errors};
    if (rc == CHISO_E_TOO_BIG) {
        report_at(&report, 1, NULL, "the file is too large; expected at most %d MiB",
                  CONFIG_MAX_BYTES / 1024 / 1024);
        return CHISO_E_CONFIG;
    }
    if (rc < 0) {
        report_at(&report, 0, NULL, "cannot be read: %s; expected a readable file",
                  chiso_strerror(rc));
    }
    return rc;
}

static int load_struct(config_t *cfg, bytes_t text, const cyaml_schema_value_t *schema, void **data)
{
    complaint_t complaint = {.line = 0};
    cyaml_config_t settings = cyaml_settings(&complaint);
    void *loaded = NULL;
    cyaml_err_t err = cyaml_load_data(text.data, text.len, &settings, schema, &loaded, NULL);
    if (err == CYAML_ERR_OOM) {
        return -ENOMEM;
    }
    if (err != CYAML_OK || loaded == NULL) {
        report_at(&cfg->report, complaint.line > 0 ? complaint.line : 1, NULL,
                  "%s (%s); expected what the schema says", cyaml_strerror(err), complaint.first);
        return CHISO_E_CONFIG;
    }
    *data = loaded;
    return 0;
}

/* The text without a byte order mark. libyaml would skip it, but then count it as a column. */
static bytes_t skip_mark(bytes_t input)
{
    bool mark = input.len >= 3 && memcmp(input.data, "\xEF\xBB\xBF", 3) == 0;
    size_t skip = mark ? 3 : 0;
    return bytes_of(input.len > 0 ? input.data + skip : (const uint8_t *)"", input.len - skip);
}

/* Everything that config_load does once it has the text. */
static int build(config_t *cfg, bytes_t text, const cyaml_schema_value_t *schema, void **data)
{
    text = skip_mark(text);
    int rc = lines_parse(text, &cfg->report, &cfg->lines);
    if (rc == 0) {
        rc = check_tree(cfg->lines, schema, &cfg->report);
    }
    if (rc == 0) {
        rc = load_struct(cfg, text, schema, data);
    }
    if (rc == CHISO_E_CONFIG && cfg->report.count >= REPORT_MAX) {
        report_at(&cfg->report, 1, NULL, "there may be more errors; expected fewer than %d",
                  REPORT_MAX);
    }
    return rc;
}

int config_load(const char *path, const cyaml_schema_value_t *schema, FILE *errors, void **data,
                config_t **out)
{
    void *loaded = NULL;
    buffer_t text = BUFFER_INIT(CONFIG_MAX_BYTES);
    int rc = read_file(path, &text, errors);
    if (rc < 0) {
        buffer_free(&text);
        return rc;
    }
    config_t *cfg = calloc(1, sizeof(*cfg));
    if (cfg != NULL && (cfg->file = strdup(path)) != NULL) {
        cfg->report = (report_t){.file = cfg->file, .out = errors};
        rc = build(cfg, buffer_bytes(&text), schema, &loaded);
    } else {
        rc = -ENOMEM;
    }
    buffer_free(&text);
    if (rc < 0) {
        if (rc != CHISO_E_CONFIG) {
            report_t report = {.file = path, .out = errors};
            report_at(&report, 0, NULL, "cannot be read: %s", chiso_strerror(rc));
        }
        config_destroy(&cfg);
        return rc;
    }
    *data = loaded;
    *out = cfg;
    return 0;
}

void config_free_data(const cyaml_schema_value_t *schema, void *data)
{
    if (data != NULL) {
        cyaml_config_t settings = cyaml_settings(NULL);
        cyaml_free(&settings, schema, data, 0);
    }
}

void config_destroy(config_t **cfg)
{
    if (*cfg != NULL) {
        lines_destroy(&(*cfg)->lines);
        free((*cfg)->file);
        free(*cfg);
        *cfg = NULL;
    }
}

const char *config_file(const config_t *cfg)
{
    return cfg->file;
}

char *config_resolve(const config_t *cfg, const char *relative)
{
    const char *slash = strrchr(cfg->file, '/');
    size_t folder = relative[0] == '/' || slash == NULL ? 0 : (size_t)(slash - cfg->file) + 1;
    size_t len = strlen(relative);
    char *path = malloc(folder + len + 1);
    if (path != NULL) {
        memcpy(path, cfg->file, folder);
        memcpy(path + folder, relative, len + 1);
    }
    return path;
}

int config_line(const config_t *cfg, const char *path)
{
    return lines_node(cfg->lines, lines_find(cfg->lines, path))->line;
}

int config_error(config_t *cfg, const char *path, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report_at_va(&cfg->report, config_line(cfg, path), path, format, args);
    va_end(args);
    return CHISO_E_CONFIG;
}

int config_errors(const config_t *cfg)
{
    return cfg->report.count;
}

int config_check_texts(config_t *cfg)
{
    int rc = 0;
    for (uint32_t id = 0; id < lines_count(cfg->lines) && cfg->report.count < REPORT_MAX; id++) {
        const char *text = lines_text(cfg->lines, id);
        if (!text_is_nfc(text, strlen(text))) {
            char path[LINES_PATH_SIZE];
            char quote[REPORT_QUOTE_SIZE];
            report_at(&cfg->report, lines_node(cfg->lines, id)->line,
                      lines_path(cfg->lines, id, NULL, path),
                      "%s is not NFC; expected composed letters and no control characters",
                      report_quote(text, quote));
            rc = CHISO_E_CONFIG;
        }
    }
    return rc;
}

/* A unit and how many of the smallest unit it is; tables go from the largest down. */
typedef struct {
    const char *name;
    uint64_t factor;
} unit_t;

static const unit_t durations[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000},
                                   {"s", 1000},     {"ms", 1},      {NULL, 0}};
static const unit_t sizes[] = {{"TiB", 1ULL << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20},
                               {"KiB", 1 << 10},    {"", 1},          {NULL, 0}};

/* Digits and a unit, nothing between or around them. 0, CHISO_E_SYNTAX or CHISO_E_RANGE. */
static int parse_quantity(const char *text, const unit_t *units, uint64_t *out)
{
    size_t digits = strspn(text, "0123456789");
    uint64_t sum = 0;
    bool over = false;
    for (size_t i = 0; i < digits; i++) {
        over = over || __builtin_mul_overflow(sum, 10u, &sum) ||
               __builtin_add_overflow(sum, (uint64_t)(text[i] - '0'), &sum);
    }
    for (const unit_t *u = units; digits > 0 && u->name != NULL; u++) {
        if (strcmp(text + digits, u->name) == 0) {
            over = over || __builtin_mul_overflow(sum, u->factor, &sum);
            *out = sum;
            return over ? CHISO_E_RANGE : 0;
        }
    }
    return CHISO_E_SYNTAX;
}

/* The quantity in the largest unit that divides it. */
#define QUANTITY_SIZE 32
static const char *show_quantity(uint64_t value, const unit_t *units, char out[QUANTITY_SIZE])
{
    while (units->factor > 1 && (value == 0 || value % units->factor != 0)) {
        units++;
    }
    snprintf(out, QUANTITY_SIZE, "%" PRIu64 "%s", value / units->factor, units->name);
    return out;
}

/* The common part of the two readers; `form` says what a value looks like. */
static int quantity(config_t *cfg, const char *path, const char *text, const unit_t *units,
                    const char *form, const uint64_t range[2], uint64_t *out)
{
    char low[QUANTITY_SIZE];
    char high[QUANTITY_SIZE];
    char quote[REPORT_QUOTE_SIZE];
    uint64_t value = 0;
    int rc = parse_quantity(text, units, &value);
    if (rc == CHISO_E_SYNTAX) {
        return config_error(cfg, path, "is %s; expected %s", report_quote(text, quote), form);
    }
    if (rc == CHISO_E_RANGE || value < range[0] || value > range[1]) {
        return config_error(cfg, path, "is %s; expected from %s to %s", report_quote(text, quote),
                            show_quantity(range[0], units, low),
                            show_quantity(range[1], units, high));
    }
    *out = value;
    return 0;
}

int config_duration(config_t *cfg, const char *path, const char *text, int64_t fallback,
                    int64_t min, int64_t max, int64_t *out)
{
    if (text == NULL) {
        *out = fallback;
        return 0;
    }
    uint64_t value = 0;
    const uint64_t range[2] = {(uint64_t)(min < 0 ? 0 : min), (uint64_t)(max < 0 ? 0 : max)};
    int rc = quantity(cfg, path, text, durations, "a duration such as 250ms, 30s, 15m, 2h or 7d",
                      range, &value);
    if (rc == 0) {
        *out = (int64_t)value;
    }
    return rc;
}

int config_size(config_t *cfg, const char *path, const char *text, uint64_t fallback, uint64_t min,
                uint64_t max, uint64_t *out)
{
    if (text == NULL) {
        *out = fallback;
        return 0;
    }
    const uint64_t range[2] = {min, max};
    return quantity(cfg, path, text, sizes, "a size such as 100, 64KiB, 512MiB or 4GiB", range,
                    out);
}
