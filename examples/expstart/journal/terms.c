/* Whether a journal's endpoint, key and note are those that are given, and how others are put in their place. Called
 * by resume.c and verify.c. */
#include "terms.h"

#include <string.h>

#include "journal.h"
#include "text.h"

static size_t length_without_slashes(const char *url) {
  size_t length = strlen(url);
  while (length > 0 && url[length - 1] == '/') {
    length--;
  }
  return length;
}

static bool is_same_endpoint(const char *one, const char *other) {
  size_t length = length_without_slashes(one);
  return length_without_slashes(other) == length && memcmp(one, other, length) == 0;
}

/* As TERM_... bits; a NULL is not compared. */
static unsigned find_differences(const struct journal *journal, const struct terms *terms) {
  unsigned differs = 0;
  unsigned char fingerprint[FINGERPRINT_SIZE];
  if (terms->endpoint != NULL && !is_same_endpoint(terms->endpoint, journal->endpoint)) {
    differs |= TERM_ENDPOINT;
  }
  if (terms->key != NULL) {
    fingerprint_make(fingerprint, terms->key, journal->salt);
    differs |= memcmp(fingerprint, journal->fingerprint, FINGERPRINT_SIZE) != 0 ? TERM_KEY : 0;
  }
  if (terms->note != NULL && (journal->note == NULL || strcmp(terms->note, journal->note) != 0)) {
    differs |= TERM_NOTE;
  }
  return differs;
}

bool journal_check_terms(const struct journal *journal, const struct terms *terms,
                         unsigned may_differ, struct problem *problem) {
  char shown[256];
  unsigned refused = find_differences(journal, terms) & ~may_differ;
  if ((refused & TERM_ENDPOINT) != 0) {
    return problem_set(
        problem, "was begun with another endpoint, %s; \"--change endpoint\" goes on with this one",
        text_safe(shown, sizeof shown, journal->endpoint, strlen(journal->endpoint)));
  }
  if ((refused & TERM_KEY) != 0) {
    return problem_set(problem,
                       "was begun with another API key; \"--change key\" goes on with this one");
  }
  if ((refused & TERM_NOTE) != 0) {
    return problem_set(problem,
                       "was begun with another note; \"--change note\" goes on with this one");
  }
  return true;
}

bool journal_change(struct journal *journal, const struct terms *terms, struct problem *problem) {
  if ((terms->endpoint != NULL &&
       !journal_copy_text(&journal->endpoint, terms->endpoint, problem)) ||
      (terms->note != NULL && !journal_copy_text(&journal->note, terms->note, problem))) {
    return false;
  }
  if (terms->key != NULL) {
    fingerprint_make(journal->fingerprint, terms->key, journal->salt);
  }
  sqlite3_stmt *update = database_prepare(
      journal->db, "UPDATE journal SET endpoint=?,note=?,key_fingerprint=?", problem);
  if (update == NULL) {
    return false;
  }
  database_bind_text(update, 1, journal->endpoint);
  database_bind_text(update, 2, journal->note);
  (void)sqlite3_bind_blob(update, 3, journal->fingerprint, FINGERPRINT_SIZE, SQLITE_STATIC);
  bool is_done = database_step(journal->db, update, problem);
  (void)sqlite3_finalize(update);
  return is_done;
}
