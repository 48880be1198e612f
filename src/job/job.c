/* SPDX-License-Identifier: BSD-3-Clause */
#include "seisproc/job.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "seisproc/memory.h"
#include "src/job/job_check.h"
#include "src/job/job_override.h"

enum { MAX_FILE_BYTES = 1 << 20 };

/* --- the file -------------------------------------------------------------------------------------------- */

/* Refuses what is not a short text, by its first bytes where they tell. */
static sp_status check_text(const char *path, const char *text, size_t n) {
  if (n >= 4 && !memcmp(text, "\x89HDF", 4)) {
    return SP_RAISE(SP_ERR_USAGE, "%s: is an HDF5 file, not a job file (YAML text)", path);
  }
  if (n > MAX_FILE_BYTES) {
    return SP_RAISE(SP_ERR_USAGE, "%s: has more than %d bytes, too many for a job file", path, MAX_FILE_BYTES);
  }
  if (memchr(text, '\0', n)) return SP_RAISE(SP_ERR_USAGE, "%s: is not text; a job file is YAML text in UTF-8", path);
  return SP_SUCCESS;
}

sp_status sp_job_read_text(const char *path, char **text) {
  char *buffer = NULL;
  sp_status status = SP_SUCCESS;
  FILE *file = fopen(path, "r");
  if (!file) return SP_RAISE(SP_ERR_USAGE, "%s: cannot be opened: %s", path, strerror(errno));
  struct stat about;
  if (!fstat(fileno(file), &about) && S_ISDIR(about.st_mode)) {
    status = SP_RAISE(SP_ERR_USAGE, "%s: is a directory, not a job file", path);
    goto done;
  }
  void *block;
  SP_TRY_GOTO(done, sp_alloc(MAX_FILE_BYTES + 2, "a job file", &block));
  buffer = block;
  errno = 0;
  const size_t n = fread(buffer, 1, MAX_FILE_BYTES + 1, file);
  if (ferror(file)) {
    status = SP_RAISE(SP_ERR_USAGE, "%s: cannot be read: %s", path, strerror(errno));
    goto done;
  }
  SP_TRY_GOTO(done, check_text(path, buffer, n));
  buffer[n] = '\0';
  *text = buffer;
  buffer = NULL;
done:
  sp_free(buffer);
  fclose(file);
  return status;
}

/* --- parsing --------------------------------------------------------------------------------------------- */

/* The tree of the text with the overrides in it; NULL where there is nothing to check. */
static sp_status read_tree(sp_mistakes *mistakes, const char *text, const char *const *overrides, size_t n,
                           sp_yaml_node **out) {
  sp_yaml_node *tree = NULL;
  const sp_status read = sp_yaml_read(mistakes, text, NULL, &tree);
  if (read == SP_ERR_USAGE) return SP_SUCCESS; /* counted */
  SP_TRY(read);
  sp_status status = SP_SUCCESS;
  if (!tree || tree->kind == SP_YAML_NOTHING) {
    sp_mistakes_add(mistakes, NULL, "is empty; a job file has at least input, output and chain");
    goto nothing;
  }
  if (tree->kind != SP_YAML_MAP) {
    if (tree->kind != SP_YAML_BROKEN) {
      sp_mistakes_add(mistakes, tree, "found %s, allowed are keys, such as input: survey.h5",
                      sp_yaml_kind_name(tree->kind));
    }
    goto nothing;
  }
  SP_TRY_GOTO(nothing, sp_job_expand_keys(mistakes, tree));
  for (size_t i = 0; i < n; i++) SP_TRY_GOTO(nothing, sp_job_override(mistakes, tree, overrides[i]));
  *out = tree;
  return SP_SUCCESS;
nothing:
  sp_yaml_destroy(tree);
  return status;
}

sp_status sp_job_parse(const char *path, const char *text, const char *const *overrides, size_t n, sp_job **out) {
  sp_mistakes mistakes = {.path = path};
  sp_yaml_node *tree = NULL;
  void *block = NULL;
  sp_status status = read_tree(&mistakes, text, overrides, n, &tree);
  if (status != SP_SUCCESS) goto done;
  SP_TRY_GOTO(done, sp_calloc(1, sizeof(sp_job), "a job", &block));
  if (tree) SP_TRY_GOTO(done, sp_job_check(&mistakes, tree, block));
  if (mistakes.n > 0) {
    status = SP_ERR_USAGE; /* each is logged */
    goto done;
  }
  *out = block;
  block = NULL;
done:
  sp_job_destroy(block);
  sp_yaml_destroy(tree);
  return status;
}

void sp_job_destroy(sp_job *job) {
  if (!job) return;
  sp_free(job->input);
  sp_free(job->output);
  for (size_t i = 0; i < job->n_sort; i++) sp_free(job->sort[i]);
  for (size_t i = 0; i < job->n_steps; i++) {
    if (!job->chain[i].undoes) sp_free((void *)(uintptr_t)job->chain[i].params);
  }
  sp_free(job->chain);
  sp_free(job);
}
