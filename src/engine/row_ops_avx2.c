#define ROW_OPS sp_row_ops_avx2
#include "src/engine/row_ops_body.h"
