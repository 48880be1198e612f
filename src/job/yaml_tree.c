/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/job/yaml_tree.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <yaml.h>

#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/quote.h"

/* Far more than any job needs; they bound the time that a hostile file can take. */
enum { MAX_DEPTH = 16, MAX_NODES = 4096, MAX_MISTAKES = 50 };

typedef struct reader {
  yaml_parser_t parser;
  sp_mistakes *mistakes;
  const char *text;
  const char *override;
  unsigned n_nodes;
} reader;

/* --- mistakes -------------------------------------------------------------------------------------------- */

void sp_mistakes_add(sp_mistakes *mistakes, const sp_yaml_node *at, const char *format, ...) {
  mistakes->n++;
  if (mistakes->n > MAX_MISTAKES) return;
  char what[1024], quoted[SP_QUOTE_SIZE];
  va_list args;
  va_start(args, format);
  vsnprintf(what, sizeof what, format, args);
  va_end(args);
  if (at && at->override) {
    sp_log(SP_LOG_ERROR, "--set %s: %s", sp_quote(at->override, quoted), what);
  } else if (at && at->line) {
    sp_log(SP_LOG_ERROR, "%s:%u: %s", mistakes->path, at->line, what);
  } else {
    sp_log(SP_LOG_ERROR, "%s: %s", mistakes->path, what);
  }
  if (mistakes->n == MAX_MISTAKES) sp_log(SP_LOG_ERROR, "%s: further mistakes are not shown", mistakes->path);
}

static void complain(reader *r, size_t line, const char *what) {
  const sp_yaml_node at = {.line = (unsigned)line + 1, .override = r->override};
  sp_mistakes_add(r->mistakes, &at, "%s", what);
}

/* --- nodes ----------------------------------------------------------------------------------------------- */

void sp_yaml_destroy(sp_yaml_node *node) {
  if (!node) return;
  for (sp_yaml_node *child = node->first, *next; child; child = next) {
    next = child->next;
    sp_yaml_destroy(child);
  }
  sp_free(node->key);
  sp_free(node->text);
  sp_free(node);
}

sp_yaml_node *sp_yaml_find(const sp_yaml_node *map, const char *key) {
  if (map->kind != SP_YAML_MAP) return NULL;
  sp_yaml_node *child = map->first;
  while (child && strcmp(child->key, key)) child = child->next;
  return child;
}

size_t sp_yaml_count(const sp_yaml_node *node) {
  size_t n = 0;
  for (const sp_yaml_node *child = node->first; child; child = child->next) n++;
  return n;
}

const char *sp_yaml_kind_name(sp_yaml_kind kind) {
  switch (kind) {
  case SP_YAML_NOTHING:
    return "nothing";
  case SP_YAML_LIST:
    return "a list";
  case SP_YAML_MAP:
    return "a mapping";
  default:
    return "a value";
  }
}

/* --- reading --------------------------------------------------------------------------------------------- */

static bool is_indented_with_tab(const char *text, size_t line) {
  for (; line > 0 && text; line--) {
    text = strchr(text, '\n');
    if (text) text++;
  }
  return text && text[strspn(text, " ")] == '\t';
}

static sp_status syntax_error(reader *r) {
  const yaml_parser_t *p = &r->parser;
  if (p->error == YAML_MEMORY_ERROR) return SP_RAISE(SP_ERR_MEMORY, "%s: out of memory", r->mistakes->path);
  char what[512];
  size_t line = p->problem_mark.line;
  const char *problem = p->problem ? p->problem : "cannot be read";
  if (p->error == YAML_READER_ERROR) {
    line = 0;
    for (size_t i = 0; i < p->problem_offset && r->text[i]; i++) line += r->text[i] == '\n';
    snprintf(what, sizeof what, "not UTF-8 text: %s", problem);
  } else if (is_indented_with_tab(r->text, line)) {
    snprintf(what, sizeof what, "not YAML: a tab; indent with spaces");
  } else if (p->context) {
    snprintf(what, sizeof what, "not YAML: %s (%s from line %zu on)", problem, p->context, p->context_mark.line + 1);
  } else {
    snprintf(what, sizeof what, "not YAML: %s", problem);
  }
  complain(r, line, what);
  return SP_ERR_USAGE;
}

static sp_status next_event(reader *r, yaml_event_t *event) {
  return yaml_parser_parse(&r->parser, event) ? SP_SUCCESS : syntax_error(r);
}

static sp_status make_node(reader *r, size_t line, sp_yaml_node **out) {
  if (++r->n_nodes > MAX_NODES) {
    complain(r, line, "more entries than any job has; is this a job file?");
    return SP_ERR_USAGE;
  }
  void *block;
  SP_TRY(sp_calloc(1, sizeof(sp_yaml_node), "a job file", &block));
  sp_yaml_node *node = block;
  node->line = (unsigned)line + 1;
  node->override = r->override;
  *out = node;
  return SP_SUCCESS;
}

static bool is_nothing(const char *text) {
  return !*text || !strcmp(text, "~") || !strcmp(text, "null") || !strcmp(text, "Null") || !strcmp(text, "NULL");
}

static sp_status fill_scalar(reader *r, const yaml_event_t *event, sp_yaml_node *node) {
  const char *text = (const char *)event->data.scalar.value;
  node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
  if (strlen(text) != event->data.scalar.length) {
    complain(r, event->start_mark.line, "a text with a zero byte");
    return SP_SUCCESS;
  }
  if (!node->quoted && is_nothing(text)) {
    node->kind = SP_YAML_NOTHING;
    return SP_SUCCESS;
  }
  SP_TRY(sp_strdup(text, &node->text));
  node->kind = SP_YAML_SCALAR;
  return SP_SUCCESS;
}

/* Anchors, aliases and tags, none of which a job file has. */
static const char *foreign_feature(const yaml_event_t *event) {
  static const char anchors[] = "anchors (&) and aliases (*) are not used in job files; write the value out";
  static const char tags[] = "tags (!) are not used in job files";
  switch (event->type) {
  case YAML_ALIAS_EVENT:
    return anchors;
  case YAML_SCALAR_EVENT:
    return event->data.scalar.anchor ? anchors : event->data.scalar.tag ? tags : NULL;
  case YAML_SEQUENCE_START_EVENT:
    return event->data.sequence_start.anchor ? anchors : event->data.sequence_start.tag ? tags : NULL;
  case YAML_MAPPING_START_EVENT:
    return event->data.mapping_start.anchor ? anchors : event->data.mapping_start.tag ? tags : NULL;
  default:
    return NULL;
  }
}

static sp_status read_node(reader *r, yaml_event_t *event, unsigned depth, sp_yaml_node **out);

static sp_status read_list(reader *r, unsigned depth, sp_yaml_node *list) {
  for (sp_yaml_node **end = &list->first;; end = &(*end)->next) {
    yaml_event_t event;
    SP_TRY(next_event(r, &event));
    if (event.type == YAML_SEQUENCE_END_EVENT) {
      yaml_event_delete(&event);
      return SP_SUCCESS;
    }
    SP_TRY(read_node(r, &event, depth, end));
  }
}

/* Gives `entry` the key that `key` holds, unless that is none or is there already. */
static bool read_key(reader *r, const sp_yaml_node *map, sp_yaml_node *key, sp_yaml_node *entry) {
  if (key->kind == SP_YAML_BROKEN) return false;
  if (key->kind != SP_YAML_SCALAR) {
    complain(r, key->line - 1, "a key must be a word");
    return false;
  }
  const sp_yaml_node *before = sp_yaml_find(map, key->text);
  if (before) {
    char quoted[SP_QUOTE_SIZE], what[SP_QUOTE_SIZE + 64];
    snprintf(what, sizeof what, "'%s' is given twice, first in line %u", sp_quote(key->text, quoted), before->line);
    complain(r, key->line - 1, what);
    return false;
  }
  entry->key = key->text;
  entry->line = key->line;
  key->text = NULL;
  return true;
}

static sp_status read_entry(reader *r, yaml_event_t *key_event, unsigned depth, const sp_yaml_node *map,
                            sp_yaml_node **out) {
  sp_yaml_node *key = NULL, *entry = NULL;
  sp_status status = read_node(r, key_event, depth, &key);
  if (status != SP_SUCCESS) goto done;
  yaml_event_t event;
  SP_TRY_GOTO(done, next_event(r, &event));
  SP_TRY_GOTO(done, read_node(r, &event, depth, &entry));
  if (read_key(r, map, key, entry)) {
    *out = entry;
    entry = NULL;
  }
done:
  sp_yaml_destroy(entry);
  sp_yaml_destroy(key);
  return status;
}

static sp_status read_map(reader *r, unsigned depth, sp_yaml_node *map) {
  for (sp_yaml_node **end = &map->first;;) {
    yaml_event_t event;
    SP_TRY(next_event(r, &event));
    if (event.type == YAML_MAPPING_END_EVENT) {
      yaml_event_delete(&event);
      return SP_SUCCESS;
    }
    SP_TRY(read_entry(r, &event, depth, map, end));
    if (*end) end = &(*end)->next;
  }
}

/* Reads what `event` begins, and deletes the event. *out is set, also on failure, as far as it was read. */
static sp_status read_node(reader *r, yaml_event_t *event, unsigned depth, sp_yaml_node **out) {
  sp_yaml_node *node = NULL;
  const char *foreign = foreign_feature(event);
  sp_status status = make_node(r, event->start_mark.line, &node);
  if (status != SP_SUCCESS) goto done;
  *out = node;
  node->kind = SP_YAML_BROKEN;
  if (foreign) complain(r, event->start_mark.line, foreign);
  if (depth > MAX_DEPTH) {
    complain(r, event->start_mark.line, "nested deeper than any job; is this a job file?");
    status = SP_ERR_USAGE;
  } else if (event->type == YAML_SCALAR_EVENT) {
    status = fill_scalar(r, event, node);
  } else if (event->type == YAML_SEQUENCE_START_EVENT) {
    node->kind = SP_YAML_LIST;
    status = read_list(r, depth + 1, node);
  } else if (event->type == YAML_MAPPING_START_EVENT) {
    node->kind = SP_YAML_MAP;
    status = read_map(r, depth + 1, node);
  }
  if (foreign) node->kind = SP_YAML_BROKEN;
done:
  yaml_event_delete(event);
  return status;
}

/* Reads up to the first node of the first document, and what follows it. */
static sp_status read_stream(reader *r, sp_yaml_node **out) {
  yaml_event_t event;
  SP_TRY(next_event(r, &event));
  yaml_event_delete(&event); /* the start of the stream */
  SP_TRY(next_event(r, &event));
  const bool empty = event.type == YAML_STREAM_END_EVENT;
  yaml_event_delete(&event);
  if (empty) return SP_SUCCESS;
  SP_TRY(next_event(r, &event));
  SP_TRY(read_node(r, &event, 0, out));
  SP_TRY(next_event(r, &event));
  yaml_event_delete(&event); /* the end of the document */
  SP_TRY(next_event(r, &event));
  if (event.type == YAML_DOCUMENT_START_EVENT) {
    complain(r, event.start_mark.line, "a second document begins; a job file holds one");
  }
  yaml_event_delete(&event);
  return SP_SUCCESS;
}

sp_status sp_yaml_read(sp_mistakes *mistakes, const char *text, const char *override, sp_yaml_node **out) {
  if (!strncmp(text, "\xef\xbb\xbf", 3)) text += 3; /* a byte order mark, which the library counts as a column */
  reader r = {.mistakes = mistakes, .text = text, .override = override};
  if (!yaml_parser_initialize(&r.parser)) return SP_RAISE(SP_ERR_MEMORY, "%s: out of memory", mistakes->path);
  yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, strlen(text));
  sp_yaml_node *tree = NULL;
  const sp_status status = read_stream(&r, &tree);
  yaml_parser_delete(&r.parser);
  if (status != SP_SUCCESS) {
    sp_yaml_destroy(tree);
    return status;
  }
  *out = tree;
  return SP_SUCCESS;
}
