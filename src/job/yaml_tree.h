/* SPDX-License-Identifier: BSD-3-Clause */
/* YAML text as a tree whose nodes know where they were written: what job files need of YAML and no more. Anchors,
 * aliases, tags and further documents are mistakes here. */
#ifndef SEISPROC_JOB_YAML_TREE_H
#define SEISPROC_JOB_YAML_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "seisproc/status.h"

typedef enum sp_yaml_kind {
  SP_YAML_NOTHING, /* `key:`, ~ or null */
  SP_YAML_SCALAR,
  SP_YAML_LIST,
  SP_YAML_MAP,
  SP_YAML_BROKEN /* a mistake that was reported already */
} sp_yaml_kind;

typedef struct sp_yaml_node {
  sp_yaml_kind kind;
  bool quoted;               /* scalars: written in quotes or as a block */
  unsigned line;             /* from 1; of the key for what is in a map */
  const char *override;      /* "key=value" where it came from there, not from the file; borrowed */
  char *key;                 /* in a map; owned */
  char *text;                /* of a scalar; owned */
  struct sp_yaml_node *next; /* of the same list or map */
  struct sp_yaml_node *first;
} sp_yaml_node;

/* Counts mistakes and logs each as one line. */
typedef struct sp_mistakes {
  const char *path; /* of the job file */
  unsigned n;
} sp_mistakes;

/* Logs "PATH:LINE: ..." or, where the node is an override's, "--set KEY=VALUE: ..."; `at` NULL stands for the whole
 * file. Past the 50th only counts. */
void sp_mistakes_add(sp_mistakes *mistakes, const sp_yaml_node *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Reads `text`, the whole job file or, where `override` is given, the value of that override (which nodes borrow).
 * *out is NULL for an empty text. The caller owns *out. Errors: SP_ERR_USAGE where the text is no YAML, counted in
 * `mistakes`; other mistakes are counted only, and leave a node SP_YAML_BROKEN. SP_ERR_MEMORY. */
sp_status sp_yaml_read(sp_mistakes *mistakes, const char *text, const char *override, sp_yaml_node **out);

/* Takes NULL. */
void sp_yaml_destroy(sp_yaml_node *node);

/* The entry of a map with this key, or NULL. */
sp_yaml_node *sp_yaml_find(const sp_yaml_node *map, const char *key);

/* How many entries a list or map has. */
size_t sp_yaml_count(const sp_yaml_node *node);

/* "nothing", "a list", "a mapping", "a value". */
const char *sp_yaml_kind_name(sp_yaml_kind kind);

#endif
