/* SPDX-License-Identifier: BSD-3-Clause */
/* The chain of a job: processors and their parameters. */
#include <stdio.h>
#include <string.h>

#include "seisproc/memory.h"
#include "seisproc/quote.h"
#include "src/job/candidates.h"
#include "src/job/job_check.h"

enum { PREFIX_SIZE = 96 };

static void add_processors(sp_candidates *candidates) {
  const sp_processor *processor;
  for (size_t i = 0; (processor = sp_processor_at(i)); i++) sp_candidates_add(candidates, processor->name);
}

static void complain_of_processor(sp_mistakes *mistakes, const sp_yaml_node *at, size_t i, const char *name) {
  char quoted[SP_QUOTE_SIZE], hint[SP_NEAREST_LENGTH + 32];
  sp_candidates candidates = {.nearest.text = name};
  add_processors(&candidates);
  sp_mistakes_add(mistakes, at, "chain.%zu: no processor '%s';%s there are %s", i, sp_quote(name, quoted),
                  sp_candidates_hint(&candidates, hint), candidates.list);
}

static void complain_of_param(sp_mistakes *mistakes, const char *prefix, const sp_yaml_node *node,
                              const sp_param *table) {
  char quoted[SP_QUOTE_SIZE], hint[SP_NEAREST_LENGTH + 32];
  sp_candidates candidates = {.nearest.text = node->key};
  for (const sp_param *param = table; param->key; param++) sp_candidates_add(&candidates, param->key);
  sp_mistakes_add(mistakes, node, "%s%s: unknown key;%s allowed are %s", prefix, sp_quote(node->key, quoted),
                  sp_candidates_hint(&candidates, hint), candidates.list[0] ? candidates.list : "none");
}

/* `node` holds the parameters, `step` is where the step begins. */
static void check_params(sp_mistakes *mistakes, const sp_yaml_node *node, const sp_yaml_node *step, size_t i,
                         const sp_processor *processor, void *params) {
  char prefix[PREFIX_SIZE], why[SP_WHY_SIZE];
  snprintf(prefix, sizeof prefix, "chain.%zu.%s.", i, processor->name);
  const unsigned before = mistakes->n;
  if (node->kind == SP_YAML_SCALAR || node->kind == SP_YAML_LIST) {
    sp_mistakes_add(mistakes, node, "chain.%zu.%s: found %s, allowed are parameters, as in `- %s: {KEY: VALUE}`", i,
                    processor->name, sp_yaml_kind_name(node->kind), processor->name);
  }
  for (const sp_yaml_node *entry = node->kind == SP_YAML_MAP ? node->first : NULL; entry; entry = entry->next) {
    const sp_param *param = sp_param_find(processor->params, entry->key);
    if (param) {
      sp_job_check_value(mistakes, prefix, entry, param, params);
    } else {
      complain_of_param(mistakes, prefix, entry, processor->params);
    }
  }
  for (const sp_param *param = processor->params; param->key; param++) {
    if (param->default_text || (node->kind == SP_YAML_MAP && sp_yaml_find(node, param->key))) continue;
    sp_mistakes_add(mistakes, node->line || node->override ? node : step, "%s%s: missing; %s", prefix, param->key,
                    param->help);
  }
  if (mistakes->n > before || !processor->check) return;
  if (processor->check(params, why, sizeof why) != SP_SUCCESS) {
    sp_mistakes_add(mistakes, node, "chain.%zu.%s: %s", i, processor->name, why);
  }
}

/* A step with more than one key: parameters that are not indented, or a forgotten '-'. */
static void complain_of_keys(sp_mistakes *mistakes, const sp_yaml_node *step, size_t i) {
  const sp_yaml_node *first = step->first, *second = first->next;
  char one[SP_QUOTE_SIZE], two[SP_QUOTE_SIZE];
  sp_quote(first->key, one);
  sp_quote(second->key, two);
  const sp_processor *processor = sp_processor_find(first->key);
  if (processor && sp_param_find(processor->params, second->key)) {
    sp_mistakes_add(mistakes, second, "chain.%zu: indent '%s' further than '%s', whose parameter it is", i, two, one);
  } else {
    sp_mistakes_add(mistakes, second,
                    "chain.%zu: found '%s' after '%s', allowed is one processor a step, each with its '-'", i, two,
                    one);
  }
}

/* Whether a step before step i takes back step k. */
static bool is_undone(const sp_chain_step *chain, size_t i, size_t k) {
  for (size_t j = k + 1; j < i; j++) {
    if (chain[j].undoes == k + 1) return true;
  }
  return false;
}

/* `- undo: NAME`: the last step before step i of that name that is not taken back yet. */
static void check_undo(sp_mistakes *mistakes, const sp_yaml_node *node, size_t i, sp_chain_step *chain) {
  const bool named = node->kind == SP_YAML_SCALAR;
  char quoted[SP_QUOTE_SIZE], hint[SP_NEAREST_LENGTH + 32];
  sp_candidates candidates = {.nearest.text = named ? node->text : NULL};
  if (node->kind == SP_YAML_BROKEN) return;
  for (size_t k = i; k-- > 0;) {
    const sp_processor *processor = chain[k].processor;
    if (!processor || chain[k].undoes || !processor->undo || is_undone(chain, i, k)) continue;
    if (named && !strcmp(processor->name, node->text)) {
      chain[i] = (sp_chain_step){.processor = processor, .params = chain[k].params, .undoes = k + 1};
      return;
    }
    sp_candidates_add(&candidates, processor->name);
  }
  sp_mistakes_add(mistakes, node, "chain.%zu.undo: found %s%s%s;%s steps before it that can be taken back: %s", i,
                  named ? "'" : "", named ? sp_quote(node->text, quoted) : sp_yaml_kind_name(node->kind),
                  named ? "'" : "", sp_candidates_hint(&candidates, hint),
                  candidates.list[0] ? candidates.list : "none");
}

/* Checks step i of the chain, into chain[i]. */
static sp_status check_step(sp_mistakes *mistakes, const sp_yaml_node *node, size_t i, sp_chain_step *chain) {
  if (node->kind == SP_YAML_BROKEN) return SP_SUCCESS;
  const size_t n_keys = node->kind == SP_YAML_MAP ? sp_yaml_count(node) : 0;
  if (n_keys > 1) {
    complain_of_keys(mistakes, node, i);
    return SP_SUCCESS;
  }
  if (n_keys == 0 && node->kind != SP_YAML_SCALAR) {
    sp_candidates candidates = {0};
    add_processors(&candidates);
    sp_mistakes_add(mistakes, node, "chain.%zu: found %s, allowed is a processor: %s", i,
                    node->kind == SP_YAML_MAP ? "an empty mapping" : sp_yaml_kind_name(node->kind), candidates.list);
    return SP_SUCCESS;
  }
  const sp_yaml_node *named = n_keys ? node->first : node;
  const char *name = n_keys ? named->key : node->text;
  if (!strcmp(name, "undo")) {
    const sp_yaml_node nothing = {.kind = SP_YAML_NOTHING, .line = node->line, .override = node->override};
    check_undo(mistakes, n_keys ? named : &nothing, i, chain);
    return SP_SUCCESS;
  }
  const sp_processor *processor = sp_processor_find(name);
  if (!processor) {
    complain_of_processor(mistakes, named, i, name);
    return SP_SUCCESS;
  }
  void *params;
  SP_TRY(sp_calloc(1, processor->params_size, "parameters", &params));
  sp_param_set_defaults(processor->params, params);
  static const sp_yaml_node no_params = {.kind = SP_YAML_NOTHING};
  check_params(mistakes, n_keys ? named : &no_params, named, i, processor, params);
  chain[i] = (sp_chain_step){.processor = processor, .params = params};
  return SP_SUCCESS;
}

sp_status sp_job_check_chain(sp_mistakes *mistakes, const sp_yaml_node *chain, sp_job *job) {
  if (chain->kind == SP_YAML_BROKEN) return SP_SUCCESS;
  if (chain->kind == SP_YAML_SCALAR || chain->kind == SP_YAML_MAP) {
    sp_mistakes_add(mistakes, chain, "chain: found %s, allowed is a list: each step begins with '-'",
                    sp_yaml_kind_name(chain->kind));
    return SP_SUCCESS;
  }
  const size_t n = sp_yaml_count(chain);
  if (n == 0) {
    sp_candidates candidates = {0};
    add_processors(&candidates);
    sp_mistakes_add(mistakes, chain, "chain: is empty, it needs at least one processor: %s", candidates.list);
    return SP_SUCCESS;
  }
  void *steps;
  SP_TRY(sp_calloc(n, sizeof(sp_chain_step), "a chain", &steps));
  job->chain = steps;
  job->n_steps = n;
  size_t i = 0;
  for (const sp_yaml_node *step = chain->first; step; step = step->next, i++) {
    SP_TRY(check_step(mistakes, step, i, job->chain));
  }
  return SP_SUCCESS;
}
