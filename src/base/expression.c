/* SPDX-License-Identifier: BSD-3-Clause */
/* Expressions: recursive descent to a list of steps in postfix order, which is run on a stack of numbers. The parser
 * counts how deep the stack gets, so running one needs no check. */
#include "seisproc/expression.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seisproc/memory.h"

enum { MAX_STEPS = 512, MAX_NAMES = 32, MAX_STACK = 64, MAX_NESTING = 64, NAME_SIZE = 64 };

typedef enum operation {
  PUSH_NUMBER,
  PUSH_NAME,
  OR,
  AND,
  NOT,
  EQUAL,
  NOT_EQUAL,
  LESS,
  LESS_EQUAL,
  GREATER,
  GREATER_EQUAL,
  ADD,
  SUBTRACT,
  MULTIPLY,
  DIVIDE,
  NEGATE,
  POWER,
  CALL_1,
  CALL_2
} operation;

typedef struct step {
  operation operation;
  size_t name;
  double number;
  double (*one)(double);
  double (*two)(double, double);
} step;

struct sp_expression {
  size_t n_steps, n_names;
  step steps[MAX_STEPS];
  char names[MAX_NAMES][NAME_SIZE];
};

typedef struct parser {
  const char *text, *at;
  char *why;
  size_t why_size;
  int nesting, depth; /* of brackets; of the stack */
  bool condition;     /* what was parsed last is one, and not a number */
  sp_expression *out;
} parser;

static double lesser(double a, double b) {
  return isnan(a) || isnan(b) ? NAN : a < b ? a : b;
}

static double greater(double a, double b) {
  return isnan(a) || isnan(b) ? NAN : a > b ? a : b;
}

static const struct function {
  const char *name;
  double (*one)(double);
  double (*two)(double, double);
} functions[] = {
    {"abs", fabs, NULL},   {"sqrt", sqrt, NULL},   {"exp", exp, NULL},     {"log", log, NULL},
    {"sin", sin, NULL},    {"cos", cos, NULL},     {"tan", tan, NULL},     {"floor", floor, NULL},
    {"ceil", ceil, NULL},  {"round", round, NULL}, {"atan2", NULL, atan2}, {"hypot", NULL, hypot},
    {"min", NULL, lesser}, {"max", NULL, greater},
};

enum { N_FUNCTIONS = sizeof functions / sizeof functions[0] };

static sp_status refuse(parser *p, const char *allowed) {
  const size_t column = (size_t)(p->at - p->text) + 1;
  if (*p->at) {
    snprintf(p->why, p->why_size, "'%.200s': column %zu: found '%.20s', allowed is %s", p->text, column, p->at,
             allowed);
  } else {
    snprintf(p->why, p->why_size, "'%.200s': ends at column %zu, where %s is needed", p->text, column, allowed);
  }
  return SP_ERR_USAGE;
}

static sp_status add(parser *p, step s, int change) {
  if (p->out->n_steps == MAX_STEPS || p->depth + change > MAX_STACK) return refuse(p, "a shorter expression");
  p->depth += change;
  p->condition = s.operation >= OR && s.operation <= GREATER_EQUAL;
  p->out->steps[p->out->n_steps++] = s;
  return SP_SUCCESS;
}

/* What stands from `from` to here has to be a condition: whether a number stands for one is not guessed. */
static sp_status need_condition(parser *p, const char *from) {
  const char *end = p->at;
  if (p->condition) return SP_SUCCESS;
  while (isspace((unsigned char)*from)) from++;
  while (end > from && isspace((unsigned char)end[-1])) end--;
  const int n = (int)(end - from < 60 ? end - from : 60);
  snprintf(p->why, p->why_size, "'%.200s': '%.*s' is a number where a condition is needed, such as '%.*s != 0'",
           p->text, n, from, n, from);
  return SP_ERR_USAGE;
}

static void skip_blanks(parser *p) {
  while (isspace((unsigned char)*p->at)) p->at++;
}

static bool is_word(char c) {
  return isalnum((unsigned char)c) || c == '_';
}

/* Whether `token` comes next, which is then passed. A word ends where no letter or digit follows. */
static bool accept(parser *p, const char *token) {
  const size_t n = strlen(token);
  skip_blanks(p);
  if (strncmp(p->at, token, n)) return false;
  if (is_word(token[0]) && is_word(p->at[n])) return false;
  p->at += n;
  return true;
}

static sp_status parse_or(parser *p);
static sp_status parse_unary(parser *p);

static sp_status parse_bracket(parser *p) {
  if (++p->nesting > MAX_NESTING) return refuse(p, "an expression less deep");
  SP_TRY(parse_or(p));
  if (!accept(p, ")")) return refuse(p, "an operator or )");
  p->nesting--;
  return SP_SUCCESS;
}

static sp_status parse_call(parser *p, const struct function *f) {
  if (!accept(p, "(")) return refuse(p, "( behind the name of a function");
  if (!f->two) {
    SP_TRY(parse_bracket(p));
    return add(p, (step){.operation = CALL_1, .one = f->one}, 0);
  }
  if (++p->nesting > MAX_NESTING) return refuse(p, "an expression less deep");
  SP_TRY(parse_or(p));
  p->nesting--;
  if (!accept(p, ",")) return refuse(p, "a comma and a second value");
  SP_TRY(parse_bracket(p));
  return add(p, (step){.operation = CALL_2, .two = f->two}, -1);
}

static sp_status parse_name(parser *p) {
  size_t n = 0, i = 0;
  while (is_word(p->at[n])) n++;
  for (int k = 0; k < N_FUNCTIONS; k++) {
    if (strlen(functions[k].name) != n || strncmp(p->at, functions[k].name, n)) continue;
    p->at += n;
    return parse_call(p, &functions[k]);
  }
  if (n == 2 && !strncmp(p->at, "pi", 2)) {
    p->at += n;
    return add(p, (step){.operation = PUSH_NUMBER, .number = M_PI}, 1);
  }
  if (n >= NAME_SIZE) return refuse(p, "a shorter name");
  sp_expression *e = p->out;
  while (i < e->n_names && (strlen(e->names[i]) != n || strncmp(e->names[i], p->at, n))) i++;
  if (i == MAX_NAMES) return refuse(p, "fewer different names");
  if (i == e->n_names) memcpy(e->names[e->n_names++], p->at, n);
  p->at += n;
  return add(p, (step){.operation = PUSH_NAME, .name = i}, 1);
}

static sp_status parse_primary(parser *p) {
  static const char *const keywords[] = {"and", "or", "not"};
  if (accept(p, "(")) return parse_bracket(p);
  for (int k = 0; k < 3; k++) {
    const char *before = p->at;
    if (!accept(p, keywords[k])) continue;
    p->at = before;
    return refuse(p, "a number, a name or (");
  }
  if (isalpha((unsigned char)*p->at) || *p->at == '_') return parse_name(p);
  if (!isdigit((unsigned char)*p->at) && *p->at != '.') return refuse(p, "a number, a name or (");
  char *end;
  if (p->at[0] == '0' && (p->at[1] | 32) == 'x') return refuse(p, "a decimal number");
  const double number = strtod(p->at, &end);
  if (end == p->at || !isfinite(number) || is_word(*end)) return refuse(p, "a number, a name or (");
  p->at = end;
  return add(p, (step){.operation = PUSH_NUMBER, .number = number}, 1);
}

static sp_status parse_power(parser *p) {
  SP_TRY(parse_primary(p));
  if (!accept(p, "^")) return SP_SUCCESS;
  SP_TRY(parse_unary(p));
  return add(p, (step){.operation = POWER}, -1);
}

static sp_status parse_unary(parser *p) {
  int signs = 0, minus = 0;
  for (; signs <= MAX_NESTING; signs++) {
    if (accept(p, "-")) {
      minus ^= 1;
    } else if (!accept(p, "+")) {
      break;
    }
  }
  if (signs > MAX_NESTING || ++p->nesting > MAX_NESTING) return refuse(p, "an expression less deep");
  SP_TRY(parse_power(p));
  p->nesting--;
  return minus ? add(p, (step){.operation = NEGATE}, 0) : SP_SUCCESS;
}

static sp_status parse_product(parser *p) {
  SP_TRY(parse_unary(p));
  for (;;) {
    const bool times = accept(p, "*");
    if (!times && !accept(p, "/")) return SP_SUCCESS;
    SP_TRY(parse_unary(p));
    SP_TRY(add(p, (step){.operation = times ? MULTIPLY : DIVIDE}, -1));
  }
}

static sp_status parse_sum(parser *p) {
  SP_TRY(parse_product(p));
  for (;;) {
    const bool plus = accept(p, "+");
    if (!plus && !accept(p, "-")) return SP_SUCCESS;
    SP_TRY(parse_product(p));
    SP_TRY(add(p, (step){.operation = plus ? ADD : SUBTRACT}, -1));
  }
}

static sp_status parse_comparison(parser *p) {
  static const struct {
    const char *token;
    operation operation;
  } comparisons[] = {{"==", EQUAL},         {"!=", NOT_EQUAL}, {"<>", NOT_EQUAL}, {"<=", LESS_EQUAL},
                     {">=", GREATER_EQUAL}, {"=", EQUAL},      {"<", LESS},       {">", GREATER}};
  SP_TRY(parse_sum(p));
  for (int k = 0; k < 8; k++) {
    if (!accept(p, comparisons[k].token)) continue;
    SP_TRY(parse_sum(p));
    SP_TRY(add(p, (step){.operation = comparisons[k].operation}, -1));
    for (int j = 0; j < 8; j++) {
      if (accept(p, comparisons[j].token)) return refuse(p, "`and` between two comparisons");
    }
    return SP_SUCCESS;
  }
  return SP_SUCCESS;
}

static sp_status parse_not(parser *p) {
  if (!accept(p, "not")) return parse_comparison(p);
  const char *from = p->at;
  if (++p->nesting > MAX_NESTING) return refuse(p, "an expression less deep");
  SP_TRY(parse_not(p));
  SP_TRY(need_condition(p, from));
  p->nesting--;
  return add(p, (step){.operation = NOT}, 0);
}

/* One or more conditions with `word` between them; one alone may be a number. */
static sp_status parse_joined(parser *p, const char *word, operation join, sp_status (*parse_one)(parser *p)) {
  const char *from = p->at;
  SP_TRY(parse_one(p));
  for (;;) {
    const char *end = p->at;
    if (!accept(p, word)) return SP_SUCCESS;
    const char *next = p->at;
    p->at = end;
    SP_TRY(need_condition(p, from));
    p->at = from = next;
    SP_TRY(parse_one(p));
    SP_TRY(need_condition(p, from));
    SP_TRY(add(p, (step){.operation = join}, -1));
  }
}

static sp_status parse_and(parser *p) {
  return parse_joined(p, "and", AND, parse_not);
}

static sp_status parse_or(parser *p) {
  return parse_joined(p, "or", OR, parse_and);
}

static sp_status parse(const char *text, bool condition, char *why, size_t why_size, sp_expression **out) {
  void *block;
  SP_TRY(sp_calloc(1, sizeof(sp_expression), "an expression", &block));
  parser p = {.text = text, .at = text, .why = why, .why_size = why_size, .out = block};
  sp_status status = parse_or(&p);
  skip_blanks(&p);
  if (status == SP_SUCCESS && *p.at) status = refuse(&p, "an operator or the end");
  if (status == SP_SUCCESS && condition) status = need_condition(&p, text);
  if (status == SP_SUCCESS) {
    *out = p.out;
  } else {
    sp_free(p.out);
  }
  return status;
}

sp_status sp_expression_parse(const char *text, char *why, size_t why_size, sp_expression **out) {
  return parse(text, false, why, why_size, out);
}

sp_status sp_condition_parse(const char *text, char *why, size_t why_size, sp_expression **out) {
  return parse(text, true, why, why_size, out);
}

size_t sp_expression_n_names(const sp_expression *expression) {
  return expression->n_names;
}

const char *sp_expression_name(const sp_expression *expression, size_t i) {
  return expression->names[i];
}

/* Operands of and, or, not are 0 or 1. */
static double combine(operation what, double a, double b) {
  switch (what) {
  case OR:
    return a != 0 || b != 0;
  case AND:
    return a != 0 && b != 0;
  case EQUAL:
    return a == b;
  case NOT_EQUAL:
    return a < b || a > b;
  case LESS:
    return a < b;
  case LESS_EQUAL:
    return a <= b;
  case GREATER:
    return a > b;
  case GREATER_EQUAL:
    return a >= b;
  case ADD:
    return a + b;
  case SUBTRACT:
    return a - b;
  case MULTIPLY:
    return a * b;
  case DIVIDE:
    return a / b;
  default:
    return pow(a, b);
  }
}

double sp_expression_value(const sp_expression *e, const double *values) {
  double stack[MAX_STACK + 1];
  size_t n = 0;
  for (size_t i = 0; i < e->n_steps; i++) {
    const step *s = &e->steps[i];
    if (s->operation == PUSH_NUMBER || s->operation == PUSH_NAME) {
      stack[n++] = s->operation == PUSH_NUMBER ? s->number : values[s->name];
    } else if (s->operation == NOT) {
      stack[n - 1] = stack[n - 1] == 0;
    } else if (s->operation == NEGATE) {
      stack[n - 1] = -stack[n - 1];
    } else if (s->operation == CALL_1) {
      stack[n - 1] = s->one(stack[n - 1]);
    } else {
      n--;
      stack[n - 1] =
          s->operation == CALL_2 ? s->two(stack[n - 1], stack[n]) : combine(s->operation, stack[n - 1], stack[n]);
    }
  }
  return stack[0];
}

bool sp_condition_holds(const sp_expression *expression, const double *values) {
  return sp_expression_value(expression, values) != 0;
}

void sp_expression_destroy(sp_expression *expression) {
  sp_free(expression);
}
