/* syntax.c - see syntax.h.
 *
 * libyaml gives a mark for what it scans and parses, but only a byte offset for what it cannot even
 * read; it calls an indenting tab a character that cannot start a token; and it notices a quote
 * that is never closed at the end of the file, where nobody will look for it.
 */
#include "config/syntax.h"

#include "base/error.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* What follows the first `lines` lines. */
static bytes_t skip_lines(bytes_t input, size_t lines)
{
    while (lines > 0 && input.len > 0) {
        const uint8_t *lf = memchr(input.data, '\n', input.len);
        size_t skip = lf == NULL ? input.len : (size_t)(lf - input.data) + 1;
        input = bytes_of(input.data + skip, input.len - skip);
        lines--;
    }
    return input;
}

static bool starts_with_tab(bytes_t line)
{
    size_t i = 0;
    while (i < line.len && line.data[i] == ' ') {
        i++;
    }
    return i < line.len && line.data[i] == '\t';
}

static bool is_blank(bytes_t rest)
{
    for (size_t i = 0; i < rest.len; i++) {
        if (strchr(" \t\r\n", rest.data[i]) == NULL) {
            return false;
        }
    }
    return true;
}

static int line_of_offset(bytes_t input, size_t offset)
{
    int line = 1;
    for (size_t i = 0; i < offset && i < input.len; i++) {
        line += input.data[i] == '\n' ? 1 : 0;
    }
    return line;
}

int syntax_report(const yaml_parser_t *yaml, bytes_t input, const char *path, report_t *report)
{
    const char *problem = yaml->problem == NULL ? "this is not YAML" : yaml->problem;
    const char *hint = strstr(problem, "expected") == NULL ? "; expected well-formed YAML" : "";
    int line = (int)yaml->problem_mark.line + 1;
    int began = (int)yaml->context_mark.line + 1;
    if (yaml->error == YAML_MEMORY_ERROR) {
        return -ENOMEM;
    }
    if (yaml->error == YAML_READER_ERROR) {
        report_at(report, line_of_offset(input, yaml->problem_offset), NULL,
                  "%s; expected printable UTF-8 text", problem);
        return CHISO_E_CONFIG;
    }
    bytes_t rest = skip_lines(input, yaml->problem_mark.line);
    if (starts_with_tab(rest)) {
        report_at(report, line, path, "the line is indented with a tab; expected spaces");
    } else if (yaml->context == NULL) {
        report_at(report, line, path, "%s%s", problem, hint);
    } else {
        report_at(report, is_blank(rest) ? began : line, path, "%s %s that begins on line %d%s",
                  problem, yaml->context, began, hint);
    }
    return CHISO_E_CONFIG;
}
