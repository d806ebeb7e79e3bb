/* What a run has to tell its journal and has not written yet. Pure: memory only. */
#include "batch.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_MOST 2000 /* bytes of a message that are kept */

/* Room for `wanted` more elements of `size` bytes. */
static bool grow(void **array, size_t count, size_t wanted, size_t *capacity, size_t size) {
  size_t needed = *capacity < 64 ? 64 : *capacity;
  while (needed < count + wanted) {
    needed *= 2;
  }
  if (needed == *capacity) {
    return true;
  }
  void *bigger = realloc(*array, needed * size);
  if (bigger == NULL) {
    return false;
  }
  *array = bigger;
  *capacity = needed;
  return true;
}

/* Cut where a character ends. */
static size_t length_to_keep(const char *text) {
  size_t length = strlen(text);
  if (length <= TEXT_MOST) {
    return length;
  }
  length = TEXT_MOST;
  while (length > 0 && ((unsigned char)text[length] & 0xC0u) == 0x80u) {
    length--;
  }
  return length;
}

/* The first byte of the texts is not used, so that 0 is nobody's place. */
static bool add_text(struct batch *batch, const char *text, size_t length, size_t *place) {
  void *texts = batch->texts;
  bool has_room = grow(&texts, batch->text_size, length + 2, &batch->text_capacity, 1);
  batch->texts = texts;
  if (!has_room) {
    return false;
  }
  *place = batch->text_size == 0 ? 1 : batch->text_size;
  memcpy(batch->texts + *place, text, length);
  batch->texts[*place + length] = '\0';
  batch->text_size = *place + length + 1;
  return true;
}

bool batch_add_result(struct batch *batch, const struct journal_result *result) {
  void *results = batch->results;
  struct batch_result added = {.result = *result};
  size_t length = result->message == NULL ? 0 : length_to_keep(result->message);
  bool has_room =
      grow(&results, batch->result_count, 1, &batch->result_capacity, sizeof *batch->results);
  batch->results = results;
  if (!has_room || (length > 0 && !add_text(batch, result->message, length, &added.message))) {
    return false;
  }
  batch->results[batch->result_count++] = added;
  return true;
}

struct journal_result batch_result_at(const struct batch *batch, size_t index) {
  struct journal_result result = batch->results[index].result;
  size_t message = batch->results[index].message;
  result.message = message == 0 ? NULL : batch->texts + message;
  return result;
}

bool batch_add_sample(struct batch *batch, const struct journal_sample *sample) {
  void *samples = batch->samples;
  bool has_room =
      grow(&samples, batch->sample_count, 1, &batch->sample_capacity, sizeof *batch->samples);
  batch->samples = samples;
  if (has_room) {
    batch->samples[batch->sample_count++] = *sample;
  }
  return has_room;
}

bool batch_add_pause(struct batch *batch, const struct journal_pause *pause) {
  void *pauses = batch->pauses;
  bool has_room =
      grow(&pauses, batch->pause_count, 1, &batch->pause_capacity, sizeof *batch->pauses);
  batch->pauses = pauses;
  if (has_room) {
    batch->pauses[batch->pause_count++] = *pause;
  }
  return has_room;
}

void batch_claim(struct batch *batch, size_t from, size_t to) {
  if (batch->claim_from == batch->claim_to) {
    batch->claim_from = from;
  }
  batch->claim_to = to;
}

bool batch_is_empty(const struct batch *batch) {
  return batch->result_count == 0 && batch->sample_count == 0 && batch->pause_count == 0 &&
         batch->claim_from == batch->claim_to;
}

void batch_clear(struct batch *batch) {
  batch->result_count = 0;
  batch->text_size = 0;
  batch->sample_count = 0;
  batch->pause_count = 0;
  batch->claim_from = 0;
  batch->claim_to = 0;
}

void batch_free(struct batch *batch) {
  free(batch->results);
  free(batch->texts);
  free(batch->samples);
  free(batch->pauses);
  memset(batch, 0, sizeof *batch);
}
