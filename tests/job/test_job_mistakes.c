/* SPDX-License-Identifier: BSD-3-Clause */
/* Every kind of mistake in a job file or an override is refused with exactly these lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "seisproc/memory.h"
#include "tests/job/job_log.h"

#define PATHS "input: a.h5\noutput: b.h5\n"
#define CHAIN "chain: [dwt]\n"
#define KEYS                                                                                                           \
  "input, output, chain, sort, transfer, stripe, mode, on_error, nan, trid, precision, qc, gathers, samples, pack, "   \
  "pack_level, pack_error_bound, engine, workers, "                                                                    \
  "workers_per_gpu, threads, "                                                                                         \
  "io_ranks, "                                                                                                         \
  "direct_io, slots, slab_mb, "                                                                                        \
  "commit_interval, restarts, stall_timeout, max_time, transfer.read, transfer.write, group, aggregators, "            \
  "collective_timeout, mpi_hints, stripe.count, stripe.unit, metrics, dead_traces"
#define AT(line)      "seisproc: error: job.yaml:" #line ": "
#define FILE_AS_WHOLE "seisproc: error: job.yaml: "
#define SET           "seisproc: error: --set "
#define MUTE_KEYS     "velocity, t0, taper, where, shape, until_velocity, until_t0, picks, key"

typedef struct mistake {
  const char *text;
  const char *set; /* an override, or NULL */
  const char *log; /* the beginning of each line; NULL in `text` ends the table */
} mistake;

static void check(const mistake *m) {
  const size_t n = m->set ? 1 : 0;
  job_log result = job_log_parse(m->text, &m->set, n);
  if (result.status != SP_ERR_USAGE || result.job) fail_msg("not refused:\n%s\n%s", m->text, m->set ? m->set : "");
  /* each expected line begins a logged one, in order, and there is no other */
  const char *log = result.log;
  for (const char *line = m->log; *line; line += strcspn(line, "\n"), line += *line == '\n') {
    const size_t length = strcspn(line, "\n");
    if (strncmp(log, line, length) != 0) {
      fail_msg("in\n%.500s\n%s\nexpected:\n%.*s\nlogged:\n%s", m->text, m->set ? m->set : "", (int)length, line, log);
    }
    log += strcspn(log, "\n");
    log += *log == '\n';
  }
  if (*log) fail_msg("in\n%s\n%s\nnot expected:\n%s", m->text, m->set ? m->set : "", log);
  job_log_clear(&result);
}

static void check_all(const mistake *table) {
  for (; table->text; table++) check(table);
}

/* What a step may take back: here nothing. */
static void test_undo(void **state) {
  (void)state;
  static const mistake table[] = {
      {PATHS "chain: [undo: dwt]\n", NULL,
       AT(3) "chain.0.undo: found 'dwt'; steps before it that can be taken back: none\n"},
      {PATHS "chain: [undo]\n", NULL,
       AT(3) "chain.0.undo: found nothing; steps before it that can be taken back: none\n"},
      {PATHS "chain: [mute, undo: [mute]]\n", NULL, AT(3) "chain.1.undo: found a list; steps before it"},
      {PATHS "chain: [mute, undo: mute]\n", NULL, AT(3) "chain.1.undo: found 'mute'; steps before it"},
      {0}};
  check_all(table);
}

static void test_whole_file(void **state) {
  (void)state;
  static const mistake table[] = {
      {"", NULL, FILE_AS_WHOLE "is empty; a job file has at least input, output and chain\n"},
      {"\n\n# a comment\n", NULL, FILE_AS_WHOLE "is empty;"},
      {"---\n...\n", NULL, FILE_AS_WHOLE "is empty;"},
      {"~\n", NULL, FILE_AS_WHOLE "is empty;"},
      {"- a\n- b\n", NULL, AT(1) "found a list, allowed are keys, such as input: survey.h5"},
      {"just words\n", NULL, AT(1) "found a value, allowed are keys"},
      {PATHS CHAIN "---\nmode: both\n", NULL, AT(4) "a second document begins; a job file holds one"},
      {PATHS CHAIN "mode: \"both\n", NULL,
       AT(5) "not YAML: found unexpected end of stream (while scanning a quoted scalar "
             "from line 4 on)"},
      {PATHS "chain: [dwt\nmode: both\n", NULL,
       AT(4) "not YAML: did not find expected ',' or ']' (while parsing a flow "
             "sequence from line 3 on)"},
      {PATHS "chain:\n\t- dwt\n", NULL, AT(4) "not YAML: a tab; indent with spaces"},
      {PATHS "chain:\n  - dwt:\n  \tk: 3\n", NULL, AT(5) "not YAML: a tab; indent with spaces"},
      {PATHS CHAIN "mode: @x\n", NULL, AT(4) "not YAML: found character that cannot start any token"},
      {PATHS CHAIN "mode both\n", NULL,
       AT(5) "not YAML: could not find expected ':' (while scanning a simple key from line "
             "4 on)"},
      {PATHS CHAIN "mode: bo\xff\xfeth\n", NULL, AT(4) "not UTF-8 text: invalid leading UTF-8 octet"},
      {PATHS CHAIN "mode: b\xc3\n", NULL, AT(4) "not UTF-8 text: invalid trailing UTF-8 octet"},
      {PATHS CHAIN "mode: \x01\n", NULL, AT(4) "not UTF-8 text: control characters are not allowed"},
      {"%YAML 3.0\n---\n" PATHS CHAIN, NULL, AT(1) "not YAML: found incompatible YAML document"},
      {"[[[[[[[[[[[[[[[[[[[[", NULL, AT(1) "nested deeper than any job; is this a job file?"},
      {"a: {b: {c: {d: {e: {f: {g: {h: {i: {j: {k: {l: {m: {n: {o: {p: {q: {r: {s: ", NULL,
       AT(1) "nested deeper than any job"},
      {PATHS CHAIN "{mode: both}: noise\n", NULL, AT(4) "a key must be a word\n"},
      {PATHS CHAIN "? {? [a] : b}\n: noise\n", NULL, AT(4) "a key must be a word\n" AT(4) "a key must be a word\n"},
      {0},
  };
  check_all(table);
}

static void test_foreign_features(void **state) {
  (void)state;
  static const char anchors[] = AT(4) "anchors (&) and aliases (*) are not used in job files; write the value out\n";
  const mistake table[] = {
      {PATHS CHAIN "mode: &m both\n", NULL, anchors},
      {PATHS CHAIN "mode: *m\n", NULL, anchors},
      {PATHS CHAIN "sort: &s [*s]\n", NULL, AT(4) "anchors (&)\n" AT(4) "anchors (&)"},
      {PATHS CHAIN "*m : both\n", NULL, anchors},
      {PATHS "chain:\n- dwt: &d {k: 3}\n- dwt: *d\n", NULL, AT(4) "anchors (&)\n" AT(5) "anchors (&)"},
      {PATHS CHAIN "mode: !!str both\n", NULL, AT(4) "tags (!) are not used in job files"},
      {PATHS CHAIN "sort: !list [offset]\n", NULL, AT(4) "tags (!)"},
      {PATHS CHAIN "<<: {mode: both}\n", NULL, AT(4) "<<: unknown key; allowed are " KEYS},
      {PATHS CHAIN "? [a, b]\n: both\n", NULL, AT(4) "a key must be a word"},
      {PATHS CHAIN "mode: \"bo\\0th\"\n", NULL, AT(4) "a text with a zero byte"},
      {0},
  };
  check_all(table);
}

static void test_keys(void **state) {
  (void)state;
  static const mistake table[] = {
      {PATHS CHAIN "moed: both\n", NULL, AT(4) "moed: unknown key; did you mean 'mode'? allowed are " KEYS "\n"},
      {PATHS CHAIN "velocity: 3\n", NULL, AT(4) "velocity: unknown key; allowed are " KEYS "\n"},
      {PATHS CHAIN "Mode: both\n", NULL, AT(4) "Mode: unknown key; did you mean 'mode'?"},
      {PATHS CHAIN "\"mo\\nde\": both\n", NULL, AT(4) "mo?de: unknown key; did you mean 'mode'?"},
      {PATHS CHAIN "mode: both\nsort: [offset]\nmode: noise\n", NULL, AT(6) "'mode' is given twice, first in line 4\n"},
      {PATHS "chain:\n- dwt: {k: 3, k: 2}\n", NULL, AT(4) "'k' is given twice, first in line 4"},
      {"output: b.h5\n" CHAIN, NULL, FILE_AS_WHOLE "input: missing; survey file to read"},
      {"input: b.h5\n" CHAIN, NULL, FILE_AS_WHOLE "output: missing; survey file to write"},
      {PATHS, NULL, FILE_AS_WHOLE "chain: missing; processors that each gather goes through, in this order"},
      {"mode: both\n", NULL,
       FILE_AS_WHOLE "input: missing\n" FILE_AS_WHOLE "output: missing\n" FILE_AS_WHOLE "chain: missing"},
      /* all of them, in the order of the file */
      {"mode: all\ninput: 3\noutput: []\nchain:\n- dwt: {wavelet: db99, k: three}\n- sieve\nslots: 0\n", NULL,
       AT(1) "mode: found 'all', allowed is one of processed, noise, both\n" AT(3) "output: found a list\n" AT(
           5) "chain.0.dwt.wavelet: found 'db99'\n" AT(5) "chain.0.dwt.k: found 'three'\n" AT(6) "chain.1: no "
                                                                                                 "processor "
                                                                                                 "'sieve'; there "
                                                                                                 "are\n" AT(
                                                                                                     7) "slots: found "
                                                                                                        "'0', allowed "
                                                                                                        "is an integer "
                                                                                                        "from 2 to 64"},
      {0},
  };
  check_all(table);
}

static void test_values(void **state) {
  (void)state;
  static const mistake table[] = {
      {PATHS CHAIN "mode: boht\n", NULL,
       AT(4) "mode: found 'boht', allowed is one of processed, noise, both; did you mean 'both'?\n"},
      {PATHS CHAIN "mode:\n", NULL, AT(4) "mode: found nothing, allowed is one of processed, noise, both\n"},
      {PATHS CHAIN "mode: null\n", NULL, AT(4) "mode: found nothing"},
      {PATHS CHAIN "mode: ~\n", NULL, AT(4) "mode: found nothing"},
      {PATHS CHAIN "mode: ''\n", NULL, AT(4) "mode: found ''"},
      {PATHS CHAIN "mode: [noise]\n", NULL, AT(4) "mode: found a list, allowed is one of"},
      {PATHS CHAIN "mode: {noise: 1}\n", NULL, AT(4) "mode: found a mapping, allowed is one of"},
      {PATHS CHAIN "mode:\n  noise\n  both\n", NULL, AT(4) "mode: found 'noise both', allowed"},
      {PATHS CHAIN "engine: yes\n", NULL, AT(4) "engine: found 'yes', allowed is one of auto, cpu, cuda, mock"},
      {PATHS CHAIN "workers: yes\n", NULL,
       AT(4) "workers: found 'yes', allowed is an integer from 1 to 65536, or auto"},
      {PATHS CHAIN "workers: '3'\n", NULL,
       AT(4) "workers: found the text \"3\", allowed is an integer from 1 to 65536, or auto, without quotes\n"},
      {PATHS CHAIN "workers: 010\n", NULL,
       AT(4) "workers: found '010', allowed is an integer from 1 to 65536, or auto; "
             "numbers are decimal, without leading zeros\n"},
      {PATHS CHAIN "workers: 0o17\n", NULL, AT(4) "workers: found '0o17'"},
      {PATHS CHAIN "workers: 1_000\n", NULL, AT(4) "workers: found '1_000'"},
      {PATHS CHAIN "workers: 3.0\n", NULL, AT(4) "workers: found '3.0'"},
      {PATHS CHAIN "workers: 99999999999999999999\n", NULL, AT(4) "workers: found '99999999999999999999'"},
      {PATHS CHAIN "commit_interval: 1e400\n", NULL,
       AT(4) "commit_interval: found '1e400', allowed is a number from 0 to 3600 s; that is more than"},
      {PATHS CHAIN "commit_interval: nan\n", NULL, AT(4) "commit_interval: found 'nan', allowed is a number from 0 to"},
      {PATHS CHAIN "commit_interval: .inf\n", NULL, AT(4) "commit_interval: found '.inf'"},
      {PATHS CHAIN "commit_interval: -1\n", NULL, AT(4) "commit_interval: found '-1'"},
      {PATHS CHAIN "commit_interval: 1 s\n", NULL, AT(4) "commit_interval: found '1 s'"},
      {PATHS CHAIN "commit_interval: 0,5\n", NULL,
       AT(4) "commit_interval: found '0,5', allowed is a number from 0 to 3600 "
             "s; the decimal sign is a point"},
      {PATHS CHAIN "commit_interval: |\n  3\n", NULL, AT(4) "commit_interval: found the text \"3?\""},
      {0},
  };
  check_all(table);
}

static void test_paths(void **state) {
  (void)state;
  static const mistake table[] = {
      {"input:\noutput: b\n" CHAIN, NULL, AT(1) "input: found nothing, allowed is the path of a survey file\n"},
      {"input: ''\noutput: b\n" CHAIN, NULL, AT(1) "input: found an empty text"},
      {"input: [a]\noutput: b\n" CHAIN, NULL, AT(1) "input: found a list"},
      {"input: {a: b}\noutput: b\n" CHAIN, NULL, AT(1) "input: found a mapping"},
      {"input: \"a\\nb\"\noutput: b\n" CHAIN, NULL, AT(1) "input: found 'a?b', a path with a line break"},
      {"input: a.h5\noutput: a.h5\n" CHAIN, NULL,
       AT(2) "output: found 'a.h5', which is the input; write to another file\n"},
      {"input: ./a.h5\noutput: .//a.h5\n" CHAIN, NULL, AT(2) "output: found './/a.h5', which is the input"},
      {"output: /tmp/./x/a.h5\ninput: /tmp//x/a.h5\n" CHAIN, NULL, AT(1) "output: found '/tmp/./x/a.h5', which is the"},
      {"input: a.h5.part\noutput: a.h5\n" CHAIN, NULL,
       AT(2) "output: is written as 'a.h5.part' first, which is the input"},
      {"input: a.h5\noutput: b.h5\n" CHAIN, "output=a.h5", SET "output=a.h5: output: found 'a.h5', which is the input"},
      {0},
  };
  check_all(table);

  char text[8192], path[5000];
  memset(path, 'p', sizeof path);
  path[sizeof path - 1] = '\0';
  snprintf(text, sizeof text, "input: %s\noutput: b\n" CHAIN, path);
  check(&(mistake){text, NULL, AT(1) "input: found 'pppppppppppppppppppppppppppppppppppppppp...', which is too long"});
}

/* Two names of one file are one file, however they are written. */
static void test_same_file(void **state) {
  (void)state;
  char folder[] = "/tmp/seisproc-job-XXXXXX", name[64], other[64], text[512];
  assert_non_null(mkdtemp(folder));
  snprintf(name, sizeof name, "%s/a.h5", folder);
  snprintf(other, sizeof other, "%s/b.h5", folder);
  fclose(fopen(name, "w"));
  assert_int_equal(symlink(name, other), 0);
  snprintf(text, sizeof text, "input: %s\noutput: %s\n" CHAIN, name, other);
  check(&(mistake){text, NULL, AT(2) "output: found '/tmp/seisproc-job-"});
  unlink(other);
  fclose(fopen(other, "w"));
  job_log result = job_log_parse(text, NULL, 0);
  assert_int_equal(result.status, SP_SUCCESS);
  job_log_clear(&result);
  unlink(other);
  unlink(name);
  rmdir(folder);
}

static void test_sort(void **state) {
  (void)state;
  static const mistake table[] = {
      {PATHS CHAIN "sort:\n", NULL,
       AT(4) "sort: found nothing, allowed is a list of header names, such as [cdp, offset]"},
      {PATHS CHAIN "sort: {offset: up}\n", NULL, AT(4) "sort: found a mapping"},
      {PATHS CHAIN "sort: [offset, [cdp]]\n", NULL, AT(4) "sort: found a list, allowed is a header name"},
      {PATHS CHAIN "sort: [3]\n", NULL, AT(4) "sort: found '3', allowed is a header name, such as offset"},
      {PATHS CHAIN "sort: -offset\n", NULL, AT(4) "sort: found '-offset', allowed is a header name"},
      {PATHS CHAIN "sort:\n- cdp\n- off set\n", NULL, AT(6) "sort: found 'off set', allowed is a header name"},
      {PATHS CHAIN "sort: [cdp, /traces]\n", NULL, AT(4) "sort: found '/traces'"},
      {PATHS CHAIN "sort: [cdp, '']\n", NULL, AT(4) "sort: found ''"},
      {PATHS CHAIN "sort: [cdp, ~]\n", NULL, AT(4) "sort: found nothing"},
      {PATHS CHAIN "sort: [cdp, offset, cdp]\n", NULL, AT(4) "sort: 'cdp' is named twice"},
      {PATHS CHAIN "sort: [a, b, c, d, e]\n", NULL, AT(4) "sort: found 5 header names, allowed are at most 4"},
      {0},
  };
  check_all(table);
}

static void test_chain(void **state) {
  (void)state;
  static const mistake table[] = {
      {PATHS "chain:\n", NULL, AT(3) "chain: is empty, it needs at least one processor: mute, dwt"},
      {PATHS "chain: []\n", NULL, AT(3) "chain: is empty"},
      {PATHS "chain: dwt\n", NULL, AT(3) "chain: found a value, allowed is a list: each step begins with '-'\n"},
      {PATHS "chain:\n  dwt: {k: 3}\n", NULL,
       AT(3) "chain: found a mapping, allowed is a list: each step begins with '-'"},
      {PATHS "chain:\n- dwt\n-\n", NULL, AT(5) "chain.1: found nothing, allowed is a processor: mute, dwt"},
      {PATHS "chain: [{}]\n", NULL, AT(3) "chain.0: found an empty mapping, allowed is a processor: mute, dwt"},
      {PATHS "chain: [[dwt]]\n", NULL, AT(3) "chain.0: found a list, allowed is a processor"},
      {PATHS "chain:\n- dwt\n- dtw: {k: 3}\n", NULL,
       AT(5) "chain.1: no processor 'dtw'; did you mean 'dwt'? there are mute"},
      {PATHS "chain:\n- wavelets\n", NULL, AT(4) "chain.0: no processor 'wavelets'; there are mute, dwt"},
      {PATHS "chain:\n- 3\n", NULL, AT(4) "chain.0: no processor '3'"},
      {PATHS "chain:\n- mute\n- dwt:\n  k: 3\n", NULL,
       AT(6) "chain.1: indent 'k' further than 'dwt', whose parameter it is\n"},
      {PATHS "chain:\n- mute: {taper: 3}\n  dwt: {k: 3}\n", NULL,
       AT(5) "chain.0: found 'dwt' after 'mute', allowed is one processor a step, each with its '-'\n"},
      {PATHS "chain:\n- dwt: 3\n", NULL,
       AT(4) "chain.0.dwt: found a value, allowed are parameters, as in `- dwt: {KEY: "
             "VALUE}`"},
      {PATHS "chain:\n- dwt: [k, 3]\n", NULL, AT(4) "chain.0.dwt: found a list, allowed are parameters"},
      {PATHS "chain:\n- dwt: {wavelet: db99}\n", NULL, AT(4) "chain.0.dwt.wavelet: found 'db99', allowed is one of "},
      {PATHS "chain:\n- mute\n- dwt:\n    level: 3\n    wavelet: [db4]\n", NULL,
       AT(7) "chain.1.dwt.wavelet: found a list, allowed is one of "},
      {PATHS "chain:\n- mute: {offset: 3}\n", NULL,
       AT(4) "chain.0.mute.offset: unknown key; allowed are " MUTE_KEYS "\n"},
      {PATHS "chain:\n- mute: {tapper: 3}\n", NULL,
       AT(4) "chain.0.mute.tapper: unknown key; did you mean 'taper'? allowed are " MUTE_KEYS "\n"},
      {PATHS "chain:\n- mute: {velocity: 0}\n", NULL,
       AT(4) "chain.0.mute.velocity: found '0', allowed is a number from 1 to 1000000 length/s\n"},
      {PATHS "chain:\n- mute: {velocity: '1500'}\n", NULL,
       AT(4) "chain.0.mute.velocity: found the text \"1500\", allowed is a number from 1 to 1000000 length/s, without "
             "quotes"},
      {PATHS "chain:\n- dwt: {aperture: 4}\n", NULL,
       AT(4) "chain.0.dwt.aperture: found '4', allowed is an odd integer from "
             "1 to"},
      {PATHS "chain:\n- dwt: {best_basis: 1}\n", NULL,
       AT(4) "chain.0.dwt.best_basis: found '1', allowed is true or false\n"},
      {PATHS "chain:\n- dwt: {best_basis: true, transform: dwt}\n", NULL,
       AT(4) "chain.0.dwt: best_basis: true needs transform: wpt\n"},
      {0},
  };
  check_all(table);
}

static void test_overrides(void **state) {
  (void)state;
  static const char text[] = PATHS "mode: both\nchain:\n- mute: {taper: 30}\n- dwt\n";
  static const mistake table[] = {
      {text, "mode", SET "mode: write KEY=VALUE, such as mode=noise or chain.1.dwt.k=2.5\n"},
      {text, "=noise", SET "=noise: write KEY=VALUE"},
      {text, "", SET ": write KEY=VALUE"},
      {text, "mode=", SET "mode=: mode: found nothing, allowed is one of"},
      {text, "mode=all", SET "mode=all: mode: found 'all', allowed is one of processed, noise, both\n"},
      {text, "mode=[noise", SET "mode=[noise: not YAML: did not find expected ',' or ']'"},
      {text, "mode=&a noise", SET "mode=&a noise: anchors (&)"},
      {text, "mode=noise\n---\nx", SET "mode=noise?---?x: a second document begins"},
      {text, "moed=noise", SET "moed=noise: moed: unknown key; did you mean 'mode'?"},
      {text, "mode.x=noise", SET "mode.x=noise: mode: unknown; a key in full is chain.STEP.PROCESSOR.PARAMETER\n"},
      {text, "chain.1.dwt.k.x=3", SET "chain.1.dwt.k.x=3: chain: unknown; a key in full is chain.STEP.PROCESSOR"},
      {text, "chain.1.dwt.k=x", SET "chain.1.dwt.k=x: chain.1.dwt.k: found 'x', allowed is a number from 0"},
      {text, "chain.1.dwt.kk=3", SET "chain.1.dwt.kk=3: chain.1.dwt.kk: unknown key;"},
      {text, "chain.2.dwt.k=3", SET "chain.2.dwt.k=3: chain.2: the chain has steps 0 to 1\n"},
      {text, "chain.99999999999999999999.dwt.k=3", SET "chain.99999999999999999999.dwt.k=3: chain.9999"},
      {text, "chain.-1.dwt.k=3", SET "chain.-1.dwt.k=3: chain.-1: the chain has steps 0 to 1\n"},
      {text, "chain..dwt.k=3", SET "chain..dwt.k=3: chain.: the chain has steps 0 to 1\n"},
      {text, "chain.3=dwt", SET "chain.3=dwt: chain.3: the chain has steps 0 to 1\n"},
      {text, "chain.dwt.k=3", SET "chain.dwt.k=3: chain.dwt: steps go by number, this one is chain.1.dwt\n"},
      {text, "chain.0.dwt.k=3", SET "chain.0.dwt.k=3: step 0 of the chain is 'mute', not 'dwt'\n"},
      {text, "chain.1.dwt=3", SET "chain.1.dwt=3: chain.1.dwt: found a value, allowed are parameters"},
      {text, "chain.1=", SET "chain.1=: chain.1: found nothing, allowed is a processor"},
      {text, "chain=dwt", SET "chain=dwt: chain: found a value, allowed is a list"},
      {text, "chain=[]", SET "chain=[]: chain: is empty"},
      {text, "sort=[offset, 3]", SET "sort=[offset, 3]: sort: found '3'"},
      {text, "workers=\"3\"", SET "workers=\"3\": workers: found the text \"3\""},
      {PATHS "chain: 3\n", "chain.0.dwt.k=3", AT(3) "chain: found a value, allowed is a list"},
      {PATHS, "chain.0.dwt.k=3",
       SET "chain.0.dwt.k=3: chain.0: the chain has no steps\n" SET "chain.0.dwt.k=3: chain: is empty"},
      {PATHS "chain:\n- dwt: 3\n", "chain.0.dwt.k=3", AT(4) "chain.0.dwt: found a value"},
      {PATHS "chain:\n- [dwt]\n", "chain.0.dwt.k=3", AT(4) "chain.0: found a list"},
      {PATHS "chain:\n- dwt\n", "chain.1.dwt.k=3", SET "chain.1.dwt.k=3: chain.1: the chain has step 0 only\n"},
      /* an override mends the key it names and no other */
      {PATHS "chain:\n- dwt: {k: x}\nmode: x\n", "chain.0.dwt.k=3", AT(5) "mode: found 'x'"},
      {0},
  };
  check_all(table);
}

static void test_keys_in_full(void **state) {
  (void)state;
  static const mistake table[] = {
      {PATHS CHAIN "chain.0.dwt.k: x\n", NULL, AT(4) "chain.0.dwt.k: found 'x', allowed is a number"},
      {PATHS CHAIN "chain.1.dwt.k: 3\n", NULL, AT(4) "chain.1: the chain has step 0 only"},
      {PATHS "chain: [dwt: {k: 3}]\nchain.0.dwt.k: 3\n", NULL, AT(4) "'k' is given twice, first in line 3\n"},
      {PATHS "chain: [dwt]\nchain.0: mute\n", NULL, AT(4) "'a step' is given twice, first in line 3\n"},
      {PATHS CHAIN "a.b: 3\n", NULL, AT(4) "a: unknown; a key in full is chain.STEP.PROCESSOR.PARAMETER\n"},
      {PATHS CHAIN ".: 3\n", NULL, AT(4) ": unknown; a key in full is"},
      {0},
  };
  check_all(table);
}

/* However many mistakes there are, the log stays readable. */
static void test_many(void **state) {
  (void)state;
  char text[65536];
  size_t n = 0;
  for (int i = 0; i < 1000; i++) n += (size_t)snprintf(text + n, sizeof text - n, "key%d: 1\n", i);
  job_log result = job_log_parse(text, NULL, 0);
  assert_int_equal(result.status, SP_ERR_USAGE);
  size_t lines = 0;
  for (const char *c = result.log; *c; c++) lines += *c == '\n';
  assert_int_equal(lines, 51);
  assert_non_null(strstr(result.log, FILE_AS_WHOLE "further mistakes are not shown\n"));
  job_log_clear(&result);

  for (n = 0; n + 8 < sizeof text; n += 3) strcpy(text + n, "a,\n");
  memcpy(text, "[ ", 2);
  check(&(mistake){text, NULL, AT(4097) "more entries than any job has; is this a job file?"});
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_undo),      cmocka_unit_test(test_whole_file),   cmocka_unit_test(test_foreign_features),
      cmocka_unit_test(test_keys),      cmocka_unit_test(test_values),       cmocka_unit_test(test_paths),
      cmocka_unit_test(test_same_file), cmocka_unit_test(test_sort),         cmocka_unit_test(test_chain),
      cmocka_unit_test(test_overrides), cmocka_unit_test(test_keys_in_full), cmocka_unit_test(test_many),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
