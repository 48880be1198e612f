#define ROW_OPS sp_row_ops_portable
#include "src/engine/row_ops_body.h"
