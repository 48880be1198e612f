/* SPDX-License-Identifier: BSD-3-Clause */
/* A value of a job file into its parameter: of the kind that the table says, unquoted where it is a number; a file that
 * it names must be there. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "seisproc/quote.h"
#include "src/job/job_check.h"

/* Whether the scalar would be a number or truth value if it were not quoted. */
static bool is_quoted_number(const sp_yaml_node *node, const sp_param *param) {
  if (!node->quoted || (param->choices && !strcmp(node->text, "auto"))) return false;
  return param->type == SP_PARAM_BOOL || param->type == SP_PARAM_INT || param->type == SP_PARAM_REAL ||
         param->type == SP_PARAM_NUMBERS;
}

static void complain_of_kind(sp_mistakes *mistakes, const char *prefix, const sp_yaml_node *node,
                             const sp_param *param) {
  char allowed[SP_WHY_SIZE], quoted[SP_QUOTE_SIZE];
  sp_param_allowed(param, allowed, sizeof allowed);
  if (node->kind == SP_YAML_SCALAR) {
    sp_mistakes_add(mistakes, node, "%s%s: found the text \"%s\", allowed is %s, without quotes", prefix, param->key,
                    sp_quote(node->text, quoted), allowed);
  } else {
    sp_mistakes_add(mistakes, node, "%s%s: found %s, allowed is %s", prefix, param->key, sp_yaml_kind_name(node->kind),
                    allowed);
  }
}

/* A list, or a scalar that stands for a list of one. */
static void check_list(sp_mistakes *mistakes, const char *prefix, const sp_yaml_node *node, const sp_param *param,
                       void *values) {
  const char *items[SP_MAX_NUMBERS + 1];
  char why[SP_WHY_SIZE];
  size_t n = 0;
  if (node->kind != SP_YAML_LIST && node->kind != SP_YAML_SCALAR) {
    complain_of_kind(mistakes, prefix, node, param);
    return;
  }
  for (const sp_yaml_node *item = node->kind == SP_YAML_LIST ? node->first : node; item && n <= SP_MAX_NUMBERS;
       item = item == node ? NULL : item->next) {
    if (item->kind == SP_YAML_BROKEN) return;
    if (item->kind != SP_YAML_SCALAR || is_quoted_number(item, param)) {
      complain_of_kind(mistakes, prefix, item, param);
      return;
    }
    items[n++] = item->text;
  }
  if (sp_param_parse_items(param, items, n, values, why, sizeof why)) {
    sp_mistakes_add(mistakes, node, "%s%s", prefix, why);
  }
}

/* A file that a parameter names must be there when the job is read. */
static void check_file(sp_mistakes *mistakes, const char *prefix, const sp_yaml_node *node, const sp_param *param,
                       const void *values) {
  char quoted[SP_QUOTE_SIZE];
  const sp_path *value = (const sp_path *)((const char *)values + param->offset);
  struct stat about;
  if (!*value->path) return;
  const char *problem = stat(value->path, &about)   ? strerror(errno)
                        : S_ISDIR(about.st_mode)    ? "it is a directory"
                        : !S_ISREG(about.st_mode)   ? "it is no file"
                        : access(value->path, R_OK) ? strerror(errno)
                                                    : NULL;
  if (problem) {
    sp_mistakes_add(mistakes, node, "%s%s: '%s' cannot be read: %s", prefix, param->key, sp_quote(value->path, quoted),
                    problem);
  }
}

void sp_job_check_value(sp_mistakes *mistakes, const char *prefix, const sp_yaml_node *node, const sp_param *param,
                        void *values) {
  if (node->kind == SP_YAML_BROKEN) return;
  char why[SP_WHY_SIZE];
  if (sp_param_is_list(param)) {
    check_list(mistakes, prefix, node, param, values);
  } else if (node->kind != SP_YAML_SCALAR || is_quoted_number(node, param)) {
    complain_of_kind(mistakes, prefix, node, param);
  } else if (sp_param_parse(param, node->text, values, why, sizeof why) != SP_SUCCESS) {
    sp_mistakes_add(mistakes, node, "%s%s", prefix, why);
  } else if (param->type == SP_PARAM_PATH) {
    check_file(mistakes, prefix, node, param, values);
  }
}
