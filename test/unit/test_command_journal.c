/* The parts of a journal that need no API: what it takes and refuses, what is left, the lock, the writer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "error_groups.h"
#include "expstart.h"
#include "journal.h"
#include "left.h"
#include "list.h"
#include "overview.h"
#include "rows.h"
#include "writer.h"

#define COUNT 100

static const struct terms terms = {
    .endpoint = "http://127.0.0.1:1/v1", .key = "a-key", .note = "spring"};

struct fixture {
  char folder[64];
  char file[96];
  struct list list;
  struct journal journal;
  struct problem problem;
};

static int setup(void **state) {
  struct fixture *fixture = calloc(1, sizeof *fixture);
  assert_non_null(fixture);
  (void)snprintf(fixture->folder, sizeof fixture->folder, "/tmp/expstart-journal-XXXXXX");
  assert_non_null(mkdtemp(fixture->folder));
  (void)snprintf(fixture->file, sizeof fixture->file, "%s/j%%?# .db", fixture->folder);
  list_init(&fixture->list);
  for (int i = 1; i <= COUNT; i++) {
    assert_int_equal(
        list_add(&fixture->list, i * 10, (uint64_t)i, i == 2 ? "own" : NULL, i == 2 ? 3 : 0), 0);
  }
  if (!journal_create(&fixture->journal, fixture->file, &terms, &fixture->list,
                      &fixture->problem)) {
    fail_msg("%s", fixture->problem.text);
  }
  *state = fixture;
  return 0;
}

static int teardown(void **state) {
  struct fixture *fixture = *state;
  journal_close(&fixture->journal);
  list_free(&fixture->list);
  assert_int_equal(unlink(fixture->file), 0);
  assert_int_equal(rmdir(fixture->folder), 0); /* nothing is left beside it */
  free(fixture);
  return 0;
}

static void run_sql(struct fixture *fixture, const char *sql) {
  if (!database_run(fixture->journal.db, sql, &fixture->problem)) {
    fail_msg("%s", fixture->problem.text);
  }
}

static int64_t number_of(struct fixture *fixture, const char *sql) {
  int64_t number = -1;
  assert_true(database_number(fixture->journal.db, sql, &number, &fixture->problem));
  return number;
}

/* ---- the terms ------------------------------------------------------------------------------- */

static void the_key_is_recognised_and_not_in_the_file(void **state) {
  struct fixture *fixture = *state;
  static const char *const same[] = {"a-key", "Api-Key a-key", "api-key \t a-key"};
  static const char *const others[] = {"a-key2", "a-ke", "Api-Key", "Api-Keya-key", "A-KEY"};
  struct terms given = {0};
  for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
    given.key = same[i];
    assert_true(journal_check_terms(&fixture->journal, &given, 0, &fixture->problem));
  }
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
    given.key = others[i];
    assert_false(journal_check_terms(&fixture->journal, &given, 0, &fixture->problem));
    assert_non_null(strstr(fixture->problem.text, "another API key"));
    assert_true(journal_check_terms(&fixture->journal, &given, TERM_KEY, &fixture->problem));
  }
  assert_int_equal(
      number_of(fixture, "SELECT instr(hex(key_fingerprint||key_salt),hex('a-key')) FROM journal"),
      0);
}

static void an_endpoint_is_the_same_with_and_without_a_slash_at_its_end(void **state) {
  struct fixture *fixture = *state;
  struct terms given = {.endpoint = "http://127.0.0.1:1/v1/"};
  assert_true(journal_check_terms(&fixture->journal, &given, 0, &fixture->problem));
  given.endpoint = "http://127.0.0.1:1/v2";
  assert_false(
      journal_check_terms(&fixture->journal, &given, TERM_KEY | TERM_NOTE, &fixture->problem));
  assert_non_null(strstr(fixture->problem.text, "another endpoint, http://127.0.0.1:1/v1"));
}

static void changed_terms_are_those_of_the_next_time(void **state) {
  struct fixture *fixture = *state;
  struct terms given = {.key = "new", .note = "autumn"};
  assert_true(journal_change(&fixture->journal, &given, &fixture->problem));
  journal_close(&fixture->journal);
  assert_true(journal_open(&fixture->journal, fixture->file, JOURNAL_RUN, &fixture->problem));
  assert_true(journal_check_terms(&fixture->journal, &given, 0, &fixture->problem));
  assert_string_equal(fixture->journal.endpoint, terms.endpoint);
  assert_string_equal(fixture->journal.note, "autumn");
}

/* ---- the lock -------------------------------------------------------------------------------- */

static void another_process_is_refused_with_the_first_ones_number_until_it_is_dead(void **state) {
  struct fixture *fixture = *state;
  char wanted[64];
  int ready[2];
  journal_close(&fixture->journal);
  assert_int_equal(pipe(ready), 0);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    struct journal journal;
    struct problem problem;
    bool is_good = journal_open(&journal, fixture->file, JOURNAL_RUN, &problem);
    (void)!write(ready[1], is_good ? "y" : "n", 1);
    for (;;) {
      (void)pause();
    }
  }
  char answer = 0;
  assert_int_equal(read(ready[0], &answer, 1), 1);
  assert_int_equal(answer, 'y');
  (void)snprintf(wanted, sizeof wanted, "is in use by process %ld", (long)child);
  assert_false(journal_open(&fixture->journal, fixture->file, JOURNAL_RUN, &fixture->problem));
  assert_string_equal(fixture->problem.text, wanted);
  /* To read it is not to run with it. */
  assert_true(journal_open(&fixture->journal, fixture->file, JOURNAL_READ, &fixture->problem));
  assert_int_equal(lock_holder(fixture->journal.file), child);
  journal_close(&fixture->journal);
  assert_int_equal(kill(child, SIGKILL), 0);
  assert_int_equal(waitpid(child, NULL, 0), child);
  assert_true(journal_open(&fixture->journal, fixture->file, JOURNAL_RUN, &fixture->problem));
  (void)close(ready[0]);
  (void)close(ready[1]);
}

/* ---- making one ------------------------------------------------------------------------------ */

static void assert_is_kept(struct fixture *fixture) {
  assert_true(journal_open(&fixture->journal, fixture->file, JOURNAL_RUN, &fixture->problem));
  assert_int_equal(number_of(fixture, "SELECT count(*) FROM experiment"), COUNT);
}

static void a_journal_that_somebody_else_has_made_meanwhile_is_not_removed(void **state) {
  struct fixture *fixture = *state;
  struct journal second;
  /* Its process lives: the lock refuses. (A process's own locks do not: another one is asked.) */
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    bool is_made =
        journal_create(&second, fixture->file, &terms, &fixture->list, &fixture->problem);
    _exit(!is_made && strstr(fixture->problem.text, "is in use by process") != NULL ? 0 : 1);
  }
  int code = -1;
  assert_int_equal(waitpid(child, &code, 0), child);
  assert_int_equal(code, 0);
  journal_close(&fixture->journal);
  /* Its process has ended. */
  assert_false(journal_create(&second, fixture->file, &terms, &fixture->list, &fixture->problem));
  assert_non_null(strstr(fixture->problem.text, "is there already"));
  assert_is_kept(fixture);
}

static void what_a_killed_start_left_half_made_is_no_hindrance(void **state) {
  struct fixture *fixture = *state;
  char name[160];
  journal_close(&fixture->journal);
  assert_int_equal(unlink(fixture->file), 0);
  (void)snprintf(name, sizeof name, "%s-expstart-new", fixture->file);
  FILE *half = fopen(name, "w");
  assert_non_null(half);
  assert_true(fputs("half a journal", half) >= 0);
  assert_int_equal(fclose(half), 0);
  assert_true(
      journal_create(&fixture->journal, fixture->file, &terms, &fixture->list, &fixture->problem));
  journal_close(&fixture->journal);
  assert_is_kept(fixture);
}

static void copy_file(const char *from, const char *to) {
  static char bytes[1 << 20];
  FILE *source = fopen(from, "rb");
  FILE *target = fopen(to, "wb");
  assert_non_null(source);
  assert_non_null(target);
  size_t length = fread(bytes, 1, sizeof bytes, source);
  assert_true(length > 0 && length < sizeof bytes);
  assert_int_equal(fwrite(bytes, 1, length, target), length);
  assert_int_equal(fclose(source), 0);
  assert_int_equal(fclose(target), 0);
}

/* Someone deletes the file of a journal that was killed, and begins anew with the same name. */
static void the_log_of_a_deleted_journal_is_not_taken_for_the_new_ones(void **state) {
  struct fixture *fixture = *state;
  char log[160];
  char kept[160];
  (void)snprintf(log, sizeof log, "%s-wal", fixture->file);
  (void)snprintf(kept, sizeof kept, "%s-kept", fixture->file);
  run_sql(fixture, "UPDATE experiment SET status='started',message='of the old journal'");
  copy_file(log, kept);
  journal_close(&fixture->journal);
  assert_int_equal(unlink(fixture->file), 0);
  assert_int_equal(rename(kept, log), 0);
  assert_true(
      journal_create(&fixture->journal, fixture->file, &terms, &fixture->list, &fixture->problem));
  assert_int_equal(number_of(fixture, "SELECT count(*) FROM experiment WHERE status='pending'"),
                   COUNT);
}

static void a_journal_with_two_names_is_refused(void **state) {
  struct fixture *fixture = *state;
  char name[160];
  journal_close(&fixture->journal);
  (void)snprintf(name, sizeof name, "%s-too", fixture->file);
  assert_int_equal(link(fixture->file, name), 0);
  assert_false(journal_open(&fixture->journal, name, JOURNAL_RUN, &fixture->problem));
  assert_non_null(strstr(fixture->problem.text, "more than one name"));
  assert_false(journal_open(&fixture->journal, fixture->file, JOURNAL_READ, &fixture->problem));
  assert_int_equal(unlink(name), 0);
  assert_is_kept(fixture);
}

static void a_file_where_the_lock_would_be_is_kept(void **state) {
  struct fixture *fixture = *state;
  char name[160];
  struct stat found;
  journal_close(&fixture->journal);
  (void)snprintf(name, sizeof name, "%s-lock", fixture->file);
  FILE *other = fopen(name, "w");
  assert_non_null(other);
  assert_true(fputs("mine", other) >= 0);
  assert_int_equal(fclose(other), 0);
  assert_false(journal_open(&fixture->journal, fixture->file, JOURNAL_RUN, &fixture->problem));
  assert_non_null(strstr(fixture->problem.text, "\"-lock\""));
  assert_int_equal(stat(name, &found), 0);
  assert_int_equal(found.st_size, 4);
  assert_int_equal(unlink(name), 0);
}

/* ---- what is left ---------------------------------------------------------------------------- */

static void what_is_left_is_certain_first_then_in_doubt(void **state) {
  struct fixture *fixture = *state;
  struct left left;
  run_sql(fixture, "UPDATE experiment SET status='started';"
                   "UPDATE experiment SET status='sending' WHERE number=1;"
                   "UPDATE experiment SET status='pending' WHERE number=2;"
                   "UPDATE experiment SET status='canceled' WHERE number=3;"
                   "UPDATE experiment SET status='unknown',error='ETIMEDOUT' WHERE number=4;"
                   "UPDATE experiment SET status='unknown',error='ECANCELED' WHERE number=5;"
                   "UPDATE experiment SET status='failed' WHERE number=6;"
                   "UPDATE experiment SET status='rejected' WHERE number=7;"
                   "UPDATE experiment SET status='running' WHERE number=8;");
  assert_true(left_read(&left, &fixture->journal, 0, &fixture->problem));
  assert_int_equal(left.list.count, 4);
  assert_int_equal(left.doubt_from, 2);
  static const int64_t places[] = {2, 3, 1, 5};
  for (size_t i = 0; i < 4; i++) {
    assert_int_equal(left.list.entries[i].place, places[i]);
    assert_int_equal(left.list.entries[i].id, places[i] * 10);
  }
  assert_string_equal(list_note(&left.list, &left.list.entries[0]), "own");
  assert_null(list_note(&left.list, &left.list.entries[1]));
  assert_int_equal(left_rest_bad(&left), 3);
  left_free(&left);

  assert_true(left_read(&left, &fixture->journal,
                        STATUS_BIT(STATUS_FAILED) | STATUS_BIT(STATUS_UNKNOWN), &fixture->problem));
  assert_int_equal(left.list.count, 6);
  assert_int_equal(left.doubt_from, 3); /* what failed was not started: no doubt */
  assert_int_equal(left_rest_bad(&left), 1);
  left_free(&left);
}

static void doubts_wait_until_what_was_under_way_can_have_been_done(void **state) {
  (void)state;
  struct left left = {.seen_ms = 1000000, .has_ended = true};
  uint64_t longest = left_doubt_wait_ms(&left, 1000000);
  assert_int_equal(longest, 5000);
  assert_int_equal(left_doubt_wait_ms(&left, 1000000 + 2000), longest - 2000);
  assert_int_equal(left_doubt_wait_ms(&left, 1000000 + 3600000), 0);
  /* The clock was set back: nobody knows how long ago it was. */
  assert_int_equal(left_doubt_wait_ms(&left, 1000000 - 86400000), longest);
  /* A slow disk may have kept a run that was killed from being seen. */
  left.has_ended = false;
  assert_int_equal(left_doubt_wait_ms(&left, 1000000 + 20000), longest);
  assert_int_equal(left_doubt_wait_ms(&left, 1000000 + 3600000), 0);
  left.seen_ms = 0;
  assert_int_equal(left_doubt_wait_ms(&left, 1000000), 0);
}

/* ---- the writer ------------------------------------------------------------------------------ */

struct writing {
  struct fixture *fixture;
  struct writer *writer;
  uv_loop_t loop;
  unsigned events;
};

static void on_event(void *data) {
  struct writing *writing = data;
  writing->events++;
}

static void begin_writing(struct writing *writing, struct fixture *fixture) {
  int64_t number = 0;
  memset(writing, 0, sizeof *writing);
  writing->fixture = fixture;
  assert_int_equal(uv_loop_init(&writing->loop), 0);
  assert_true(
      journal_begin_run(&fixture->journal, "start", COUNT, 1000, &number, &fixture->problem));
  assert_true(writer_new(&writing->writer, &fixture->journal, number, &fixture->list,
                         &writing->loop, on_event, writing, &fixture->problem));
}

static uint64_t end_writing(struct writing *writing) {
  struct journal_ending ending = {.at_ms = 9000, .exit_code = 1, .words = "done"};
  writer_detach(writing->writer);
  assert_int_equal(uv_run(&writing->loop, UV_RUN_DEFAULT), 0);
  assert_int_equal(uv_loop_close(&writing->loop), 0);
  uint64_t unwritten = 0;
  bool is_whole = writer_finish(writing->writer, &ending, 100, &unwritten);
  assert_int_equal(is_whole, unwritten == 0);
  return unwritten;
}

/* Of the connection that a run writes with: the kernel's memory is not the disk. */
static void every_commit_is_synced(void **state) {
  struct fixture *fixture = *state;
  for (int i = 0; i < 2; i++) {
    assert_int_equal(number_of(fixture, "PRAGMA synchronous"), 2); /* FULL */
    assert_int_equal(number_of(fixture, "SELECT journal_mode='wal' FROM pragma_journal_mode"), 1);
    journal_close(&fixture->journal);
    assert_is_kept(fixture);
  }
}

static void a_claim_is_told_of_when_it_is_on_the_disk(void **state) {
  struct fixture *fixture = *state;
  struct writing writing;
  struct journal reader;
  int64_t sending = 0;
  begin_writing(&writing, fixture);
  writer_claim(writing.writer, 30);
  writer_claim(writing.writer, 40);
  while (writer_claimed(writing.writer) < 40) {
    (void)uv_run(&writing.loop, UV_RUN_ONCE);
  }
  assert_true(writing.events > 0);
  assert_true(journal_open(&reader, fixture->file, JOURNAL_READ, &fixture->problem));
  assert_true(database_number(
      reader.db, "SELECT count(*) FROM experiment WHERE status='sending' AND number<=40", &sending,
      &fixture->problem));
  assert_int_equal(sending, 40);
  journal_close(&reader);
  assert_int_equal(end_writing(&writing), 0);
  assert_int_equal(number_of(fixture, "SELECT count(*) FROM experiment WHERE status='sending'"),
                   40);
}

static void results_add_to_those_of_earlier_runs(void **state) {
  struct fixture *fixture = *state;
  struct writing writing;
  char text[3000];
  memset(text, 'x', sizeof text - 1);
  text[sizeof text - 1] = '\0';
  for (int run = 0; run < 2; run++) {
    begin_writing(&writing, fixture);
    writer_claim(writing.writer, 2);
    for (uint32_t i = 1; i <= 2; i++) {
      writer_result(writing.writer, &(struct journal_result){.place = i,
                                                             .status = STATUS_FAILED,
                                                             .attempts = 3,
                                                             .throttled = 1,
                                                             .http_status = 502,
                                                             .error = EXPSTART_ESERVER,
                                                             .first_attempt_ms = 2000 + run,
                                                             .last_attempt_ms = 3000 + run,
                                                             .message = i == 1 ? "bad" : text});
    }
    assert_int_equal(end_writing(&writing), 0);
  }
  assert_int_equal(
      number_of(fixture, "SELECT count(*) FROM experiment WHERE status='failed' AND attempts=6 AND "
                         "throttled=2 AND http_status=502 AND error='ESERVER' AND "
                         "first_attempt_ms=2000 AND last_attempt_ms=3001 AND run=2"),
      2);
  assert_int_equal(number_of(fixture, "SELECT count(*) FROM experiment WHERE message='bad'"), 1);
  assert_int_equal(number_of(fixture, "SELECT length(message) FROM experiment WHERE number=2"),
                   2000);
  assert_int_equal(
      number_of(fixture,
                "SELECT count(*) FROM run WHERE exit_code=1 AND ending='done' AND ended_ms=9000"),
      2);
}

static void one_that_was_not_tried_is_as_it_was(void **state) {
  struct fixture *fixture = *state;
  struct writing writing;
  run_sql(fixture,
          "UPDATE experiment SET attempts=4,message='old',last_attempt_ms=77 WHERE number=1");
  begin_writing(&writing, fixture);
  writer_claim(writing.writer, 1);
  writer_result(writing.writer,
                &(struct journal_result){.place = 1, .status = STATUS_PENDING, .is_untried = true});
  assert_int_equal(end_writing(&writing), 0);
  assert_int_equal(
      number_of(fixture, "SELECT count(*) FROM experiment WHERE number=1 AND status='pending' AND "
                         "attempts=4 AND message='old' AND last_attempt_ms=77"),
      1);
}

/* --retry took it up, and the run was stopped before it was claimed, or the claim could not be written. */
static void one_that_was_not_claimed_keeps_its_status(void **state) {
  struct fixture *fixture = *state;
  struct writing writing;
  run_sql(fixture, "UPDATE experiment SET status='failed' WHERE number=1");
  begin_writing(&writing, fixture);
  writer_result(writing.writer,
                &(struct journal_result){.place = 1, .status = STATUS_PENDING, .is_untried = true});
  assert_int_equal(end_writing(&writing), 0);
  assert_int_equal(
      number_of(fixture, "SELECT count(*) FROM experiment WHERE number=1 AND status='failed'"), 1);
}

static void what_cannot_be_written_is_counted_and_nothing_of_it_is_there(void **state) {
  struct fixture *fixture = *state;
  struct writing writing;
  struct problem problem;
  begin_writing(&writing, fixture);
  run_sql(fixture, "CREATE TRIGGER no BEFORE UPDATE ON experiment WHEN new.number=5 "
                   "BEGIN SELECT raise(ABORT,'no room'); END");
  for (uint32_t i = 1; i <= 7; i++) {
    writer_result(writing.writer, &(struct journal_result){.place = i, .status = STATUS_STARTED});
  }
  writer_result(writing.writer,
                &(struct journal_result){.place = 9, .status = STATUS_PENDING, .is_untried = true});
  while (!writer_has_failed(writing.writer, &problem)) {
    (void)uv_run(&writing.loop, UV_RUN_ONCE);
  }
  assert_string_equal(problem.text, "no room");
  writer_claim(writing.writer, COUNT);
  assert_int_equal(end_writing(&writing), 7);
  run_sql(fixture, "DROP TRIGGER no");
  assert_int_equal(number_of(fixture, "SELECT count(*) FROM experiment WHERE status='pending'"),
                   COUNT);
  assert_int_equal(number_of(fixture, "SELECT count(*) FROM run WHERE ended_ms IS NULL"), 1);
}

/* ---- errors ---------------------------------------------------------------------------------- */

static void errors_that_differ_in_numbers_are_one_and_the_last_come_first(void **state) {
  struct fixture *fixture = *state;
  static struct error_groups groups;
  run_sql(
      fixture,
      "UPDATE experiment SET status='started';"
      "UPDATE experiment SET status='rejected',http_status=409,last_attempt_ms=number,"
      "message='experiment '||id||' is archived' WHERE number<=10;"
      "UPDATE experiment SET status='failed',last_attempt_ms=50,error='ETIMEDOUT' WHERE number=20;"
      "UPDATE experiment SET status='rejected',http_status=400,message='experiment 7 is archived',"
      "last_attempt_ms=2 WHERE number=30");
  assert_true(error_groups_read(&groups, &fixture->journal, &fixture->problem));
  assert_int_equal(groups.count, 3);
  assert_string_equal(groups.groups[0].text, "ETIMEDOUT");
  assert_string_equal(groups.groups[1].text, "experiment # is archived");
  assert_string_equal(groups.groups[1].example, "experiment 10 is archived");
  assert_int_equal(groups.groups[1].count, 10);
  assert_int_equal(groups.groups[1].id_count, 10);
  assert_int_equal(groups.groups[1].ids[9], 100);
  assert_int_equal(groups.groups[1].first_ms, 1);
  assert_int_equal(groups.groups[1].last_ms, 10);
  assert_int_equal(groups.groups[2].http_status, 400);
  error_groups_free(&groups);
}

static void more_kinds_of_errors_than_there_is_room_for_share_the_last_group(void **state) {
  struct fixture *fixture = *state;
  static struct error_groups groups;
  run_sql(
      fixture,
      "INSERT INTO experiment(number,id,status,message) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL "
      "SELECT i+1 FROM n WHERE i<2000) SELECT 1000+i,100000+i,'rejected',"
      "char(97+i%26)||char(97+i/26%26)||char(97+i/676%26) FROM n");
  assert_true(error_groups_read(&groups, &fixture->journal, &fixture->problem));
  assert_int_equal(groups.count, ERROR_GROUPS_MOST);
  uint64_t all = 0;
  uint64_t most = 0;
  for (size_t i = 0; i < groups.count; i++) {
    all += groups.groups[i].count;
    most = groups.groups[i].count > most ? groups.groups[i].count : most;
  }
  assert_int_equal(all, 2000);
  assert_int_equal(most, 2000 - (ERROR_GROUPS_MOST - 1));
  error_groups_free(&groups);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(the_key_is_recognised_and_not_in_the_file, setup, teardown),
      cmocka_unit_test_setup_teardown(an_endpoint_is_the_same_with_and_without_a_slash_at_its_end,
                                      setup, teardown),
      cmocka_unit_test_setup_teardown(changed_terms_are_those_of_the_next_time, setup, teardown),
      cmocka_unit_test_setup_teardown(
          another_process_is_refused_with_the_first_ones_number_until_it_is_dead, setup, teardown),
      cmocka_unit_test_setup_teardown(
          a_journal_that_somebody_else_has_made_meanwhile_is_not_removed, setup, teardown),
      cmocka_unit_test_setup_teardown(what_a_killed_start_left_half_made_is_no_hindrance, setup,
                                      teardown),
      cmocka_unit_test_setup_teardown(the_log_of_a_deleted_journal_is_not_taken_for_the_new_ones,
                                      setup, teardown),
      cmocka_unit_test_setup_teardown(a_journal_with_two_names_is_refused, setup, teardown),
      cmocka_unit_test_setup_teardown(a_file_where_the_lock_would_be_is_kept, setup, teardown),
      cmocka_unit_test_setup_teardown(one_that_was_not_claimed_keeps_its_status, setup, teardown),
      cmocka_unit_test_setup_teardown(what_is_left_is_certain_first_then_in_doubt, setup, teardown),
      cmocka_unit_test(doubts_wait_until_what_was_under_way_can_have_been_done),
      cmocka_unit_test_setup_teardown(every_commit_is_synced, setup, teardown),
      cmocka_unit_test_setup_teardown(a_claim_is_told_of_when_it_is_on_the_disk, setup, teardown),
      cmocka_unit_test_setup_teardown(results_add_to_those_of_earlier_runs, setup, teardown),
      cmocka_unit_test_setup_teardown(one_that_was_not_tried_is_as_it_was, setup, teardown),
      cmocka_unit_test_setup_teardown(what_cannot_be_written_is_counted_and_nothing_of_it_is_there,
                                      setup, teardown),
      cmocka_unit_test_setup_teardown(errors_that_differ_in_numbers_are_one_and_the_last_come_first,
                                      setup, teardown),
      cmocka_unit_test_setup_teardown(
          more_kinds_of_errors_than_there_is_room_for_share_the_last_group, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
