/* print.c - see print.h. */
#include "print.h"

#include "text/text.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static void print_bytes(jw_t *j, const char *name, const ProtobufCBinaryData *b)
{
    bool readable = strcmp(name, "body") == 0 || strcmp(name, "bytes") == 0;
    char *text = malloc(b->len * 2 + 1);
    if (text == NULL) {
        jw_null(j);
    } else if (readable && text_is_clean((const char *)b->data, b->len)) {
        memcpy(text, b->data, b->len);
        text[b->len] = '\0';
        jw_text(j, text);
    } else {
        sodium_bin2hex(text, b->len * 2 + 1, b->data, b->len);
        jw_text(j, text);
    }
    free(text);
}

static void print_value(jw_t *j, const ProtobufCFieldDescriptor *f, const void *at)
{
    const ProtobufCEnumValue *named;
    switch (f->type) {
    case PROTOBUF_C_TYPE_STRING:
        jw_text(j, *(char *const *)at);
        break;
    case PROTOBUF_C_TYPE_BYTES:
        print_bytes(j, f->name, at);
        break;
    case PROTOBUF_C_TYPE_MESSAGE:
        print_message(j, *(ProtobufCMessage *const *)at);
        break;
    case PROTOBUF_C_TYPE_ENUM:
        named = protobuf_c_enum_descriptor_get_value(f->descriptor, *(const int *)at);
        jw_text(j, named != NULL ? named->name : "?");
        break;
    case PROTOBUF_C_TYPE_BOOL:
        jw_flag(j, *(const protobuf_c_boolean *)at != 0);
        break;
    case PROTOBUF_C_TYPE_UINT32:
        jw_whole(j, *(const uint32_t *)at);
        break;
    default: /* int64 and uint64: the only others in our files */
        jw_whole(j, *(const int64_t *)at);
        break;
    }
}

static size_t size_of(const ProtobufCFieldDescriptor *f)
{
    switch (f->type) {
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_ENUM:
    case PROTOBUF_C_TYPE_BOOL:
    case PROTOBUF_C_TYPE_UINT32:
        return 4;
    default:
        return 8;
    }
}

static bool is_set(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
    const char *base = (const char *)m;
    if (f->label == PROTOBUF_C_LABEL_REQUIRED) {
        return true;
    }
    if ((f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0) {
        return *(const uint32_t *)(const void *)(base + f->quantifier_offset) == f->id;
    }
    if (f->type == PROTOBUF_C_TYPE_STRING || f->type == PROTOBUF_C_TYPE_MESSAGE) {
        return *(void *const *)(const void *)(base + f->offset) != NULL;
    }
    return *(const protobuf_c_boolean *)(const void *)(base + f->quantifier_offset) != 0;
}

void print_message(jw_t *j, const ProtobufCMessage *m)
{
    const char *base = (const char *)m;
    jw_object(j);
    for (unsigned i = 0; i < m->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];
        if (f->label == PROTOBUF_C_LABEL_REPEATED) {
            size_t n = *(const size_t *)(const void *)(base + f->quantifier_offset);
            const char *items = *(const char *const *)(const void *)(base + f->offset);
            jw_put_array(j, f->name);
            for (size_t k = 0; k < n; k++) {
                print_value(j, f, items + k * size_of(f));
            }
            jw_array_end(j);
        } else if (is_set(m, f)) {
            jw_key(j, f->name);
            print_value(j, f, base + f->offset);
        }
    }
    jw_object_end(j);
}
