#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "seisproc/job.h"
#include "seisproc/memory.h"

enum { VALUE_SIZE = 128 };

/* --- canonical text -------------------------------------------------------------------------------------- */

static void write_params(FILE *text, const char *prefix, const sp_param *table, const void *values) {
  for (const sp_param *param = table; param->key; param++) {
    char value[VALUE_SIZE];
    sp_param_format(param, values, value, sizeof value);
    fprintf(text, "%s%s: %s\n", prefix, param->key, value);
  }
}

/* What decides the output's bits comes before `engine` in the struct, how it runs from there on. */
static void write_settings(FILE *text, const sp_job_settings *settings) {
  for (const sp_param *param = sp_job_params; param->key; param++) {
    if (param->offset >= offsetof(sp_job_settings, engine)) continue;
    const sp_param one[] = {*param, {0}};
    write_params(text, "", one, settings);
  }
}

static void write_job(FILE *text, const sp_job *job) {
  write_settings(text, &job->settings);
  fputs("sort: [", text);
  for (size_t i = 0; i < job->n_sort; i++) fprintf(text, "%s%s", i ? ", " : "", job->sort[i]);
  fputs("]\n", text);
  for (size_t i = 0; i < job->n_steps; i++) {
    const sp_processor *processor = job->chain[i].processor;
    char prefix[VALUE_SIZE];
    snprintf(prefix, sizeof prefix, "chain.%zu.%s.", i, processor->name);
    fprintf(text, "chain.%zu: %s\n", i, processor->name);
    write_params(text, prefix, processor->params, job->chain[i].params);
  }
}

sp_status sp_job_canonical(const sp_job *job, char **text) {
  char *buffer = NULL;
  size_t size = 0;
  FILE *stream = open_memstream(&buffer, &size);
  if (!stream) return SP_RAISE(SP_ERR_MEMORY, "cannot allocate the text of a job");
  write_job(stream, job);
  const int failed = ferror(stream);
  if (fclose(stream) || failed) {
    free(buffer);
    return SP_RAISE(SP_ERR_MEMORY, "cannot allocate the text of a job");
  }
  const sp_status status = sp_strdup(buffer, text);
  free(buffer);
  return status;
}

sp_status sp_job_fingerprint(const sp_job *job, char hex[SP_FINGERPRINT_LENGTH + 1]) {
  char *text;
  SP_TRY(sp_job_canonical(job, &text));
  XXH128_canonical_t bytes; /* the same on every machine, whatever its byte order */
  XXH128_canonicalFromHash(&bytes, XXH3_128bits(text, strlen(text)));
  for (size_t i = 0; i < sizeof bytes.digest; i++) snprintf(hex + 2 * i, 3, "%02x", bytes.digest[i]);
  sp_free(text);
  return SP_SUCCESS;
}

/* --- difference ------------------------------------------------------------------------------------------ */

/* One line of a canonical text. */
typedef struct line {
  const char *text;
  int length, key_length; /* without the line's end; of what is before ": " */
} line;

/* The line at `text`, empty at the end. */
static line line_at(const char *text) {
  const int length = (int)strcspn(text, "\n");
  const char *colon = memchr(text, ':', (size_t)length);
  return (line){.text = text, .length = length, .key_length = colon ? (int)(colon - text) : length};
}

static const char *after(line l) {
  return l.text + l.length + (l.text[l.length] == '\n');
}

static bool same_key(line a, line b) {
  return a.key_length == b.key_length && !strncmp(a.text, b.text, (size_t)a.key_length);
}

static bool same_line(line a, line b) {
  return a.length == b.length && !strncmp(a.text, b.text, (size_t)a.length);
}

/* The line of `text` with the same key; empty where there is none. */
static line find_key(const char *text, line wanted) {
  line l = line_at(text);
  while (l.length > 0 && !same_key(l, wanted)) l = line_at(after(l));
  return l;
}

static void describe(line was, line is, char *text, size_t size) {
  const line known = was.length ? was : is;
  const int value = known.key_length + 2;
  char before[VALUE_SIZE] = "not set", now[VALUE_SIZE] = "not set";
  if (was.length >= value) snprintf(before, sizeof before, "%.*s", was.length - value, was.text + value);
  if (is.length >= value) snprintf(now, sizeof now, "%.*s", is.length - value, is.text + value);
  snprintf(text, size, "%.*s: %s, now %s", known.key_length, known.text, before, now);
}

bool sp_job_difference(const char *was, const char *is, char *text, size_t size) {
  line a = line_at(was), b = line_at(is);
  while (a.length > 0 && b.length > 0 && same_line(a, b)) {
    a = line_at(after(a));
    b = line_at(after(b));
  }
  if (a.length == 0 && b.length == 0) return false;
  /* Where the keys differ, one of the two lines is extra: the one whose key the other text does not have. */
  if (a.length == 0 || (b.length > 0 && !same_key(a, b) && find_key(was, b).length == 0)) {
    describe(line_at(""), b, text, size);
  } else {
    describe(a, find_key(is, a), text, size);
  }
  return true;
}
