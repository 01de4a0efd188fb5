/* page.c - see page.h.
 *
 * The charset that a page claims is not asked: it is often wrong, and the caller has seen that the
 * bytes are UTF-8. The page is brought to NFC before it is parsed, so that a literal in an XPath
 * ("Tín nhiệm mạng") finds its text in whatever form the site stores it.
 */
#include "page/page.h"

#include "base/error.h"
#include "text/text.h"
#include "json/json.h"

#include <errno.h>
#include <libxml/HTMLparser.h>
#include <libxml/HTMLtree.h>
#include <libxml/xpath.h>
#include <libxml/xpathInternals.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLUSH_AT (64 * 1024)

typedef struct {
    const page_spec_t *spec;
    size_t max_rows, max_cell;
    page_sink_fn sink;
    void *context;
    buffer_t out;
    int rc;
    bool stopped; /* the parser, before the end of the page */
    xmlXPathCompExprPtr rows, proof, *columns;
    htmlDocPtr document;
    xmlXPathContextPtr xpath;
} page_t;

/* The parser goes on after most faults, as browsers do; after these it stops and gives what it has,
 * which would read as fewer rows. */
static void notice(void *context, xmlErrorPtr error)
{
    page_t *p = context;
    /* what the parser finds too long it tells as a lack of memory too */
    bool huge = error->message != NULL && strstr(error->message, "huge") != NULL;
    if (error->code == XML_ERR_INTERNAL_ERROR || huge) {
        p->stopped = true;
    } else if (error->code == XML_ERR_NO_MEMORY) {
        p->rc = -ENOMEM;
    }
}

static void flush(page_t *p)
{
    if (p->out.failed) {
        p->rc = p->rc != 0 ? p->rc : -ENOMEM;
    } else if (p->rc == 0 && p->out.len > 0 && !p->sink(buffer_bytes(&p->out), p->context)) {
        p->rc = -EPIPE;
    }
    buffer_clear(&p->out);
}

static void end(page_t *p, const char *kind, const char *reason)
{
    jw_t j = jw_to(&p->out);
    jw_object(&j);
    jw_put_text(&j, "end", kind);
    if (reason != NULL) {
        jw_put_text(&j, "reason", reason);
    }
    jw_object_end(&j);
    buffer_append(&p->out, "\n", 1);
    flush(p);
}

/* ---- expressions ---- */

static xmlXPathCompExprPtr compile(page_t *p, const char *what, const char *text, bool *good)
{
    xmlXPathCompExprPtr compiled = *good ? xmlXPathCompile((const xmlChar *)text) : NULL;
    if (*good && compiled == NULL) {
        char reason[160];
        snprintf(reason, sizeof reason, "%s: \"%.100s\" is not an XPath", what, text);
        end(p, "malformed", reason);
        *good = false;
    }
    return compiled;
}

/* False after a verdict or a failure. */
static bool compile_all(page_t *p)
{
    bool good = true;
    p->columns = calloc(p->spec->n_columns + 1, sizeof(xmlXPathCompExprPtr));
    if (p->columns == NULL) {
        p->rc = -ENOMEM;
        return false;
    }
    p->rows = compile(p, "rows", p->spec->rows, &good);
    if (p->spec->proof != NULL) {
        p->proof = compile(p, "proof", p->spec->proof, &good);
    }
    for (size_t i = 0; i < p->spec->n_columns; i++) {
        char what[32];
        snprintf(what, sizeof what, "column %zu", i + 1);
        p->columns[i] = compile(p, what, p->spec->columns[i], &good);
    }
    return good;
}

/* ---- cells ---- */

static void put_cell(page_t *p, jw_t *j, const xmlChar *text)
{
    char *tidy = NULL;
    int rc = text_normalise((const char *)text, strlen((const char *)text), p->max_cell, &tidy);
    if (rc == 0) {
        jw_text(j, tidy);
    } else if (rc == CHISO_E_TOO_BIG || rc == CHISO_E_SYNTAX) {
        jw_flag(j, rc == CHISO_E_TOO_BIG);
    } else {
        p->rc = rc;
    }
    free(tidy);
}

/* Writes the value; false when the expression could not be evaluated. */
static bool read_cell(page_t *p, jw_t *j, xmlXPathCompExprPtr column)
{
    xmlXPathObjectPtr value = xmlXPathCompiledEval(column, p->xpath);
    xmlChar *text = NULL;
    if (value == NULL) {
        return false;
    }
    if (value->type == XPATH_NODESET && xmlXPathNodeSetIsEmpty(value->nodesetval)) {
        jw_null(j);
    } else if ((text = xmlXPathCastToString(value)) == NULL) {
        p->rc = -ENOMEM;
    } else if (*text == '\0') {
        jw_null(j);
    } else if (value->type == XPATH_NUMBER &&
               strspn((const char *)text, "-0123456789") != strlen((const char *)text)) {
        jw_flag(j, false); /* XPath's numbers are binary: only whole ones are what was meant */
    } else {
        put_cell(p, j, text);
    }
    xmlFree(text);
    xmlXPathFreeObject(value);
    return true;
}

static void put_raw(page_t *p, jw_t *j, xmlNodePtr node)
{
    xmlBufferPtr dump = xmlBufferCreate();
    if (dump == NULL || htmlNodeDump(dump, p->document, node) < 0) {
        jw_put_text(j, "raw", "");
    } else {
        const char *text = (const char *)xmlBufferContent(dump);
        size_t len = strlen(text);
        char *cut = strndup(text, text_valid(text, len < PAGE_MAX_RAW ? len : PAGE_MAX_RAW));
        p->rc = cut != NULL ? p->rc : -ENOMEM;
        jw_put_text(j, "raw", cut);
        free(cut);
    }
    xmlBufferFree(dump);
}

static bool put_row(page_t *p, xmlNodePtr node)
{
    jw_t j = jw_to(&p->out);
    bool good = true;
    jw_object(&j);
    jw_put_array(&j, "cells");
    for (size_t i = 0; i < p->spec->n_columns && good; i++) {
        p->xpath->node = node;
        good = read_cell(p, &j, p->columns[i]);
    }
    jw_array_end(&j);
    put_raw(p, &j, node);
    jw_object_end(&j);
    buffer_append(&p->out, "\n", 1);
    if (p->out.len >= FLUSH_AT || p->out.failed) {
        flush(p);
    }
    return good;
}

static void put_rows(page_t *p)
{
    p->xpath->node = (xmlNodePtr)p->document;
    xmlXPathObjectPtr rows = xmlXPathCompiledEval(p->rows, p->xpath);
    if (rows == NULL) {
        end(p, "malformed", "the XPath of the rows could not be evaluated within its limits");
    } else if (rows->type != XPATH_NODESET) {
        end(p, "malformed", "the XPath of the rows gives no elements");
    } else {
        xmlNodeSetPtr set = rows->nodesetval;
        size_t n = set != NULL && set->nodeNr > 0 ? (size_t)set->nodeNr : 0;
        bool good = true;
        xmlXPathNodeSetSort(set);
        for (size_t i = 0; i < n && i < p->max_rows && good && p->rc == 0; i++) {
            good = put_row(p, set->nodeTab[i]);
        }
        end(p, good && n <= p->max_rows ? "rows" : "malformed",
            !good             ? "the XPath of a column could not be evaluated within its limits"
            : n > p->max_rows ? "more rows than the limit"
                              : NULL);
    }
    xmlXPathFreeObject(rows);
}

/* ---- the page ---- */

/* 1 it holds, 0 not, -1 not to be evaluated. */
static int holds(page_t *p)
{
    if (p->proof == NULL) {
        return 1;
    }
    p->xpath->node = (xmlNodePtr)p->document;
    return xmlXPathCompiledEvalToBoolean(p->proof, p->xpath);
}

static void read_document(page_t *p, const char *text)
{
    size_t len = strlen(text);
    p->document = htmlReadMemory(text, len <= INT32_MAX ? (int)len : 0, NULL, "UTF-8",
                                 HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING |
                                     HTML_PARSE_NONET | HTML_PARSE_IGNORE_ENC);
    if (p->rc != 0) {
        return;
    }
    if (p->stopped) {
        end(p, "malformed", "nested too deeply, or more than the parser takes");
        return;
    }
    if (p->document == NULL || xmlDocGetRootElement(p->document) == NULL) {
        end(p, "blocked", NULL);
        return;
    }
    p->xpath = xmlXPathNewContext(p->document);
    if (p->xpath == NULL) {
        p->rc = -ENOMEM;
        return;
    }
    p->xpath->opLimit = PAGE_MAX_STEPS;
    int proof = holds(p);
    if (proof < 0) {
        end(p, "malformed", "the XPath of the proof could not be evaluated within its limits");
    } else if (proof == 0) {
        end(p, "blocked", NULL);
    } else {
        put_rows(p);
    }
}

/* The body without the control characters that HTML knows as space or not at all. */
static char *tidy(bytes_t body, int *rc)
{
    char *copy = malloc(body.len + 1);
    char *out = NULL;
    *rc = copy != NULL ? 0 : -ENOMEM;
    for (size_t i = 0; copy != NULL && i < body.len; i++) {
        uint8_t c = body.data[i];
        bool c1 = i > 0 && body.data[i - 1] == 0xC2 && c < 0xA0 && c >= 0x80;
        copy[i] = c < ' ' || c == 0x7F ? ' ' : (char)c;
        if (c1) { /* U+0080 to U+009F: two bytes that become two spaces */
            copy[i - 1] = copy[i] = ' ';
        }
    }
    if (copy != NULL) {
        *rc = text_normalise(copy, body.len, body.len * 3 + 16, &out);
    }
    free(copy);
    return out;
}

static void release(page_t *p)
{
    xmlXPathFreeContext(p->xpath);
    xmlFreeDoc(p->document);
    xmlXPathFreeCompExpr(p->rows);
    xmlXPathFreeCompExpr(p->proof);
    for (size_t i = 0; p->columns != NULL && i < p->spec->n_columns; i++) {
        xmlXPathFreeCompExpr(p->columns[i]);
    }
    free(p->columns);
    buffer_free(&p->out);
}

int page_read(const page_spec_t *spec, bytes_t body, size_t max_rows, size_t max_cell,
              page_sink_fn sink, void *context)
{
    page_t p = {.spec = spec,
                .max_rows = max_rows,
                .max_cell = max_cell,
                .sink = sink,
                .context = context,
                .out = BUFFER_INIT(FLUSH_AT + (spec->n_columns + 1) * (max_cell + 16) * 6)};
    xmlSetStructuredErrorFunc(&p, notice);
    if (compile_all(&p)) {
        int rc;
        char *text = tidy(body, &rc);
        if (rc == -ENOMEM) {
            p.rc = rc;
        } else if (rc != 0) {
            end(&p, "malformed", "not UTF-8");
        } else {
            read_document(&p, text);
        }
        free(text);
    }
    release(&p);
    xmlSetStructuredErrorFunc(NULL, NULL);
    return p.rc;
}

int page_check(const page_spec_t *spec, page_sink_fn sink, void *context)
{
    page_t p = {.spec = spec, .sink = sink, .context = context, .out = BUFFER_INIT(FLUSH_AT)};
    xmlSetStructuredErrorFunc(&p, notice);
    if (compile_all(&p)) {
        end(&p, "rows", NULL);
    }
    release(&p);
    xmlSetStructuredErrorFunc(NULL, NULL);
    return p.rc;
}
