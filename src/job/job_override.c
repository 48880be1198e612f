/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/job/job_override.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seisproc/job.h"
#include "seisproc/memory.h"
#include "seisproc/quote.h"

/* A key in full: chain, step, processor, parameter. */
enum { CHAIN, STEP, PROCESSOR, PARAMETER, MAX_PARTS };

typedef struct key_path {
  char *part[MAX_PARTS];
  int n;
} key_path;

/* A value on its way into the tree of a job. */
typedef struct placement {
  sp_mistakes *mistakes;
  sp_yaml_node *job;
  key_path path;
  sp_yaml_node *value; /* owned until it has its place, then NULL */
} placement;

/* Cuts `key` at its dots, in place; false where it has too many. */
static bool split(char *key, key_path *path) {
  path->n = 0;
  for (char *part = key; part;) {
    if (path->n == MAX_PARTS) return false;
    path->part[path->n++] = part;
    part = strchr(part, '.');
    if (part) *part++ = '\0';
  }
  return true;
}

static sp_status make_node(const sp_yaml_node *like, sp_yaml_kind kind, sp_yaml_node **out) {
  void *block;
  SP_TRY(sp_calloc(1, sizeof(sp_yaml_node), "a job file", &block));
  sp_yaml_node *node = block;
  node->kind = kind;
  node->line = like->line;
  node->override = like->override;
  *out = node;
  return SP_SUCCESS;
}

/* Puts the value at *slot, which ends a list or map or holds a node that it replaces. Takes `key`. What the file says
 * does not replace what the file says. */
static void put(placement *p, sp_yaml_node **slot, char *key) {
  sp_yaml_node *old = *slot, *value = p->value;
  if (old && !value->override && old->kind != SP_YAML_NOTHING) {
    char quoted[SP_QUOTE_SIZE];
    sp_mistakes_add(p->mistakes, value, "'%s' is given twice, first in line %u", sp_quote(key ? key : "a step", quoted),
                    old->line);
    sp_free(key);
    return;
  }
  sp_free(value->key);
  value->key = key;
  value->next = old ? old->next : NULL;
  *slot = value;
  p->value = NULL;
  if (old) old->next = NULL;
  sp_yaml_destroy(old);
}

static sp_status put_key(placement *p, sp_yaml_node *map, const char *key) {
  char *copy;
  SP_TRY(sp_strdup(key, &copy));
  sp_yaml_node **slot = &map->first;
  while (*slot && strcmp((*slot)->key, key)) slot = &(*slot)->next;
  put(p, slot, copy);
  return SP_SUCCESS;
}

/* The processor of a step as it is written; "" where there is none. */
static const char *step_name(const sp_yaml_node *step) {
  if (step->kind == SP_YAML_SCALAR) return step->text;
  return step->kind == SP_YAML_MAP && step->first ? step->first->key : "";
}

/* Makes a step written as a bare name, `- dwt`, the map `- dwt:`. */
static sp_status widen_step(sp_yaml_node *step) {
  if (step->kind == SP_YAML_MAP) return SP_SUCCESS;
  SP_TRY(make_node(step, SP_YAML_NOTHING, &step->first));
  step->first->key = step->text;
  step->text = NULL;
  step->kind = SP_YAML_MAP;
  return SP_SUCCESS;
}

static sp_status put_in_step(placement *p, sp_yaml_node *step) {
  const char *is = step_name(step), *named = p->path.part[PROCESSOR];
  if (!*is) return SP_SUCCESS; /* a mistake that the check of the whole job reports */
  if (strcmp(is, named)) {
    char found[SP_QUOTE_SIZE], wanted[SP_QUOTE_SIZE];
    sp_mistakes_add(p->mistakes, p->value, "step %s of the chain is '%s', not '%s'", p->path.part[STEP],
                    sp_quote(is, found), sp_quote(named, wanted));
    return SP_SUCCESS;
  }
  SP_TRY(widen_step(step));
  if (p->path.n == PROCESSOR + 1) return put_key(p, step, named);
  sp_yaml_node *params = step->first;
  if (params->kind == SP_YAML_NOTHING) params->kind = SP_YAML_MAP;
  if (params->kind != SP_YAML_MAP) return SP_SUCCESS; /* reported by the check, too */
  return put_key(p, params, p->path.part[PARAMETER]);
}

/* Says what steps there are; a processor's name in the place of a number is the likely mistake. */
static void complain_of_step(const placement *p, const sp_yaml_node *chain) {
  char quoted[SP_QUOTE_SIZE];
  const char *part = p->path.part[STEP];
  size_t n = 0;
  for (const sp_yaml_node *step = chain->first; step; step = step->next, n++) {
    if (strcmp(step_name(step), part)) continue;
    sp_mistakes_add(p->mistakes, p->value, "chain.%s: steps go by number, this one is chain.%zu.%s",
                    sp_quote(part, quoted), n, quoted);
    return;
  }
  if (n == 0) {
    sp_mistakes_add(p->mistakes, p->value, "chain.%s: the chain has no steps", sp_quote(part, quoted));
  } else if (n == 1) {
    sp_mistakes_add(p->mistakes, p->value, "chain.%s: the chain has step 0 only", sp_quote(part, quoted));
  } else {
    sp_mistakes_add(p->mistakes, p->value, "chain.%s: the chain has steps 0 to %zu", sp_quote(part, quoted), n - 1);
  }
}

/* The step number that `text` writes, or -1. */
static long step_number(const char *text) {
  const size_t length = strlen(text);
  if (length == 0 || length > 4 || strspn(text, "0123456789") != length) return -1;
  return atol(text);
}

static sp_status put_in_chain(placement *p) {
  sp_yaml_node *chain = sp_yaml_find(p->job, "chain");
  const bool whole_step = p->path.n == STEP + 1;
  if (chain->kind != SP_YAML_LIST) return SP_SUCCESS; /* reported by the check of the whole job */
  const long number = step_number(p->path.part[STEP]);
  sp_yaml_node **slot = &chain->first;
  long i = 0;
  for (; i < number && *slot; i++) slot = &(*slot)->next;
  /* a whole step may be added behind the last one */
  if (i != number || (!*slot && !whole_step)) {
    complain_of_step(p, chain);
    return SP_SUCCESS;
  }
  if (!whole_step) return put_in_step(p, *slot);
  put(p, slot, NULL);
  return SP_SUCCESS;
}

/* Sees to it that the job has a chain that steps can be put in, if it has none at all. */
static sp_status need_chain(const placement *p) {
  sp_yaml_node **slot = &p->job->first;
  while (*slot && strcmp((*slot)->key, "chain")) slot = &(*slot)->next;
  if (*slot) {
    if ((*slot)->kind == SP_YAML_NOTHING) (*slot)->kind = SP_YAML_LIST;
    return SP_SUCCESS;
  }
  sp_yaml_node *chain;
  SP_TRY(make_node(p->value, SP_YAML_LIST, &chain));
  const sp_status status = sp_strdup("chain", &chain->key);
  if (status != SP_SUCCESS) {
    sp_free(chain);
    return status;
  }
  *slot = chain;
  return SP_SUCCESS;
}

/* Puts `value`, which it takes, where `key` says; cuts `key` up. */
static sp_status place(sp_mistakes *mistakes, sp_yaml_node *job, char *key, sp_yaml_node *value) {
  placement p = {.mistakes = mistakes, .job = job, .value = value};
  sp_status status = SP_SUCCESS;
  const bool is_setting = sp_param_find(sp_job_params, key) != NULL; /* some have a dot in their name */
  const bool fits = is_setting || split(key, &p.path);
  if (fits && (is_setting || p.path.n == 1)) {
    status = put_key(&p, job, key);
  } else if (fits && !strcmp(p.path.part[CHAIN], "chain")) {
    status = need_chain(&p);
    if (status == SP_SUCCESS) status = put_in_chain(&p);
  } else {
    char quoted[SP_QUOTE_SIZE];
    sp_mistakes_add(mistakes, value, "%s: unknown; a key in full is chain.STEP.PROCESSOR.PARAMETER",
                    sp_quote(p.path.part[CHAIN], quoted));
  }
  sp_yaml_destroy(p.value);
  return status;
}

sp_status sp_job_expand_keys(sp_mistakes *mistakes, sp_yaml_node *job) {
  sp_yaml_node **slot = &job->first;
  while (*slot) {
    sp_yaml_node *entry = *slot;
    if (!strchr(entry->key, '.') || sp_param_find(sp_job_params, entry->key)) {
      slot = &entry->next;
      continue;
    }
    *slot = entry->next;
    entry->next = NULL;
    char *key = entry->key;
    entry->key = NULL;
    const sp_status status = place(mistakes, job, key, entry);
    sp_free(key);
    SP_TRY(status);
  }
  return SP_SUCCESS;
}

/* The part of "key=value" before the sign, without blanks around it; the caller owns it. */
static sp_status copy_key(const char *override, char **out) {
  char *key;
  SP_TRY(sp_strdup(override + strspn(override, " "), &key));
  size_t n = strcspn(key, "=");
  while (n > 0 && key[n - 1] == ' ') n--;
  key[n] = '\0';
  *out = key;
  return SP_SUCCESS;
}

/* Whether what is put at `key` is taken as it is, not as YAML: a path or a text. */
static bool is_text_key(const char *key) {
  char name[SP_WORD_SIZE], parameter[SP_WORD_SIZE];
  for (const sp_job_key *k = sp_job_keys; k->key; k++) {
    if (!strcmp(key, k->key)) return !strcmp(k->form, "path");
  }
  const sp_param *setting = sp_param_find(sp_job_params, key);
  if (setting) return sp_param_is_text(setting);
  if (sscanf(key, "chain.%*[0-9].%63[^.].%63[^.]", name, parameter) != 2) return false;
  const sp_processor *processor = sp_processor_find(name);
  const sp_param *param = processor ? sp_param_find(processor->params, parameter) : NULL;
  return param && sp_param_is_text(param);
}

static sp_status read_value(sp_mistakes *mistakes, const char *key, const char *text, const sp_yaml_node *origin,
                            sp_yaml_node **out) {
  if (is_text_key(key)) {
    SP_TRY(make_node(origin, SP_YAML_SCALAR, out));
    (*out)->quoted = true;
    return sp_strdup(text, &(*out)->text);
  }
  SP_TRY(sp_yaml_read(mistakes, text, origin->override, out));
  return *out ? SP_SUCCESS : make_node(origin, SP_YAML_NOTHING, out);
}

sp_status sp_job_override(sp_mistakes *mistakes, sp_yaml_node *job, const char *override) {
  const sp_yaml_node origin = {.override = override};
  const char *sign = strchr(override, '=');
  if (!sign || sign == override) {
    sp_mistakes_add(mistakes, &origin, "write KEY=VALUE, such as mode=noise or chain.1.dwt.k=2.5");
    return SP_SUCCESS;
  }
  sp_yaml_node *value = NULL;
  char *key;
  SP_TRY(copy_key(override, &key));
  sp_status status = read_value(mistakes, key, sign + 1, &origin, &value);
  if (status == SP_SUCCESS) {
    status = place(mistakes, job, key, value);
  } else {
    sp_yaml_destroy(value);
  }
  sp_free(key);
  return status == SP_ERR_USAGE ? SP_SUCCESS : status; /* counted */
}
