/* SPDX-License-Identifier: BSD-3-Clause */
/* The job as text in a fixed form, its fingerprint, and what differs between two. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "seisproc/job.h"
#include "seisproc/memory.h"

enum { PREFIX_SIZE = 128, HASH_BYTES = 1 << 20 };

/* The same on every machine, whatever its byte order. */
static void write_hex(XXH128_hash_t hash, char hex[SP_FINGERPRINT_LENGTH + 1]) {
  XXH128_canonical_t bytes;
  XXH128_canonicalFromHash(&bytes, hash);
  for (size_t i = 0; i < sizeof bytes.digest; i++) snprintf(hex + 2 * i, 3, "%02x", bytes.digest[i]);
}

/* --- canonical text -------------------------------------------------------------------------------------- */

/* The contents of a file that a parameter names decide bits, not its name. */
static sp_status hash_file(const char *path, char *text, size_t size) {
  sp_status status = SP_SUCCESS;
  void *buffer = NULL;
  XXH3_state_t *state = NULL;
  FILE *file = fopen(path, "r");
  if (!file) return SP_RAISE(SP_ERR_INPUT, "%s: cannot be opened: %s", path, strerror(errno));
  SP_TRY_GOTO(done, sp_alloc(HASH_BYTES, "a file's contents", &buffer));
  state = XXH3_createState();
  if (!state || XXH3_128bits_reset(state) != XXH_OK) {
    status = SP_RAISE(SP_ERR_MEMORY, "cannot allocate a hash");
    goto done;
  }
  for (size_t n; (n = fread(buffer, 1, HASH_BYTES, file)) > 0;) XXH3_128bits_update(state, buffer, n);
  if (ferror(file)) {
    status = SP_RAISE(SP_ERR_INPUT, "%s: cannot be read: %s", path, strerror(errno));
    goto done;
  }
  char hex[SP_FINGERPRINT_LENGTH + 1];
  write_hex(XXH3_128bits_digest(state), hex);
  snprintf(text, size, "contents xxh128 %s", hex);
done:
  XXH3_freeState(state);
  sp_free(buffer);
  fclose(file);
  return status;
}

/* In double quotes, as YAML and JSON have them. */
static void quote(const char *value, char *text, size_t size) {
  size_t n = 0;
  text[n++] = '"';
  for (; *value && n + 3 < size; value++) {
    if (*value == '"' || *value == '\\') text[n++] = '\\';
    text[n++] = *value;
  }
  text[n++] = '"';
  text[n] = '\0';
}

static sp_status format_value(const sp_param *param, const void *values, char *text, size_t size) {
  const void *field = (const char *)values + param->offset;
  if (param->type == SP_PARAM_TEXT) {
    quote(((const sp_text *)field)->text, text, size);
  } else if (param->type == SP_PARAM_CONDITION) {
    quote(((const sp_condition *)field)->text, text, size);
  } else if (param->type == SP_PARAM_PATH && *((const sp_path *)field)->path) {
    return hash_file(((const sp_path *)field)->path, text, size);
  } else {
    sp_param_format(param, values, text, size);
  }
  return SP_SUCCESS;
}

static sp_status write_param(FILE *text, const char *prefix, const sp_param *param, const void *values) {
  char value[SP_PARAM_VALUE_SIZE];
  SP_TRY(format_value(param, values, value, sizeof value));
  if (*value) fprintf(text, "%s%s: %s\n", prefix, param->key, value); /* else a file that is not given */
  return SP_SUCCESS;
}

static sp_status write_step(FILE *text, size_t i, const sp_chain_step *step) {
  const sp_processor *processor = step->processor;
  char prefix[PREFIX_SIZE];
  if (step->undoes) {
    fprintf(text, "chain.%zu: undo\nchain.%zu.undo: %s\n", i, i, processor->name);
    return SP_SUCCESS;
  }
  snprintf(prefix, sizeof prefix, "chain.%zu.%s.", i, processor->name);
  fprintf(text, "chain.%zu: %s\n", i, processor->name);
  for (const sp_param *param = processor->params; param->key; param++) {
    SP_TRY(write_param(text, prefix, param, step->params));
  }
  return SP_SUCCESS;
}

static bool decides_bits(const char *key) {
  for (const char *const *k = sp_settings_that_decide; *k; k++) {
    if (!strcmp(*k, key)) return true;
  }
  return false;
}

/* All gathers are what a job takes that does not speak of them. */
static bool takes_all(const sp_job *job) {
  const char *gathers = job->settings.gathers.text;
  return !*gathers || !strcmp(gathers, "all");
}

/* What a plain output says nothing of. */
static bool is_left_out(const sp_job *job, const char *key) {
  if (!strcmp(key, "gathers")) return takes_all(job);
  if (!strcmp(key, "samples")) return job->settings.samples == SP_SAMPLES_FLOAT32;
  if (!strcmp(key, "pack_level"))
    return job->settings.pack == SP_JOB_PACK_NONE || job->settings.pack == SP_JOB_PACK_ZFP;
  if (!strcmp(key, "pack_error_bound")) return job->settings.pack != SP_JOB_PACK_ZFP;
  return !strcmp(key, "pack") && job->settings.pack == SP_JOB_PACK_NONE;
}

static sp_status write_job(FILE *text, const sp_job *job) {
  for (const sp_param *param = sp_job_params; param->key; param++) {
    if (is_left_out(job, param->key)) continue;
    if (decides_bits(param->key)) SP_TRY(write_param(text, "", param, &job->settings));
  }
  fputs("sort: [", text);
  for (size_t i = 0; i < job->n_sort; i++) fprintf(text, "%s%s", i ? ", " : "", job->sort[i]);
  fputs("]\n", text);
  for (size_t i = 0; i < job->n_steps; i++) SP_TRY(write_step(text, i, &job->chain[i]));
  return SP_SUCCESS;
}

sp_status sp_job_canonical(const sp_job *job, char **text) {
  char *buffer = NULL;
  size_t size = 0;
  FILE *stream = open_memstream(&buffer, &size);
  if (!stream) return SP_RAISE(SP_ERR_MEMORY, "cannot allocate the text of a job");
  sp_status status = write_job(stream, job);
  const int failed = ferror(stream);
  if (fclose(stream) || failed) {
    free(buffer);
    return SP_RAISE(SP_ERR_MEMORY, "cannot allocate the text of a job");
  }
  if (status == SP_SUCCESS) status = sp_strdup(buffer, text);
  free(buffer);
  return status;
}

sp_status sp_job_fingerprint(const sp_job *job, char hex[SP_FINGERPRINT_LENGTH + 1]) {
  char *text;
  SP_TRY(sp_job_canonical(job, &text));
  write_hex(XXH3_128bits(text, strlen(text)), hex);
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
  char before[SP_PARAM_VALUE_SIZE] = "not set", now[SP_PARAM_VALUE_SIZE] = "not set";
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
