/* SPDX-License-Identifier: BSD-3-Clause */
/* From the tree of a job file to the checked struct: paths, sort keys, and what must be there. */
#include "src/job/job_check.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "seisproc/file_identity.h"
#include "seisproc/memory.h"
#include "seisproc/quote.h"
#include "seisproc/selection.h"
#include "seisproc/side_file.h"
#include "src/job/candidates.h"

enum { MAX_HEADER_NAME = 63 };

/* --- paths ----------------------------------------------------------------------------------------------- */

static sp_status check_path(sp_mistakes *mistakes, const sp_yaml_node *node, char **path) {
  if (node->kind == SP_YAML_BROKEN) return SP_SUCCESS;
  if (node->kind != SP_YAML_SCALAR || !*node->text) {
    sp_mistakes_add(mistakes, node, "%s: found %s, allowed is the path of a survey file", node->key,
                    node->kind == SP_YAML_SCALAR ? "an empty text" : sp_yaml_kind_name(node->kind));
    return SP_SUCCESS;
  }
  char quoted[SP_QUOTE_SIZE];
  for (const char *c = node->text; *c; c++) {
    if (!iscntrl((unsigned char)*c)) continue;
    sp_mistakes_add(mistakes, node, "%s: found '%s', a path with a line break or another control character", node->key,
                    sp_quote(node->text, quoted));
    return SP_SUCCESS;
  }
  if (strlen(node->text) >= PATH_MAX - 16) { /* names are made from it: .part, .journal */
    sp_mistakes_add(mistakes, node, "%s: found '%s', which is too long for a path", node->key,
                    sp_quote(node->text, quoted));
    return SP_SUCCESS;
  }
  return sp_strdup(node->text, path);
}

/* --- sort ------------------------------------------------------------------------------------------------ */

static bool is_header_name(const char *text) {
  if (!isalpha((unsigned char)text[0]) || strlen(text) > MAX_HEADER_NAME) return false;
  while (isalnum((unsigned char)*text) || *text == '_') text++;
  return !*text;
}

static sp_status check_sort_key(sp_mistakes *mistakes, const sp_yaml_node *node, sp_job *job) {
  char quoted[SP_QUOTE_SIZE];
  if (node->kind == SP_YAML_BROKEN) return SP_SUCCESS;
  if (node->kind != SP_YAML_SCALAR) {
    sp_mistakes_add(mistakes, node, "sort: found %s, allowed is a header name, such as offset",
                    sp_yaml_kind_name(node->kind));
    return SP_SUCCESS;
  }
  if (!is_header_name(node->text)) {
    sp_mistakes_add(mistakes, node, "sort: found '%s', allowed is a header name, such as offset",
                    sp_quote(node->text, quoted));
    return SP_SUCCESS;
  }
  for (size_t i = 0; i < job->n_sort; i++) {
    if (strcmp(job->sort[i], node->text)) continue;
    sp_mistakes_add(mistakes, node, "sort: '%s' is named twice", sp_quote(node->text, quoted));
    return SP_SUCCESS;
  }
  SP_TRY(sp_strdup(node->text, &job->sort[job->n_sort]));
  job->n_sort++;
  return SP_SUCCESS;
}

static sp_status check_sort(sp_mistakes *mistakes, const sp_yaml_node *node, sp_job *job) {
  if (node->kind == SP_YAML_BROKEN) return SP_SUCCESS;
  if (node->kind == SP_YAML_SCALAR) return check_sort_key(mistakes, node, job);
  if (node->kind != SP_YAML_LIST) {
    sp_mistakes_add(mistakes, node, "sort: found %s, allowed is a list of header names, such as [cdp, offset]",
                    sp_yaml_kind_name(node->kind));
    return SP_SUCCESS;
  }
  const size_t n = sp_yaml_count(node);
  if (n > SP_MAX_SORT_KEYS) {
    sp_mistakes_add(mistakes, node, "sort: found %zu header names, allowed are at most %d", n, SP_MAX_SORT_KEYS);
    return SP_SUCCESS;
  }
  for (const sp_yaml_node *key = node->first; key; key = key->next) SP_TRY(check_sort_key(mistakes, key, job));
  return SP_SUCCESS;
}

/* --- gathers ---------------------------------------------------------------------------------------------- */

/* A line of text, or `where: CONDITION` as a map of one. */
static sp_status check_gathers(sp_mistakes *mistakes, const sp_yaml_node *node, const sp_param *param, sp_job *job) {
  char text[SP_TEXT_SIZE + 8], why[SP_WHY_SIZE] = "";
  const sp_yaml_node *where = node->kind == SP_YAML_MAP ? sp_yaml_find(node, "where") : NULL;
  sp_yaml_node line = *node;
  if (where && where->kind == SP_YAML_SCALAR && sp_yaml_count(node) == 1) {
    snprintf(text, sizeof text, "where: %s", where->text);
    line.kind = SP_YAML_SCALAR;
    line.text = text;
  }
  const size_t before = mistakes->n;
  sp_job_check_value(mistakes, "", &line, param, &job->settings);
  if (line.kind != SP_YAML_SCALAR || mistakes->n > before) return SP_SUCCESS;
  sp_selection_rule *rule = NULL;
  const sp_status status = sp_selection_parse(job->settings.gathers.text, why, sizeof why, &rule);
  sp_selection_rule_destroy(rule);
  if (status != SP_ERR_USAGE) return status;
  sp_mistakes_add(mistakes, node, "gathers: %s", why);
  return SP_SUCCESS;
}

/* --- the whole job --------------------------------------------------------------------------------------- */

static void complain_of_key(sp_mistakes *mistakes, const sp_yaml_node *node) {
  char quoted[SP_QUOTE_SIZE], hint[SP_NEAREST_LENGTH + 32];
  sp_candidates candidates = {.nearest.text = node->key};
  for (const sp_job_key *k = sp_job_keys; k->key; k++) sp_candidates_add(&candidates, k->key);
  for (const sp_param *k = sp_job_params; k->key; k++) sp_candidates_add(&candidates, k->key);
  sp_mistakes_add(mistakes, node, "%s: unknown key;%s allowed are %s", sp_quote(node->key, quoted),
                  sp_candidates_hint(&candidates, hint), candidates.list);
}

/* `transfer: {read: auto, write: collective}`: settings called transfer.read and so on; `transfer: auto` is both. */
static void check_group(sp_mistakes *mistakes, const sp_yaml_node *node, sp_job *job) {
  const size_t length = strlen(node->key);
  const bool has_scalar = !strcmp(node->key, "transfer");
  const unsigned before = mistakes->n;
  if (node->kind == SP_YAML_LIST || (node->kind == SP_YAML_SCALAR && !has_scalar)) {
    sp_mistakes_add(mistakes, node, "%s: found %s, allowed is %s", node->key, sp_yaml_kind_name(node->kind),
                    has_scalar ? "auto, collective, independent or {read: ..., write: ...}" : "{count: N, unit: MB}");
  }
  for (const sp_param *param = sp_job_params; param->key && node->kind == SP_YAML_SCALAR; param++) {
    const bool belongs = !strncmp(param->key, node->key, length) && param->key[length] == '.';
    if (belongs && mistakes->n == before) sp_job_check_value(mistakes, "", node, param, &job->settings);
  }
  for (const sp_yaml_node *part = node->kind == SP_YAML_MAP ? node->first : NULL; part; part = part->next) {
    char key[SP_WORD_SIZE], quoted[SP_QUOTE_SIZE];
    snprintf(key, sizeof key, "%s.%s", node->key, part->key);
    const sp_param *param = sp_param_find(sp_job_params, key);
    if (param) {
      sp_job_check_value(mistakes, "", part, param, &job->settings);
    } else {
      sp_mistakes_add(mistakes, part, "%s: unknown key; allowed are %s", sp_quote(key, quoted),
                      !strcmp(node->key, "transfer") ? "transfer.read, transfer.write" : "stripe.count, stripe.unit");
    }
  }
}

static sp_status check_entry(sp_mistakes *mistakes, const sp_yaml_node *node, sp_job *job) {
  if (!strcmp(node->key, "input")) return check_path(mistakes, node, &job->input);
  if (!strcmp(node->key, "output")) return check_path(mistakes, node, &job->output);
  if (!strcmp(node->key, "sort")) return check_sort(mistakes, node, job);
  if (!strcmp(node->key, "chain")) return sp_job_check_chain(mistakes, node, job);
  const sp_param *param = sp_param_find(sp_job_params, node->key);
  if (!strcmp(node->key, "transfer") || !strcmp(node->key, "stripe")) {
    check_group(mistakes, node, job);
  } else if (!strcmp(node->key, "gathers")) {
    SP_TRY(check_gathers(mistakes, node, param, job));
  } else if (param) {
    sp_job_check_value(mistakes, "", node, param, &job->settings);
  } else {
    complain_of_key(mistakes, node);
  }
  return SP_SUCCESS;
}

static void check_presence(sp_mistakes *mistakes, const sp_yaml_node *tree) {
  for (const sp_job_key *key = sp_job_keys; key->key; key++) {
    if (key->default_text || sp_yaml_find(tree, key->key)) continue;
    sp_mistakes_add(mistakes, NULL, "%s: missing; %s", key->key, key->help);
  }
}

/* The next component of a path after slashes and "." components; returns its length. */
static size_t next_component(const char **path) {
  for (;;) {
    *path += strspn(*path, "/");
    const size_t n = strcspn(*path, "/");
    if (n != 1 || **path != '.') return n;
    *path += n;
  }
}

/* Whether two paths name one file, by their letters or, where both are there, by what they lead to. */
static bool is_same_file(const char *a, const char *b) {
  if (sp_is_one_file(a, b)) return true;
  if ((*a == '/') != (*b == '/')) return false;
  for (;;) {
    const size_t n = next_component(&a), m = next_component(&b);
    if (n != m || strncmp(a, b, n) != 0) return false;
    if (n == 0) return true;
    a += n;
    b += n;
  }
}

/* The job writes OUTPUT.part before it renames that to OUTPUT: the input must be neither. */
static sp_status check_output(sp_mistakes *mistakes, const sp_yaml_node *tree, const sp_job *job) {
  static const sp_side sides[] = {SP_SIDE_PART, SP_SIDE_PLAIN, SP_SIDE_PACKED};
  if (!job->input || !job->output) return SP_SUCCESS;
  char quoted[SP_QUOTE_SIZE];
  const sp_yaml_node *output = sp_yaml_find(tree, "output");
  if (is_same_file(job->input, job->output)) {
    sp_mistakes_add(mistakes, output, "output: found '%s', which is the input; write to another file",
                    sp_quote(job->output, quoted));
    return SP_SUCCESS;
  }
  for (size_t i = 0; i < sizeof sides / sizeof sides[0]; i++) {
    char *path = NULL;
    SP_TRY(sp_side_path(job->output, sides[i], &path));
    const bool same = is_same_file(job->input, path);
    if (same && sides[i] == SP_SIDE_PART) {
      sp_mistakes_add(mistakes, output, "output: is written as '%s' first, which is the input; write to another file",
                      sp_quote(path, quoted));
    } else if (same) {
      sp_mistakes_add(mistakes, output,
                      "output: has '%s' beside it until it is packed, which is the input; write to another file",
                      sp_quote(path, quoted));
    }
    sp_free(path);
  }
  return SP_SUCCESS;
}

/* Keys beside `pack` that its codec does not take. */
static void check_pack(sp_mistakes *mistakes, const sp_yaml_node *tree, const sp_job_settings *s) {
  enum { MOST_LZ4 = 12 };
  const sp_yaml_node *level = sp_yaml_find(tree, "pack_level"), *bound = sp_yaml_find(tree, "pack_error_bound");
  if (s->pack == SP_JOB_PACK_NONE) return;
  if (s->samples != SP_SAMPLES_FLOAT32) {
    sp_mistakes_add(mistakes, sp_yaml_find(tree, "samples"),
                    "samples: of 16 bits are not packed; one of samples, pack");
  }
  if (level && s->pack == SP_JOB_PACK_ZFP && s->pack_level != SP_PARAM_AUTO) {
    sp_mistakes_add(mistakes, level, "pack_level: zfp has none, it has pack_error_bound");
  } else if (level && s->pack == SP_JOB_PACK_LZ4 && s->pack_level > MOST_LZ4) {
    sp_mistakes_add(mistakes, level, "pack_level: found %d, allowed for lz4 are 1 to %d", s->pack_level, MOST_LZ4);
  }
  if (bound && s->pack != SP_JOB_PACK_ZFP) {
    sp_mistakes_add(mistakes, bound, "pack_error_bound: goes with pack: zfp alone; lz4 and zstd keep every bit");
  }
}

sp_status sp_job_check(sp_mistakes *mistakes, const sp_yaml_node *tree, sp_job *job) {
  sp_param_set_defaults(sp_job_params, &job->settings);
  for (const sp_yaml_node *node = tree->first; node; node = node->next) SP_TRY(check_entry(mistakes, node, job));
  check_presence(mistakes, tree);
  check_pack(mistakes, tree, &job->settings);
  return check_output(mistakes, tree, job);
}
