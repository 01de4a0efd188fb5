/* notes.c - see notes.h. */
#include "notes.h"

#include <string.h>

typedef struct {
    uint32_t kind, table;
    size_t key_len, value_len;
} head_t;

void notes_add(buffer_t *notes, const note_t *note)
{
    head_t head = {(uint32_t)note->kind, note->table, note->key.len, note->value.len};
    if (!buffer_room(notes, sizeof head + note->key.len + note->value.len)) {
        return;
    }
    buffer_append(notes, &head, sizeof head);
    buffer_append(notes, note->key.data, note->key.len);
    if (note->value.len > 0) {
        buffer_append(notes, note->value.data, note->value.len);
    }
}

bool notes_next(bytes_t notes, size_t *at, note_t *out)
{
    head_t head;
    if (*at >= notes.len) {
        return false;
    }
    memcpy(&head, notes.data + *at, sizeof head);
    const uint8_t *key = notes.data + *at + sizeof head;
    *out = (note_t){.kind = (note_kind_t)head.kind,
                    .table = head.table,
                    .key = bytes_of(key, head.key_len),
                    .value = bytes_of(key + head.key_len, head.value_len)};
    *at += sizeof head + head.key_len + head.value_len;
    return true;
}
