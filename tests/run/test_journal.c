/* SPDX-License-Identifier: BSD-3-Clause */
/* What a journal says after it was torn, truncated, reordered, mixed with another one, emptied, or hit by flipped bits:
 * never that a gather is done which was not said to be, and never another checksum than the one that was written.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "seisproc/crc32c.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "src/run/journal.h"

enum { N_GATHERS = 60, MAX_TEXT = 1 << 16, MAX_LINES = 64 };

typedef struct fixture {
  char path[256];
  char text[MAX_TEXT]; /* of a good journal */
  size_t n;
  size_t header; /* bytes of its header */
} fixture;

static char job_text[] = "mode: both\nchain.0: dwt\nchain.0.dwt.k: 3\n";

static const sp_journal_header header = {.input_uuid = "12345678-1234-4123-8123-123456789abc",
                                         .input = {.bytes = 987654321, .modified_ns = -1234567890123},
                                         .n_units = N_GATHERS,
                                         .n_traces = 700,
                                         .n_samples = 1600,
                                         .results_version = 4,
                                         .figures = &sp_gather_figures,
                                         .job = job_text};

static sp_gather_result result_of(uint64_t g) {
  return (sp_gather_result){.reason = g % 7 == 3 ? 2 : 0,
                            .crc_traces = (uint32_t)(g * 2654435761u + 1),
                            .crc_noise = g % 5 == 4 ? 0 : (uint32_t)(g * 40503u + 7)};
}

/* Gathers 20 to 29 are never said to be done. */
static bool is_logged(uint64_t g) {
  return g < 20 || g >= 30;
}

static void write_file(const char *path, const char *text, size_t n) {
  unlink(path); /* some file systems sync what is cut short and written anew */
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  assert_int_equal(fwrite(text, 1, n, file), n);
  assert_int_equal(fclose(file), 0);
}

static size_t read_file(const char *path, char *text) {
  FILE *file = fopen(path, "r");
  assert_non_null(file);
  const size_t n = fread(text, 1, MAX_TEXT, file);
  assert_true(n < MAX_TEXT);
  fclose(file);
  return n;
}

static void wait_until_durable(sp_journal *journal) {
  const struct timespec pause = {.tv_nsec = 1000000};
  for (bool durable = false; !durable; nanosleep(&pause, NULL)) {
    assert_int_equal(sp_journal_poll(journal, &durable), SP_SUCCESS);
  }
}

/* Lines of so many gathers have two chunks, of two gathers each. */
enum { WITH_CHUNKS = 10 };
static const sp_window_shape window = {.chunk_rows = {7}, .max_chunks = WITH_CHUNKS};

static sp_chunk chunk_of(uint64_t number) {
  const uint32_t n = (uint32_t)number;
  return (sp_chunk){number, 4096 + (number << 33), 1000 + number, n % 2, n % 3, 0xdeadbeefu * (n + 1)};
}

static void append(sp_journal *journal, uint64_t first, uint32_t n) {
  sp_gather_result results[N_GATHERS];
  for (uint32_t g = 0; g < n; g++) results[g] = result_of(first + g);
  sp_chunk chunks[N_GATHERS] = {{0}};
  const uint32_t n_chunks = n < WITH_CHUNKS ? 0 : 2;
  for (uint32_t c = 0; c < n_chunks; c++) chunks[c] = chunk_of(first / 2 + c);
  assert_int_equal(sp_journal_append(journal, first, n, results, chunks, n_chunks), SP_SUCCESS);
}

static sp_status read_text(const fixture *f, const char *text, size_t n, sp_journal_contents *out) {
  write_file(f->path, text, n);
  return sp_journal_read(f->path, &sp_gather_figures, N_GATHERS, out);
}

/* What is said to be done was said by the journal as it was written. Returns how many gathers that is. */
static uint64_t check_truth(const sp_journal_contents *contents) {
  uint64_t n = 0;
  for (uint64_t g = 0; contents->begun && g < N_GATHERS; g++) {
    if (!contents->done[g]) continue;
    n++;
    const sp_gather_result expected = result_of(g);
    assert_true(is_logged(g));
    assert_memory_equal(sp_figures_at(&sp_gather_figures, contents->figures, g), &expected, sizeof expected);
  }
  assert_int_equal(n, contents->n_done);
  for (size_t i = 0; i < contents->n_chunks; i++) {
    const sp_chunk expected = chunk_of(contents->chunks[i].number);
    assert_true(contents->done[2 * expected.number] && contents->done[2 * expected.number + 1]);
    assert_memory_equal(&contents->chunks[i], &expected, sizeof expected);
    assert_int_equal(contents->chunk_rows, 7);
  }
  return n;
}

static int set_up(void **state) {
  static fixture f;
  const char *folder = getenv("SEISPROC_TEST_TMP");
  snprintf(f.path, sizeof f.path, "%s/out.h5.journal", folder ? folder : "/tmp");
  unlink(f.path);
  assert_int_equal(sp_journal_create(f.path, &header), SP_SUCCESS);
  sp_journal_contents contents;
  sp_journal *journal;
  assert_int_equal(sp_journal_read(f.path, &sp_gather_figures, N_GATHERS, &contents), SP_SUCCESS);
  f.header = contents.length;
  assert_int_equal(sp_journal_open(f.path, &contents, 20, &window, &journal), SP_SUCCESS);
  append(journal, 0, 10);
  append(journal, 40, 20);
  append(journal, 10, 9);
  append(journal, 19, 1);
  append(journal, 30, 10);
  wait_until_durable(journal);
  sp_journal_close(journal);
  sp_journal_contents_free(&contents);
  f.n = read_file(f.path, f.text);
  *state = &f;
  return 0;
}

/* Starts of the lines, and one more for the end. */
static size_t find_lines(const char *text, size_t n, size_t *start) {
  size_t lines = 0;
  start[0] = 0;
  for (size_t i = 0; i < n; i++) {
    if (text[i] == '\n') start[++lines] = i + 1;
    assert_true(lines < MAX_LINES);
  }
  return lines;
}

/* --- tests ------------------------------------------------------------------------------------------------ */

static void says_what_was_written(void **state) {
  const fixture *f = *state;
  sp_journal_contents contents;
  assert_int_equal(read_text(f, f->text, f->n, &contents), SP_SUCCESS);
  assert_true(contents.begun);
  assert_string_equal(contents.header.input_uuid, header.input_uuid);
  assert_string_equal(contents.header.job, header.job);
  assert_int_equal(contents.header.input.bytes, header.input.bytes);
  assert_int_equal(contents.header.input.modified_ns, header.input.modified_ns);
  assert_int_equal(contents.header.n_units, N_GATHERS);
  assert_int_equal(contents.header.n_traces, 700);
  assert_int_equal(contents.header.n_samples, 1600);
  assert_int_equal(contents.header.results_version, 4);
  assert_int_equal(contents.length, f->n);
  assert_int_equal(contents.n_bad_lines, 0);
  assert_int_equal(check_truth(&contents), 50);
  sp_journal_contents_free(&contents);
}

static void nothing_and_an_empty_file_mean_nothing_begun(void **state) {
  const fixture *f = *state;
  sp_journal_contents contents;
  unlink(f->path);
  assert_int_equal(sp_journal_read(f->path, &sp_gather_figures, N_GATHERS, &contents), SP_SUCCESS);
  assert_false(contents.begun);
  assert_int_equal(read_text(f, "", 0, &contents), SP_SUCCESS);
  assert_false(contents.begun);
}

/* Cut anywhere, as a kill or a power loss leaves it: all lines before the cut count, and it can be appended to. */
static void a_journal_cut_anywhere_says_all_whole_lines(void **state) {
  const fixture *f = *state;
  size_t start[MAX_LINES];
  const size_t n_lines = find_lines(f->text, f->n, start);
  static const uint64_t gathers[] = {0, 10, 30, 39, 40, 50}; /* after so many `done` lines */
  size_t line = 0, header_lines = n_lines - 5;
  for (size_t cut = 0; cut <= f->n; cut++) {
    while (line < n_lines && start[line + 1] <= cut) line++;
    sp_journal_contents contents;
    assert_int_equal(read_text(f, f->text, cut, &contents), SP_SUCCESS);
    assert_int_equal(contents.begun, cut >= f->header);
    if (contents.begun) {
      assert_int_equal(contents.length, start[line]);
      assert_int_equal(contents.n_bad_lines, 0);
      assert_int_equal(check_truth(&contents), gathers[line - header_lines]);
    }
    sp_journal_contents_free(&contents);
  }
}

static void appending_goes_on_behind_a_torn_line(void **state) {
  const fixture *f = *state;
  sp_journal_contents contents;
  sp_journal *journal;
  assert_int_equal(read_text(f, f->text, f->n - 5, &contents), SP_SUCCESS);
  assert_int_equal(contents.n_done, 40);
  assert_int_equal(sp_journal_open(f->path, &contents, 20, &window, &journal), SP_SUCCESS);
  append(journal, 30, 10);
  wait_until_durable(journal);
  sp_journal_close(journal);
  sp_journal_contents_free(&contents);
  assert_int_equal(sp_journal_read(f->path, &sp_gather_figures, N_GATHERS, &contents), SP_SUCCESS);
  assert_int_equal(contents.n_bad_lines, 0);
  assert_int_equal(check_truth(&contents), 50);
  sp_journal_contents_free(&contents);
}

static void done_lines_may_come_in_any_order_and_twice(void **state) {
  const fixture *f = *state;
  size_t start[MAX_LINES];
  const size_t n_lines = find_lines(f->text, f->n, start);
  char text[2 * MAX_TEXT];
  size_t n = f->header;
  memcpy(text, f->text, n);
  for (int turn = 0; turn < 2; turn++) {
    for (size_t line = n_lines; start[--line] >= f->header;) {
      memcpy(text + n, f->text + start[line], start[line + 1] - start[line]);
      n += start[line + 1] - start[line];
    }
  }
  sp_journal_contents contents;
  assert_int_equal(read_text(f, text, n, &contents), SP_SUCCESS);
  assert_int_equal(contents.n_bad_lines, 0);
  assert_int_equal(check_truth(&contents), 50);
  sp_journal_contents_free(&contents);
}

/* A line of the header that is gone, or stands elsewhere, is not made up for. */
static void a_header_that_was_changed_is_refused(void **state) {
  const fixture *f = *state;
  size_t start[MAX_LINES];
  const size_t n_lines = find_lines(f->text, f->n, start);
  sp_journal_contents contents;
  for (size_t gone = 0; gone + 5 < n_lines; gone++) {
    char text[MAX_TEXT];
    memcpy(text, f->text, start[gone]);
    memcpy(text + start[gone], f->text + start[gone + 1], f->n - start[gone + 1]);
    assert_int_equal(read_text(f, text, f->n - (start[gone + 1] - start[gone]), &contents), SP_ERR_INPUT);
  }
}

static void a_flipped_bit_in_any_byte_is_noticed(void **state) {
  const fixture *f = *state;
  char text[MAX_TEXT];
  memcpy(text, f->text, f->n);
  for (size_t i = 0; i < f->n; i++) {
    /* of the header all of them, else one of each byte */
    for (int bit = i < f->header ? 0 : (int)(i % 8); bit < 8; bit += i < f->header ? 1 : 8) {
      text[i] ^= (char)(1 << bit);
      sp_journal_contents contents;
      const sp_status status = read_text(f, text, f->n, &contents);
      if (i < f->header) {
        assert_int_equal(status, SP_ERR_INPUT);
      } else {
        assert_int_equal(status, SP_SUCCESS);
        assert_true(contents.begun);
        assert_true(check_truth(&contents) < 50);
        /* the last line's end is what makes it a line */
        assert_true(contents.n_bad_lines > 0 || i == f->n - 1);
        sp_journal_contents_free(&contents);
      }
      text[i] ^= (char)(1 << bit);
    }
  }
}

/* Blocks of a file that once was at the same place: the same input, the same job, another journal. */
static void lines_of_another_journal_say_nothing(void **state) {
  const fixture *f = *state;
  char text[2 * MAX_TEXT];
  sp_journal_contents contents;
  unlink(f->path);
  assert_int_equal(sp_journal_create(f->path, &header), SP_SUCCESS);
  const size_t n = read_file(f->path, text);
  assert_int_equal(n, f->header);
  assert_memory_not_equal(text, f->text, n);
  memcpy(text + n, f->text + f->header, f->n - f->header);
  assert_int_equal(read_text(f, text, f->n, &contents), SP_SUCCESS);
  assert_true(contents.begun);
  assert_int_equal(contents.n_done, 0);
  assert_int_equal(contents.n_bad_lines, 5);
  sp_journal_contents_free(&contents);

  /* a whole foreign journal behind our own */
  memcpy(text, f->text, f->n);
  memcpy(text + f->n, f->text, f->n);
  text[f->n + 30] ^= 1;
  assert_int_equal(read_text(f, text, 2 * f->n, &contents), SP_SUCCESS);
  assert_int_equal(check_truth(&contents), 50);
  sp_journal_contents_free(&contents);
}

static void files_that_are_no_journals_are_refused(void **state) {
  const fixture *f = *state;
  sp_journal_contents contents;
  static const char *const texts[] = {
      "x", "a shopping list\n", "seisproc-inflight 1\n", "seisproc-journal 1 id=\n", "\n\n\n", "\211HDF\r\n\032\n"};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    assert_int_equal(read_text(f, texts[i], strlen(texts[i]), &contents), SP_ERR_INPUT);
  }
  char zeros[4096] = "";
  assert_int_equal(read_text(f, zeros, sizeof zeros, &contents), SP_ERR_INPUT);
  unlink(f->path);
  assert_int_equal(mkdir(f->path, 0777), 0);
  assert_int_equal(sp_journal_read(f->path, &sp_gather_figures, N_GATHERS, &contents), SP_ERR_USAGE);
  assert_int_equal(rmdir(f->path), 0);
}

/* What a file system may leave behind the end of what was synced. */
static void zeros_and_rubbish_at_the_end_are_cut_off(void **state) {
  const fixture *f = *state;
  char text[2 * MAX_TEXT];
  memcpy(text, f->text, f->n);
  memset(text + f->n, 0, 4096);
  sp_journal_contents contents;
  assert_int_equal(read_text(f, text, f->n + 4096, &contents), SP_SUCCESS);
  assert_int_equal(contents.length, f->n);
  assert_int_equal(check_truth(&contents), 50);
  sp_journal_contents_free(&contents);
  srand(7);
  for (int i = 0; i < 4096; i++) text[f->n + (size_t)i] = (char)rand();
  assert_int_equal(read_text(f, text, f->n + 4096, &contents), SP_SUCCESS);
  assert_int_equal(check_truth(&contents), 50);
  sp_journal_contents_free(&contents);
}

/* A header of which no byte can be trusted with the size of an allocation. */
static void absurd_numbers_allocate_nothing(void **state) {
  const fixture *f = *state;
  sp_journal_header absurd = header;
  sp_journal_contents contents;
  absurd.n_units = UINT64_MAX;
  unlink(f->path);
  assert_int_equal(sp_journal_create(f->path, &absurd), SP_SUCCESS);
  const uint64_t allocated = sp_alloc_bytes();
  assert_int_equal(sp_journal_read(f->path, &sp_gather_figures, N_GATHERS, &contents), SP_SUCCESS);
  assert_true(sp_alloc_bytes() - allocated < 1 << 16);
  assert_true(contents.begun && contents.header.n_units == UINT64_MAX);
  assert_true(!contents.done && !contents.figures);
  sp_journal_contents_free(&contents);
}

/* Lines that carry their checksum and yet say what cannot be. */
static void sealed_lines_that_lie(void **state) {
  static const char *const lies[] = {
      "done 0 61 0:1:2 ",
      "done 60 1 0:1:2 ",
      "done 18446744073709551615 2 0:1:2 0:1:2 ",
      "done 1 18446744073709551615 0:1:2 ",
      "done 99999999999999999999 1 0:1:2 ",
      "done 0 1 0:0x1:2 ",
      "done 0 1 0: 1:2 ",
      "done 0 1 -1:1:2 ",
      "done 0 2 0:1:2 ",
      "done 0 1 100000000:1:2 ",
      "done  0 1 0:1:2 ",
      "done 0 1",
      "done ",
      "done 0 1 0:1 ",
      "done 0 1 0:1:2:3 ",
      "done 0 1 0:01:2 ",
      "",
  };
  const fixture *f = *state;
  enum { N_LIES = sizeof lies / sizeof lies[0] };
  sp_journal_contents contents;
  for (int i = 0; i < N_LIES; i++) {
    char text[2 * MAX_TEXT];
    memcpy(text, f->text, f->header);
    const int n = (int)strlen(lies[i]);
    const uint32_t seed = sp_crc32c(0, f->text, f->header);
    /* the blank before the checksum is the last character of a line's results */
    const int body = n && lies[i][n - 1] == ' ' ? n - 1 : n;
    const int length = snprintf(text + f->header, MAX_TEXT, "%.*s crc32c=%08x\n", body, lies[i],
                                sp_crc32c(seed, lies[i], (size_t)body));
    assert_int_equal(read_text(f, text, f->header + (size_t)length, &contents), SP_SUCCESS);
    if (contents.n_done || contents.n_bad_lines != 1) fail_msg("taken for true: '%s'", lies[i]);
    sp_journal_contents_free(&contents);
  }
}

/* Another program's figures are not taken for ours. */
static void a_journal_of_other_figures_is_refused(void **state) {
  const fixture *f = *state;
  const sp_figure_list fewer = {sp_gather_figures.figures, sp_gather_figures.n - 1, sp_gather_figures.bytes};
  sp_journal_contents contents;
  write_file(f->path, f->text, f->n);
  assert_int_equal(sp_journal_read(f->path, &fewer, N_GATHERS, &contents), SP_ERR_INPUT);
}

static void creating_replaces_in_one_step(void **state) {
  const fixture *f = *state;
  char text[MAX_TEXT];
  assert_int_equal(sp_journal_create(f->path, &header), SP_SUCCESS);
  assert_int_equal(read_file(f->path, text), f->header);
  char beside[300];
  snprintf(beside, sizeof beside, "%s.new", f->path);
  assert_int_equal(access(beside, F_OK), -1);
}

static void a_journal_that_cannot_be_written_is_an_error(void **state) {
  const fixture *f = *state;
  char path[400];
  snprintf(path, sizeof path, "%s.absent/journal", f->path);
  assert_int_equal(sp_journal_create(path, &header), SP_ERR_USAGE);
  sp_journal *journal;
  sp_journal_contents contents = {0};
  assert_int_equal(sp_journal_open(path, &contents, 5, &window, &journal), SP_ERR_USAGE);
}

int main(void) {
  sp_log_set_stream(fopen("/dev/null", "w")); /* thousands of refusals */
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(says_what_was_written, set_up),
      cmocka_unit_test_setup(nothing_and_an_empty_file_mean_nothing_begun, set_up),
      cmocka_unit_test_setup(a_journal_cut_anywhere_says_all_whole_lines, set_up),
      cmocka_unit_test_setup(appending_goes_on_behind_a_torn_line, set_up),
      cmocka_unit_test_setup(done_lines_may_come_in_any_order_and_twice, set_up),
      cmocka_unit_test_setup(a_header_that_was_changed_is_refused, set_up),
      cmocka_unit_test_setup(a_flipped_bit_in_any_byte_is_noticed, set_up),
      cmocka_unit_test_setup(lines_of_another_journal_say_nothing, set_up),
      cmocka_unit_test_setup(files_that_are_no_journals_are_refused, set_up),
      cmocka_unit_test_setup(zeros_and_rubbish_at_the_end_are_cut_off, set_up),
      cmocka_unit_test_setup(absurd_numbers_allocate_nothing, set_up),
      cmocka_unit_test_setup(sealed_lines_that_lie, set_up),
      cmocka_unit_test_setup(a_journal_of_other_figures_is_refused, set_up),
      cmocka_unit_test_setup(creating_replaces_in_one_step, set_up),
      cmocka_unit_test_setup(a_journal_that_cannot_be_written_is_an_error, set_up),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
